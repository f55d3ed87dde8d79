//! How long to wait before the next attempt: exponential with full jitter, so that many services do not return in step.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);
/// A collector may ask for a pause, but not stop us for ever.
const ASKED_MAX: Duration = Duration::from_secs(30);

/// The pauses of one request.
#[derive(Debug)]
pub(super) struct Backoff {
    ceiling: Duration,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { ceiling: FIRST }
    }

    /// The next pause: at least what the collector asked for, else random up to a ceiling that doubles.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let ceiling = self.ceiling;
        self.ceiling = (ceiling * 2).min(LONGEST);
        let random = ceiling.mul_f64(rand::random::<f64>());
        asked.map_or(random, |asked| asked.min(ASKED_MAX) + random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_respect_the_collector() {
        let mut backoff = Backoff::new();
        assert!(backoff.next(None) <= FIRST);
        for _ in 0..20 {
            assert!(backoff.next(None) <= LONGEST);
        }
        assert_eq!(backoff.ceiling, LONGEST);
        assert!(backoff.next(Some(Duration::from_secs(7))) >= Duration::from_secs(7));
        assert!(backoff.next(Some(Duration::from_secs(3600))) <= ASKED_MAX + LONGEST);
    }
}
