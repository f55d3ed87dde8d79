//! Small helpers to build and take apart columns.

use model::Labels;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use store_api::StoreError;

use crate::attributes::json::write_str;
use crate::table::{Column, ColumnSpec, ColumnType, Dict, NULL_ID};

/// A column without bloom filter and page bounds.
pub(in crate::samples) fn spec(name: &str, column_type: ColumnType, optional: bool) -> ColumnSpec {
    ColumnSpec { name: name.to_owned(), column_type, optional, bloom: false, page_index: false }
}

/// What is said when a block does not hold what its writer writes.
pub(in crate::samples) fn damaged(what: &str) -> StoreError {
    StoreError::Corrupt(format!("block of samples: {what}"))
}

/// A string column under construction, every row its own entry.
#[derive(Default)]
pub(in crate::samples) struct Texts {
    pub ids: Vec<u32>,
    pub dict: Dict,
}

impl Texts {
    /// Adds a row; equal neighbours share their entry.
    pub(in crate::samples) fn push(&mut self, text: &[u8]) {
        let last = (self.dict.len() as u32).checked_sub(1);
        let id = last.filter(|&last| self.dict.get(last) == text).unwrap_or_else(|| self.dict.push(text));
        self.ids.push(id);
    }

    /// Adds a row without value.
    pub(in crate::samples) fn push_null(&mut self) {
        self.ids.push(NULL_ID);
    }
}

/// Rows of a string column; `None` for null.
pub(in crate::samples) fn texts(column: &Column) -> Result<impl Iterator<Item = Option<&[u8]>>, StoreError> {
    let Column::Dict { ids, dict } = column else { return Err(damaged("a text column is of another type")) };
    Ok(ids.iter().map(|&id| (id != NULL_ID).then(|| dict.get(id))))
}

/// Rows of an integer column with their presence (empty when all are there).
pub(in crate::samples) fn ints(column: Column) -> Result<(Vec<i64>, Vec<bool>), StoreError> {
    match column {
        Column::Int { values, present } => Ok((values, present)),
        _ => Err(damaged("an integer column is of another type")),
    }
}

/// Rows of a double column with their presence (empty when all are there).
pub(in crate::samples) fn doubles(column: Column) -> Result<(Vec<f64>, Vec<bool>), StoreError> {
    match column {
        Column::Double { values, present } => Ok((values, present)),
        _ => Err(damaged("a double column is of another type")),
    }
}

/// Labels as one JSON object in order of name.
pub(in crate::samples) fn labels_to_json(labels: &Labels, out: &mut Vec<u8>) {
    out.clear();
    out.push(b'{');
    for (position, (name, value)) in labels.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write_str(name, out);
        out.push(b':');
        write_str(value, out);
    }
    out.push(b'}');
}

/// Reads what [`labels_to_json`] wrote.
pub(in crate::samples) fn labels_from_json(json: &[u8]) -> Result<Labels, StoreError> {
    let stored: StoredLabels =
        serde_json::from_slice(json).map_err(|_| damaged("labels are not a JSON object of texts"))?;
    Ok(stored.0)
}

struct StoredLabels(Labels);

impl<'de> Deserialize<'de> for StoredLabels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(LabelVisitor)
    }
}

struct LabelVisitor;

/// Text that is borrowed unless it has escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] std::borrow::Cow<'a, str>);

impl<'de> Visitor<'de> for LabelVisitor {
    type Value = StoredLabels;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object of texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<StoredLabels, A::Error> {
        let mut pairs: Vec<(Text<'de>, Text<'de>)> = Vec::with_capacity(map.size_hint().unwrap_or(8));
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(StoredLabels(Labels::from_sorted(pairs.iter().map(|(name, value)| (&*name.0, &*value.0)))))
    }
}
