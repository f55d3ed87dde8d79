//! Points in time on the command line: Unix seconds, RFC 3339, `now`, or a duration before now such as `90m`.

use std::time::{Duration, SystemTime};

use super::ClientError;

/// A point in time as it is sent, in a form that Loki and Prometheus both read.
pub(super) fn parse(text: &str, now: SystemTime) -> Result<String, ClientError> {
    if text == "now" {
        return Ok(unix(now));
    }
    if let Some(duration) = duration(text) {
        return Ok(unix(now.checked_sub(duration).unwrap_or(SystemTime::UNIX_EPOCH)));
    }
    // Whether it is a valid date is for the server to say.
    let is_number = text.parse::<f64>().is_ok_and(f64::is_finite);
    let looks_like_a_date = text.len() >= 20 && text.as_bytes()[10].eq_ignore_ascii_case(&b'T');
    if is_number || looks_like_a_date {
        return Ok(text.to_owned());
    }
    Err(ClientError::usage(format!(
        "not a time: {text:?}; use Unix seconds, RFC 3339, or a duration before now such as 1h"
    )))
}

/// Seconds with three decimals.
fn unix(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{}.{:03}", since.as_secs(), since.subsec_millis())
}

/// Nanoseconds since 1970 for people: RFC 3339 in UTC with milliseconds.
pub(super) fn show(nanos: u64) -> String {
    let (secs, millis) = (nanos / 1_000_000_000, nanos / 1_000_000 % 1000);
    let (mut days, rest) = (secs / 86_400, secs % 86_400);
    // Years are walked one by one: a log line needs no faster calendar.
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z", month + 1, days + 1)
}

/// A whole number with a unit: `500ms`, `30s`, `5m`, `2h`, `7d`, `1w`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let at = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..at].parse().ok()?;
    let millis = match &text[at..] {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_for_people() {
        for (secs, expected) in [
            (0, "1970-01-01T00:00:00.250Z"),
            (951_782_400, "2000-02-29T00:00:00.250Z"),
            (1_700_000_000, "2023-11-14T22:13:20.250Z"),
            (4_107_542_399, "2100-02-28T23:59:59.250Z"),
        ] {
            assert_eq!(show(secs * 1_000_000_000 + 250_000_000), expected);
        }
        assert!(show(u64::MAX).starts_with("2554-07-21"));
    }

    #[test]
    fn times() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_250);
        for (text, expected) in [
            ("now", "1700000000.250"),
            ("1h", "1699996400.250"),
            ("1600000000", "1600000000"),
            ("2023-11-14T22:13:20Z", "2023-11-14T22:13:20Z"),
        ] {
            assert_eq!(parse(text, now).expect(text), expected);
        }
        for text in ["", "1x", "yesterday", "h", "2023-11-14", "nan"] {
            assert!(matches!(parse(text, now), Err(ClientError::Usage(_))), "{text}");
        }
    }
}
