//! Small batches joined into one, so that a sender of single spans does not cost a batch each.

use std::sync::Arc;

use super::batch::{OriginIndex, RareCounts, RareTexts, SpanBatch, Texts};
use crate::attributes::concat::{AttributesConcat, remap};
use crate::attributes::interner::Interner;

#[derive(Default)]
struct Joint {
    batch: SpanBatch,
    resources: OriginIndex,
    scopes: OriginIndex,
    names: Interner,
    status_messages: Interner,
    trace_states: Interner,
    event_names: Interner,
    link_trace_states: Interner,
    attributes: AttributesConcat,
    event_attributes: AttributesConcat,
    link_attributes: AttributesConcat,
}

/// The rows of all `inputs`, one batch behind the other.
pub(crate) fn concat(inputs: &[Arc<SpanBatch>]) -> SpanBatch {
    let mut joint = Joint::default();
    inputs.iter().for_each(|input| joint.add(input));
    let mut batch = joint.batch;
    batch.attributes = joint.attributes.finish();
    batch.events.attributes = joint.event_attributes.finish();
    batch.links.attributes = joint.link_attributes.finish();
    batch.seal()
}

impl Joint {
    fn add(&mut self, input: &SpanBatch) {
        let out = &mut self.batch;
        let base = out.len() as u32;
        out.trace_ids.extend_from_slice(&input.trace_ids);
        out.span_ids.extend_from_slice(&input.span_ids);
        out.parent_ids.extend_from_slice(&input.parent_ids);
        out.starts.extend_from_slice(&input.starts);
        out.ends.extend_from_slice(&input.ends);
        out.names.extend_from(&input.names, &mut self.names);
        out.kinds.extend_from_slice(&input.kinds);
        out.status_codes.extend_from_slice(&input.status_codes);
        out.status_messages.extend_from(&input.status_messages, base, &mut self.status_messages);
        out.trace_states.extend_from(&input.trace_states, base, &mut self.trace_states);
        out.flags.extend_from_slice(&input.flags);
        out.dropped_attributes.extend_from(&input.dropped_attributes, base);
        out.dropped_events.extend_from(&input.dropped_events, base);
        out.dropped_links.extend_from(&input.dropped_links, base);
        let add = |origin| self.resources.add(&mut out.resources, origin);
        let resources: Vec<u32> = input.resources.iter().map(add).collect();
        out.resource.extend(input.resource.iter().map(|&index| resources[index as usize]));
        let add = |origin| self.scopes.add(&mut out.scopes, origin);
        let scopes: Vec<u32> = input.scopes.iter().map(add).collect();
        out.scope.extend(input.scope.iter().map(|&index| scopes[index as usize]));
        self.attributes.add(&input.attributes, input.len() as u32);
        self.add_events(input, base);
        self.add_links(input, base);
    }

    fn add_events(&mut self, input: &SpanBatch, base: u32) {
        let (out, input) = (&mut self.batch.events, &input.events);
        let first = out.span_rows.len() as u32;
        out.span_rows.extend(input.span_rows.iter().map(|row| row + base));
        out.times.extend_from_slice(&input.times);
        out.names.extend_from(&input.names, &mut self.event_names);
        out.dropped_attributes.extend_from(&input.dropped_attributes, first);
        self.event_attributes.add(&input.attributes, input.span_rows.len() as u32);
    }

    fn add_links(&mut self, input: &SpanBatch, base: u32) {
        let (out, input) = (&mut self.batch.links, &input.links);
        let first = out.span_rows.len() as u32;
        out.span_rows.extend(input.span_rows.iter().map(|row| row + base));
        out.trace_ids.extend_from_slice(&input.trace_ids);
        out.span_ids.extend_from_slice(&input.span_ids);
        out.trace_states.extend_from(&input.trace_states, first, &mut self.link_trace_states);
        out.flags.extend_from_slice(&input.flags);
        out.dropped_attributes.extend_from(&input.dropped_attributes, first);
        self.link_attributes.add(&input.attributes, input.span_rows.len() as u32);
    }
}

impl Texts {
    fn extend_from(&mut self, other: &Self, interner: &mut Interner) {
        let remap = remap(&mut self.dict, interner, &other.dict);
        self.ids.extend(other.ids.iter().map(|&id| remap[id as usize]));
    }
}

impl RareTexts {
    fn extend_from(&mut self, other: &Self, base: u32, interner: &mut Interner) {
        self.rows.extend(other.rows.iter().map(|row| row + base));
        self.texts.extend_from(&other.texts, interner);
    }
}

impl RareCounts {
    fn extend_from(&mut self, other: &Self, base: u32) {
        self.rows.extend(other.rows.iter().map(|row| row + base));
        self.counts.extend_from_slice(&other.counts);
    }
}
