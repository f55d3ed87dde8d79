//! What a caller can do about an error. Each protocol maps a [`Kind`] to its status in one table.

/// Class of an error, the same in every crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The input is wrong; sending it again will not help.
    InvalidInput,
    /// What was asked for is not there.
    NotFound,
    /// A limit is reached (memory, rate, size); try again later.
    Exhausted,
    /// The server cannot do it now (disk full, starting, stopping); try again later.
    Unavailable,
    /// Stored data is damaged.
    Corrupt,
    /// The caller went away or the deadline passed.
    Cancelled,
    /// A defect of ours.
    Internal,
}

impl Kind {
    /// True when the same request may succeed later.
    pub fn retryable(self) -> bool {
        matches!(self, Self::Exhausted | Self::Unavailable)
    }
}
