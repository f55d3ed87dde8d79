//! The text of a stream's labels: `{app="cart", env='dev'}`, with the string literals of LogQL (Go escapes).

use model::Labels;

use crate::error::LabelError;

/// Bytes of a label text that an error repeats.
const ERROR_TEXT_BYTES_MAX: usize = 200;

/// Parses `{a="b", c="d"}`. Names are `[A-Za-z_][A-Za-z0-9_]*`, each once; values are double-quoted, single-quoted or raw (backquoted)
/// strings, invalid UTF-8 from `\x` escapes becomes U+FFFD; labels with empty values are dropped. At least one label is needed.
pub fn parse_stream_labels(text: &str) -> Result<Labels, LabelError> {
    let mut parser = Parser { text, at: 0 };
    let pairs = parser
        .labels()
        .map_err(|reason| LabelError::Syntax { text: cut(text), reason: format!("{reason} at byte {}", parser.at) })?;
    let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(LabelError::Duplicate(twice[0].to_owned()));
    }
    let labels = Labels::from_pairs(pairs);
    if labels.is_empty() { Err(LabelError::NoLabels) } else { Ok(labels) }
}

/// Writes `value` as a double-quoted string that [`parse_stream_labels`] reads back.
pub(crate) fn quote(value: &str, out: &mut String) {
    out.push('"');
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ => out.push(c),
        }
    }
    out.push('"');
}

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(ERROR_TEXT_BYTES_MAX)].to_owned()
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn labels(&mut self) -> Result<Vec<(String, String)>, &'static str> {
        let mut pairs = Vec::new();
        self.expect(b'{', "expected '{'")?;
        self.skip_spaces();
        while self.peek() != Some(b'}') {
            let name = self.name()?.to_owned();
            self.expect(b'=', "expected '='")?;
            pairs.push((name, self.string()?));
            self.skip_spaces();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err("expected ',' or '}'"),
            }
            self.skip_spaces();
        }
        self.expect(b'}', "expected '}'")?;
        self.skip_spaces();
        if self.peek().is_some() { Err("unexpected text after '}'") } else { Ok(pairs) }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_spaces(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8, reason: &'static str) -> Result<(), &'static str> {
        self.skip_spaces();
        if self.peek() != Some(byte) {
            return Err(reason);
        }
        self.at += 1;
        Ok(())
    }

    fn name(&mut self) -> Result<&'a str, &'static str> {
        let start = self.at;
        while let Some(byte) = self.peek() {
            if !(byte.is_ascii_alphabetic() || byte == b'_' || (byte.is_ascii_digit() && self.at > start)) {
                break;
            }
            self.at += 1;
        }
        if self.at == start { Err("expected a label name") } else { Ok(&self.text[start..self.at]) }
    }

    fn string(&mut self) -> Result<String, &'static str> {
        self.skip_spaces();
        let quote = self.peek().filter(|byte| matches!(byte, b'"' | b'\'' | b'`')).ok_or("expected a string")?;
        self.at += 1;
        let start = self.at;
        let bytes = self.text.as_bytes();
        if quote == b'`' {
            let length = bytes[start..].iter().position(|byte| *byte == b'`').ok_or("string has no end")?;
            self.at = start + length + 1;
            return Ok(self.text[start..start + length].to_owned());
        }
        let mut value = Vec::new();
        loop {
            let byte = self.peek().ok_or("string has no end")?;
            self.at += 1;
            match byte {
                b'\n' => return Err("line break in a string"),
                b'\\' => self.escape(quote, &mut value)?,
                byte if byte == quote => break,
                byte => value.push(byte),
            }
        }
        Ok(String::from_utf8(value).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    fn escape(&mut self, quote: u8, value: &mut Vec<u8>) -> Result<(), &'static str> {
        let kind = self.peek().ok_or("string has no end")?;
        self.at += 1;
        let byte = match kind {
            b'a' => 7,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            b'\\' => b'\\',
            kind if kind == quote => quote,
            b'x' => self.number(2, 16)? as u8,
            b'0'..=b'7' => {
                self.at -= 1;
                u8::try_from(self.number(3, 8)?).map_err(|_| "octal escape above 255")?
            }
            b'u' | b'U' => {
                let digits = if kind == b'u' { 4 } else { 8 };
                let c = char::from_u32(self.number(digits, 16)?).ok_or("escape is no character")?;
                value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return Err("unknown escape"),
        };
        value.push(byte);
        Ok(())
    }

    fn number(&mut self, digits: usize, radix: u32) -> Result<u32, &'static str> {
        let text = self.text.get(self.at..self.at + digits).ok_or("escape is cut off")?;
        // `from_str_radix` would take a sign.
        if !text.chars().all(|c| c.is_digit(radix)) {
            return Err("escape has a wrong digit");
        }
        self.at += digits;
        u32::from_str_radix(text, radix).map_err(|_| "escape has a wrong digit")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let labels = parse_stream_labels(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(labels.iter().collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn valid_texts() {
        check(r#"{app="cart"}"#, &[("app", "cart")]);
        check(r#" { b = "2" , a='1', } "#, &[("a", "1"), ("b", "2")]);
        check(r#"{a="", _b1=`raw\n"'`}"#, &[("_b1", "raw\\n\"'")]);
        check(r#"{a="\"\\\n\t\x41\101\u00e9\U0001F600}"}"#, &[("a", "\"\\\n\tAAé😀}")]);
        check(r#"{a='it\'s "x"'}"#, &[("a", "it's \"x\"")]);
        check(r#"{a="\xff"}"#, &[("a", "\u{fffd}")]);
    }

    #[test]
    fn invalid_texts() {
        for text in [
            "",
            "{",
            "{a}",
            "{a=}",
            "{a=1}",
            r#"{a="1""#,
            r#"{a="1"} x"#,
            r#"{a="1" b="2"}"#,
            r#"{a-b="1"}"#,
            r#"{1a="1"}"#,
            r#"{a=~"1"}"#,
            r#"{a="\q"}"#,
            r#"{a="\'"}"#,
            r#"{a="\x4"}"#,
            r#"{a="\u12é"}"#,
            r#"{a="\ud800"}"#,
            "{a=\"\n\"}",
            r#"{a="\400"}"#,
            r#"{a="\x+1"}"#,
        ] {
            assert!(matches!(parse_stream_labels(text), Err(LabelError::Syntax { .. })), "{text}");
        }
        assert_eq!(parse_stream_labels("{}"), Err(LabelError::NoLabels));
        assert_eq!(parse_stream_labels(r#"{a="1", a="2"}"#), Err(LabelError::Duplicate("a".into())));
        let error = parse_stream_labels("{a b}").expect_err("no '='").to_string();
        assert_eq!(error, "error parsing labels '{a b}' with error: expected '=' at byte 3");
    }

    #[test]
    fn quoted_values_are_read_back() {
        let value = "a\"b\\c\nd\re\tf\u{1}é😀`'";
        let mut text = "{a=".to_owned();
        quote(value, &mut text);
        text.push('}');
        check(&text, &[("a", value)]);
    }

    proptest::proptest! {
        #[test]
        fn printed_labels_are_read_back(pairs in proptest::collection::vec(("[a-z_]{1,4}", "\\PC{0,9}|[\x00-\x7f\u{a0}\u{301}\u{2028}]{1,9}"), 1..4)) {
            let labels = Labels::from_pairs(pairs);
            if !labels.is_empty() {
                assert_eq!(parse_stream_labels(&labels.to_string()), Ok(labels));
            }
        }
    }
}
