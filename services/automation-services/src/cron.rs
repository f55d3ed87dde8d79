//! Cron expressions, in UTC.
//!
//! Five fields (minute, hour, day of month, month, day of week), or six with seconds first, or a nickname (`@daily`). Names of months and
//! days, lists, ranges, steps, `L`, `#` and `W` are understood by the `croner` crate, as is Vixie cron's rule that day of month and day of
//! week are alternatives when both are given. Time zones are not: a schedule means UTC everywhere.

use chrono::{DateTime, SubsecRound, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds};

/// The longest expression that is looked at, in bytes: a full list of 60 minutes is 169.
const EXPRESSION_BYTES_MAX: usize = 400;

/// Why an expression is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// The text cannot be read.
    #[error("not a cron expression: {0}")]
    Malformed(String),
    /// The text can be read but names no moment in the years to come (31 February).
    #[error("the expression never comes due")]
    Never,
}

/// A parsed expression that comes due at least once.
#[derive(Debug, Clone)]
pub struct Schedule(Cron);

impl Schedule {
    /// Parses `expression`; `now` decides whether it ever comes due again.
    pub fn parse(expression: &str, now: DateTime<Utc>) -> Result<Self, CronError> {
        let expression = expression.trim();
        if expression.len() > EXPRESSION_BYTES_MAX {
            return Err(CronError::Malformed(format!("longer than {EXPRESSION_BYTES_MAX} characters")));
        }
        let parser = CronParser::builder().seconds(Seconds::Optional).build();
        let cron = parser.parse(expression).map_err(|error| CronError::Malformed(lowered(&error.to_string())))?;
        let schedule = Self(cron);
        schedule.next(now).map(|_| schedule).ok_or(CronError::Never)
    }

    /// The first moment after `after`: a whole second.
    pub fn next(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // The crate would carry the fraction of `after` into its answer, and a workflow of every minute would run late by it.
        self.0.find_next_occurrence(&after.trunc_subsecs(0), false).ok()
    }

    /// The next `count` moments after `after`, in order.
    pub fn upcoming(&self, after: DateTime<Utc>, count: usize) -> Vec<DateTime<Utc>> {
        std::iter::successors(self.next(after), |previous| self.next(*previous)).take(count).collect()
    }
}

fn lowered(message: &str) -> String {
    let message = message.trim_end_matches('.');
    let mut chars = message.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn upcoming(expression: &str, now: &str) -> Vec<String> {
        let now = at(now);
        let moments = Schedule::parse(expression, now).unwrap().upcoming(now, 5);
        moments.iter().map(|moment| moment.format("%m-%d %H:%M:%S").to_string()).collect()
    }

    #[test]
    fn next_moments() {
        let cases: &[(&str, &str, &[&str])] = &[
            (
                "*/5 * * * *",
                "2026-11-22T10:00:00Z",
                &["11-22 10:05:00", "11-22 10:10:00", "11-22 10:15:00", "11-22 10:20:00", "11-22 10:25:00"],
            ),
            (
                "0 9 * * MON-FRI",
                "2026-11-20T09:00:00Z",
                &["11-23 09:00:00", "11-24 09:00:00", "11-25 09:00:00", "11-26 09:00:00", "11-27 09:00:00"],
            ),
            (
                "@daily",
                "2026-12-30T10:00:00Z",
                &["12-31 00:00:00", "01-01 00:00:00", "01-02 00:00:00", "01-03 00:00:00", "01-04 00:00:00"],
            ),
            (
                "*/20 * * * * *",
                "2026-11-22T10:00:01Z",
                &["11-22 10:00:20", "11-22 10:00:40", "11-22 10:01:00", "11-22 10:01:20", "11-22 10:01:40"],
            ),
            (
                "0 0 31 * *",
                "2026-11-22T10:00:00Z",
                &["12-31 00:00:00", "01-31 00:00:00", "03-31 00:00:00", "05-31 00:00:00", "07-31 00:00:00"],
            ),
            (
                "0 0 29 2 *",
                "2026-11-22T10:00:00Z",
                &["02-29 00:00:00", "02-29 00:00:00", "02-29 00:00:00", "02-29 00:00:00", "02-29 00:00:00"],
            ),
        ];
        for (expression, now, expected) in cases {
            assert_eq!(upcoming(expression, now), *expected, "{expression}");
        }
    }

    #[test]
    fn moments_are_whole_seconds_and_later_than_asked() {
        for (expression, now, expected) in [
            ("*/5 * * * *", "2026-11-22T10:00:00.136Z", "2026-11-22T10:05:00Z"),
            ("* * * * *", "2026-11-22T10:00:59.999Z", "2026-11-22T10:01:00Z"),
            ("* * * * * *", "2026-11-22T10:00:00.5Z", "2026-11-22T10:00:01Z"),
            ("* * * * * *", "2026-11-22T10:00:00Z", "2026-11-22T10:00:01Z"),
        ] {
            let now = at(now);
            assert_eq!(Schedule::parse(expression, now).unwrap().next(now), Some(at(expected)), "{expression}");
        }
    }

    #[test]
    fn refused() {
        let now = at("2026-11-22T10:00:00Z");
        for text in
            ["", " ", "* * * *", "61 * * * *", "* * * * * * * *", "every monday", "@sometimes", &"1,".repeat(300)]
        {
            let error = Schedule::parse(text, now).unwrap_err();
            assert!(error.to_string().starts_with("not a cron expression: "), "{text}: {error}");
        }
        assert_eq!(Schedule::parse("0 0 31 2 *", now).unwrap_err(), CronError::Never);
    }
}
