//! Bounds the bytes that requests under way hold: bodies as received and once decompressed.
//!
//! A request waits for its share before its body is read, so that a full pool pushes back through the connection's flow
//! control; who waits longer than [`WAIT_MAX`] is told to come back. Waiters are served in order of arrival.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::ReceiveError;
use crate::error::RETRY_AFTER_DEFAULT;

/// How long a request waits for its share. Below the 10 s after which an OTLP exporter gives up by default.
pub const WAIT_MAX: Duration = Duration::from_secs(3);

/// Shares are counted in KiB, so that a semaphore's 32-bit request covers any size.
const SHARE_BYTES: usize = 1024;

/// The pool of bytes.
#[derive(Clone, Debug)]
pub struct InFlight {
    shares: Arc<Semaphore>,
    bytes_max: usize,
    wait_max: Duration,
}

/// A request's share; given back on drop.
#[derive(Debug)]
pub struct Reservation {
    pool: InFlight,
    permit: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

impl InFlight {
    /// A pool of `bytes_max` bytes.
    pub fn new(bytes_max: usize) -> Self {
        let mut pool = Self { shares: Arc::new(Semaphore::new(0)), bytes_max, wait_max: WAIT_MAX };
        pool.shares = Arc::new(Semaphore::new(pool.shares_max()));
        pool
    }

    /// The same pool with another patience.
    pub fn with_wait_max(mut self, wait_max: Duration) -> Self {
        self.wait_max = wait_max;
        self
    }

    /// The pool's size in bytes.
    pub fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Bytes taken now, to the KiB.
    pub fn bytes_used(&self) -> usize {
        (self.shares_max() - self.shares.available_permits()) * SHARE_BYTES
    }

    fn shares_max(&self) -> usize {
        (self.bytes_max / SHARE_BYTES).clamp(1, Semaphore::MAX_PERMITS)
    }

    /// Opens an empty share.
    pub fn reservation(&self) -> Reservation {
        Reservation { pool: self.clone(), permit: None, bytes: 0 }
    }
}

impl Reservation {
    /// Makes the share at least `bytes` large, waiting if need be. A request larger than the whole pool takes the whole pool.
    pub async fn grow_to(&mut self, bytes: usize) -> Result<(), ReceiveError> {
        let bytes = bytes.min(self.pool.bytes_max);
        if bytes <= self.bytes {
            return Ok(());
        }
        let held = self.bytes / SHARE_BYTES;
        let wanted = bytes.div_ceil(SHARE_BYTES).min(self.pool.shares_max());
        let missing = wanted.saturating_sub(held);
        let shares = u32::try_from(missing).unwrap_or(u32::MAX);
        let acquire = Arc::clone(&self.pool.shares).acquire_many_owned(shares);
        let permit = match tokio::time::timeout(self.pool.wait_max, acquire).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) | Err(_) => return Err(self.busy()),
        };
        match &mut self.permit {
            Some(held) => held.merge(permit),
            None => self.permit = Some(permit),
        }
        self.bytes = wanted * SHARE_BYTES;
        Ok(())
    }

    fn busy(&self) -> ReceiveError {
        ReceiveError::Busy { in_flight_bytes_max: self.pool.bytes_max, retry_after: RETRY_AFTER_DEFAULT }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_pool_refuses_and_a_drop_frees_it() {
        let pool = InFlight::new(8192).with_wait_max(Duration::ZERO);
        let mut first = pool.reservation();
        first.grow_to(5000).await.expect("free");
        first.grow_to(4000).await.expect("already held");
        assert_eq!(pool.bytes_used(), 5120);
        let mut second = pool.reservation();
        assert!(matches!(second.grow_to(4000).await, Err(ReceiveError::Busy { .. })));
        drop(first);
        second.grow_to(1 << 30).await.expect("takes the whole pool");
        assert_eq!(pool.bytes_used(), 8192);
    }
}
