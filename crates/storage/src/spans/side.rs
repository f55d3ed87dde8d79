//! The tables of resources and scopes: small, written and read whole.

use std::sync::Arc;

use hashbrown::HashMap;
use model::{KeyValue, Resource, Scope};
use store_api::StoreError;

use super::columns::{RESOURCE_COLUMNS, RESOURCES_FILE, SCOPE_COLUMNS, SCOPES_FILE, origin_id, parse_origin_id, specs};
use super::gather::borrow;
use crate::attributes::{json, value::text};
use crate::engine::block::BlockWriter;
use crate::table::reader::TableReader;
use crate::table::writer::TableWriter;
use crate::table::{Column, Dict, NULL_ID};

/// Resources by hash.
pub(crate) type Resources = HashMap<u64, Arc<Resource>>;
/// Scopes by hash.
pub(crate) type Scopes = HashMap<u64, Arc<Scope>>;

/// Writes `resources.parquet`.
pub(crate) fn write_resources(writer: &mut BlockWriter, resources: &Resources) -> Result<(), StoreError> {
    let rows = sorted(resources);
    let columns = [
        texts(rows.iter().map(|row| origin_id(row.0))),
        texts(rows.iter().map(|row| row.1.service_name().unwrap_or_default())),
        texts(rows.iter().map(|row| attributes(&row.1.attributes))),
        counts(rows.iter().map(|row| row.1.dropped_attributes_count)),
        texts(rows.iter().map(|row| &row.1.schema_url)),
    ];
    let mut table = TableWriter::new(writer.create(RESOURCES_FILE)?, specs(RESOURCE_COLUMNS, Vec::new()))?;
    table.write_row_group(rows.len(), &borrow(&columns))?;
    table.finish(&[]).map(drop)
}

/// Writes `scopes.parquet`.
pub(crate) fn write_scopes(writer: &mut BlockWriter, scopes: &Scopes) -> Result<(), StoreError> {
    let rows = sorted(scopes);
    let columns = [
        texts(rows.iter().map(|row| origin_id(row.0))),
        texts(rows.iter().map(|row| &row.1.name)),
        texts(rows.iter().map(|row| &row.1.version)),
        texts(rows.iter().map(|row| attributes(&row.1.attributes))),
        counts(rows.iter().map(|row| row.1.dropped_attributes_count)),
        texts(rows.iter().map(|row| &row.1.schema_url)),
    ];
    let mut table = TableWriter::new(writer.create(SCOPES_FILE)?, specs(SCOPE_COLUMNS, Vec::new()))?;
    table.write_row_group(rows.len(), &borrow(&columns))?;
    table.finish(&[]).map(drop)
}

/// Reads `resources.parquet`.
pub(crate) fn read_resources(table: &TableReader) -> Result<Resources, StoreError> {
    read(table, "resource_id", |row| {
        Ok(Resource {
            attributes: row.attributes()?,
            dropped_attributes_count: row.count()?,
            schema_url: row.text("schema_url")?,
        })
    })
}

/// Reads `scopes.parquet`.
pub(crate) fn read_scopes(table: &TableReader) -> Result<Scopes, StoreError> {
    read(table, "scope_id", |row| {
        Ok(Scope {
            name: row.text("name")?,
            version: row.text("version")?,
            attributes: row.attributes()?,
            dropped_attributes_count: row.count()?,
            schema_url: row.text("schema_url")?,
        })
    })
}

fn sorted<T>(origins: &HashMap<u64, Arc<T>>) -> Vec<(u64, &T)> {
    let mut rows: Vec<(u64, &T)> = origins.iter().map(|(hash, value)| (*hash, &**value)).collect();
    rows.sort_unstable_by_key(|row| row.0);
    rows
}

fn texts(rows: impl Iterator<Item = impl AsRef<str>>) -> Column {
    let mut dict = Dict::default();
    let ids = rows.map(|text| dict.push(text.as_ref().as_bytes())).collect();
    Column::Dict { ids, dict }
}

fn counts(rows: impl Iterator<Item = u32>) -> Column {
    Column::Int { values: rows.map(i64::from).collect(), present: Vec::new() }
}

fn attributes(pairs: &[KeyValue]) -> String {
    let mut out = Vec::new();
    json::write_object(pairs, &mut out);
    String::from_utf8(out).expect("JSON is UTF-8")
}

/// One row of a table that is read whole.
struct Row<'a> {
    columns: &'a [(String, Column)],
    row: usize,
}

fn read<T>(
    table: &TableReader,
    id: &str,
    make: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<HashMap<u64, Arc<T>>, StoreError> {
    let mut found = HashMap::new();
    for row_group in 0..table.row_groups() {
        let rows = table.row_group_rows(row_group);
        let names = table.column_names().map(str::to_owned).collect::<Vec<_>>().into_iter();
        let read = |name: String| table.read(row_group, &name, 0..rows).map(|column| (name, column));
        let columns = names.map(read).collect::<Result<Vec<_>, _>>()?;
        for row in 0..rows {
            let row = Row { columns: &columns, row };
            let hash = parse_origin_id(row.bytes(id)?).ok_or_else(|| damaged(id))?;
            found.insert(hash, Arc::new(make(&row)?));
        }
    }
    Ok(found)
}

impl Row<'_> {
    fn column(&self, name: &str) -> Result<&Column, StoreError> {
        self.columns.iter().find(|column| column.0 == name).map(|column| &column.1).ok_or_else(|| damaged(name))
    }

    fn bytes(&self, name: &str) -> Result<&[u8], StoreError> {
        match self.column(name)? {
            Column::Dict { ids, dict } if ids[self.row] != NULL_ID => Ok(dict.get(ids[self.row])),
            _ => Err(damaged(name)),
        }
    }

    fn text(&self, name: &str) -> Result<String, StoreError> {
        self.bytes(name).map(text)
    }

    fn count(&self) -> Result<u32, StoreError> {
        match self.column("dropped_attributes_count")? {
            Column::Int { values, .. } => Ok(values[self.row] as u32),
            _ => Err(damaged("dropped_attributes_count")),
        }
    }

    fn attributes(&self) -> Result<Vec<KeyValue>, StoreError> {
        json::parse_object(self.bytes("attributes")?).ok_or_else(|| damaged("attributes"))
    }
}

fn damaged(column: &str) -> StoreError {
    StoreError::Corrupt(format!("column {column} of a table of resources or scopes is missing or of the wrong type"))
}
