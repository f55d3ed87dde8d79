//! One tenant's spans that are in no block yet: the batches of the requests, small ones joined now and then.

use std::sync::{Arc, RwLock};

use model::{Span, TraceId, UnixNanos};

use super::batch::SpanBatch;
use super::concat::concat;
use crate::engine::signal::HeadSize;

/// Below so many rows a batch's own dictionaries cost more than its rows.
const SMALL_ROWS: usize = 256;
/// So many small batches are joined into one.
const SMALL_BATCHES: usize = 64;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Head {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    batches: Vec<Arc<SpanBatch>>,
    size: HeadSize,
    /// Small batches in `batches` that no thread is joining.
    small: usize,
}

const LOCKED: &str = "nothing panics while the head is locked";

impl Head {
    /// Makes a batch visible.
    pub(crate) fn attach(&self, batch: SpanBatch) {
        let batch = Arc::new(batch);
        let mut inner = self.inner.write().expect(LOCKED);
        inner.small += usize::from(is_small(&batch));
        inner.size.add(&batch);
        inner.batches.push(batch);
        if inner.small < SMALL_BATCHES {
            return;
        }
        inner.small = 0;
        drop(inner);
        self.join_small();
    }

    /// Joins the small batches. Readers go on meanwhile: the rows change place at one stroke.
    fn join_small(&self) {
        let inner = self.inner.read().expect(LOCKED);
        let small: Vec<Arc<SpanBatch>> = inner.batches.iter().filter(|batch| is_small(batch)).cloned().collect();
        drop(inner);
        let joint = concat(&small);
        let mut inner = self.inner.write().expect(LOCKED);
        let is_joined = |batch: &Arc<SpanBatch>| small.iter().any(|other| Arc::ptr_eq(batch, other));
        let Some(first) = inner.batches.iter().position(is_joined) else { return };
        // Two threads may have taken the same batches; whoever comes second finds some gone and gives up.
        if inner.batches.iter().filter(|batch| is_joined(batch)).count() < small.len() {
            return;
        }
        inner.batches.retain(|batch| !is_joined(batch));
        let before: usize = small.iter().map(|batch| batch.heap_bytes()).sum();
        inner.size.bytes = inner.size.bytes + joint.heap_bytes() as u64 - before as u64;
        inner.small = inner.batches.iter().filter(|batch| is_small(batch)).count();
        inner.batches.insert(first, Arc::new(joint));
    }

    /// Rows, bytes and times.
    pub(crate) fn size(&self) -> HeadSize {
        self.inner.read().expect(LOCKED).size
    }

    /// The batches as they are now, in order of arrival.
    pub(crate) fn batches(&self) -> Vec<Arc<SpanBatch>> {
        self.inner.read().expect(LOCKED).batches.clone()
    }

    /// The spans of a trace.
    pub(crate) fn trace(&self, id: TraceId, out: &mut Vec<Span>) {
        for batch in self.batches() {
            out.extend(batch.rows_of(id).into_iter().map(|row| batch.span(row)));
        }
    }
}

fn is_small(batch: &SpanBatch) -> bool {
    batch.len() < SMALL_ROWS
}

impl HeadSize {
    fn add(&mut self, batch: &SpanBatch) {
        self.rows += batch.len() as u64;
        self.bytes += batch.heap_bytes() as u64;
        let Some(range) = batch.range else { return };
        self.oldest = Some(self.oldest.map_or(range.start, |oldest: UnixNanos| oldest.min(range.start)));
        self.newest = Some(self.newest.map_or(range.end, |newest: UnixNanos| newest.max(range.end)));
    }
}
