//! Trace and span ids (W3C Trace Context §3.2.2): 16 and 8 bytes, all zeros invalid.

use std::fmt;

/// 16 bytes that name a trace. All zeros means "none" and is invalid on a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId(pub [u8; 16]);

/// 8 bytes that name a span within its trace. All zeros means "none": a root span's parent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpanId(pub [u8; 8]);

impl TraceId {
    /// True when every byte is zero.
    pub fn is_zero(self) -> bool {
        self.0 == [0; 16]
    }

    /// Parses 1 to 32 hexadecimal digits of either case; fewer than 32 are padded with zeros on the left, as Tempo does.
    pub fn parse(text: &str) -> Option<Self> {
        parse_hex(text).map(Self)
    }
}

impl SpanId {
    /// True when every byte is zero.
    pub fn is_zero(self) -> bool {
        self.0 == [0; 8]
    }

    /// Parses 1 to 16 hexadecimal digits of either case; fewer than 16 are padded with zeros on the left.
    pub fn parse(text: &str) -> Option<Self> {
        parse_hex(text).map(Self)
    }
}

fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.is_empty() || digits.len() > 2 * N {
        return None;
    }
    let mut out = [0u8; N];
    for (position, digit) in digits.iter().rev().enumerate() {
        let nibble = (*digit as char).to_digit(16)? as u8;
        out[N - 1 - position / 2] |= nibble << (4 * (position % 2));
    }
    Some(out)
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_padded_on_the_left_and_prints_in_full() {
        let id = TraceId::parse("Ab1").expect("valid");
        assert_eq!(id.to_string(), "00000000000000000000000000000ab1");
        assert_eq!(TraceId::parse(&id.to_string()), Some(id));
        assert_eq!(SpanId::parse("0000000000000001"), Some(SpanId([0, 0, 0, 0, 0, 0, 0, 1])));
    }

    #[test]
    fn bad_hex_is_refused() {
        for text in ["", "xyz", "0123456789abcdef0123456789abcdef0", "é"] {
            assert_eq!(TraceId::parse(text), None, "{text}");
        }
    }
}
