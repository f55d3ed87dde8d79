//! The requests that were refused lately: what a user looks for when data does not arrive.

use std::collections::VecDeque;

use model::UnixNanos;

use crate::pipeline::{Signal, Source};

/// Reasons kept. Enough for a page; a sender that makes up a new reason each time pushes out the oldest.
pub const REFUSALS_MAX: usize = 64;

/// Longest reason kept, in bytes: some quote what the sender sent.
const REASON_BYTES_MAX: usize = 300;

/// One reason for which requests through one door were refused, in whole or in part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The door.
    pub source: Source,
    /// What the request carried; `None` when that is not known.
    pub signal: Option<Signal>,
    /// The listener, named as in flags (`otlp-grpc`), or empty where the door has one only.
    pub listener: &'static str,
    /// The text that the sender was given.
    pub reason: String,
    /// How often since start.
    pub count: u64,
    /// When last.
    pub last: UnixNanos,
}

/// A bounded list of [`Refusal`], the newest last.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    list: VecDeque<Refusal>,
}

impl Refusals {
    /// Adds one, or counts it up when the same is listed.
    pub(crate) fn add(&mut self, source: Source, signal: Option<Signal>, listener: &'static str, reason: &str) {
        let reason = cut(reason);
        let same = |known: &Refusal| {
            known.source == source && known.signal == signal && known.listener == listener && known.reason == reason
        };
        let last = UnixNanos::now();
        let count = match self.list.iter().position(same).and_then(|at| self.list.remove(at)) {
            Some(known) => known.count + 1,
            None => 1,
        };
        if self.list.len() == REFUSALS_MAX {
            self.list.pop_front();
        }
        self.list.push_back(Refusal { source, signal, listener, reason: reason.to_owned(), count, last });
    }

    /// The list, the newest first.
    pub(crate) fn newest_first(&self) -> Vec<Refusal> {
        self.list.iter().rev().cloned().collect()
    }
}

fn cut(reason: &str) -> &str {
    let mut end = reason.len().min(REASON_BYTES_MAX);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    &reason[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_reasons_are_counted_and_the_list_is_bounded() {
        let mut refusals = Refusals::default();
        for i in 0..REFUSALS_MAX * 2 {
            refusals.add(Source::OtlpHttp, Some(Signal::Traces), "otlp-http", &format!("reason {i}"));
            refusals.add(Source::OtlpHttp, Some(Signal::Traces), "otlp-http", "the usual");
        }
        let list = refusals.newest_first();
        assert_eq!(list.len(), REFUSALS_MAX);
        assert_eq!((list[0].reason.as_str(), list[0].count), ("the usual", 128));
        refusals.add(Source::LokiPush, None, "", &"ä".repeat(1000));
        assert_eq!(refusals.newest_first()[0].reason.len(), REASON_BYTES_MAX);
    }
}
