//! The rate limit of each base: so many requests a second, and a penalty for who goes over it.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::ApiError;

/// The limit counts requests in any span of this length.
const WINDOW: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Track {
    passed: VecDeque<Instant>,
    refused_until: Option<Instant>,
}

/// The limits of all bases.
pub(crate) struct Limits {
    rate: usize,
    penalty: Duration,
    tracks: HashMap<String, Track>,
}

impl Limits {
    pub(crate) fn new(rate: usize, penalty: Duration) -> Self {
        Self { rate, penalty, tracks: HashMap::new() }
    }

    /// Counts a request to a base that exists.
    ///
    /// # Errors
    /// [`ApiError::RateLimited`] for the request that is over the limit, and for all in the penalty that it starts.
    pub(crate) fn pass(&mut self, base: &str, now: Instant) -> Result<(), ApiError> {
        let track = self.tracks.entry(base.to_owned()).or_default();
        if track.refused_until.is_some_and(|until| now < until) {
            return Err(ApiError::RateLimited);
        }
        while track.passed.front().is_some_and(|at| now.duration_since(*at) >= WINDOW) {
            track.passed.pop_front();
        }
        if track.passed.len() >= self.rate {
            track.refused_until = Some(now + self.penalty);
            return Err(ApiError::RateLimited);
        }
        track.refused_until = None;
        track.passed.push_back(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_in_a_second_starts_a_penalty() {
        let mut limits = Limits::new(5, Duration::from_secs(30));
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        for millis in [0, 10, 20, 30, 40] {
            assert_eq!(limits.pass("appA", at(millis)), Ok(()));
        }
        assert_eq!(limits.pass("appA", at(990)), Err(ApiError::RateLimited));
        assert_eq!(limits.pass("appB", at(990)), Ok(()), "each base has its own limit");
        assert_eq!(limits.pass("appA", at(20_000)), Err(ApiError::RateLimited));
        assert_eq!(limits.pass("appA", at(31_000)), Ok(()));
    }

    #[test]
    fn five_in_any_second_are_fine() {
        let mut limits = Limits::new(5, Duration::from_secs(30));
        let start = Instant::now();
        for step in 0..100 {
            assert_eq!(limits.pass("appA", start + Duration::from_millis(step * 200)), Ok(()));
        }
    }
}
