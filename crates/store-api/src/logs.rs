//! Reading logs.

use std::collections::BTreeSet;

use model::{Labels, LogEntry, TenantId, TimeRange};
use regex::Regex;

use crate::{Matcher, ReadStats, StoreError};

/// Which end of the range a limited read starts at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Newest first (Loki's default).
    #[default]
    Backward,
    /// Oldest first.
    Forward,
}

/// A condition on the line.
#[derive(Clone, Debug)]
pub enum LineFilterOp {
    /// `|= "text"`
    Contains(String),
    /// `!= "text"`
    NotContains(String),
    /// `|~ "re"`, not anchored
    Regex(Regex),
    /// `!~ "re"`, not anchored
    NotRegex(Regex),
}

/// One stage of line filters: alternatives of which one must hold (LogQL `or`). For the negated ones `or` means that all hold.
#[derive(Clone, Debug)]
pub struct LineFilter {
    /// The alternatives; never empty, all of one operator.
    pub any: Vec<LineFilterOp>,
}

impl LineFilter {
    /// True when `line` passes.
    pub fn passes(&self, line: &str) -> bool {
        let hit = |op: &LineFilterOp| match op {
            LineFilterOp::Contains(text) | LineFilterOp::NotContains(text) => line.contains(text.as_str()),
            LineFilterOp::Regex(regex) | LineFilterOp::NotRegex(regex) => regex.is_match(line),
        };
        let negated = matches!(self.any.first(), Some(LineFilterOp::NotContains(_) | LineFilterOp::NotRegex(_)));
        self.any.iter().any(hit) != negated
    }
}

/// What [`LogSource::select`] is asked for.
#[derive(Clone, Debug)]
pub struct LogSelect {
    /// Conditions on index labels; all must hold.
    pub matchers: Vec<Matcher>,
    /// Conditions on the line; all must hold.
    pub line_filters: Vec<LineFilter>,
    /// Time of the entries.
    pub range: TimeRange,
    /// Which entries win when there are more than `limit`.
    pub direction: Direction,
    /// Most entries over all streams; 0 for all.
    pub limit: usize,
}

/// The entries of one stream.
#[derive(Clone, Debug, PartialEq)]
pub struct LogStream {
    /// Index labels.
    pub labels: Labels,
    /// Entries in the order of the select's direction; equal times in order of arrival.
    pub entries: Vec<LogEntry>,
}

/// Answer of [`LogSource::select`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogSelection {
    /// Streams in order of their labels' text.
    pub streams: Vec<LogStream>,
    /// What it cost.
    pub stats: ReadStats,
    /// Bytes of the lines that were looked at.
    pub line_bytes: u64,
}

/// Reads logs. Every record whose append ended before a call began is seen by it.
pub trait LogSource: Send + Sync {
    /// Entries of the streams that match.
    fn select(&self, tenant: &TenantId, select: &LogSelect) -> Result<LogSelection, StoreError>;

    /// Names of index labels on streams that match (all streams without matchers) with entries in `range`.
    fn label_names(
        &self,
        tenant: &TenantId,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<BTreeSet<String>, StoreError>;

    /// Values of one index label.
    fn label_values(
        &self,
        tenant: &TenantId,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<BTreeSet<String>, StoreError>;

    /// Label sets of the streams that match any of `selectors` (all streams when there is none).
    fn series(
        &self,
        tenant: &TenantId,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Result<Vec<Labels>, StoreError>;
}
