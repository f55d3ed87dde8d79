//! Points in time as integers since the Unix epoch.

const SECS_PER_DAY: u64 = 86_400;

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

    /// RFC 3339 in UTC: `2026-08-01T00:00:00.000000001Z`, without a fraction when it is zero.
    pub fn rfc3339(self) -> String {
        let (year, month, day) = self.date();
        let of_day = self.secs() % SECS_PER_DAY;
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        let nanos = self.0 % 1_000_000_000;
        let fraction = if nanos == 0 { String::new() } else { format!(".{nanos:09}") };
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
    }

    /// Year, month (1 to 12) and day (1 to 31) in UTC, of the proleptic Gregorian calendar: counts cycles of 400 years from
    /// 1 March of year 0 (H. Hinnant, "chrono-compatible low-level date algorithms").
    pub fn date(self) -> (u64, u64, u64) {
        // 719,468 days lie between 0000-03-01 and 1970-01-01; 146,097 days make 400 years.
        let days = self.secs() / SECS_PER_DAY + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        (era * 400 + year_of_era + u64::from(month <= 2), month, day)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_around_leap_days() {
        let date = |days: u64| UnixNanos::from_secs(days * SECS_PER_DAY).date();
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(date(11_016), (2000, 2, 29));
        assert_eq!(date(20_779), (2026, 11, 22));
        assert_eq!(date(47_541), (2100, 3, 1));
    }

    #[test]
    fn times_as_text() {
        assert_eq!(UnixNanos(0).rfc3339(), "1970-01-01T00:00:00Z");
        assert_eq!(UnixNanos(951_826_154_000_000_005).rfc3339(), "2000-02-29T12:09:14.000000005Z");
        assert_eq!(UnixNanos::from_secs(4_102_444_799).rfc3339(), "2099-12-31T23:59:59Z");
    }
}
