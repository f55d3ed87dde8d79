//! A bounded queue that counts: every record that was ever offered is waiting, under way, exported, failed or dropped.
//!
//! One mutex guards records and counts together, so that a tally is exact at any moment and closing has a sharp edge. A push is a lock,
//! a move and an unlock (some 20 ns without contention); the consumer takes everything at once, so that it holds the lock for a swap.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::guard::Tally;

/// Records of one signal on their way to the exporter's thread.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    inner: Mutex<Inner<T>>,
    /// Records that may wait or be under way.
    records_max: usize,
    /// As many waiting records wake the consumer; fewer wait for its clock.
    wake_at: usize,
    wake: Notify,
}

#[derive(Debug)]
pub(crate) struct Inner<T> {
    waiting: Vec<T>,
    under_way: usize,
    closed: bool,
    tally: Tally,
}

impl<T> Inner<T> {
    /// Counts so far; what waits or is under way is in `accepted` alone.
    pub(crate) fn tally(&self) -> Tally {
        self.tally
    }
}

impl<T> Queue<T> {
    pub(crate) fn new(records_max: usize, wake_at: usize) -> Self {
        let inner = Inner { waiting: Vec::new(), under_way: 0, closed: false, tally: Tally::default() };
        Self { inner: Mutex::new(inner), records_max, wake_at, wake: Notify::new() }
    }

    /// Never blocks longer than the lock is held elsewhere, which is for a move or a swap.
    pub(crate) fn push(&self, record: T) {
        let mut inner = self.lock();
        inner.tally.accepted += 1;
        if inner.closed || inner.waiting.len() + inner.under_way >= self.records_max {
            inner.tally.dropped += 1;
            drop(inner);
            return;
        }
        inner.waiting.push(record);
        let is_batch = inner.waiting.len() == self.wake_at;
        drop(inner);
        if is_batch {
            self.wake.notify_one();
        }
    }

    /// Moves all waiting records into `into`, which must be empty; its memory becomes the queue's next.
    pub(crate) fn take(&self, into: &mut Vec<T>) {
        let mut inner = self.lock();
        std::mem::swap(&mut inner.waiting, into);
        inner.under_way += into.len();
    }

    /// Says what became of records that [`Self::take`] gave out.
    pub(crate) fn settle(&self, exported: u64, failed: u64) {
        let mut inner = self.lock();
        let settled = usize::try_from(exported + failed).unwrap_or(usize::MAX);
        inner.under_way = inner.under_way.saturating_sub(settled);
        inner.tally.exported += exported;
        inner.tally.failed += failed;
    }

    /// From here on records are counted as dropped.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
    }

    /// Counts what waits or is under way as failed, and frees it.
    pub(crate) fn write_off(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        inner.tally.failed += (inner.waiting.len() + inner.under_way) as u64;
        inner.under_way = 0;
        inner.waiting = Vec::new();
    }

    /// How many records were let in so far.
    pub(crate) fn entered(&self) -> u64 {
        let tally = self.tally();
        tally.accepted - tally.dropped
    }

    /// How many of those that were let in have left, one way or the other.
    pub(crate) fn left(&self) -> u64 {
        let tally = self.tally();
        tally.exported + tally.failed
    }

    pub(crate) fn is_batch_waiting(&self) -> bool {
        self.lock().waiting.len() >= self.wake_at
    }

    pub(crate) fn tally(&self) -> Tally {
        self.lock().tally
    }

    pub(crate) fn records_max(&self) -> usize {
        self.records_max
    }

    /// Records that wait or are under way.
    pub(crate) fn len(&self) -> usize {
        let inner = self.lock();
        inner.waiting.len() + inner.under_way
    }

    /// Returns when a batch may be waiting.
    pub(crate) async fn batch(&self) {
        self.wake.notified().await;
    }

    /// While the guard is held no record can be pushed: its owner reads the tally and ends the process.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_is_counted_once() {
        let queue = Queue::new(3, 2);
        for record in 0..5 {
            queue.push(record);
        }
        let mut taken = Vec::new();
        queue.take(&mut taken);
        assert_eq!(taken, [0, 1, 2]);
        queue.push(5);
        assert_eq!(queue.len(), 3, "records under way take room");
        queue.settle(2, 1);
        queue.push(6);
        queue.close();
        queue.push(7);
        assert_eq!(queue.tally(), Tally { accepted: 8, exported: 2, dropped: 4, failed: 1 });
        assert_eq!((queue.entered(), queue.left()), (4, 3));
    }

    #[test]
    fn threads_lose_nothing_silently() {
        let queue = Queue::new(1000, 100);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|record| queue.push(record)));
            }
            let mut taken: Vec<i32> = Vec::new();
            for _ in 0..1000 {
                queue.take(&mut taken);
                queue.settle(taken.len() as u64, 0);
                taken.clear();
            }
        });
        let tally = queue.tally();
        assert_eq!(tally.accepted, 40_000);
        assert_eq!(tally.accepted, tally.exported + tally.dropped + queue.len() as u64);
    }
}
