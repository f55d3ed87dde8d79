//! A block opened for reading: footers of its tables, and its resources and scopes whole.

use std::sync::Arc;

use store_api::StoreError;

use super::columns::{
    EVENTS_FILE, LINKS_FILE, RESOURCES_FILE, REST_KEYS, SCOPE_COLUMNS_USED, SCOPES_FILE, SPAN_ROW_GROUPS, SPANS_FILE,
};
use super::side::{self, Resources, Scopes};
use super::usage::{self, Usage};
use crate::engine::block::ReadAt;
use crate::table::reader::TableReader;

/// An open block.
pub(crate) struct OpenedSpans {
    /// One row a span.
    pub spans: AttributeTable,
    /// By row group: which attribute columns its scopes use.
    pub usage: Vec<Usage>,
    /// One row an event, when there are any.
    pub events: Option<PartTable>,
    /// One row a link, when there are any.
    pub links: Option<PartTable>,
    /// Resources that the rows name.
    pub resources: Resources,
    /// Scopes that the rows name.
    pub scopes: Scopes,
}

/// A table with attributes.
pub(crate) struct AttributeTable {
    /// The table.
    pub table: TableReader,
    /// Keys that may stand in `attributes_rest`, sorted.
    pub rest_keys: Vec<String>,
}

/// A table of events or links.
pub(crate) struct PartTable {
    /// The table.
    pub rows: AttributeTable,
    /// By row group of spans: the row group of this table that belongs to it, if there is one.
    groups: Vec<Option<usize>>,
}

impl OpenedSpans {
    /// Opens the files that `open` gives by name.
    pub(crate) fn open(open: impl Fn(&str) -> Result<Option<Arc<dyn ReadAt>>, StoreError>) -> Result<Self, StoreError> {
        let table = |name: &str| open(name)?.map(TableReader::open).transpose();
        let needed = |name: &str| table(name)?.ok_or_else(|| StoreError::Corrupt(format!("{name} is missing")));
        let part = |name: &str| table(name)?.map(PartTable::new).transpose();
        let spans = AttributeTable::new(needed(SPANS_FILE)?);
        let usage = spans.table.key_values().iter().find(|pair| pair.0 == SCOPE_COLUMNS_USED);
        Ok(Self {
            usage: usage.map(|pair| usage::parse_json(&pair.1)).unwrap_or_default(),
            spans,
            events: part(EVENTS_FILE)?,
            links: part(LINKS_FILE)?,
            resources: side::read_resources(&needed(RESOURCES_FILE)?)?,
            scopes: side::read_scopes(&needed(SCOPES_FILE)?)?,
        })
    }

    /// Bytes read so far from the tables that are read in parts.
    pub(crate) fn bytes_read(&self) -> u64 {
        let parts = self.events.iter().chain(&self.links).map(|part| part.rows.table.bytes_read());
        self.spans.table.bytes_read() + parts.sum::<u64>()
    }
}

impl AttributeTable {
    fn new(table: TableReader) -> Self {
        let rest_keys = json_array(&table, REST_KEYS).unwrap_or_default();
        Self { table, rest_keys }
    }
}

impl PartTable {
    fn new(table: TableReader) -> Result<Self, StoreError> {
        let owners: Vec<usize> = json_array(&table, SPAN_ROW_GROUPS)
            .filter(|owners: &Vec<usize>| owners.len() == table.row_groups())
            .ok_or_else(|| StoreError::Corrupt(format!("{SPAN_ROW_GROUPS} does not fit the table")))?;
        let mut groups = vec![None; owners.iter().max().map_or(0, |last| last + 1)];
        owners.iter().enumerate().for_each(|(group, &owner)| groups[owner] = Some(group));
        Ok(Self { rows: AttributeTable::new(table), groups })
    }

    /// The row group that belongs to a row group of spans.
    pub(crate) fn group_of(&self, span_row_group: usize) -> Option<usize> {
        self.groups.get(span_row_group).copied().flatten()
    }

    /// The same with the table.
    pub(crate) fn table_of(&self, span_row_group: usize) -> Option<(&TableReader, usize)> {
        self.group_of(span_row_group).map(|group| (&self.rows.table, group))
    }
}

fn json_array<T: serde::de::DeserializeOwned>(table: &TableReader, key: &str) -> Option<Vec<T>> {
    let (_, text) = table.key_values().iter().find(|pair| pair.0 == key)?;
    serde_json::from_str(text).ok()
}
