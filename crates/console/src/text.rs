//! Sizes, counts, times and HTML escapes for people.

use model::UnixNanos;

/// Escapes text for HTML content and attribute values.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A count with thin groups of three: `1 234 567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// A size in binary units.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// A duration in its one or two largest units: `3 d 4 h`.
pub(crate) fn duration(secs: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)];
    let first = UNITS.iter().position(|(_, size)| secs >= *size).unwrap_or(UNITS.len() - 1);
    let (name, size) = UNITS[first];
    let mut out = format!("{} {name}", secs / size);
    if let Some((name, smaller)) = UNITS.get(first + 1)
        && secs % size / smaller > 0
    {
        out.push_str(&format!(" {} {name}", secs % size / smaller));
    }
    out
}

/// How long ago, or ahead for clocks that run fast.
pub(crate) fn ago(time: UnixNanos, now: UnixNanos) -> String {
    if time > now {
        format!("in {}", duration((time.0 - now.0) / 1_000_000_000))
    } else {
        format!("{} ago", duration((now.0 - time.0) / 1_000_000_000))
    }
}

/// RFC 3339 in UTC, whole seconds.
pub(crate) fn rfc3339(time: UnixNanos) -> String {
    UnixNanos::from_secs(time.secs()).rfc3339()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_durations() {
        for (secs, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (4_102_444_799, "2099-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(UnixNanos::from_secs(secs)), expected);
        }
        for (secs, expected) in [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3700, "1 h 1 min"), (1_209_600, "14 d")] {
            assert_eq!(duration(secs), expected);
        }
        assert_eq!(ago(UnixNanos::from_secs(10), UnixNanos::from_secs(70)), "1 min ago");
        assert_eq!(ago(UnixNanos::from_secs(70), UnixNanos::from_secs(10)), "in 1 min");
    }

    #[test]
    fn numbers_and_escapes() {
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(count(12), "12");
        assert_eq!((size(1023), size(1536), size(5 << 30)), ("1023 B".into(), "1.5 KiB".into(), "5.0 GiB".into()));
        assert_eq!(escape("<a b=\"c\" d='e'>&"), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;");
    }
}
