//! Bases, tables, fields and their types, views.

use crate::formula::Expr;

use super::rows::Rows;

#[derive(Debug, Clone)]
pub(crate) struct Base {
    pub(crate) id: String,
    pub(crate) name: String,
    /// `none`, `read`, `comment`, `edit` or `create`.
    pub(crate) permission_level: &'static str,
    pub(crate) tables: Vec<Table>,
}

impl Base {
    pub(crate) fn position(&self, name_or_id: &str) -> Option<usize> {
        self.tables.iter().position(|table| table.id == name_or_id || table.name == name_or_id)
    }

    pub(crate) fn table(&self, name_or_id: &str) -> Option<&Table> {
        self.position(name_or_id).map(|at| &self.tables[at])
    }

    pub(crate) fn table_mut(&mut self, name_or_id: &str) -> Option<&mut Table> {
        self.position(name_or_id).map(|at| &mut self.tables[at])
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The first one is the primary field.
    pub(crate) fields: Vec<Field>,
    pub(crate) views: Vec<View>,
    pub(crate) rows: Rows,
}

impl Table {
    pub(crate) fn field(&self, name_or_id: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name_or_id || field.id == name_or_id)
    }

    pub(crate) fn view(&self, name_or_id: &str) -> Option<&View> {
        self.views.iter().find(|view| view.name == name_or_id || view.id == name_or_id)
    }

    pub(crate) fn primary(&self) -> &Field {
        &self.fields[0]
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) description: Option<&'static str>,
}

/// A view: which records, in which order.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) id: String,
    pub(crate) name: String,
    /// `grid`, `kanban`, `calendar`, `gallery`, `form`.
    pub(crate) kind: &'static str,
    pub(crate) filter: Option<Expr>,
    /// Field id, and whether descending.
    pub(crate) order: Vec<(String, bool)>,
}

/// An option of a select field.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) color: &'static str,
}

/// How a roll-up folds the linked values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fold {
    Sum,
    Max,
}

/// A field's type with its options. Fields inside are named by id.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    SingleLineText,
    MultilineText,
    RichText,
    Email,
    Url,
    PhoneNumber,
    Number { precision: u8 },
    Currency { precision: u8, symbol: &'static str },
    Percent { precision: u8 },
    Duration,
    Rating { max: u8 },
    Checkbox,
    SingleSelect(Vec<Choice>),
    MultipleSelects(Vec<Choice>),
    Date,
    DateTime,
    Links { table: String, inverse: String },
    Attachments,
    Collaborator,
    Collaborators,
    Barcode,
    Button { label: &'static str },
    Formula { text: String, expr: Expr },
    Rollup { link: String, field: String, fold: Fold },
    Lookup { link: String, field: String },
    Count { link: String },
    AutoNumber,
    CreatedTime,
    LastModifiedTime,
    CreatedBy,
    LastModifiedBy,
    AiText,
}

impl Kind {
    /// Whether the server works the value out, so that nobody may write it.
    pub(crate) fn computed(&self) -> bool {
        matches!(
            self,
            Self::Button { .. }
                | Self::Formula { .. }
                | Self::Rollup { .. }
                | Self::Lookup { .. }
                | Self::Count { .. }
                | Self::AutoNumber
                | Self::CreatedTime
                | Self::LastModifiedTime
                | Self::CreatedBy
                | Self::LastModifiedBy
                | Self::AiText
        )
    }

    /// The name of the type in the schema.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::SingleLineText => "singleLineText",
            Self::MultilineText => "multilineText",
            Self::RichText => "richText",
            Self::Email => "email",
            Self::Url => "url",
            Self::PhoneNumber => "phoneNumber",
            Self::Number { .. } => "number",
            Self::Currency { .. } => "currency",
            Self::Percent { .. } => "percent",
            Self::Duration => "duration",
            Self::Rating { .. } => "rating",
            Self::Checkbox => "checkbox",
            Self::SingleSelect(_) => "singleSelect",
            Self::MultipleSelects(_) => "multipleSelects",
            Self::Date => "date",
            Self::DateTime => "dateTime",
            Self::Links { .. } => "multipleRecordLinks",
            Self::Attachments => "multipleAttachments",
            Self::Collaborator => "singleCollaborator",
            Self::Collaborators => "multipleCollaborators",
            Self::Barcode => "barcode",
            Self::Button { .. } => "button",
            Self::Formula { .. } => "formula",
            Self::Rollup { .. } => "rollup",
            Self::Lookup { .. } => "multipleLookupValues",
            Self::Count { .. } => "count",
            Self::AutoNumber => "autoNumber",
            Self::CreatedTime => "createdTime",
            Self::LastModifiedTime => "lastModifiedTime",
            Self::CreatedBy => "createdBy",
            Self::LastModifiedBy => "lastModifiedBy",
            Self::AiText => "aiText",
        }
    }
}
