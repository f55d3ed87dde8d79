//! A request's spans into a [`SpanBatch`]: the sink of the OTLP walk.
//!
//! Checked here is what makes a span unusable: ids of the wrong length or all zeros. Such a span is left out and counted with the
//! reason of the first; everything else is kept as it came, odd times included.

use std::sync::Mutex;

use otlp::view::{ResourceView, ScopeView, SpanView};
use otlp::{DecodeError, SpanSink};
use store_api::Appended;

use super::batch::{OriginIndex, SpanBatch};
use super::origin::OriginCache;
use crate::attributes::AttributesBuilder;
use crate::attributes::interner::Interner;
use crate::engine::signal::Decoded;

/// No resource or scope was given yet.
const NONE: u32 = u32::MAX;

/// Fills one batch.
#[derive(Debug)]
pub(crate) struct SpanBatchBuilder<'c> {
    origins: &'c OriginCache,
    batch: SpanBatch,
    scratch: Box<BuilderScratch>,
    resource: u32,
    scope: u32,
    rejected: u64,
    reason: Option<String>,
}

/// What a builder can use again for the next request: its memory, and what it learnt of the order of keys.
#[derive(Debug, Default)]
pub(crate) struct BuilderScratch {
    attributes: AttributesBuilder,
    event_attributes: AttributesBuilder,
    link_attributes: AttributesBuilder,
    names: Interner,
    status_messages: Interner,
    trace_states: Interner,
    event_names: Interner,
    link_trace_states: Interner,
    resources: OriginIndex,
    scopes: OriginIndex,
    bytes: Vec<u8>,
    /// Spans of the largest request so far.
    spans_max: usize,
}

/// Scratches that idle between requests.
#[derive(Debug, Default)]
pub(crate) struct ScratchPool {
    #[expect(clippy::vec_box, reason = "the box is what is handed out")]
    idle: Mutex<Vec<Box<BuilderScratch>>>,
}

/// More than this many requests are rarely decoded at once.
const IDLE_MAX: usize = 8;
/// A scratch that decoded a larger request is dropped: its memory is in proportion to it.
const SPANS_MAX: usize = 8192;

impl ScratchPool {
    /// A scratch, used before if there is one.
    pub(crate) fn take(&self) -> Box<BuilderScratch> {
        self.idle.lock().expect("nothing panics while it is locked").pop().unwrap_or_default()
    }

    /// Keeps a scratch for the next request.
    pub(crate) fn give(&self, scratch: Box<BuilderScratch>) {
        let mut idle = self.idle.lock().expect("nothing panics while it is locked");
        if idle.len() < IDLE_MAX && scratch.spans_max <= SPANS_MAX {
            idle.push(scratch);
        }
    }
}

impl BuilderScratch {
    fn clear(&mut self) {
        for interner in [
            &mut self.names,
            &mut self.status_messages,
            &mut self.trace_states,
            &mut self.event_names,
            &mut self.link_trace_states,
        ] {
            interner.clear();
        }
        self.resources.clear();
        self.scopes.clear();
    }
}

impl<'c> SpanBatchBuilder<'c> {
    /// An empty batch whose resources and scopes are looked up in `origins`.
    pub(crate) fn new(origins: &'c OriginCache, scratch: Box<BuilderScratch>) -> Self {
        let batch = SpanBatch::default();
        Self { origins, batch, scratch, resource: NONE, scope: NONE, rejected: 0, reason: None }
    }

    /// The batch and the answer to the sender; and the scratch back.
    pub(crate) fn finish(mut self) -> (Decoded<SpanBatch>, Box<BuilderScratch>) {
        let mut batch = self.batch;
        let accepted = batch.len() as u64;
        let appended = Appended { accepted, rejected: self.rejected, reason: self.reason, ..Appended::default() };
        let scratch = &mut self.scratch;
        scratch.spans_max = scratch.spans_max.max(batch.len());
        scratch.clear();
        batch.attributes = scratch.attributes.take();
        batch.events.attributes = scratch.event_attributes.take();
        batch.links.attributes = scratch.link_attributes.take();
        let batch = (accepted > 0).then(|| batch.seal());
        (Decoded { batch, appended }, self.scratch)
    }

    fn reject(&mut self, reason: String) {
        self.rejected += 1;
        self.reason.get_or_insert(reason);
    }

    fn events(&mut self, row: u32, span: &SpanView<'_, '_>) {
        let events = &mut self.batch.events;
        for event in span.events {
            let index = events.span_rows.len() as u32;
            events.span_rows.push(row);
            events.times.push(event.time);
            events.names.push(&mut self.scratch.event_names, event.name);
            events.dropped_attributes.push(index, event.dropped_attributes_count);
            let (start, end) = event.attributes;
            self.scratch.event_attributes.push_row(&span.event_attributes[start as usize..end as usize]);
        }
    }

    fn links(&mut self, row: u32, span: &SpanView<'_, '_>) {
        let links = &mut self.batch.links;
        for link in span.links {
            let index = links.span_rows.len() as u32;
            links.span_rows.push(row);
            // A link whose target cannot be named is kept: its attributes may still tell something.
            links.trace_ids.push(link.trace_id.try_into().unwrap_or_default());
            links.span_ids.push(link.span_id.try_into().unwrap_or_default());
            links.trace_states.push(index, &mut self.scratch.link_trace_states, link.trace_state);
            links.flags.push(link.flags);
            links.dropped_attributes.push(index, link.dropped_attributes_count);
            let (start, end) = link.attributes;
            self.scratch.link_attributes.push_row(&span.link_attributes[start as usize..end as usize]);
        }
    }
}

impl SpanSink for SpanBatchBuilder<'_> {
    fn resource(&mut self, resource: &ResourceView<'_, '_>) {
        let origin = self.origins.resource(resource, &mut self.scratch.bytes);
        self.resource = self.scratch.resources.add(&mut self.batch.resources, &origin);
    }

    fn scope(&mut self, scope: &ScopeView<'_, '_>) {
        let origin = self.origins.scope(scope, &mut self.scratch.bytes);
        self.scope = self.scratch.scopes.add(&mut self.batch.scopes, &origin);
    }

    #[inline]
    fn span(&mut self, span: &SpanView<'_, '_>) {
        let ids = match checked_ids(span) {
            Ok(ids) => ids,
            Err(reason) => return self.reject(reason),
        };
        if self.resource == NONE {
            self.resource(&ResourceView::default());
        }
        if self.scope == NONE {
            self.scope(&ScopeView::default());
        }
        let row = self.batch.trace_ids.len() as u32;
        let batch = &mut self.batch;
        batch.trace_ids.push(ids.trace);
        batch.span_ids.push(ids.span);
        batch.parent_ids.push(ids.parent);
        batch.starts.push(span.start);
        batch.ends.push(span.end);
        batch.names.push(&mut self.scratch.names, span.name);
        batch.kinds.push(span.kind);
        batch.status_codes.push(span.status_code);
        batch.status_messages.push(row, &mut self.scratch.status_messages, span.status_message);
        batch.trace_states.push(row, &mut self.scratch.trace_states, span.trace_state);
        batch.flags.push(span.flags);
        batch.dropped_attributes.push(row, span.dropped_attributes_count);
        batch.dropped_events.push(row, span.dropped_events_count);
        batch.dropped_links.push(row, span.dropped_links_count);
        batch.resource.push(self.resource);
        batch.scope.push(self.scope);
        self.scratch.attributes.push_row(span.attributes);
        if !span.events.is_empty() {
            self.events(row, span);
        }
        if !span.links.is_empty() {
            self.links(row, span);
        }
    }

    fn malformed(&mut self, error: DecodeError) {
        self.reject(error.to_string());
    }
}

struct Ids {
    trace: [u8; 16],
    span: [u8; 8],
    parent: [u8; 8],
}

#[inline]
fn checked_ids(span: &SpanView<'_, '_>) -> Result<Ids, String> {
    let trace = <[u8; 16]>::try_from(span.trace_id)
        .map_err(|_| format!("trace ids must be 128 bit, received {} bits", span.trace_id.len() * 8))?;
    let id = <[u8; 8]>::try_from(span.span_id)
        .map_err(|_| format!("span ids must be 64 bit, received {} bits", span.span_id.len() * 8))?;
    let parent = match span.parent_span_id {
        [] => [0; 8],
        parent => <[u8; 8]>::try_from(parent)
            .map_err(|_| format!("parent span ids must be empty or 64 bit, received {} bits", parent.len() * 8))?,
    };
    if trace == [0; 16] {
        return Err("trace ids must not be all zero".to_owned());
    }
    if id == [0; 8] {
        return Err("span ids must not be all zero".to_owned());
    }
    Ok(Ids { trace, span: id, parent })
}
