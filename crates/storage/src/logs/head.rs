//! A tenant's log records that are in no block yet: a list of immutable batches.
//!
//! Many senders send few records at a time; a thousand tiny batches would cost a thousand dictionaries. So the newest eight batches
//! are joined once none of them is larger than the last, which moves a record at most [`TIERS`] times.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use model::TimeRange;

use super::batch::LogBatch;
use super::join::join;
use crate::engine::signal::HeadSize;

/// How many neighbours of one tier are joined.
const FAN_IN: usize = 8;
/// Batches of this many rows are large enough: their dictionaries are spread over enough records. Below the 512 that SDKs send at
/// a time.
const JOINED_ROWS_MAX: usize = 256;
/// Tiers of sizes: below 8, 64, 256 rows.
const TIERS: u32 = 3;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct LogHead {
    state: RwLock<HeadState>,
}

#[derive(Debug, Default)]
struct HeadState {
    batches: Vec<Arc<LogBatch>>,
    rows: u64,
    bytes: u64,
    range: Option<TimeRange>,
}

impl LogHead {
    /// Adds a batch behind the others.
    pub(crate) fn attach(&self, batch: LogBatch) {
        let Some(range) = batch.range() else { return };
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.rows += batch.rows() as u64;
        state.bytes += batch.heap_bytes() as u64;
        state.range = Some(match state.range {
            None => range,
            Some(known) => TimeRange::new(known.start.min(range.start), known.end.max(range.end)),
        });
        state.batches.push(Arc::new(batch));
        state.join_newest();
    }

    /// The batches in order of arrival.
    pub(crate) fn batches(&self) -> Vec<Arc<LogBatch>> {
        self.read().batches.clone()
    }

    /// Rows, memory and times.
    pub(crate) fn size(&self) -> HeadSize {
        let state = self.read();
        let (oldest, newest) = (state.range.map(|range| range.start), state.range.map(|range| range.end));
        HeadSize { rows: state.rows, bytes: state.bytes, oldest, newest }
    }

    fn read(&self) -> RwLockReadGuard<'_, HeadState> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HeadState {
    fn join_newest(&mut self) {
        loop {
            let Some(first) = self.batches.len().checked_sub(FAN_IN) else { return };
            let newest = &self.batches[first..];
            let tier = tier(newest[FAN_IN - 1].rows());
            let lines: usize = newest.iter().map(|batch| batch.lines.bytes.len()).sum();
            let fits = tier < TIERS && lines < u32::MAX as usize;
            if !fits || newest.iter().any(|batch| self::tier(batch.rows()) > tier) {
                return;
            }
            let joined = join(newest);
            let before: usize = newest.iter().map(|batch| batch.heap_bytes()).sum();
            self.bytes = (self.bytes + joined.heap_bytes() as u64).saturating_sub(before as u64);
            self.batches.truncate(first);
            self.batches.push(Arc::new(joined));
        }
    }
}

/// 0 for fewer than 8 rows, one more for each factor of 8, at most [`TIERS`].
fn tier(rows: usize) -> u32 {
    if rows >= JOINED_ROWS_MAX { TIERS } else { rows.max(1).ilog2() / 3 }
}

#[cfg(test)]
mod tests {
    use super::super::testing::batch_of;
    use super::*;

    #[test]
    fn tiny_batches_are_joined_and_order_is_kept() {
        let head = LogHead::default();
        for number in 0..5000u64 {
            head.attach(batch_of(&[(number, &format!("line {number}"))]));
        }
        let batches = head.batches();
        assert!(batches.len() < 5000 / JOINED_ROWS_MAX + 8 * TIERS as usize, "{} batches", batches.len());
        let lines = batches.iter().flat_map(|batch| (0..batch.rows()).map(|row| batch.line(row).to_owned()));
        assert!(lines.eq((0..5000).map(|number| format!("line {number}"))));
        let size = head.size();
        let bytes: usize = batches.iter().map(|batch| batch.heap_bytes()).sum();
        assert_eq!((size.rows, size.bytes), (5000, bytes as u64));
        assert_eq!((size.oldest.map(|t| t.0), size.newest.map(|t| t.0)), (Some(1), Some(5000)));
    }

    #[test]
    fn tiers_grow_by_eight() {
        let tiers: Vec<u32> = [0, 1, 7, 8, 63, 64, 255, 256, 1 << 20].map(tier).to_vec();
        assert_eq!(tiers, [0, 0, 0, 1, 1, 2, 2, 3, 3]);
    }
}
