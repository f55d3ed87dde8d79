//! Rows of several batches in the order of a row group: traces by their first start, the spans of a trace by start, then as they came.
//!
//! Traces in the order of time make timestamps small to store and let a page be skipped by time; the order of trace ids would let
//! a page be skipped by id, but one id column is read in no time.

use std::sync::Arc;

use super::batch::SpanBatch;

/// A row of a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    /// Which batch.
    pub batch: u32,
    /// Which of its rows (or events, or links).
    pub row: u32,
}

/// The order of some rows and, the other way round, the place of each row in it.
#[derive(Debug, Default)]
pub(crate) struct Order {
    /// The rows in their new order.
    pub sources: Vec<Source>,
    /// By batch: the new place of each of its rows.
    places: Vec<u32>,
    /// Where each batch begins in `places`; one more at the end.
    bases: Vec<u32>,
}

impl Order {
    /// The order of the spans of `batches`.
    pub(crate) fn of_spans(batches: &[Arc<SpanBatch>]) -> Self {
        let flat = flatten(batches, SpanBatch::len);
        let trace_of = |source: Source| &batches[source.batch as usize].trace_ids[source.row as usize];
        let key = |(at, &source): (usize, &Source)| {
            let (first, _) = trace_of(source).split_first_chunk().expect("a trace id has 16 bytes");
            (u64::from_be_bytes(*first), at as u32)
        };
        let mut keys: Vec<(u64, u32)> = flat.iter().enumerate().map(key).collect();
        keys.sort_unstable();
        let mut sources: Vec<Source> = keys.iter().map(|&(_, at)| flat[at as usize]).collect();
        let start_of = |source: Source| batches[source.batch as usize].starts[source.row as usize];
        // Within equal beginnings of ids, which is one trace or very few, the rest decides. The sort is stable: arrival stays last.
        let mut from = 0;
        for run in keys.chunk_by(|a, b| a.0 == b.0) {
            let part = &mut sources[from..from + run.len()];
            from += run.len();
            let first = trace_of(part[0]);
            if part.iter().all(|&source| trace_of(source) == first) {
                part.sort_by_cached_key(|&source| start_of(source));
            } else {
                part.sort_by_cached_key(|&source| (*trace_of(source), start_of(source)));
            }
        }
        let mut traces: Vec<(u64, &[Source])> =
            sources.chunk_by(|&a, &b| trace_of(a) == trace_of(b)).map(|trace| (start_of(trace[0]), trace)).collect();
        traces.sort_by_key(|trace| trace.0);
        let sources = traces.into_iter().flat_map(|(_, trace)| trace).copied().collect();
        Self::new(sources, batches, SpanBatch::len)
    }

    /// The order of what belongs to spans (events, links), by the order of the spans. `span_rows` names the spans of a batch's.
    pub(crate) fn of_parts(&self, batches: &[Arc<SpanBatch>], span_rows: fn(&SpanBatch) -> &[u32]) -> Self {
        let flat = flatten(batches, |batch| span_rows(batch).len());
        let place = |source: &Source| {
            let row = span_rows(&batches[source.batch as usize])[source.row as usize];
            self.places(source.batch as usize)[row as usize]
        };
        let mut keys: Vec<(u32, u32)> =
            flat.iter().enumerate().map(|(at, source)| (place(source), at as u32)).collect();
        keys.sort_unstable();
        let sources = keys.into_iter().map(|(_, at)| flat[at as usize]).collect();
        Self::new(sources, batches, |batch| span_rows(batch).len())
    }

    fn new(sources: Vec<Source>, batches: &[Arc<SpanBatch>], rows: impl Fn(&SpanBatch) -> usize) -> Self {
        let mut bases = vec![0];
        let mut end = 0;
        bases.extend(batches.iter().map(|batch| {
            end += rows(batch) as u32;
            end
        }));
        let mut places = vec![0; sources.len()];
        for (place, source) in sources.iter().enumerate() {
            places[(bases[source.batch as usize] + source.row) as usize] = place as u32;
        }
        Self { sources, places, bases }
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.sources.len()
    }

    /// The new places of a batch's rows.
    pub(crate) fn places(&self, batch: usize) -> &[u32] {
        &self.places[self.bases[batch] as usize..self.bases[batch + 1] as usize]
    }
}

fn flatten(batches: &[Arc<SpanBatch>], rows: impl Fn(&SpanBatch) -> usize) -> Vec<Source> {
    let of_batch = |(batch, rows): (usize, usize)| (0..rows as u32).map(move |row| Source { batch: batch as u32, row });
    batches.iter().map(|batch| rows(batch)).enumerate().flat_map(of_batch).collect()
}
