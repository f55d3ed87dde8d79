//! Span kinds and status codes as words of a table column; numbers that OTLP does not know are kept as digits.

use model::{SpanKind, StatusCode};

/// A word per number.
pub(crate) fn kind_text(kind: u8) -> String {
    match SpanKind(kind).keyword() {
        "unspecified" if kind != 0 => kind.to_string(),
        word => word.to_owned(),
    }
}

/// The number of a word that [`kind_text`] gave; 0 for anything else.
pub(crate) fn parse_kind(text: &[u8]) -> u8 {
    parse(text, |kind| SpanKind(kind).keyword(), 5)
}

/// A word per number.
pub(crate) fn status_text(code: u8) -> String {
    match StatusCode(code).keyword() {
        "unset" if code != 0 => code.to_string(),
        word => word.to_owned(),
    }
}

/// The number of a word that [`status_text`] gave; 0 for anything else.
pub(crate) fn parse_status(text: &[u8]) -> u8 {
    parse(text, |code| StatusCode(code).keyword(), 2)
}

fn parse(text: &[u8], word: impl Fn(u8) -> &'static str, last: u8) -> u8 {
    let known = (0..=last).find(|&number| word(number).as_bytes() == text);
    known.or_else(|| std::str::from_utf8(text).ok()?.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_survives() {
        for number in 0..=255 {
            assert_eq!(parse_kind(kind_text(number).as_bytes()), number);
            assert_eq!(parse_status(status_text(number).as_bytes()), number);
        }
        assert_eq!((kind_text(2), status_text(2)), ("server".into(), "error".into()));
    }
}
