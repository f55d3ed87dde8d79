//! Values that are worked out when they are read, and the record as formulas see it.

use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};

use super::cell::{stamp, user};
use super::links::ids_of;
use super::rows::Record;
use super::schema::{Base, Field, Fold, Kind, Table};
use crate::formula::{Row, Value, eval, number_json};

/// Computed fields that lean on each other go no deeper than this; the real server forbids circles when a field is made.
const DEPTH_MAX: u8 = 8;

/// A record in its table, as a formula sees it.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) base: &'a Base,
    pub(crate) table: &'a Table,
    pub(crate) record: &'a Record,
    pub(crate) now: DateTime<Utc>,
    depth: u8,
}

impl<'a> Place<'a> {
    pub(crate) fn new(base: &'a Base, table: &'a Table, record: &'a Record, now: DateTime<Utc>) -> Self {
        Self { base, table, record, now, depth: 0 }
    }

    /// The cell as the API shows it; `None` is an empty one.
    pub(crate) fn cell(&self, field: &Field) -> Option<Json> {
        let place = Self { depth: self.depth + 1, ..*self };
        if place.depth > DEPTH_MAX {
            return Some(json!({"error": "#ERROR!"}));
        }
        match &field.kind {
            Kind::Formula { expr, .. } => eval(expr, &place).json(),
            Kind::Rollup { link, field, fold } => place.rollup(link, field, *fold),
            Kind::Lookup { link, field } => {
                let found: Vec<Json> = place.linked(link, field).into_iter().flat_map(flat).collect();
                (!found.is_empty()).then(|| Json::from(found))
            }
            Kind::Count { link } => Some(Json::from(ids_of(self.record.cells.get(link)).len())),
            Kind::AutoNumber => Some(Json::from(self.record.number)),
            Kind::CreatedTime => Some(Json::from(stamp(self.record.created))),
            Kind::LastModifiedTime => Some(Json::from(stamp(self.record.modified))),
            Kind::CreatedBy | Kind::LastModifiedBy => Some(user(usize::try_from(self.record.number).unwrap_or(0))),
            Kind::Button { label } => {
                Some(json!({"label": label, "url": format!("https://airtable.com/open/{}", self.record.id)}))
            }
            Kind::AiText => {
                let title = place.cell(self.table.primary())?;
                Some(json!({"state": "generated", "isStale": false, "value": format!("In short: {}", plain(&title))}))
            }
            _ => self.record.cells.get(&field.id).cloned(),
        }
    }

    /// The cells of a field in the records that a link field names.
    fn linked(&self, link: &str, field: &str) -> Vec<Json> {
        let Some(Kind::Links { table, .. }) = self.table.field(link).map(|field| &field.kind) else {
            return Vec::new();
        };
        let Some(table) = self.base.table(table) else { return Vec::new() };
        let Some(field) = table.field(field) else { return Vec::new() };
        let ids = ids_of(self.record.cells.get(link));
        ids.iter()
            .filter_map(|id| table.rows.get(id))
            .filter_map(|record| Place { table, record, ..*self }.cell(field))
            .collect()
    }

    fn rollup(&self, link: &str, field: &str, fold: Fold) -> Option<Json> {
        let found = self.linked(link, field);
        match fold {
            Fold::Sum => Some(number_json(found.iter().filter_map(Json::as_f64).sum())),
            Fold::Max => found.into_iter().filter(|cell| cell.is_string() || cell.is_number()).max_by(|a, b| {
                match (a.as_f64(), b.as_f64()) {
                    (Some(a), Some(b)) => a.total_cmp(&b),
                    // ISO dates order as texts.
                    _ => plain(a).cmp(&plain(b)),
                }
            }),
        }
    }

    /// The cell as formulas see it: links by the names of the linked records, people by name, dates as dates.
    pub(crate) fn value(&self, field: &Field) -> Value {
        if let Kind::Formula { expr, .. } = &field.kind {
            let place = Self { depth: self.depth + 1, ..*self };
            return if place.depth > DEPTH_MAX { Value::Error } else { eval(expr, &place) };
        }
        if let Kind::Links { table, .. } = &field.kind {
            let Some(primary) = self.base.table(table).map(Table::primary) else { return Value::Blank };
            let names = self.linked(&field.id, &primary.id);
            return if names.is_empty() { Value::Blank } else { Value::List(names.iter().map(from_json).collect()) };
        }
        let Some(cell) = self.cell(field) else { return Value::Blank };
        match (&field.kind, cell.as_str()) {
            (Kind::Date | Kind::DateTime | Kind::CreatedTime | Kind::LastModifiedTime, Some(text)) => {
                let timed = text.len() > "YYYY-MM-DD".len();
                let full = if timed { text.to_owned() } else { format!("{text}T00:00:00Z") };
                DateTime::parse_from_rfc3339(&full).map_or(Value::Error, |time| Value::Date(time.to_utc(), timed))
            }
            _ => from_json(&cell),
        }
    }
}

impl Row for Place<'_> {
    fn field(&self, name: &str) -> Value {
        self.table.field(name).map_or(Value::Blank, |field| self.value(field))
    }
    fn record_id(&self) -> &str {
        &self.record.id
    }
    fn created(&self) -> DateTime<Utc> {
        self.record.created
    }
    fn modified(&self) -> DateTime<Utc> {
        self.record.modified
    }
    fn now(&self) -> DateTime<Utc> {
        self.now
    }
}

fn flat(cell: Json) -> Vec<Json> {
    if let Json::Array(items) = cell { items } else { vec![cell] }
}

fn from_json(cell: &Json) -> Value {
    match cell {
        Json::Null => Value::Blank,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => Value::Number(number.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(items) => Value::List(items.iter().map(from_json).collect()),
        Json::Object(object) if object.contains_key("error") || object.contains_key("specialValue") => Value::Error,
        Json::Object(_) => Value::Text(plain(cell)),
    }
}

/// A cell in words, as `cellFormat=string` and formulas show it.
pub(crate) fn plain(cell: &Json) -> String {
    match cell {
        Json::String(text) => text.clone(),
        Json::Bool(true) => "checked".to_owned(),
        Json::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Json::Object(object) => ["name", "text", "filename", "value", "label", "error", "specialValue"]
            .iter()
            .find_map(|key| object.get(*key))
            .map(plain)
            .unwrap_or_default(),
        other => other.to_string(),
    }
}
