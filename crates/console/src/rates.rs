//! Rows a second over the last minute, from counters that only rise.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How far back a rate looks.
const WINDOW: Duration = Duration::from_secs(60);

/// Observations closer than this to the last one are not kept, so that a busy poller cannot fill the memory.
const SPACING: Duration = Duration::from_secs(1);

/// Counters at some moments of the last minute.
pub(crate) struct RateWindow {
    observations: Mutex<VecDeque<(Instant, Vec<u64>)>>,
}

impl RateWindow {
    /// Begins with the counters as they are now.
    pub(crate) fn new(now: Instant, counters: Vec<u64>) -> Self {
        Self { observations: Mutex::new(VecDeque::from([(now, counters)])) }
    }

    /// Takes the counters now and tells how fast each rose since the oldest observation of the window. When nobody looked for
    /// longer than that, it is the mean since the last look.
    pub(crate) fn observe(&self, now: Instant, counters: Vec<u64>) -> Vec<f64> {
        let mut observations = self.observations.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_old = |observation: &(Instant, Vec<u64>)| now.saturating_duration_since(observation.0) > WINDOW;
        while observations.len() > 1 && observations.front().is_some_and(is_old) {
            observations.pop_front();
        }
        let rates = match observations.front() {
            None => vec![0.0; counters.len()],
            Some((then, before)) => {
                let secs = now.saturating_duration_since(*then).as_secs_f64();
                let rate = |(at, counter): (usize, &u64)| {
                    let rise = counter.saturating_sub(before.get(at).copied().unwrap_or_default());
                    if secs > 0.0 { rise as f64 / secs } else { 0.0 }
                };
                counters.iter().enumerate().map(rate).collect()
            }
        };
        let is_due = |(last, _): &(Instant, Vec<u64>)| now.saturating_duration_since(*last) >= SPACING;
        if observations.back().is_none_or(is_due) {
            observations.push_back((now, counters));
        }
        rates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_means_over_the_window() {
        let start = Instant::now();
        let at = |secs: u64| start + Duration::from_secs(secs);
        let window = RateWindow::new(start, vec![0, 5]);
        assert_eq!(window.observe(at(10), vec![100, 5]), [10.0, 0.0]);
        assert_eq!(window.observe(at(50), vec![100, 5]), [2.0, 0.0]);
        // The first observation has left the window: from second 10 on.
        assert_eq!(window.observe(at(70), vec![700, 65]), [10.0, 1.0]);
        // Nobody looked for an hour: the mean since the last look.
        assert_eq!(window.observe(at(70 + 3600), vec![4300, 65]), [1.0, 0.0]);
    }

    #[test]
    fn many_looks_are_not_kept() {
        let start = Instant::now();
        let window = RateWindow::new(start, vec![0]);
        for millis in 0..2000 {
            window.observe(start + Duration::from_millis(millis), vec![millis]);
        }
        assert!(window.observations.lock().expect("not poisoned").len() <= 3);
    }
}
