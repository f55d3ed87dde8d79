//! Series as the write path shares them: labels, key, and where each stands in the head that saw it last.
//!
//! Series that come together lie together: a chunk holds a few dozen under one counter, with their places side by side. A request
//! names its series in the same order again and again, so decoding and attaching walk over memory from front to back; one
//! allocation a series would wait for memory twice a sample.

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use model::{Labels, MetricMetadata};

use super::key::{Key, key_of};

/// Series of a chunk. More would keep more dead series in memory beside a living one.
const CHUNK: usize = 32;

/// Type, help and unit of a metric family.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Family {
    /// Name as the metadata API lists it.
    pub name: String,
    /// What is known.
    pub metadata: MetricMetadata,
}

/// One series, of whatever tenant.
#[derive(Debug)]
pub(super) struct Series {
    /// `__name__` included.
    pub labels: Labels,
    /// Of the labels.
    pub key: Key,
    /// Metadata that came with the series.
    pub family: Option<Arc<Family>>,
}

/// See the module.
#[derive(Debug)]
struct Chunk {
    /// Head and slot, 32 bits each; head 0 is none. Only a hint: two tenants may have the same series.
    places: [AtomicU64; CHUNK],
    series: [OnceLock<Series>; CHUNK],
}

/// Shares a series.
#[derive(Clone, Debug)]
pub(super) struct SeriesRef {
    chunk: Arc<Chunk>,
    at: u32,
}

/// Bytes of memory of a series beside its labels.
pub(super) const SERIES_BYTES: usize = size_of::<Chunk>() / CHUNK;

/// Makes series; keeps the chunk that is not full yet.
#[derive(Debug, Default)]
pub(super) struct SeriesMaker(Mutex<Option<SeriesRef>>);

impl SeriesMaker {
    /// A series that no head has seen.
    pub(super) fn make(&self, labels: Labels, family: Option<Arc<Family>>) -> SeriesRef {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = match last.take() {
            Some(SeriesRef { chunk, at }) if (at as usize) < CHUNK - 1 => SeriesRef { chunk, at: at + 1 },
            _ => {
                let places = std::array::from_fn(|_| AtomicU64::new(0));
                let series = std::array::from_fn(|_| OnceLock::new());
                SeriesRef { chunk: Arc::new(Chunk { places, series }), at: 0 }
            }
        };
        next.chunk.series[next.at as usize].get_or_init(|| Series { key: key_of(&labels), labels, family });
        *last = Some(next.clone());
        next
    }
}

impl SeriesRef {
    /// The slot in head `head`, if it was the last to ask.
    #[inline]
    pub(super) fn slot(&self, head: u32) -> Option<u32> {
        let place = self.chunk.places[self.at as usize].load(Ordering::Relaxed);
        ((place >> 32) as u32 == head).then_some(place as u32)
    }

    /// Remembers the slot in head `head`.
    pub(super) fn remember(&self, head: u32, slot: u32) {
        let place = u64::from(head) << 32 | u64::from(slot);
        self.chunk.places[self.at as usize].store(place, Ordering::Relaxed);
    }
}

impl Deref for SeriesRef {
    type Target = Series;

    fn deref(&self) -> &Series {
        self.chunk.series[self.at as usize].get().expect("a reference is made after its series")
    }
}
