//! Linked records: a link written on one side appears on the other.

use serde_json::Value as Json;

use chrono::{DateTime, Utc};

use super::ids::Ids;
use super::schema::{Base, Kind};
use crate::error::ApiError;

/// A link field: where it is, where it points to.
pub(crate) struct Link {
    pub(crate) name: String,
    pub(crate) field: String,
    pub(crate) target: String,
    pub(crate) inverse: String,
}

/// The ids that a value for a link field means.
///
/// # Errors
/// `INVALID_VALUE_FOR_COLUMN` when it is no list of texts, `ROW_DOES_NOT_EXIST` for an unknown id. With `typecast`, names are looked
/// up in the linked table's primary field and created when they are new.
pub(crate) fn resolve(
    base: &mut Base,
    link: &Link,
    value: &Json,
    typecast: Option<DateTime<Utc>>,
    ids: &mut Ids,
) -> Result<Vec<String>, ApiError> {
    let bad = || ApiError::bad_value(&link.name);
    let texts: Vec<String> = match value {
        Json::Null => Vec::new(),
        Json::Array(items) => {
            items.iter().map(|item| item.as_str().map(ToOwned::to_owned).ok_or_else(bad)).collect::<Result<_, _>>()?
        }
        Json::String(text) if typecast.is_some() => text.split(',').map(|name| name.trim().to_owned()).collect(),
        _ => return Err(bad()),
    };
    let target = base.table_mut(&link.target).ok_or_else(bad)?;
    let primary = target.primary().id.clone();
    let mut found: Vec<String> = Vec::new();
    for text in texts {
        let id = if target.rows.get(&text).is_some() {
            text
        } else if let Some(now) = typecast {
            let named =
                target.rows.iter().find(|record| record.cells.get(&primary).and_then(Json::as_str) == Some(&text));
            if let Some(record) = named {
                record.id.clone()
            } else {
                let id = ids.id("rec");
                target.rows.add(id.clone(), now).cells.insert(primary.clone(), Json::from(text));
                id
            }
        } else {
            return Err(ApiError::no_row(&text));
        };
        if !found.contains(&id) {
            found.push(id);
        }
    }
    Ok(found)
}

/// Stores a link cell and mends the other side of what came and what went.
pub(crate) fn store(base: &mut Base, table: usize, record: &str, link: &Link, linked: Vec<String>) {
    let Some(row) = base.tables[table].rows.get_mut(record) else { return };
    let before = ids_of(row.cells.get(&link.field));
    set(&mut row.cells, &link.field, &linked);
    let Some(target) = base.table_mut(&link.target) else { return };
    for gone in before.iter().filter(|id| !linked.contains(id)) {
        if let Some(other) = target.rows.get_mut(gone) {
            let mut back = ids_of(other.cells.get(&link.inverse));
            back.retain(|id| id != record);
            set(&mut other.cells, &link.inverse, &back);
        }
    }
    for new in linked.iter().filter(|id| !before.contains(id)) {
        if let Some(other) = target.rows.get_mut(new) {
            let mut back = ids_of(other.cells.get(&link.inverse));
            back.push(record.to_owned());
            set(&mut other.cells, &link.inverse, &back);
        }
    }
}

/// The link fields of a table.
pub(crate) fn of(base: &Base, table: usize) -> Vec<Link> {
    base.tables[table]
        .fields
        .iter()
        .filter_map(|field| match &field.kind {
            Kind::Links { table, inverse } => Some(Link {
                name: field.name.clone(),
                field: field.id.clone(),
                target: table.clone(),
                inverse: inverse.clone(),
            }),
            _ => None,
        })
        .collect()
}

/// The ids in a link cell.
pub(crate) fn ids_of(cell: Option<&Json>) -> Vec<String> {
    cell.and_then(Json::as_array)
        .map(|items| items.iter().filter_map(|item| item.as_str().map(ToOwned::to_owned)).collect())
        .unwrap_or_default()
}

fn set(cells: &mut std::collections::BTreeMap<String, Json>, field: &str, ids: &[String]) {
    if ids.is_empty() {
        cells.remove(field);
    } else {
        cells.insert(field.to_owned(), ids.iter().map(String::as_str).collect());
    }
}
