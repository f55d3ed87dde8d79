//! The guard: flushes and says what was lost.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::process::Process;
use crate::stderr;

/// What became of the records of one signal since start. `accepted == exported + lost()` once the guard has shut down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records that ended or were logged while telemetry ran.
    pub accepted: u64,
    /// Records that the collector confirmed.
    pub exported: u64,
    /// Records for which the queue had no room, or that came after it was closed.
    pub dropped: u64,
    /// Records that the collector refused, or whose delivery was not confirmed in time.
    pub failed: u64,
}

impl Tally {
    /// Records that did not arrive, as far as is known. One whose confirmation got lost counts as lost.
    pub fn lost(&self) -> u64 {
        self.dropped + self.failed
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accepted, exported, dropped, failed } = self;
        write!(out, "{accepted} accepted, {exported} exported, {dropped} dropped, {failed} failed")
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

impl LossReport {
    /// True when something may not have arrived.
    pub fn is_loss(&self) -> bool {
        self.spans.lost() + self.logs.lost() + self.metrics.lost() > 0
    }
}

impl fmt::Display for LossReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "spans: {}; logs: {}; metrics: {}", self.spans, self.logs, self.metrics)
    }
}

/// What a flush reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlushReport {
    /// False when the deadline came first.
    pub complete: bool,
    /// Tallies at the end of the flush.
    pub tallies: LossReport,
}

/// Who holds the process's global places that telemetry wanted: itself, or somebody who was there before and stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ownership {
    /// `tracing`'s subscriber. When it is not ours, add [`crate::layer`] to it.
    pub subscriber: bool,
    /// OpenTelemetry's tracer provider and propagator.
    pub tracers: bool,
    /// OpenTelemetry's meter provider.
    pub meters: bool,
}

/// Owns telemetry: drop it last. Dropping flushes within a deadline (`OTEL_BSP_EXPORT_TIMEOUT`, 5 s when unset) and writes what was
/// lost to stderr. A panic that unwinds drops it too; SIGTERM and SIGINT are handled by [`crate::Builder::signals`].
#[derive(Debug)]
#[must_use = "telemetry stops when the guard is dropped"]
pub struct Guard {
    process: Arc<Process>,
    ownership: Ownership,
    is_stopped: bool,
}

impl Guard {
    pub(crate) fn new(process: Arc<Process>, ownership: Ownership) -> Self {
        Self { process, ownership, is_stopped: false }
    }

    /// Exports what is queued now; returns when that is done or `deadline` has passed. Blocks: from async code use `spawn_blocking`.
    pub fn flush(&self, deadline: Duration) -> FlushReport {
        let complete = self.process.flush(deadline);
        FlushReport { complete, tallies: self.process.tallies() }
    }

    /// Flushes and stops. What is not delivered when `deadline` has passed is counted as lost. Blocks, as [`Self::flush`].
    pub fn shutdown(mut self, deadline: Duration) -> LossReport {
        self.is_stopped = true;
        self.process.stop(deadline)
    }

    /// Counts so far.
    pub fn tallies(&self) -> LossReport {
        self.process.tallies()
    }

    /// Which global places are ours.
    pub fn ownership(&self) -> Ownership {
        self.ownership
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.is_stopped {
            let report = self.process.stop(self.process.config.exit_deadline);
            tell(&report, self.process.config.debug);
        }
    }
}

/// Says what was lost, and with `OTEL_DEBUG` also that nothing was.
pub(crate) fn tell(report: &LossReport, debug: bool) {
    if report.is_loss() {
        stderr::line(&format!("telemetry: not everything was delivered: {report}"));
    } else if debug {
        stderr::line(&format!("telemetry: {report}"));
    }
}
