//! The three products' grammars for points in time and durations.
//!
//! | product | point in time | duration |
//! |---|---|---|
//! | Tempo | whole Unix seconds, 32 bits | |
//! | Loki | text with `.`: float seconds; up to 10 digits: seconds; more: nanoseconds; else RFC 3339 | float seconds or `15s` |
//! | Prometheus | float seconds or RFC 3339 | float seconds or `15s` |

use model::UnixNanos;

const NANOS_PER_SEC: i128 = 1_000_000_000;

/// Whole Unix seconds as Tempo takes them.
pub(crate) fn tempo_secs(text: &str) -> Option<u32> {
    text.parse().ok()
}

/// A point in time as Loki takes it.
pub(crate) fn loki_time(text: &str) -> Option<UnixNanos> {
    if text.contains('.')
        && let Some(millis) = float_millis(text)
    {
        return Some(clamp(i128::from(millis) * 1_000_000));
    }
    match text.parse::<i64>() {
        Ok(number) if text.len() <= 10 => Some(clamp(i128::from(number) * NANOS_PER_SEC)),
        Ok(number) => Some(clamp(i128::from(number))),
        Err(_) => rfc3339(text).map(clamp),
    }
}

/// A point in time as Prometheus takes it, in milliseconds.
pub(crate) fn prometheus_millis(text: &str) -> Option<i64> {
    if let Some(millis) = float_millis(text) {
        return Some(millis);
    }
    let nanos = rfc3339(text)?;
    i64::try_from(nanos.div_euclid(1_000_000)).ok()
}

/// A step or timeout as Loki and Prometheus take it, in milliseconds; may be zero or negative when written as a number.
pub(crate) fn step_millis(text: &str) -> Option<i64> {
    float_millis(text).or_else(|| duration_millis(text))
}

/// Float seconds as milliseconds, rounded; `None` when it is no finite number or does not fit.
fn float_millis(text: &str) -> Option<i64> {
    let starts_like_a_number = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    let secs: f64 = text.parse().ok().filter(|_| starts_like_a_number)?;
    let millis = (secs * 1000.0).round();
    (millis.abs() < i64::MAX as f64).then_some(millis as i64)
}

/// A Prometheus duration (`1h30m`, units `y w d h m s ms` in this order, each at most once) in milliseconds.
pub(crate) fn duration_millis(text: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 7] = [
        ("y", 31_536_000_000),
        ("w", 604_800_000),
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ];
    if text == "0" {
        return Some(0);
    }
    let mut rest = text;
    let mut total: i64 = 0;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|at| *at > 0)?;
        let number: i64 = rest[..digits].parse().ok()?;
        let unit_text = &rest[digits..];
        let unit_length = unit_text.find(|c: char| c.is_ascii_digit()).unwrap_or(unit_text.len());
        let at = UNITS.iter().position(|(name, _)| *name == &unit_text[..unit_length])?;
        if at < next_unit {
            return None;
        }
        next_unit = at + 1;
        total = total.checked_add(number.checked_mul(UNITS[at].1)?)?;
        rest = &unit_text[unit_length..];
    }
    (!text.is_empty()).then_some(total)
}

fn clamp(nanos: i128) -> UnixNanos {
    UnixNanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
}

/// Nanoseconds since 1970 of an RFC 3339 date and time with any number of decimals (beyond nine are cut).
pub(crate) fn rfc3339(text: &str) -> Option<i128> {
    let bytes = text.as_bytes();
    let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if !text.is_ascii() || bytes.len() < 20 || separators.iter().any(|(at, byte)| bytes[*at] != *byte) {
        return None;
    }
    if !matches!(bytes[10], b'T' | b't') {
        return None;
    }
    let number = |from: usize, to: usize| -> Option<i64> {
        bytes[from..to].iter().all(u8::is_ascii_digit).then(|| text[from..to].parse().ok()).flatten()
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let in_range = (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !in_range {
        return None;
    }
    let (fraction, zone) = fraction_and_zone(&text[19..])?;
    let secs = days_since_epoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - zone_secs(zone)?;
    Some(i128::from(secs) * NANOS_PER_SEC + fraction)
}

fn fraction_and_zone(rest: &str) -> Option<(i128, &str)> {
    let Some(decimals) = rest.strip_prefix('.') else {
        return Some((0, rest));
    };
    let length = decimals.find(|c: char| !c.is_ascii_digit()).filter(|length| *length > 0)?;
    let nanos = format!("{:0<9.9}", &decimals[..length]).parse().ok()?;
    Some((nanos, &decimals[length..]))
}

fn zone_secs(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = zone[1..].split_once(':')?;
    if hours.len() != 2 || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes) = (hours.parse::<u8>().ok()?, minutes.parse::<u8>().ok()?);
    (hours < 24 && minutes < 60).then_some(sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        _ => 31,
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar. Years are counted from March so that the leap day comes last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let year = if month > 2 { year } else { year - 1 };
    let century_rule = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // 719_468 days lie between 0000-03-01 and 1970-01-01; (153 m + 2) / 5 is the day count of the months since March.
    year * 365 + century_rule + (153 * from_march + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loki_times() {
        let cases = [
            ("1700000000", Some(1_700_000_000_000_000_000)),
            ("1700000000.5", Some(1_700_000_000_500_000_000)),
            ("1700000000000000001", Some(1_700_000_000_000_000_001)),
            // Eleven and more digits are nanoseconds, so milliseconds land in 1970.
            ("1700000000000", Some(1_700_000_000_000)),
            ("2023-11-14T22:13:20Z", Some(1_700_000_000_000_000_000)),
            ("2023-11-14T22:13:20.000000001Z", Some(1_700_000_000_000_000_001)),
            ("2023-11-15T00:13:20+02:00", Some(1_700_000_000_000_000_000)),
            ("-5", Some(0)),
            ("yesterday", None),
            ("2023-13-14T22:13:20Z", None),
            ("2023-02-29T00:00:00Z", None),
        ];
        for (text, expected) in cases {
            assert_eq!(loki_time(text), expected.map(UnixNanos), "{text}");
        }
    }

    #[test]
    fn prometheus_times() {
        let cases = [
            ("1700000000", Some(1_700_000_000_000)),
            ("1700000000.1234", Some(1_700_000_000_123)),
            ("2023-11-14T22:13:20.5Z", Some(1_700_000_000_500)),
            ("2000-02-29T00:00:00Z", Some(951_782_400_000)),
            ("1e9", Some(1_000_000_000_000)),
            ("NaN", None),
            ("inf", None),
            ("", None),
            ("now", None),
        ];
        for (text, expected) in cases {
            assert_eq!(prometheus_millis(text), expected, "{text}");
        }
    }

    #[test]
    fn steps_and_durations() {
        let cases = [
            ("15", Some(15_000)),
            ("15.5", Some(15_500)),
            ("15s", Some(15_000)),
            ("1h30m", Some(5_400_000)),
            ("1000ms", Some(1000)),
            ("1d12h", Some(129_600_000)),
            ("0", Some(0)),
            ("-1", Some(-1000)),
            ("30m1h", None),
            ("1m1m", None),
            ("1.5m", None),
            ("5", Some(5000)),
            ("m", None),
            ("", None),
            ("99999999999999999y", None),
        ];
        for (text, expected) in cases {
            assert_eq!(step_millis(text), expected, "{text}");
        }
    }

    #[test]
    fn tempo_takes_whole_seconds_only() {
        assert_eq!(tempo_secs("1700000000"), Some(1_700_000_000));
        for text in ["1700000000000000000", "1.5", "2023-11-14T22:13:20Z", "-1"] {
            assert_eq!(tempo_secs(text), None, "{text}");
        }
    }
}
