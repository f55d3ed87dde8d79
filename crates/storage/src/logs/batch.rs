//! Log records in columns: one decoded request, several of them joined, or a row group read back.

use std::sync::Arc;

use model::{LogRecord, Resource, Scope, SpanId, TimeRange, TraceId, UnixNanos, Value};

use super::level::Level;
use super::source::{NamedResource, NamedScope, NamedStream};
use crate::attributes::value::decode_any;
use crate::attributes::{AttributeColumns, dict_bytes};
use crate::table::{Dict, NULL_ID};

/// Where a record's time came from. The numbers are written into blocks: never change one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum TimeSource {
    /// The sender's event time.
    #[default]
    Event = 0,
    /// The sender's observed time.
    Observed = 1,
    /// Our clock when the request arrived.
    Received = 2,
}

/// A text per row out of few distinct ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct TextColumn {
    /// One id a row; [`NULL_ID`] for the empty text.
    pub ids: Vec<u32>,
    /// The distinct texts.
    pub dict: Dict,
}

/// Values of the few rows that have one.
#[derive(Clone, Debug, Default)]
pub(crate) struct SparseColumn {
    /// Rows, rising.
    pub rows: Vec<u32>,
    /// One entry for each of `rows`.
    pub values: Dict,
}

/// Records in columns. All of the vectors have one item a row.
#[derive(Debug, Default)]
pub(crate) struct LogBatch {
    /// The record's place in time, ns: event, else observed, else received.
    pub time: Vec<i64>,
    /// [`TimeSource`] of `time`.
    pub time_source: Vec<u8>,
    /// Observed time, ns; 0 when the sender did not say.
    pub observed: Vec<i64>,
    /// OTLP severity as sent.
    pub severity_number: Vec<i32>,
    /// Severity text as sent.
    pub severity_text: TextColumn,
    /// [`Level`] that was found.
    pub level: Vec<u8>,
    /// The line: entry `n` belongs to row `n`. UTF-8.
    pub lines: Dict,
    /// `AnyValue` messages of bodies that are no strings.
    pub bodies: SparseColumn,
    /// Zeros when none.
    pub trace_id: Vec<[u8; 16]>,
    /// Zeros when none.
    pub span_id: Vec<[u8; 8]>,
    /// W3C trace flags.
    pub flags: Vec<u32>,
    /// Attributes that the sender dropped.
    pub dropped: Vec<u32>,
    /// Event name.
    pub event_name: TextColumn,
    /// Position in `resources`; [`NULL_ID`] for an entry that was pushed to the Loki face.
    pub resource: Vec<u32>,
    /// Position in `scopes`; [`NULL_ID`] for a pushed entry.
    pub scope: Vec<u32>,
    /// Position in `streams`.
    pub stream: Vec<u32>,
    /// Attributes; for a pushed entry its structured metadata.
    pub attributes: AttributeColumns,
    /// Resources that rows name.
    pub resources: Vec<Arc<NamedResource>>,
    /// Scopes that rows name.
    pub scopes: Vec<Arc<NamedScope>>,
    /// Streams that rows name.
    pub streams: Vec<Arc<NamedStream>>,
}

impl TextColumn {
    /// The text of `row`.
    pub(crate) fn get(&self, row: usize) -> &[u8] {
        match self.ids[row] {
            NULL_ID => &[],
            id => self.dict.get(id),
        }
    }

    fn heap_bytes(&self) -> usize {
        self.ids.capacity() * 4 + dict_bytes(&self.dict)
    }
}

impl SparseColumn {
    /// The value of `row`, if it has one.
    pub(crate) fn get(&self, row: u32) -> Option<&[u8]> {
        self.rows.binary_search(&row).ok().map(|at| self.values.get(at as u32))
    }
}

impl LogBatch {
    /// Room for so many records and bytes of lines.
    pub(crate) fn with_capacity(rows: usize, line_bytes: usize) -> Self {
        let texts = || TextColumn { ids: Vec::with_capacity(rows), dict: Dict::default() };
        Self {
            time: Vec::with_capacity(rows),
            time_source: Vec::with_capacity(rows),
            observed: Vec::with_capacity(rows),
            severity_number: Vec::with_capacity(rows),
            severity_text: texts(),
            level: Vec::with_capacity(rows),
            lines: Dict { ends: Vec::with_capacity(rows), bytes: Vec::with_capacity(line_bytes) },
            trace_id: Vec::with_capacity(rows),
            span_id: Vec::with_capacity(rows),
            flags: Vec::with_capacity(rows),
            dropped: Vec::with_capacity(rows),
            event_name: texts(),
            resource: Vec::with_capacity(rows),
            scope: Vec::with_capacity(rows),
            stream: Vec::with_capacity(rows),
            ..Self::default()
        }
    }

    /// Number of records.
    pub(crate) fn rows(&self) -> usize {
        self.time.len()
    }

    /// Times of the oldest and newest record; `None` when empty.
    pub(crate) fn range(&self) -> Option<TimeRange> {
        let (start, end) = (self.time.iter().min()?, self.time.iter().max()?);
        Some(TimeRange::new(UnixNanos(*start as u64), UnixNanos(*end as u64)))
    }

    /// The line of `row`.
    pub(crate) fn line(&self, row: usize) -> &str {
        std::str::from_utf8(self.lines.get(row as u32)).unwrap_or_default()
    }

    /// The level of `row`.
    pub(crate) fn level(&self, row: usize) -> Level {
        Level::ALL.get(usize::from(self.level[row])).copied().unwrap_or_default()
    }

    /// The resource of `row`; `None` for a pushed entry.
    pub(crate) fn resource_of(&self, row: usize) -> Option<&Arc<Resource>> {
        self.resources.get(self.resource[row] as usize).map(|resource| &resource.value)
    }

    /// The scope of `row`; `None` for a pushed entry.
    pub(crate) fn scope_of(&self, row: usize) -> Option<&Arc<Scope>> {
        self.scopes.get(self.scope[row] as usize).map(|scope| &scope.value)
    }

    /// `row` as a record. Attributes come in an order of their own.
    pub(crate) fn record(&self, row: usize) -> LogRecord {
        let own_time = self.time_source[row] == TimeSource::Event as u8;
        let text = |column: &TextColumn| String::from_utf8_lossy(column.get(row)).into_owned();
        LogRecord {
            time: UnixNanos(if own_time { self.time[row] as u64 } else { 0 }),
            observed_time: UnixNanos(self.observed[row] as u64),
            severity_number: self.severity_number[row],
            severity_text: text(&self.severity_text),
            body: self.bodies.get(row as u32).map_or_else(|| Value::from(self.line(row)), decode_any),
            attributes: self.attributes.row(row as u32),
            dropped_attributes_count: self.dropped[row],
            flags: self.flags[row],
            trace_id: TraceId(self.trace_id[row]),
            span_id: SpanId(self.span_id[row]),
            event_name: text(&self.event_name),
            resource: self.resource_of(row).cloned().unwrap_or_default(),
            scope: self.scope_of(row).cloned().unwrap_or_default(),
        }
    }

    /// Bytes of memory, capacity included. Shared resources, scopes and streams count as if they were the batch's own.
    pub(crate) fn heap_bytes(&self) -> usize {
        /// Rough size of a resource, scope or stream: a dozen short texts.
        const SOURCE_BYTES: usize = 1024;
        let words = self.time.capacity() + self.observed.capacity() + self.span_id.capacity();
        let halves = self.severity_number.capacity() + self.flags.capacity() + self.dropped.capacity();
        let places = self.resource.capacity() + self.scope.capacity() + self.stream.capacity();
        let texts = self.severity_text.heap_bytes() + self.event_name.heap_bytes();
        let bodies = self.bodies.rows.capacity() * 4 + dict_bytes(&self.bodies.values);
        let sources = self.resources.len() + self.scopes.len() + self.streams.len();
        words * 8
            + (halves + places) * 4
            + self.trace_id.capacity() * 16
            + self.time_source.capacity()
            + self.level.capacity()
            + dict_bytes(&self.lines)
            + texts
            + bodies
            + self.attributes.heap_bytes()
            + sources * SOURCE_BYTES
    }
}
