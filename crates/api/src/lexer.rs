//! One lexer for what PromQL and LogQL have in common: selectors, operators, numbers, durations, quoted strings, comments.

use std::fmt;

/// What a [`Token`] is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TokenKind {
    /// `up`, `job:x:rate`, `service_name`; keywords are identifiers too.
    Identifier(String),
    /// A quoted string, escapes resolved.
    Text(String),
    /// A number or duration as written.
    Number(String),
    /// Punctuation or operator.
    Symbol(&'static str),
    /// After the last character.
    End,
}

/// A word of a query.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    /// Byte offset of its first character.
    pub(crate) at: usize,
}

/// Why a text is no query: a message and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub(crate) at: usize,
    pub(crate) message: String,
}

impl SyntaxError {
    pub(crate) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }

    /// Line and column of the error in `query`, both from 1; columns count characters.
    pub(crate) fn position(&self, query: &str) -> (usize, usize) {
        let before = &query[..self.at.min(query.len())];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

impl fmt::Display for Token {
    /// As error messages of both products name a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            TokenKind::Identifier(name) => write!(f, "identifier {name:?}"),
            TokenKind::Text(text) => write!(f, "string {text:?}"),
            TokenKind::Number(text) => write!(f, "number {text:?}"),
            TokenKind::Symbol(symbol) => write!(f, "{symbol:?}"),
            TokenKind::End => f.write_str("end of input"),
        }
    }
}

/// Operators, the longer before those that they begin with.
const SYMBOLS: [&str; 30] = [
    "=~", "!~", "!=", "==", ">=", "<=", "|=", "|~", "|>", "!>", "=", "{", "}", "(", ")", "[", "]", ",", "+", "-", "*",
    "/", "%", "^", "|", ">", "<", "@", ":", "!",
];

/// Splits `query` into tokens; the last one is [`TokenKind::End`].
pub(crate) fn lex(query: &str) -> Result<Vec<Token>, SyntaxError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = query[at..].chars().next() {
        let rest = &query[at..];
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        if first == '#' {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        let (kind, length) = token_at(rest, first, at)?;
        tokens.push(Token { kind, at });
        at += length;
    }
    tokens.push(Token { kind: TokenKind::End, at: query.len() });
    Ok(tokens)
}

fn token_at(rest: &str, first: char, at: usize) -> Result<(TokenKind, usize), SyntaxError> {
    if first.is_ascii_alphabetic() || first == '_' || (first == ':' && begins_name(&rest[1..])) {
        let length = rest.find(|c: char| !is_name_char(c)).unwrap_or(rest.len());
        return Ok((TokenKind::Identifier(rest[..length].to_owned()), length));
    }
    if first.is_ascii_digit() || (first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
        let length = number_length(rest);
        return Ok((TokenKind::Number(rest[..length].to_owned()), length));
    }
    if matches!(first, '"' | '\'' | '`') {
        let (text, length) = quoted(rest, first).map_err(|error| SyntaxError::new(at + error.at, error.message))?;
        return Ok((TokenKind::Text(text), length));
    }
    match SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
        Some(symbol) => Ok((TokenKind::Symbol(symbol), symbol.len())),
        None => Err(SyntaxError::new(at, format!("unexpected character: {first:?}"))),
    }
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

fn begins_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':')
}

/// A number or duration: digits, letters, dots and underscores, and a sign right after the `e` of an exponent.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    let mut length = 0;
    while let Some(byte) = bytes.get(length) {
        let after_exponent = length > 0 && matches!(bytes[length - 1], b'e' | b'E') && !hexadecimal;
        let sign = matches!(byte, b'+' | b'-') && after_exponent;
        if !(byte.is_ascii_alphanumeric() || *byte == b'.' || *byte == b'_' || sign) {
            break;
        }
        length += 1;
    }
    length
}

/// Reads a quoted string at the start of `text` with Go's escapes; backticks know none. Returns the content and its length
/// with the quotes.
fn quoted(text: &str, quote: char) -> Result<(String, usize), SyntaxError> {
    let unterminated = || {
        let what = if quote == '`' { "unterminated raw string" } else { "unterminated quoted string" };
        SyntaxError::new(0, what)
    };
    if quote == '`' {
        let end = text[1..].find('`').ok_or_else(unterminated)?;
        return Ok((text[1..=end].to_owned(), end + 2));
    }
    let mut out = Vec::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\n' => return Err(unterminated()),
            '\\' => {
                let (bytes, consumed) = escape(&text[at + 1..], quote).ok_or_else(|| {
                    let shown: String = text[at..].chars().take(2).collect();
                    SyntaxError::new(at, format!("unknown escape sequence {shown:?}"))
                })?;
                out.extend_from_slice(&bytes);
                // The escape is ASCII, so characters and bytes count alike.
                chars.by_ref().take(consumed).for_each(drop);
            }
            _ if c == quote => {
                let content = String::from_utf8(out)
                    .map_err(|_| SyntaxError::new(0, "the escapes of a string do not make valid UTF-8"))?;
                return Ok((content, at + 1));
            }
            _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Err(unterminated())
}

/// What follows a backslash: the bytes it stands for and how many characters it has.
fn escape(text: &str, quote: char) -> Option<(Vec<u8>, usize)> {
    let first = text.chars().next()?;
    let simple = match first {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        c if c == quote => c as u8,
        'x' => return Some((vec![u8::try_from(digits(text, 1, 2, 16)?).ok()?], 3)),
        'u' => return code_point(digits(text, 1, 4, 16)?, 5),
        'U' => return code_point(digits(text, 1, 8, 16)?, 9),
        '0'..='7' => return Some((vec![u8::try_from(digits(text, 0, 3, 8)?).ok()?], 3)),
        _ => return None,
    };
    Some((vec![simple], 1))
}

fn digits(text: &str, from: usize, count: usize, radix: u32) -> Option<u32> {
    let digits = text.get(from..from + count)?;
    digits.chars().all(|c| c.is_digit(radix)).then(|| u32::from_str_radix(digits, radix).ok()).flatten()
}

fn code_point(number: u32, consumed: usize) -> Option<(Vec<u8>, usize)> {
    Some((char::from_u32(number)?.to_string().into_bytes(), consumed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(query: &str) -> Vec<TokenKind> {
        lex(query).expect("lexes").into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn words_and_operators() {
        use TokenKind::{End, Identifier, Number, Symbol, Text};
        let name = |text: &str| Identifier(text.to_owned());
        let expected = [name("a:b"), Symbol("{"), name("c"), Symbol("!~"), Text("d".into()), Symbol("}"), End];
        assert_eq!(kinds("a:b{c!~\"d\"} # comment"), expected);
        let expected = [Symbol("|="), Text("x`".into()), Symbol("|"), name("json"), End];
        assert_eq!(kinds("|= \"x`\" | json"), expected);
        let expected =
            [Number("1e-3".into()), Symbol("-"), Number("0x1F".into()), Symbol("+"), Number("5m".into()), End];
        assert_eq!(kinds("1e-3-0x1F+5m"), expected);
    }

    #[test]
    fn strings_have_the_escapes_of_go() {
        for (query, expected) in [
            (r#""a\n\t\"\\""#, "a\n\t\"\\"),
            (r"'it\'s'", "it's"),
            (r"`raw\n`", r"raw\n"),
            (r#""\u00e9\x41\101\U0001F600é""#, "éAA😀é"),
            (r#""\xc3\xa9""#, "é"),
        ] {
            assert_eq!(kinds(query)[0], TokenKind::Text(expected.to_owned()), "{query}");
        }
    }

    #[test]
    fn errors_have_a_position() {
        for (query, at, message) in [
            ("up{a=\"b}", 5, "unterminated quoted string"),
            ("`x", 0, "unterminated raw string"),
            ("\"a\\q\"", 2, "unknown escape sequence"),
            ("up ; down", 3, "unexpected character: ';'"),
            ("\"\\xff\"", 0, "valid UTF-8"),
        ] {
            let error = lex(query).expect_err(query);
            assert_eq!(error.at, at, "{query}");
            assert!(error.message.contains(message), "{query}: {}", error.message);
        }
        assert_eq!(SyntaxError::new(7, "").position("é\nab ;"), (2, 5));
    }
}
