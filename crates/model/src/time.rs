//! Points in time as integers since the Unix epoch.

/// Nanoseconds since 1970-01-01T00:00:00Z, the unit of OTLP spans and logs. Lasts until the year 2554.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixNanos(pub u64);

/// Milliseconds since 1970-01-01T00:00:00Z, the unit of Prometheus samples. Negative before 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(pub i64);

impl UnixNanos {
    /// The clock of the machine. Before 1970 it reads 0.
    pub fn now() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Self(since.map_or(0, |elapsed| elapsed.as_nanos() as u64))
    }

    /// Whole seconds, cut.
    pub fn secs(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// Milliseconds, cut (OTLP to Prometheus cuts, it does not round).
    pub fn millis(self) -> UnixMillis {
        UnixMillis((self.0 / 1_000_000) as i64)
    }

    /// From whole seconds; saturates at the end of the range.
    pub fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }
}

impl UnixMillis {
    /// As nanoseconds; times before 1970 become 0, times past 2554 the last one.
    pub fn nanos(self) -> UnixNanos {
        UnixNanos((self.0.max(0) as u64).saturating_mul(1_000_000))
    }
}

/// A span of time with both ends inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// First nanosecond inside.
    pub start: UnixNanos,
    /// Last nanosecond inside.
    pub end: UnixNanos,
}

impl TimeRange {
    /// Everything.
    pub const ALL: Self = Self { start: UnixNanos(0), end: UnixNanos(u64::MAX) };

    /// From `start` to `end`, both inside.
    pub fn new(start: UnixNanos, end: UnixNanos) -> Self {
        Self { start, end }
    }

    /// True when `time` lies inside.
    pub fn contains(&self, time: UnixNanos) -> bool {
        self.start <= time && time <= self.end
    }

    /// True when the two share a nanosecond.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }
}
