//! The Parquet files of a block of logs: `logs.parquet`, and small side tables for what many records share. The layout is
//! documented in `docs/formats/logs.md`.

use std::io::Write;
use std::sync::Arc;

use model::{Labels, Resource, Scope};
use store_api::StoreError;

use super::source::{Named, NamedResource, NamedScope, Registry};
use super::text::write_json_string;
use crate::attributes::AttributeLayout;
use crate::attributes::interner::Interner;
use crate::attributes::json;
use crate::engine::block::BlockWriter;
use crate::table::reader::TableReader;
use crate::table::writer::{TableSettings, TableWriter};
use crate::table::{Column, ColumnData, ColumnSpec, ColumnType, Dict, NULL_ID};

/// The records.
pub(crate) const LOGS_FILE: &str = "logs.parquet";
/// Where in the row groups each stream's records are.
pub(crate) const STREAMS_FILE: &str = "streams.parquet";
/// Resources.
pub(crate) const RESOURCES_FILE: &str = "resources.parquet";
/// Scopes.
pub(crate) const SCOPES_FILE: &str = "scopes.parquet";

/// Which windows of rows cannot hold a text; row group for row group that of [`LOGS_FILE`].
pub(crate) const TRIGRAMS_FILE: &str = "trigrams.parquet";
/// Its only column.
pub(crate) const TRIGRAMS: &str = "trigrams";

/// Columns of `logs.parquet` that readers name.
pub(crate) mod column {
    pub(crate) const TIME: &str = "time";
    pub(crate) const STREAM_ID: &str = "stream_id";
    pub(crate) const BODY: &str = "body";
    pub(crate) const LEVEL: &str = "level";
    pub(crate) const TRACE_ID: &str = "trace_id";
    pub(crate) const SPAN_ID: &str = "span_id";
    pub(crate) const TIME_SOURCE: &str = "time_source";
    pub(crate) const OBSERVED_DELTA: &str = "observed_delta_ns";
    pub(crate) const SEVERITY_NUMBER: &str = "severity_number";
    pub(crate) const SEVERITY_TEXT: &str = "severity_text";
    pub(crate) const BODY_VALUE: &str = "body_value";
    pub(crate) const FLAGS: &str = "flags";
    pub(crate) const DROPPED: &str = "dropped_attributes_count";
    pub(crate) const EVENT_NAME: &str = "event_name";
    pub(crate) const RESOURCE_ID: &str = "resource_id";
    pub(crate) const SCOPE_ID: &str = "scope_id";
}

/// Rows of a page: a page of lines is then about 128 KiB, which a needle's hit costs about 100 µs to decode.
pub(crate) const PAGE_ROWS: usize = 1024;

/// Columns of `logs.parquet`, attributes last. [`super::slice::Slice::columns`] gives rows in this order.
pub(crate) fn log_specs(attributes: Vec<ColumnSpec>) -> Vec<ColumnSpec> {
    use ColumnType::{Binary, Fixed, Int32, Int64, TimestampNanos, Utf8};
    let mut specs = vec![
        spec(column::TIME, TimestampNanos, false),
        spec(column::STREAM_ID, Binary, false),
        spec(column::BODY, Utf8, false),
        spec(column::LEVEL, Utf8, false),
        ColumnSpec { bloom: true, ..spec(column::TRACE_ID, Fixed(16), true) },
        spec(column::SPAN_ID, Fixed(8), true),
        spec(column::TIME_SOURCE, Int32, false),
        spec(column::OBSERVED_DELTA, Int64, true),
        spec(column::SEVERITY_NUMBER, Int32, false),
        spec(column::SEVERITY_TEXT, Utf8, true),
        spec(column::BODY_VALUE, Binary, true),
        spec(column::FLAGS, Int64, false),
        spec(column::DROPPED, Int64, false),
        spec(column::EVENT_NAME, Utf8, true),
        spec(column::RESOURCE_ID, Binary, true),
        spec(column::SCOPE_ID, Binary, true),
    ];
    specs.extend(attributes);
    specs
}

fn spec(name: &str, column_type: ColumnType, optional: bool) -> ColumnSpec {
    // Nothing is pruned by page bounds: `streams.parquet` knows which rows have which stream and time.
    ColumnSpec { name: name.to_owned(), column_type, optional, bloom: false, page_index: false }
}

/// Consecutive rows of one stream in a row group; time never falls within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Number of the row group.
    pub row_group: u32,
    /// First row within the row group.
    pub first_row: u32,
    /// Number of rows.
    pub rows: u32,
    /// Time of the first row, ns.
    pub min_time: i64,
    /// Time of the last row, ns.
    pub max_time: i64,
    /// Position of the stream in the block's registry.
    pub stream: u32,
}

/// Writes the side tables of a block.
pub(crate) fn write_side_tables(
    writer: &mut BlockWriter,
    streams: &Registry<Labels>,
    resources: &Registry<Arc<Resource>>,
    scopes: &Registry<Arc<Scope>>,
    runs: &[Run],
) -> Result<(), StoreError> {
    write_table(writer.create(STREAMS_FILE)?, stream_table(streams, runs))?;
    write_table(writer.create(RESOURCES_FILE)?, resource_table(resources.items()))?;
    write_table(writer.create(SCOPES_FILE)?, scope_table(scopes.items()))
}

type Table = Vec<(ColumnSpec, Column)>;

fn write_table(out: impl Write + Send, table: Table) -> Result<(), StoreError> {
    let rows = table.first().map_or(0, |(_, column)| column_rows(column));
    let (specs, columns): (Vec<_>, Vec<_>) = table.into_iter().unzip();
    let mut writer = TableWriter::with_settings(out, specs, TableSettings::default())?;
    write_group(&mut writer, rows, &columns)?;
    writer.finish(&[]).map(drop)
}

/// Writes owned columns as a row group.
pub(crate) fn write_group<W: Write + Send>(
    writer: &mut TableWriter<W>,
    rows: usize,
    columns: &[Column],
) -> Result<(), StoreError> {
    let borrowed: Vec<ColumnData<'_>> = columns.iter().map(borrow).collect();
    writer.write_row_group(rows, &borrowed)
}

fn borrow(column: &Column) -> ColumnData<'_> {
    match column {
        Column::Dict { ids, dict } => ColumnData::Dict { ids, dict },
        Column::Fixed(bytes) => ColumnData::Fixed(bytes),
        Column::Int { values, present } => ColumnData::Int { values, present },
        Column::Double { values, present } => ColumnData::Double { values, present },
        Column::Bool { values, present } => ColumnData::Bool { values, present },
    }
}

/// Rows of a column of the side tables, which have no Fixed columns.
fn column_rows(column: &Column) -> usize {
    match column {
        Column::Dict { ids, .. } => ids.len(),
        Column::Int { values, .. } => values.len(),
        Column::Double { values, .. } => values.len(),
        Column::Bool { values, .. } => values.len(),
        Column::Fixed(bytes) => bytes.len(),
    }
}

fn stream_table(streams: &Registry<Labels>, runs: &[Run]) -> Table {
    let ids = bytes_column(streams.items().iter().map(|stream| stream.id.to_be_bytes()), runs);
    let labels = bytes_column(streams.items().iter().map(|stream| labels_json(&stream.value)), runs);
    let ints = |value: fn(&Run) -> i64| Column::Int { values: runs.iter().map(value).collect(), present: Vec::new() };
    vec![
        (spec("stream_id", ColumnType::Binary, false), ids),
        (spec("labels", ColumnType::Json, false), labels),
        (spec("row_group", ColumnType::Int32, false), ints(|run| i64::from(run.row_group))),
        (spec("first_row", ColumnType::Int32, false), ints(|run| i64::from(run.first_row))),
        (spec("rows", ColumnType::Int32, false), ints(|run| i64::from(run.rows))),
        (spec("min_time", ColumnType::TimestampNanos, false), ints(|run| run.min_time)),
        (spec("max_time", ColumnType::TimestampNanos, false), ints(|run| run.max_time)),
    ]
}

/// One row a run: its stream's entry.
fn bytes_column<T: AsRef<[u8]>>(entries: impl Iterator<Item = T>, runs: &[Run]) -> Column {
    let mut dict = Dict::default();
    for entry in entries {
        dict.push(entry.as_ref());
    }
    Column::Dict { ids: runs.iter().map(|run| run.stream).collect(), dict }
}

fn labels_json(labels: &Labels) -> String {
    let mut out = String::from("{");
    for (position, (name, value)) in labels.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        write_json_string(&mut out, name);
        out.push(':');
        write_json_string(&mut out, value);
    }
    out.push('}');
    out
}

fn resource_table(resources: &[Arc<NamedResource>]) -> Table {
    vec![
        (spec("resource_id", ColumnType::Binary, false), id_column(resources)),
        (spec("attributes", ColumnType::Json, false), texts(resources, |r| attributes_json(&r.value.attributes))),
        (
            spec("dropped_attributes_count", ColumnType::Int64, false),
            numbers(resources, |r| i64::from(r.value.dropped_attributes_count)),
        ),
        (spec("schema_url", ColumnType::Utf8, false), texts(resources, |r| r.value.schema_url.clone().into_bytes())),
    ]
}

fn scope_table(scopes: &[Arc<NamedScope>]) -> Table {
    vec![
        (spec("scope_id", ColumnType::Binary, false), id_column(scopes)),
        (spec("name", ColumnType::Utf8, false), texts(scopes, |s| s.value.name.clone().into_bytes())),
        (spec("version", ColumnType::Utf8, false), texts(scopes, |s| s.value.version.clone().into_bytes())),
        (spec("attributes", ColumnType::Json, false), texts(scopes, |s| attributes_json(&s.value.attributes))),
        (
            spec("dropped_attributes_count", ColumnType::Int64, false),
            numbers(scopes, |s| i64::from(s.value.dropped_attributes_count)),
        ),
        (spec("schema_url", ColumnType::Utf8, false), texts(scopes, |s| s.value.schema_url.clone().into_bytes())),
    ]
}

fn attributes_json(attributes: &[model::KeyValue]) -> Vec<u8> {
    let mut out = Vec::new();
    json::write_object(attributes, &mut out);
    out
}

fn id_column<T>(items: &[Arc<Named<T>>]) -> Column {
    texts(items, |item| item.id.to_be_bytes().to_vec())
}

fn texts<T>(items: &[T], text: impl Fn(&T) -> Vec<u8>) -> Column {
    let (mut dict, mut interner) = (Dict::default(), Interner::default());
    let ids = items.iter().map(|item| interner.intern(&mut dict, &text(item))).collect();
    Column::Dict { ids, dict }
}

fn numbers<T>(items: &[T], number: impl Fn(&T) -> i64) -> Column {
    Column::Int { values: items.iter().map(number).collect(), present: Vec::new() }
}

/// Starts `logs.parquet` with the columns that `attributes` asks for.
pub(crate) fn log_writer<W: Write + Send>(out: W, attributes: &AttributeLayout) -> Result<TableWriter<W>, StoreError> {
    let settings = TableSettings { page_rows: PAGE_ROWS, ..TableSettings::default() };
    TableWriter::with_settings(out, log_specs(attributes.specs()), settings)
}

/// Starts `trigrams.parquet`.
pub(crate) fn trigram_writer<W: Write + Send>(out: W) -> Result<TableWriter<W>, StoreError> {
    TableWriter::new(out, vec![spec(TRIGRAMS, ColumnType::Binary, false)])
}

/// All columns of a small table by name.
pub(crate) struct SideTable {
    reader: TableReader,
}

impl SideTable {
    /// Takes a table of at most one row group.
    pub(crate) fn new(reader: TableReader) -> Self {
        Self { reader }
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.reader.rows() as usize
    }

    fn column(&self, name: &str) -> Result<Column, StoreError> {
        self.reader.read(0, name, 0..self.rows())
    }

    /// A column of numbers.
    pub(crate) fn ints(&self, name: &str) -> Result<Vec<i64>, StoreError> {
        match self.column(name)? {
            Column::Int { values, .. } => Ok(values),
            _ => Err(damaged(name)),
        }
    }

    /// A column of texts or bytes: ids and entries.
    pub(crate) fn dict(&self, name: &str) -> Result<(Vec<u32>, Dict), StoreError> {
        match self.column(name)? {
            Column::Dict { ids, dict } => Ok((ids, dict)),
            _ => Err(damaged(name)),
        }
    }

    /// A column of ids.
    pub(crate) fn ids(&self, name: &str) -> Result<Vec<u64>, StoreError> {
        let (ids, dict) = self.dict(name)?;
        ids.iter().map(|&id| hash_id(&dict, id).ok_or_else(|| damaged(name))).collect()
    }

    /// A column of JSON objects, parsed; `parse` gives `None` for what is none.
    pub(crate) fn parsed<T>(&self, name: &str, parse: impl Fn(&[u8]) -> Option<T>) -> Result<Vec<T>, StoreError> {
        let (ids, dict) = self.dict(name)?;
        ids.iter().map(|&id| parse(dict.get(id)).ok_or_else(|| damaged(name))).collect()
    }
}

/// The id in entry `id` of a column of ids.
pub(crate) fn hash_id(dict: &Dict, id: u32) -> Option<u64> {
    (id != NULL_ID).then(|| dict.get(id).try_into().ok().map(u64::from_be_bytes)).flatten()
}

/// What to say of a column that is not as it was written.
pub(crate) fn damaged(name: &str) -> StoreError {
    StoreError::Corrupt(format!("column {name} of a block of logs does not hold what it should"))
}

/// Labels from a JSON object of texts.
pub(crate) fn parse_labels(text: &[u8]) -> Option<Labels> {
    let pairs: std::collections::BTreeMap<String, String> = serde_json::from_slice(text).ok()?;
    Some(pairs.into_iter().collect())
}
