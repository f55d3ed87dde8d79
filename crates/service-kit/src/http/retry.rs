//! When to try again, and after how long.

use std::time::Duration;

/// The rule: which answers, how often, how long between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Tries after the first; 0 for none.
    pub retries: u32,
    /// The first pause is random between 0 and this; each next one up to twice the last one's bound.
    pub base: Duration,
    /// No pause is longer, and a `Retry-After` beyond it is not waited for: the caller gets the answer.
    pub pause_max: Duration,
}

impl Default for Retry {
    /// Two more tries within about a second: what a restart of a neighbour takes.
    fn default() -> Self {
        Self { retries: 2, base: Duration::from_millis(200), pause_max: Duration::from_secs(5) }
    }
}

impl Retry {
    /// Never again.
    pub const NONE: Self = Self { retries: 0, base: Duration::ZERO, pause_max: Duration::ZERO };
}
