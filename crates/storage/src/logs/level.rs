//! The normalised level of a log record, found the way Loki finds `detected_level`.
//!
//! Order: OTLP severity number, severity text, a label or structured metadata that names a level, then the line itself: JSON
//! keys down to depth 2, logfmt keys, and at last the first word that is a level. The line is looked at up to
//! [`LINE_BYTES_MAX`], which bounds the cost for long lines; real lines have their level near the start.

/// Bytes of a line that are searched for a level.
const LINE_BYTES_MAX: usize = 2048;

/// Deepest JSON object whose keys are looked at (Loki's `log_level_from_json_max_depth`).
const JSON_DEPTH_MAX: usize = 2;

/// Names of labels, metadata and fields that hold a level (Loki's `log_level_fields`; `log_level` is `log.level` sanitised).
const LEVEL_FIELDS: [&str; 15] = [
    "level",
    "LEVEL",
    "Level",
    "log.level",
    "log_level",
    "severity",
    "SEVERITY",
    "Severity",
    "SeverityText",
    "lvl",
    "LVL",
    "Lvl",
    "severity_text",
    "Severity_Text",
    "SEVERITY_TEXT",
];

/// A level. The numbers are written into blocks: never change one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(crate) enum Level {
    /// Nothing says which.
    #[default]
    Unknown = 0,
    /// `trace`
    Trace = 1,
    /// `debug`
    Debug = 2,
    /// `info`
    Info = 3,
    /// `warn`
    Warn = 4,
    /// `error`
    Error = 5,
    /// `critical`
    Critical = 6,
    /// `fatal`
    Fatal = 7,
}

impl Level {
    /// All levels, each at the position of its number.
    pub(crate) const ALL: [Self; 8] =
        [Self::Unknown, Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Critical, Self::Fatal];

    /// The text that Loki uses.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Critical => "critical",
            Self::Fatal => "fatal",
        }
    }

    /// The level of an OTLP severity number; `Unknown` outside 1 to 24.
    #[inline]
    pub(crate) fn from_severity_number(number: i32) -> Self {
        match number {
            1..=4 => Self::Trace,
            5..=8 => Self::Debug,
            9..=12 => Self::Info,
            13..=16 => Self::Warn,
            17..=20 => Self::Error,
            21..=24 => Self::Fatal,
            _ => Self::Unknown,
        }
    }

    /// The level that `word` names in any case, with the usual abbreviations.
    pub(crate) fn from_word(word: &[u8]) -> Option<Self> {
        const WORDS: [(&str, Level); 16] = [
            ("info", Level::Info),
            ("error", Level::Error),
            ("warn", Level::Warn),
            ("warning", Level::Warn),
            ("debug", Level::Debug),
            ("trace", Level::Trace),
            ("fatal", Level::Fatal),
            ("critical", Level::Critical),
            ("err", Level::Error),
            ("wrn", Level::Warn),
            ("inf", Level::Info),
            ("dbg", Level::Debug),
            ("trc", Level::Trace),
            ("information", Level::Info),
            ("crit", Level::Critical),
            ("notice", Level::Info),
        ];
        if !(3..=11).contains(&word.len()) {
            return None;
        }
        WORDS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes())).map(|(_, level)| *level)
    }
}

/// The level of an OTLP record whose severity number says nothing.
pub(crate) fn of_record(severity_text: &str, line: &str) -> Level {
    Level::from_word(severity_text.trim().as_bytes()).unwrap_or_else(|| of_line(line))
}

/// True for names of labels and fields that hold a level.
pub(crate) fn is_level_field(name: &str) -> bool {
    LEVEL_FIELDS.contains(&name)
}

/// The level that a stream's labels or an entry's structured metadata name.
pub(crate) fn of_labels<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> Option<Level> {
    labels.filter(|(name, _)| is_level_field(name)).find_map(|(_, value)| Level::from_word(value.trim().as_bytes()))
}

/// The level that a line shows by itself.
pub(crate) fn of_line(line: &str) -> Level {
    let bytes = &line.as_bytes()[..line.len().min(LINE_BYTES_MAX)];
    let found = match bytes.trim_ascii_start().first() {
        Some(b'{') => in_json(bytes),
        _ => in_logfmt(bytes),
    };
    found.or_else(|| in_words(bytes)).unwrap_or(Level::Unknown)
}

/// Scans JSON without building it: a string followed by `:` is a key, and a level key's string value decides.
fn in_json(bytes: &[u8]) -> Option<Level> {
    let mut depth = 0usize;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let end = string_end(bytes, at + 1)?;
                let key = &bytes[at + 1..end];
                at = end;
                let is_key = depth <= JSON_DEPTH_MAX && std::str::from_utf8(key).is_ok_and(is_level_field);
                if is_key && let Some(level) = json_value_level(&bytes[end + 1..]) {
                    return Some(level);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// The level in `: "value"`, the rest of the line behind a key.
fn json_value_level(rest: &[u8]) -> Option<Level> {
    let rest = rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
    Level::from_word(&rest[..string_end(rest, 0)?])
}

/// Position of the quote that ends a JSON string whose content begins at `from`.
fn string_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        match *bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Looks at `key=value` pairs; the value may be quoted.
fn in_logfmt(bytes: &[u8]) -> Option<Level> {
    memchr::memchr_iter(b'=', bytes).find_map(|equals| {
        let key_start =
            bytes[..equals].iter().rposition(|byte| byte.is_ascii_whitespace()).map_or(0, |space| space + 1);
        let key = std::str::from_utf8(&bytes[key_start..equals]).ok()?;
        if !is_level_field(key) {
            return None;
        }
        let value = bytes[equals + 1..].strip_prefix(b"\"").unwrap_or(&bytes[equals + 1..]);
        let end = value.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(value.len());
        Level::from_word(&value[..end])
    })
}

/// The first word that is a level.
fn in_words(bytes: &[u8]) -> Option<Level> {
    bytes.split(|byte| !byte.is_ascii_alphanumeric()).find_map(Level::from_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_show_their_level() {
        let cases = [
            (r#"{"ts":1,"level":"warn","msg":"error"}"#, Level::Warn),
            (r#"{"log":{"severity":"ERROR"}}"#, Level::Error),
            (r#"{"a":{"b":{"level":"error"}},"text":"all is fine"}"#, Level::Error),
            (r#"{"msg":"a \" level: \"x","lvl":"dbg"}"#, Level::Debug),
            ("ts=1 level=error msg=\"info\"", Level::Error),
            ("ts=1 lvl=\"WARN\" msg=x", Level::Warn),
            ("2024-01-01 10:00:00 INFO errors=0 ok", Level::Info),
            ("[CRITICAL] disk", Level::Critical),
            ("misinformation spreads", Level::Unknown),
            ("level=", Level::Unknown),
            ("{\"level", Level::Unknown),
            ("", Level::Unknown),
        ];
        for (line, level) in cases {
            assert_eq!(of_line(line), level, "{line}");
        }
    }

    #[test]
    fn severity_numbers_fall_into_six_groups() {
        let expected = [
            (0, "unknown"),
            (1, "trace"),
            (8, "debug"),
            (9, "info"),
            (16, "warn"),
            (17, "error"),
            (24, "fatal"),
            (25, "unknown"),
            (-1, "unknown"),
        ];
        for (number, level) in expected {
            assert_eq!(Level::from_severity_number(number).as_str(), level, "{number}");
        }
    }

    #[test]
    fn text_and_labels_win_over_the_line() {
        assert_eq!(of_record("CRITICAL", "level=info"), Level::Critical);
        assert_eq!(of_record("", "level=info"), Level::Info);
        assert_eq!(of_labels([("app", "x"), ("severity", "Warning")].into_iter()), Some(Level::Warn));
        assert_eq!(of_labels([("app", "error")].into_iter()), None);
    }

    #[test]
    fn numbers_are_positions() {
        for (position, level) in Level::ALL.iter().enumerate() {
            assert_eq!(*level as usize, position);
        }
    }
}
