//! Whose turn it is at each base.
//!
//! Airtable counts requests in any second, so a bucket that lets five go at once and refills evenly would be refused. A turn is given
//! out when it is asked for, as a time: one second after the fifth last turn, never inside a penalty. Who cannot have a turn before the
//! deadline is told so at once instead of waiting in vain.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// A second, and what requests may drift against each other on their way.
const WINDOW: Duration = Duration::from_millis(1_050);
/// Bases remembered; idle ones are dropped first. A base takes some hundred bytes.
const BASES_MAX: usize = 10_000;

/// There is no turn before the deadline; the next one comes after this time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TooLate(pub(super) Duration);

/// The turns of all bases. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Limiter {
    rate: usize,
    queue: usize,
    bases: Arc<Mutex<HashMap<String, Turns>>>,
}

#[derive(Debug, Default)]
struct Turns {
    /// The last turns given out, at most `rate` that are over and all that are to come.
    given: VecDeque<Instant>,
    rests_until: Option<Instant>,
}

impl Limiter {
    /// `rate` requests a second for each base; `queue` may wait.
    pub(super) fn new(rate: u32, queue: usize) -> Self {
        Self { rate: usize::try_from(rate).unwrap_or(usize::MAX), queue, bases: Arc::default() }
    }

    /// Waits for the next turn; gives how long that took.
    ///
    /// # Errors
    /// [`TooLate`] when it would come after `deadline`, or too many wait already.
    pub(super) async fn turn(&self, base: &str, deadline: Instant) -> Result<Duration, TooLate> {
        let begin = Instant::now();
        loop {
            let turn = self.change(base, |turns, rate, queue| turns.next(rate, queue, deadline))?;
            sleep_until(turn).await;
            // A penalty may have begun meanwhile: then this turn is void.
            let rests = self.change(base, |turns, _, _| turns.rests_until);
            if rests.is_none_or(|until| until <= Instant::now()) {
                return Ok(begin.elapsed());
            }
        }
    }

    /// Gives out no turn at `base` for `penalty`.
    pub(super) fn rest(&self, base: &str, penalty: Duration) {
        let until = Instant::now() + penalty;
        self.change(base, |turns, _, _| {
            // Turns to come are void, and must not push new ones behind them.
            turns.given.retain(|turn| *turn <= Instant::now());
            turns.rests_until = Some(turns.rests_until.map_or(until, |rests| rests.max(until)));
        });
    }

    fn change<T>(&self, base: &str, work: impl FnOnce(&mut Turns, usize, usize) -> T) -> T {
        // Nothing panics while it holds the lock; the times stay good anyway.
        let mut bases = self.bases.lock().unwrap_or_else(PoisonError::into_inner);
        if bases.len() >= BASES_MAX && !bases.contains_key(base) {
            let now = Instant::now();
            bases.retain(|_, turns| turns.busy(now));
        }
        work(bases.entry(base.to_owned()).or_default(), self.rate, self.queue)
    }
}

impl Turns {
    fn next(&mut self, rate: usize, queue: usize, deadline: Instant) -> Result<Instant, TooLate> {
        let now = Instant::now();
        let past = self.given.iter().take_while(|turn| **turn <= now).count();
        self.given.drain(..past.saturating_sub(rate));
        let mut turn = now;
        if let Some(rests) = self.rests_until {
            turn = turn.max(rests);
        }
        if let Some(before) = self.given.len().checked_sub(rate) {
            turn = turn.max(self.given[before] + WINDOW);
        }
        let waiting = self.given.iter().filter(|turn| **turn > now).count();
        if turn > deadline || turn > now && waiting >= queue {
            return Err(TooLate(turn - now));
        }
        self.given.push_back(turn);
        Ok(turn)
    }

    fn busy(&self, now: Instant) -> bool {
        self.rests_until.is_some_and(|until| until > now) || self.given.back().is_some_and(|turn| *turn + WINDOW > now)
    }
}

#[cfg(test)]
#[path = "limiter/tests.rs"]
mod tests;
