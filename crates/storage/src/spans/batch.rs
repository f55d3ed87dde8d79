//! Spans in columns: one decoded request, several small ones joined, or rows read back from a block. Never changed once made.

use hashbrown::HashMap;
use model::{Resource, Scope, TimeRange, TraceId, UnixNanos};

use super::filter::TraceFilter;
use super::origin::Origin;
use crate::attributes::interner::Interner;
use crate::attributes::{AttributeColumns, dict_bytes, shrink_dict};
use crate::table::Dict;

/// Memory of a resource or scope without its attributes, and of one attribute with short texts: an estimate.
const ORIGIN_BYTES: usize = 160;
const PAIR_BYTES: usize = 100;

/// A text on each row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts {
    /// Id a row.
    pub ids: Vec<u32>,
    /// The distinct texts.
    pub dict: Dict,
}

/// A text on few rows; the others have the empty one.
#[derive(Clone, Debug, Default)]
pub(crate) struct RareTexts {
    /// Rows, rising.
    pub rows: Vec<u32>,
    /// Their texts.
    pub texts: Texts,
}

/// A count on few rows; the others have 0.
#[derive(Clone, Debug, Default)]
pub(crate) struct RareCounts {
    /// Rows, rising.
    pub rows: Vec<u32>,
    /// Their counts.
    pub counts: Vec<u32>,
}

/// The columns of a batch. All without "rare" in their type have one entry a span.
#[derive(Debug, Default)]
pub(crate) struct SpanBatch {
    /// Never zero.
    pub trace_ids: Vec<[u8; 16]>,
    /// Never zero.
    pub span_ids: Vec<[u8; 8]>,
    /// Zero for roots.
    pub parent_ids: Vec<[u8; 8]>,
    /// Begin, ns.
    pub starts: Vec<u64>,
    /// End, ns.
    pub ends: Vec<u64>,
    /// Operation names.
    pub names: Texts,
    /// OTLP's numbers.
    pub kinds: Vec<u8>,
    /// OTLP's numbers.
    pub status_codes: Vec<u8>,
    /// Outcome in words.
    pub status_messages: RareTexts,
    /// W3C `tracestate`.
    pub trace_states: RareTexts,
    /// OTLP flags.
    pub flags: Vec<u32>,
    /// Attributes that the sender dropped.
    pub dropped_attributes: RareCounts,
    /// Events that the sender dropped.
    pub dropped_events: RareCounts,
    /// Links that the sender dropped.
    pub dropped_links: RareCounts,
    /// Index into `resources`.
    pub resource: Vec<u32>,
    /// Index into `scopes`.
    pub scope: Vec<u32>,
    /// The distinct resources.
    pub resources: Vec<Origin<Resource>>,
    /// The distinct scopes.
    pub scopes: Vec<Origin<Scope>>,
    /// Attributes of the spans.
    pub attributes: AttributeColumns,
    /// Events of all spans.
    pub events: Events,
    /// Links of all spans.
    pub links: Links,
    /// Which traces may be in the batch.
    pub filter: TraceFilter,
    /// From the first begin to the last end.
    pub range: Option<TimeRange>,
}

/// Events in the order of their spans.
#[derive(Clone, Debug, Default)]
pub(crate) struct Events {
    /// Row of the event's span, rising.
    pub span_rows: Vec<u32>,
    /// When, ns.
    pub times: Vec<u64>,
    /// What.
    pub names: Texts,
    /// Attributes that the sender dropped, by event.
    pub dropped_attributes: RareCounts,
    /// Attributes, by event.
    pub attributes: AttributeColumns,
}

/// Links in the order of their spans.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    /// Row of the link's span, rising.
    pub span_rows: Vec<u32>,
    /// Target trace; zero when the sender gave none of the right length.
    pub trace_ids: Vec<[u8; 16]>,
    /// Target span; zero when the sender gave none of the right length.
    pub span_ids: Vec<[u8; 8]>,
    /// W3C `tracestate` of the target, by link.
    pub trace_states: RareTexts,
    /// OTLP flags.
    pub flags: Vec<u32>,
    /// Attributes that the sender dropped, by link.
    pub dropped_attributes: RareCounts,
    /// Attributes, by link.
    pub attributes: AttributeColumns,
}

impl SpanBatch {
    /// Number of spans.
    pub(crate) fn len(&self) -> usize {
        self.trace_ids.len()
    }

    /// Rows of a trace, in the order of arrival.
    pub(crate) fn rows_of(&self, id: TraceId) -> Vec<u32> {
        if !self.filter.might_contain(&id.0) {
            return Vec::new();
        }
        let wanted = u128::from_ne_bytes(id.0);
        let rows = self.trace_ids.iter().enumerate();
        rows.filter(|(_, id)| u128::from_ne_bytes(**id) == wanted).map(|(row, _)| row as u32).collect()
    }

    /// Makes what is derived from the rows; the last step of making a batch.
    pub(crate) fn seal(mut self) -> Self {
        self.filter = TraceFilter::new(&self.trace_ids);
        let times = || self.starts.iter().chain(&self.ends).copied();
        self.range = times().min().zip(times().max()).map(|(min, max)| TimeRange::new(UnixNanos(min), UnixNanos(max)));
        self.shrink();
        self
    }

    fn shrink(&mut self) {
        self.trace_ids.shrink_to_fit();
        self.span_ids.shrink_to_fit();
        self.parent_ids.shrink_to_fit();
        self.starts.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.names.shrink();
        self.kinds.shrink_to_fit();
        self.status_codes.shrink_to_fit();
        self.flags.shrink_to_fit();
        self.resource.shrink_to_fit();
        self.scope.shrink_to_fit();
    }

    /// Bytes of memory, capacity included. Resources and scopes count in full although batches share them.
    pub(crate) fn heap_bytes(&self) -> usize {
        let dense = self.trace_ids.capacity() * 16
            + (self.span_ids.capacity() + self.parent_ids.capacity() + self.starts.capacity() + self.ends.capacity())
                * 8
            + (self.flags.capacity() + self.resource.capacity() + self.scope.capacity()) * 4
            + self.kinds.capacity()
            + self.status_codes.capacity();
        let rare = [&self.dropped_attributes, &self.dropped_events, &self.dropped_links].map(RareCounts::heap_bytes);
        size_of::<Self>()
            + dense
            + rare.iter().sum::<usize>()
            + self.names.heap_bytes()
            + self.status_messages.heap_bytes()
            + self.trace_states.heap_bytes()
            + self
                .resources
                .iter()
                .map(|origin| ORIGIN_BYTES + origin.value.attributes.len() * PAIR_BYTES)
                .sum::<usize>()
            + self.scopes.iter().map(|origin| ORIGIN_BYTES + origin.value.attributes.len() * PAIR_BYTES).sum::<usize>()
            + self.attributes.heap_bytes()
            + self.events.heap_bytes()
            + self.links.heap_bytes()
            + self.filter.heap_bytes()
    }
}

/// Finds resources or scopes in a batch's table by their hash.
#[derive(Debug, Default)]
pub(crate) struct OriginIndex {
    known: HashMap<u64, u32, foldhash::fast::RandomState>,
}

impl OriginIndex {
    /// Index of `origin` in `table`, where it is added when it is new. The table must be the one of all earlier calls.
    pub(crate) fn add<T>(&mut self, table: &mut Vec<Origin<T>>, origin: &Origin<T>) -> u32 {
        *self.known.entry(origin.hash).or_insert_with(|| {
            table.push(origin.clone());
            (table.len() - 1) as u32
        })
    }

    /// Starts anew with an empty table.
    pub(crate) fn clear(&mut self) {
        self.known.clear();
    }
}

impl Texts {
    /// The text of `row`.
    pub(crate) fn get(&self, row: usize) -> &[u8] {
        self.dict.get(self.ids[row])
    }

    /// Adds a row.
    #[inline]
    pub(crate) fn push(&mut self, interner: &mut Interner, text: &str) {
        self.ids.push(interner.intern(&mut self.dict, text.as_bytes()));
    }

    fn heap_bytes(&self) -> usize {
        self.ids.capacity() * 4 + dict_bytes(&self.dict)
    }

    fn shrink(&mut self) {
        self.ids.shrink_to_fit();
        shrink_dict(&mut self.dict);
    }
}

impl RareTexts {
    /// The text of `row`; empty when it has none.
    pub(crate) fn get(&self, row: u32) -> &[u8] {
        self.rows.binary_search(&row).map_or(&[], |at| self.texts.get(at))
    }

    /// Sets the text of `row`, which is above all rows set before.
    #[inline]
    pub(crate) fn push(&mut self, row: u32, interner: &mut Interner, text: &str) {
        if !text.is_empty() {
            self.rows.push(row);
            self.texts.push(interner, text);
        }
    }

    fn heap_bytes(&self) -> usize {
        self.rows.capacity() * 4 + self.texts.heap_bytes()
    }
}

impl RareCounts {
    /// The count of `row`.
    pub(crate) fn get(&self, row: u32) -> u32 {
        self.rows.binary_search(&row).map_or(0, |at| self.counts[at])
    }

    /// Sets the count of `row`, which is above all rows set before.
    #[inline]
    pub(crate) fn push(&mut self, row: u32, count: u32) {
        if count != 0 {
            self.rows.push(row);
            self.counts.push(count);
        }
    }

    fn heap_bytes(&self) -> usize {
        (self.rows.capacity() + self.counts.capacity()) * 4
    }
}

impl Events {
    /// Indexes of the events of a span.
    pub(crate) fn of(&self, span_row: u32) -> std::ops::Range<usize> {
        equal_range(&self.span_rows, span_row)
    }

    fn heap_bytes(&self) -> usize {
        self.span_rows.capacity() * 4
            + self.times.capacity() * 8
            + self.names.heap_bytes()
            + self.dropped_attributes.heap_bytes()
            + self.attributes.heap_bytes()
    }
}

impl Links {
    /// Indexes of the links of a span.
    pub(crate) fn of(&self, span_row: u32) -> std::ops::Range<usize> {
        equal_range(&self.span_rows, span_row)
    }

    fn heap_bytes(&self) -> usize {
        (self.span_rows.capacity() + self.flags.capacity()) * 4
            + self.trace_ids.capacity() * 16
            + self.span_ids.capacity() * 8
            + self.trace_states.heap_bytes()
            + self.dropped_attributes.heap_bytes()
            + self.attributes.heap_bytes()
    }
}

fn equal_range(rows: &[u32], row: u32) -> std::ops::Range<usize> {
    rows.partition_point(|&other| other < row)..rows.partition_point(|&other| other <= row)
}
