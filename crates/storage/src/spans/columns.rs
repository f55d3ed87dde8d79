//! The files of a span block and their columns; `docs/formats/spans.md` describes them for readers of the files.

use crate::table::{ColumnSpec, ColumnType};

/// One row a span.
pub(crate) const SPANS_FILE: &str = "spans.parquet";
/// One row an event; missing when there are none.
pub(crate) const EVENTS_FILE: &str = "events.parquet";
/// One row a link; missing when there are none.
pub(crate) const LINKS_FILE: &str = "links.parquet";
/// One row a distinct resource.
pub(crate) const RESOURCES_FILE: &str = "resources.parquet";
/// One row a distinct scope.
pub(crate) const SCOPES_FILE: &str = "scopes.parquet";

/// Footer key of all tables with attributes: a JSON array of the keys that may stand in `attributes_rest`.
pub(crate) const REST_KEYS: &str = "quartet.attributes_rest.keys";
/// Footer key of events and links: a JSON array with the row group of `spans.parquet` that each row group belongs to.
pub(crate) const SPAN_ROW_GROUPS: &str = "quartet.span_row_groups";

/// Footer key of spans: see [`super::usage`].
pub(crate) const SCOPE_COLUMNS_USED: &str = "quartet.scope_columns";

/// Name of a column that several modules use.
pub(crate) const TRACE_ID: &str = "trace_id";
/// Name of a column that several modules use.
pub(crate) const SPAN_ROW: &str = "span_row";

const fn column(name: &'static str, column_type: ColumnType) -> Fixed {
    Fixed { name, column_type, optional: false, lookup: false, ordered: false }
}

const fn optional(name: &'static str, column_type: ColumnType) -> Fixed {
    Fixed { name, column_type, optional: true, lookup: false, ordered: false }
}

/// A column that every table of its kind has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fixed {
    name: &'static str,
    column_type: ColumnType,
    optional: bool,
    /// Rows are looked up by it: it has a Bloom filter.
    lookup: bool,
    /// Its bounds exclude pages.
    ordered: bool,
}

const TRACE_ID_COLUMN: Fixed =
    Fixed { name: TRACE_ID, column_type: ColumnType::Fixed(16), optional: false, lookup: true, ordered: false };

/// Traces in the order of their first start, a trace's rows by start.
pub(crate) const SPAN_COLUMNS: &[Fixed] = &[
    TRACE_ID_COLUMN,
    column("span_id", ColumnType::Fixed(8)),
    optional("parent_span_id", ColumnType::Fixed(8)),
    optional("parent_distance", ColumnType::Int32),
    column("service_name", ColumnType::Utf8),
    column("name", ColumnType::Utf8),
    column("kind", ColumnType::Utf8),
    column("status_code", ColumnType::Utf8),
    optional("status_message", ColumnType::Utf8),
    Fixed { ordered: true, ..column("start_time", ColumnType::TimestampNanos) },
    column("duration_ns", ColumnType::Int64),
    optional("trace_state", ColumnType::Utf8),
    column("flags", ColumnType::Int64),
    optional("dropped_attributes_count", ColumnType::Int64),
    optional("dropped_events_count", ColumnType::Int64),
    optional("dropped_links_count", ColumnType::Int64),
    column("resource_id", ColumnType::Utf8),
    column("scope_id", ColumnType::Utf8),
];

/// Rows in the order of their spans.
pub(crate) const EVENT_COLUMNS: &[Fixed] = &[
    TRACE_ID_COLUMN,
    column("span_id", ColumnType::Fixed(8)),
    Fixed { ordered: true, ..column(SPAN_ROW, ColumnType::Int64) },
    column("time", ColumnType::TimestampNanos),
    column("name", ColumnType::Utf8),
    optional("dropped_attributes_count", ColumnType::Int64),
];

/// Rows in the order of their spans.
pub(crate) const LINK_COLUMNS: &[Fixed] = &[
    TRACE_ID_COLUMN,
    column("span_id", ColumnType::Fixed(8)),
    Fixed { ordered: true, ..column(SPAN_ROW, ColumnType::Int64) },
    optional("linked_trace_id", ColumnType::Fixed(16)),
    optional("linked_span_id", ColumnType::Fixed(8)),
    optional("trace_state", ColumnType::Utf8),
    column("flags", ColumnType::Int64),
    optional("dropped_attributes_count", ColumnType::Int64),
];

/// Resources.
pub(crate) const RESOURCE_COLUMNS: &[Fixed] = &[
    column("resource_id", ColumnType::Utf8),
    column("service_name", ColumnType::Utf8),
    column("attributes", ColumnType::Json),
    column("dropped_attributes_count", ColumnType::Int64),
    column("schema_url", ColumnType::Utf8),
];

/// Scopes.
pub(crate) const SCOPE_COLUMNS: &[Fixed] = &[
    column("scope_id", ColumnType::Utf8),
    column("name", ColumnType::Utf8),
    column("version", ColumnType::Utf8),
    column("attributes", ColumnType::Json),
    column("dropped_attributes_count", ColumnType::Int64),
    column("schema_url", ColumnType::Utf8),
];

/// The columns of a table: the fixed ones, then those of its attributes.
pub(crate) fn specs(fixed: &[Fixed], attributes: Vec<ColumnSpec>) -> Vec<ColumnSpec> {
    let spec = |column: &Fixed| ColumnSpec {
        name: column.name.to_owned(),
        column_type: column.column_type,
        optional: column.optional,
        // Events and links are found through their spans, whose filter has answered already.
        bloom: column.lookup && fixed.len() == SPAN_COLUMNS.len(),
        page_index: column.ordered,
    };
    fixed.iter().map(spec).chain(attributes).collect()
}

/// A resource's or scope's id as it stands in the tables: its hash in 16 hexadecimal digits.
pub(crate) fn origin_id(hash: u64) -> String {
    format!("{hash:016x}")
}

/// The hash of an [`origin_id`].
pub(crate) fn parse_origin_id(text: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok()
}
