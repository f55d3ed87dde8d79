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
