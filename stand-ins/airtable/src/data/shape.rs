//! A record as JSON.

use serde_json::{Map, Value as Json, json};

use super::cell::stamp;
use super::computed::{Place, plain};

/// How records are to be shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shape {
    /// Ids of the fields to show; `None` shows all.
    pub(crate) fields: Option<Vec<String>>,
    /// Field ids instead of names as keys.
    pub(crate) by_id: bool,
    /// `cellFormat=string`.
    pub(crate) as_text: bool,
    /// `recordMetadata[]=commentCount`.
    pub(crate) comment_count: bool,
}

/// One record; empty cells are left out.
pub(crate) fn record(place: &Place<'_>, shape: &Shape) -> Json {
    let mut fields = Map::new();
    for field in &place.table.fields {
        if shape.fields.as_ref().is_some_and(|wanted| !wanted.contains(&field.id)) {
            continue;
        }
        let Some(cell) = place.cell(field) else { continue };
        let key = if shape.by_id { &field.id } else { &field.name };
        let shown = if shape.as_text { Json::from(text(place, field, &cell)) } else { cell };
        fields.insert(key.clone(), shown);
    }
    let mut shown = json!({"id": place.record.id, "createdTime": stamp(place.record.created), "fields": fields});
    if shape.comment_count {
        shown["commentCount"] = Json::from(0);
    }
    shown
}

/// Links are shown by name, everything else in plain words.
fn text(place: &Place<'_>, field: &super::schema::Field, cell: &Json) -> String {
    if matches!(field.kind, super::schema::Kind::Links { .. }) { place.value(field).text() } else { plain(cell) }
}
