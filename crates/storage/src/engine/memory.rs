//! The memory that records take until they are in blocks, over all signals, with a limit that makes writers wait.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use store_api::StoreError;
use tokio::sync::Notify;

use super::RETRY_AFTER;

/// How long a writer waits for a flush to make room before it is sent away. Shorter than the default timeouts of OTLP
/// exporters (10 s), long enough for a flush of a full head.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Counts the bytes of all heads.
pub(crate) struct MemoryGauge {
    used: AtomicU64,
    bytes_max: u64,
    refused: AtomicU64,
    freed: Notify,
}

impl MemoryGauge {
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self { used: AtomicU64::new(0), bytes_max, refused: AtomicU64::new(0), freed: Notify::new() }
    }

    /// Waits until there is room; after five seconds the writer is refused.
    pub(crate) async fn admit(&self) -> Result<(), StoreError> {
        self.admit_within(WAIT_MAX).await
    }

    async fn admit_within(&self, patience: Duration) -> Result<(), StoreError> {
        if self.used() < self.bytes_max {
            return Ok(());
        }
        let room = async {
            loop {
                let freed = self.freed.notified();
                if self.used() < self.bytes_max {
                    return;
                }
                freed.await;
            }
        };
        if tokio::time::timeout(patience, room).await.is_ok() {
            return Ok(());
        }
        self.refused.fetch_add(1, Ordering::Relaxed);
        let reason = format!("ingest memory is full ({} of {} bytes wait to be flushed)", self.used(), self.bytes_max);
        Err(StoreError::Exhausted { reason, retry_after: RETRY_AFTER })
    }

    /// A head's size went from `before` to `after`.
    pub(crate) fn adjust(&self, before: u64, after: u64) {
        if after >= before {
            self.used.fetch_add(after - before, Ordering::Relaxed);
        } else {
            self.used.fetch_sub(before - after, Ordering::Relaxed);
            self.freed.notify_waiters();
        }
    }

    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    pub(crate) fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// True while writers have to wait.
    pub(crate) fn is_full(&self) -> bool {
        self.used() >= self.bytes_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_gauge_makes_writers_wait_and_then_refuses_them() {
        let gauge = std::sync::Arc::new(MemoryGauge::new(100));
        gauge.adjust(0, 100);
        let waiting = tokio::spawn({
            let gauge = gauge.clone();
            async move { gauge.admit_within(WAIT_MAX).await }
        });
        tokio::task::yield_now().await;
        gauge.adjust(100, 10);
        assert!(waiting.await.expect("joins").is_ok());
        gauge.adjust(10, 200);
        let error = gauge.admit_within(Duration::ZERO).await.expect_err("refused");
        assert_eq!(error.kind(), model::Kind::Exhausted);
        assert!(error.retry_after().is_some());
    }
}
