//! One span as a row (OTLP `trace.v1.Span`). The store keeps spans in columns; this form is for answers and tests.

use std::sync::Arc;

use crate::{KeyValue, Resource, Scope, SpanId, TraceId, UnixNanos};

/// A timed operation within a trace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Span {
    /// Trace this span belongs to; never zero in the store.
    pub trace_id: TraceId,
    /// Id of this span; never zero in the store.
    pub span_id: SpanId,
    /// Parent span, zero for a root.
    pub parent_span_id: SpanId,
    /// W3C `tracestate`; empty when absent.
    pub trace_state: String,
    /// OTLP flags: W3C trace flags in the low 8 bits, remote-parent bits above.
    pub flags: u32,
    /// Operation name.
    pub name: String,
    /// Kind number as on the wire; see [`SpanKind`].
    pub kind: SpanKind,
    /// Begin.
    pub start: UnixNanos,
    /// End; may lie before `start` when the sender's clock jumped.
    pub end: UnixNanos,
    /// Attributes.
    pub attributes: Vec<KeyValue>,
    /// Attributes that the sender dropped.
    pub dropped_attributes_count: u32,
    /// Timed annotations, in the sender's order.
    pub events: Vec<SpanEvent>,
    /// Events that the sender dropped.
    pub dropped_events_count: u32,
    /// Links to other spans, in the sender's order.
    pub links: Vec<SpanLink>,
    /// Links that the sender dropped.
    pub dropped_links_count: u32,
    /// Outcome.
    pub status_code: StatusCode,
    /// Outcome in words; empty when absent.
    pub status_message: String,
    /// Who sent it.
    pub resource: Arc<Resource>,
    /// What library made it.
    pub scope: Arc<Scope>,
}

/// A timed annotation on a span.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanEvent {
    /// When.
    pub time: UnixNanos,
    /// What, e.g. `exception`.
    pub name: String,
    /// Attributes.
    pub attributes: Vec<KeyValue>,
    /// Attributes that the sender dropped.
    pub dropped_attributes_count: u32,
}

/// A pointer from one span to another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanLink {
    /// Target trace.
    pub trace_id: TraceId,
    /// Target span.
    pub span_id: SpanId,
    /// W3C `tracestate` of the target.
    pub trace_state: String,
    /// Attributes.
    pub attributes: Vec<KeyValue>,
    /// Attributes that the sender dropped.
    pub dropped_attributes_count: u32,
    /// OTLP flags.
    pub flags: u32,
}

/// OTLP `Span.SpanKind`, kept as the wire's number so that unknown ones survive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SpanKind(pub u8);

impl SpanKind {
    /// `SPAN_KIND_SERVER` and so on; an unknown number reads as unspecified.
    pub fn proto_name(self) -> &'static str {
        match self.0 {
            1 => "SPAN_KIND_INTERNAL",
            2 => "SPAN_KIND_SERVER",
            3 => "SPAN_KIND_CLIENT",
            4 => "SPAN_KIND_PRODUCER",
            5 => "SPAN_KIND_CONSUMER",
            _ => "SPAN_KIND_UNSPECIFIED",
        }
    }

    /// TraceQL keyword: `server`, `client`, …; an unknown number reads as `unspecified`.
    pub fn keyword(self) -> &'static str {
        match self.0 {
            1 => "internal",
            2 => "server",
            3 => "client",
            4 => "producer",
            5 => "consumer",
            _ => "unspecified",
        }
    }
}

/// OTLP `Status.StatusCode`, kept as the wire's number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct StatusCode(pub u8);

impl StatusCode {
    /// `STATUS_CODE_OK` and so on; an unknown number reads as unset.
    pub fn proto_name(self) -> &'static str {
        match self.0 {
            1 => "STATUS_CODE_OK",
            2 => "STATUS_CODE_ERROR",
            _ => "STATUS_CODE_UNSET",
        }
    }

    /// TraceQL keyword: `ok`, `error`, `unset`.
    pub fn keyword(self) -> &'static str {
        match self.0 {
            1 => "ok",
            2 => "error",
            _ => "unset",
        }
    }
}
