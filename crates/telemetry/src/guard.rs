//! The guard: flushes and says what was lost.

use std::time::Duration;

/// What became of the records of one signal since start. `accepted == exported + lost()` once the guard has shut down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records that ended or were logged while telemetry ran.
    pub accepted: u64,
    /// Records that the collector confirmed.
    pub exported: u64,
    /// Records for which the queue had no room.
    pub dropped: u64,
    /// Records that the collector refused, or that could not be delivered in time.
    pub failed: u64,
}

impl Tally {
    /// Records that did not arrive, as far as is known.
    pub fn lost(&self) -> u64 {
        self.dropped + self.failed
    }
}

/// What was lost over the life of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LossReport {
    /// Spans.
    pub spans: Tally,
    /// Log records.
    pub logs: Tally,
    /// Metric points of exports that failed; the next export replaces them, since sums are cumulative.
    pub metrics: Tally,
}

/// What a flush reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlushReport {
    /// False when the deadline came first.
    pub complete: bool,
    /// Tallies at the end of the flush.
    pub tallies: LossReport,
}

/// Owns telemetry: drop it last. Dropping flushes within a deadline and writes what was lost to stderr.
#[derive(Debug)]
#[must_use = "telemetry stops when the guard is dropped"]
pub struct Guard {
    _private: (),
}

impl Guard {
    pub(crate) fn new() -> Self {
        Self { _private: () }
    }

    /// Exports what is queued now; returns when that is done or `deadline` has passed. Blocks: from async code use `spawn_blocking`.
    pub fn flush(&self, deadline: Duration) -> FlushReport {
        let _ = deadline;
        FlushReport::default()
    }

    /// Flushes and stops. What is not delivered when `deadline` has passed is counted as lost.
    pub fn shutdown(self, deadline: Duration) -> LossReport {
        let _ = deadline;
        LossReport::default()
    }
}
