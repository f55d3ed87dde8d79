//! Log records: OTLP's full form, and the form in which Loki's API shows them.

use std::sync::Arc;

use crate::{KeyValue, Labels, Resource, Scope, SpanId, TraceId, UnixNanos, Value};

/// One log record (OTLP `logs.v1.LogRecord`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogRecord {
    /// When it happened; 0 when the sender did not say.
    pub time: UnixNanos,
    /// When it was observed; 0 when the sender did not say.
    pub observed_time: UnixNanos,
    /// Severity 1 (TRACE) to 24 (FATAL4); 0 unspecified.
    pub severity_number: i32,
    /// Severity as the sender wrote it.
    pub severity_text: String,
    /// The message; any type.
    pub body: Value,
    /// Attributes.
    pub attributes: Vec<KeyValue>,
    /// Attributes that the sender dropped.
    pub dropped_attributes_count: u32,
    /// W3C trace flags in the low 8 bits.
    pub flags: u32,
    /// Trace the record belongs to; zero when none.
    pub trace_id: TraceId,
    /// Span the record belongs to; zero when none.
    pub span_id: SpanId,
    /// Event name; empty when the record is not an event.
    pub event_name: String,
    /// Who sent it.
    pub resource: Arc<Resource>,
    /// What library made it.
    pub scope: Arc<Scope>,
}

/// A log record as Loki's API shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogEntry {
    /// Event time, else observed time, else arrival.
    pub time: UnixNanos,
    /// The text; a body that is no string is its JSON.
    pub line: String,
    /// Structured metadata: what is attached to the record but is no index label. Sorted by name.
    pub metadata: Labels,
}
