//! Calendar days in UTC, the grain of price validity.

use std::fmt;

const SECONDS_PER_DAY: i64 = 86_400;

/// A day in UTC, counted from 1970-01-01. Ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

impl Day {
    /// The day on which an instant falls, given in Unix seconds.
    pub fn of_unix_seconds(seconds: i64) -> Self {
        Self(seconds.div_euclid(SECONDS_PER_DAY))
    }

    /// From a text that begins with `YYYY-MM-DD` (an RFC 3339 time in UTC does); `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let date = text.get(..10)?;
        let shaped = date.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
        if !shaped {
            return None;
        }
        let (year, month, day) = (date[..4].parse().ok()?, date[5..7].parse().ok()?, date[8..].parse().ok()?);
        let parsed = (1..=12).contains(&month).then(|| Self(days_from_civil(year, month, day)))?;
        // A day that the month does not have comes back as another one.
        (parsed.civil() == (year, month, day)).then_some(parsed)
    }

    fn civil(self) -> (i64, i64, i64) {
        let shifted = self.0 + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        (year_of_era + era * 400 + i64::from(month <= 2), month, day)
    }
}

/// Days since 1970-01-01 of the proleptic Gregorian calendar, by counting years from March in eras of 400.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_known_instants() {
        assert_eq!(Day::of_unix_seconds(0).to_string(), "1970-01-01");
        assert_eq!(Day::of_unix_seconds(-1).to_string(), "1969-12-31");
        assert_eq!(Day::of_unix_seconds(1_709_164_799).to_string(), "2024-02-28");
        assert_eq!(Day::of_unix_seconds(1_709_164_800).to_string(), "2024-02-29");
        assert_eq!(Day::parse("2026-08-20T10:00:00Z"), Some(Day::of_unix_seconds(1_787_220_000)));
    }

    #[test]
    fn text_round_trip_and_refusals() {
        for text in ["1999-12-31", "2000-02-29", "2026-11-22", "2100-03-01"] {
            assert_eq!(Day::parse(text).expect("a date").to_string(), text);
        }
        for text in ["2025-02-29", "2026-13-01", "2026-00-10", "2026-1-01", "yesterday", "2026-04-31", "２０２６-01"]
        {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }
}
