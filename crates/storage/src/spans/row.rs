//! Rows of a batch as [`Span`]s, for answers.

use std::sync::Arc;

use model::{Span, SpanEvent, SpanId, SpanKind, SpanLink, StatusCode, TraceId, UnixNanos};

use super::batch::SpanBatch;
use crate::attributes::value::text;

impl SpanBatch {
    /// One row with all that belongs to it.
    pub(crate) fn span(&self, row: u32) -> Span {
        let at = row as usize;
        Span {
            trace_id: TraceId(self.trace_ids[at]),
            span_id: SpanId(self.span_ids[at]),
            parent_span_id: SpanId(self.parent_ids[at]),
            trace_state: text(self.trace_states.get(row)),
            flags: self.flags[at],
            name: text(self.names.get(at)),
            kind: SpanKind(self.kinds[at]),
            start: UnixNanos(self.starts[at]),
            end: UnixNanos(self.ends[at]),
            attributes: self.attributes.row(row),
            dropped_attributes_count: self.dropped_attributes.get(row),
            events: self.events.of(row).map(|event| self.event(event)).collect(),
            dropped_events_count: self.dropped_events.get(row),
            links: self.links.of(row).map(|link| self.link(link)).collect(),
            dropped_links_count: self.dropped_links.get(row),
            status_code: StatusCode(self.status_codes[at]),
            status_message: text(self.status_messages.get(row)),
            resource: Arc::clone(&self.resources[self.resource[at] as usize].value),
            scope: Arc::clone(&self.scopes[self.scope[at] as usize].value),
        }
    }

    fn event(&self, index: usize) -> SpanEvent {
        SpanEvent {
            time: UnixNanos(self.events.times[index]),
            name: text(self.events.names.get(index)),
            attributes: self.events.attributes.row(index as u32),
            dropped_attributes_count: self.events.dropped_attributes.get(index as u32),
        }
    }

    fn link(&self, index: usize) -> SpanLink {
        SpanLink {
            trace_id: TraceId(self.links.trace_ids[index]),
            span_id: SpanId(self.links.span_ids[index]),
            trace_state: text(self.links.trace_states.get(index as u32)),
            attributes: self.links.attributes.row(index as u32),
            dropped_attributes_count: self.links.dropped_attributes.get(index as u32),
            flags: self.links.flags[index],
        }
    }
}
