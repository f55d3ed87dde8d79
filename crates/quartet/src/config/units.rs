//! Sizes and durations as people write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Lets serde read a type by its `FromStr` (numbers count as their text) and write it by its `Display`.
macro_rules! as_text {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl serde::de::Visitor<'_> for Text {
                    type Value = $type;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a text or a number")
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }

                    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<$type, E> {
                        number.to_string().parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_any(Text)
            }
        }
    };
}
pub(super) use as_text;

/// A size in bytes: `1048576`, `64KiB`, `16MiB`, `1.5GiB`, `20MB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ByteSize(pub(crate) u64);

const SIZES: [(&str, u64); 8] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("invalid size {text:?}: write a number with B, KiB, MiB, GiB, KB, MB or GB, as in 16MiB");
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = (&text[..digits], text[digits..].trim());
        let factor = match unit {
            "" => 1,
            unit => SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).ok_or_else(wrong)?.1,
        };
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let bytes = number * factor as f64;
        if bytes < u64::MAX as f64 { Ok(Self(bytes as u64)) } else { Err(wrong()) }
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let binary = SIZES[..5].iter().rev().find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor));
        match binary {
            Some((unit, factor)) if *factor > 1 => write!(f, "{}{unit}", self.0 / factor),
            _ => write!(f, "{}", self.0),
        }
    }
}

as_text!(ByteSize);

/// A duration: `90s`, `5m`, `1h30m`, `14d`; or `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period(pub(crate) Option<Duration>);

const PERIODS: [(&str, u64); 6] =
    [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        let wrong = || {
            format!("invalid duration {text:?}: write numbers with ms, s, m, h, d or w, as in 14d or 1h30m, or none")
        };
        let mut millis = 0u64;
        let mut rest = text;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
            let after = &rest[digits..];
            let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
            let unit = &after[..letters];
            let factor = PERIODS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?.1;
            let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
            millis = number.checked_mul(factor).and_then(|part| millis.checked_add(part)).ok_or_else(wrong)?;
            rest = &after[letters..];
        }
        if text.is_empty() { Err(wrong()) } else { Ok(Self(Some(Duration::from_millis(millis)))) }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(duration) = self.0 else { return f.write_str("none") };
        let mut millis = duration.as_millis() as u64;
        if millis == 0 {
            return f.write_str("0s");
        }
        // Weeks are read but not written: 14d says more than 2w.
        for (unit, factor) in &PERIODS[1..] {
            let number = millis / factor;
            if number > 0 {
                write!(f, "{number}{unit}")?;
            }
            millis %= factor;
        }
        Ok(())
    }
}

as_text!(Period);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_and_write() {
        for (text, bytes, shown) in [
            ("16MiB", 16 << 20, "16MiB"),
            ("1.5 gib", 1_610_612_736, "1536MiB"),
            ("20MB", 20_000_000, "20000000"),
            ("64k", 0, ""),
            ("512", 512, "512"),
            ("", 0, ""),
            ("-1", 0, ""),
        ] {
            match text.parse::<ByteSize>() {
                Ok(size) => assert_eq!((size.0, size.to_string().as_str()), (bytes, shown), "{text}"),
                Err(message) => assert!(shown.is_empty() && message.contains("as in 16MiB"), "{text}: {message}"),
            }
        }
    }

    #[test]
    fn durations_read_and_write() {
        for (text, shown) in
            [("14d", "14d"), ("2w", "14d"), ("1h30m", "1h30m"), ("90s", "1m30s"), ("0s", "0s"), ("none", "none")]
        {
            assert_eq!(text.parse::<Period>().expect(text).to_string(), shown);
        }
        for bad in ["", "14", "d", "5 d", "1y", "99999999999999999w"] {
            assert!(bad.parse::<Period>().is_err(), "{bad}");
        }
    }
}
