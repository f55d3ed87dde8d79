//! A series as the write path shares it: labels, key, and where it stands in the head that saw it last.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::{Labels, MetricMetadata};

use super::key::{Key, key_of};

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
    /// Head and slot, 32 bits each; head 0 is none. Only a hint: two tenants may have the same series.
    place: AtomicU64,
}

impl Series {
    /// A series that no head has seen.
    pub(super) fn new(labels: Labels, family: Option<Arc<Family>>) -> Self {
        let key = key_of(&labels);
        Self { labels, key, family, place: AtomicU64::new(0) }
    }

    /// The slot in head `head`, if it was the last to ask.
    #[inline]
    pub(super) fn slot(&self, head: u32) -> Option<u32> {
        let place = self.place.load(Ordering::Relaxed);
        ((place >> 32) as u32 == head).then_some(place as u32)
    }

    /// Remembers the slot in head `head`.
    pub(super) fn remember(&self, head: u32, slot: u32) {
        self.place.store(u64::from(head) << 32 | u64::from(slot), Ordering::Relaxed);
    }
}
