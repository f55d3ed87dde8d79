//! One tenant's samples that are in no block yet.
//!
//! A series takes a slot when its first sample comes and keeps it; slots are never reused, so a reader may let go of the lock
//! between two of them. Totals of deltas outlive the head and belong to [`Tenant`].

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;
use hashbrown::HashSet;
use model::{Sample, UnixMillis, UnixNanos};

use super::batch::Batch;
use super::delta::Deltas;
use super::key::KeyMap;
use super::postings::Postings;
use super::series::{Family, SERIES_BYTES, SeriesRef};
use super::slot::{Growth, Slot};
use crate::engine::signal::HeadSize;

/// What a tenant's heads share.
#[derive(Debug, Default)]
pub(super) struct Tenant {
    /// Running totals of delta points.
    pub deltas: Mutex<Deltas>,
}

/// See the module.
pub(crate) struct Head {
    /// Never 0.
    id: u32,
    tenant: Arc<Tenant>,
    inner: Mutex<Inner>,
}

/// The head's contents.
#[derive(Default)]
pub(super) struct Inner {
    /// All series.
    pub slots: Vec<Slot>,
    by_key: KeyMap<u32>,
    /// Slots by label.
    pub postings: Postings,
    /// Families that the head's samples belong to.
    pub families: HashSet<Arc<Family>, RandomState>,
    rows: i64,
    bytes: i64,
    oldest: i64,
    newest: i64,
}

impl Head {
    /// An empty head.
    pub(super) fn new(tenant: Arc<Tenant>) -> Self {
        static NEXT_ID: AtomicU32 = AtomicU32::new(1);
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed).max(1);
        let inner = Inner { oldest: i64::MAX, newest: i64::MIN, ..Inner::default() };
        Self { id, tenant, inner: Mutex::new(inner) }
    }

    /// Looks inside.
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a batch visible.
    pub(super) fn attach(&self, batch: Batch) {
        let mut guard = self.lock();
        let inner = &mut *guard;
        let slots: Vec<u32> = batch.series.iter().map(|series| inner.slot(self.id, series)).collect();
        let mut deltas = None;
        let lock = || self.tenant.deltas.lock().unwrap_or_else(PoisonError::into_inner);
        for float in &batch.floats {
            let slot = slots[float.series as usize];
            let (mut value, mut start) = (float.value, float.start);
            if float.delta {
                let key = inner.slots[slot as usize].series.key;
                let Some(total) = deltas.get_or_insert_with(lock).add(key, float) else { continue };
                (value, start) = (total.value, total.start);
                inner.slots[slot as usize].is_delta = true;
            }
            let growth = inner.slots[slot as usize].push(Sample { time: UnixMillis(float.time), value }, start);
            inner.account(float.time, growth);
        }
        for mut point in batch.histograms {
            let slot = slots[point.series as usize] as usize;
            if point.delta {
                let key = inner.slots[slot].series.key;
                let Some(total) = deltas.get_or_insert_with(lock).add_histogram(key, &point) else { continue };
                (point.histogram, point.start) = (total.histogram, total.start);
                inner.slots[slot].is_delta = true;
            }
            let time = point.histogram.time.0;
            let growth = inner.slots[slot].push_histogram(point.histogram, point.start);
            inner.account(time, growth);
        }
        for (series, exemplar) in batch.exemplars {
            let growth = inner.slots[slots[series as usize] as usize].push_exemplar(exemplar);
            inner.rows += growth.rows;
            inner.bytes += growth.bytes;
        }
        batch.families.iter().for_each(|family| inner.note_family(family));
    }

    /// Rows, bytes and times.
    pub(super) fn size(&self) -> HeadSize {
        let inner = self.lock();
        let some = inner.rows > 0;
        HeadSize {
            rows: inner.rows.max(0) as u64,
            bytes: inner.bytes.max(0) as u64,
            oldest: some.then(|| UnixMillis(inner.oldest).nanos()),
            newest: some.then(|| UnixNanos(UnixMillis(inner.newest).nanos().0)),
        }
    }
}

impl Inner {
    /// The slot of a series, a new one when it has none.
    #[inline]
    fn slot(&mut self, head: u32, series: &SeriesRef) -> u32 {
        match series.slot(head) {
            Some(slot) => slot,
            None => self.find_slot(head, series),
        }
    }

    fn find_slot(&mut self, head: u32, series: &SeriesRef) -> u32 {
        if let Some(family) = &series.family {
            self.note_family(family);
        }
        let slot = match self.by_key.get(&series.key) {
            Some(&slot) => slot,
            None => self.add_slot(series),
        };
        series.remember(head, slot);
        slot
    }

    fn add_slot(&mut self, series: &SeriesRef) -> u32 {
        let slot = self.slots.len() as u32;
        let before = self.slots.capacity();
        self.slots.push(Slot::new(series.clone()));
        self.by_key.insert(series.key, slot);
        self.bytes += ((self.slots.capacity() - before) * size_of::<Slot>()) as i64;
        // The map's entry is 32 bytes at a load of 7/8 or less.
        self.bytes += (48 + SERIES_BYTES + series.labels.memory()) as i64;
        self.bytes += self.postings.add(slot, &series.labels) as i64;
        slot
    }

    fn note_family(&mut self, family: &Arc<Family>) {
        if !self.families.contains(family) {
            self.bytes += (size_of::<Family>() + family.name.len() + family.metadata.help.len() + 64) as i64;
            self.families.insert(family.clone());
        }
    }

    #[inline]
    fn account(&mut self, time: i64, growth: Growth) {
        self.rows += growth.rows;
        self.bytes += growth.bytes;
        self.oldest = self.oldest.min(time);
        self.newest = self.newest.max(time);
    }
}
