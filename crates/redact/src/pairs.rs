//! A name and its value in running text: `password=…`, `"api_key": "…"`, `Authorization: Bearer …`, `?key=…`.

use crate::Found;
use crate::bytes::{self, NAME, TOKEN68};
use crate::kind::{Kind, MASK_PREFIX, is_mask};
use crate::names;

/// Names are looked for this far back; longer ones are compared by their end anyway.
pub(crate) const NAME_BYTES: usize = 64;
/// More spaces than that between a name, its separator and its value are a table, not a pair.
const SPACES_MAX: usize = 4;

/// Where a value lies and how it was written.
#[derive(Clone, Copy, Debug)]
struct Value {
    start: usize,
    end: usize,
    quoted: bool,
    /// Written like prose (`name: value`, `name = value`) or as a list (`("name", "value")`): only what looks like a secret is one.
    doubtful: bool,
}

/// The secret value of the name that ends at `end`, if there is one. `anchor` is where the name was recognised.
pub(crate) fn value_of_name(text: &[u8], anchor: usize, end: usize) -> Option<Found> {
    if text.get(end).is_some_and(|next| next.is_ascii_alphanumeric() || *next == b'_' || *next == b'-') {
        return None;
    }
    let start = name_start(text, anchor);
    // The kind in a mask is no name.
    if text[..start].strip_suffix(b":").is_some_and(|before| before.ends_with(MASK_PREFIX.as_bytes())) {
        return None;
    }
    let name = &text[start..end];
    let in_query = matches!(text[..start].last(), Some(b'?' | b'&' | b';')) || bytes::escaped_unit(&text[..start]);
    if !(names::is_secret(name) || in_query && names::is_secret_parameter(name)) {
        return None;
    }
    let value = value_after(text, start, end)?;
    let value = adapt(text, name, value)?;
    let kind = if names::is_authorization(name) { Kind::Authorization } else { Kind::Secret };
    Some(Found { start: value.start, end: value.end, kind })
}

/// Where the name begins that `at` is in.
fn name_start(text: &[u8], at: usize) -> usize {
    let start = NAME.run_back(text, at, NAME_BYTES);
    // The tail of an escape is not part of the name: `\u0026key=`, `%26key=`, `\nkey=`.
    if start > 0 {
        match text[start - 1] {
            b'\\' if text.get(start) == Some(&b'u') && start + 5 <= at => return start + 5,
            b'\\' if text[start].is_ascii_alphabetic() && start < at => return start + 1,
            b'%' if start + 2 <= at => return start + 2,
            _ => {}
        }
    }
    start
}

/// Cuts and judges the value as the name asks for; `None` when it is no secret.
fn adapt(text: &[u8], name: &[u8], mut value: Value) -> Option<Value> {
    let mut word = &text[value.start..value.end];
    if names::is_authorization(name) && !value.quoted {
        if has_scheme(&text[value.start..]) {
            value.end = line_end(text, value.start);
            return (!is_masked_scheme(&text[value.start..value.end])).then_some(value);
        }
    } else if names::is_cookie(name) && !value.quoted && word.contains(&b'=') {
        value.end = line_end(text, value.start);
        return (!is_mask(&text[value.start..value.end])).then_some(value);
    }
    if !value.quoted {
        // A full stop ends a sentence, not a secret.
        while let [rest @ .., b'.' | b':' | b'!' | b'?'] = word {
            word = rest;
        }
        value.end = value.start + word.len();
    }
    let whole = &text[value.start..value.end];
    let spared = is_placeholder(whole) || value.doubtful && !bytes::looks_secret(whole) || is_masked_scheme(whole);
    let number = name.last().is_some_and(|last| matches!(last, b'n' | b'N' | b'y' | b'Y'))
        && whole.len() < 10
        && whole.iter().all(u8::is_ascii_digit);
    (!spared && !number).then_some(value)
}

/// Schemes of HTTP authentication.
const SCHEMES: &[&str] = &[
    "bearer",
    "basic",
    "digest",
    "token",
    "apikey",
    "api-key",
    "aws4-hmac-sha256",
    "negotiate",
    "ntlm",
    "hawk",
    "oauth",
    "key",
];

fn has_scheme(value: &[u8]) -> bool {
    scheme_bytes(value).is_some()
}

fn scheme_bytes(value: &[u8]) -> Option<usize> {
    let end = value.iter().position(|byte| *byte == b' ')?;
    SCHEMES.iter().any(|scheme| scheme.as_bytes().eq_ignore_ascii_case(&value[..end])).then_some(end)
}

/// True for `Bearer [REDACTED]`.
fn is_masked_scheme(value: &[u8]) -> bool {
    scheme_bytes(value).is_some_and(|end| is_mask(value[end..].trim_ascii_start()))
}

fn line_end(text: &[u8], at: usize) -> usize {
    let stop = |byte: &u8| *byte < b' ' || matches!(byte, b'"' | b'\'' | b'`' | b'\\' | b'<');
    at + text[at..].iter().position(stop).unwrap_or(text.len() - at)
}

fn value_after(text: &[u8], start: usize, end: usize) -> Option<Value> {
    let mut at = end;
    let slashes = count(text, at, b"\\");
    let name_quoted = matches!(text.get(at + slashes), Some(b'"' | b'\'' | b'`'));
    if name_quoted {
        at += slashes + 1;
    }
    at += usize::from(text.get(at) == Some(&b']'));
    let spaces = count(text, at, b" \t");
    if spaces > SPACES_MAX {
        return None;
    }
    let after_spaces = at + spaces;
    let (separator, doubtful) = match text.get(after_spaces..)? {
        [b'=', b'=' | b'>', ..] => (2, true),
        [b':', b'=', ..] => (2, true),
        [b'=', ..] => (1, spaces > 0),
        [b':', b':', ..] => return None,
        [b':', ..] => (1, true),
        [b'%', b'3', b'D' | b'd', ..] => (3, false),
        [b'\\', b'u', b'0', b'0', b'3', b'd' | b'D', ..] => (6, false),
        [b',', ..] if name_quoted => (1, true),
        [b'>', ..] if text[..start].last() == Some(&b'<') => return Some(element(text, after_spaces + 1)),
        // `--password value`, and SQL's `PASSWORD 'value'`.
        [b'\'', ..] if spaces > 0 => (0, false),
        [_, ..] if spaces > 0 && text[start..].starts_with(b"--") => (0, false),
        _ => return None,
    };
    let at = after_spaces + separator;
    let spaces = count(text, at, b" \t");
    if spaces > SPACES_MAX {
        return None;
    }
    let list = text.get(after_spaces) == Some(&b',');
    let value = value_at(text, at + spaces)?;
    let doubtful = if value.quoted { list } else { doubtful || separator > 0 && spaces > 0 };
    Some(Value { doubtful, ..value })
}

/// The text of an XML element.
fn element(text: &[u8], at: usize) -> Value {
    let end = at + text[at..].iter().position(|byte| *byte == b'<').unwrap_or(text.len() - at);
    Value { start: at, end, quoted: true, doubtful: false }
}

fn value_at(text: &[u8], at: usize) -> Option<Value> {
    // What stands around a value in dumps of Go, Python and Rust: `[`, `b'…'`, `Some("…")`.
    let bracket = text.get(at) == Some(&b'[') && !text[at..].starts_with(MASK_PREFIX.as_bytes());
    let mut at = at + usize::from(bracket);
    let word = bytes::ALNUM.run(text, at);
    match text.get(word..) {
        Some([b'(', b'"' | b'\'', ..]) if word > at => at = word + 1,
        Some([b'"' | b'\'', ..]) if word == at + 1 && text[at] == b'b' => at = word,
        _ => {}
    }
    let slashes = count(text, at, b"\\");
    if let Some(&quote @ (b'"' | b'\'' | b'`')) = text.get(at + slashes) {
        let start = at + slashes + 1;
        return Some(Value { start, end: quoted_end(text, start, quote, slashes), quoted: true, doubtful: false });
    }
    let rest = text.get(at..)?;
    // `${X}`, `{x}` of a template, and `{a;b}` as ODBC quotes.
    if let [b'$', b'{', ..] | [b'{', ..] = rest {
        let end = rest.iter().position(|byte| matches!(byte, b'}' | b'\n')).map_or(rest.len(), |end| end + 1);
        return Some(Value { start: at, end: at + end, quoted: false, doubtful: false });
    }
    let end = rest.iter().position(|byte| bytes::ends_value(*byte)).unwrap_or(rest.len());
    // An encoded `&` ends the value of an encoded parameter.
    let end = rest[..end].windows(3).position(|unit| unit == b"%26").unwrap_or(end);
    Some(Value { start: at, end: at + end, quoted: false, doubtful: false })
}

/// Where the text ends that a quote after `slashes` backslashes opened.
fn quoted_end(text: &[u8], start: usize, quote: u8, slashes: usize) -> usize {
    let mut at = start;
    while at < text.len() {
        match text[at] {
            byte if byte == quote => return at,
            b'\\' => {
                let run = count(text, at, b"\\");
                if text.get(at + run) == Some(&quote) && run <= slashes {
                    return at;
                }
                // Inside a plain quotation an odd run escapes what follows.
                at += if run % 2 == 1 { run + 1 } else { run };
            }
            _ => at += 1,
        }
    }
    text.len()
}

/// How many of `these` bytes stand at `at`.
fn count(text: &[u8], at: usize, these: &[u8]) -> usize {
    text.get(at..).unwrap_or_default().iter().take_while(|byte| these.contains(byte)).count()
}

/// Words that stand where no secret is.
const NOTHING: &[&str] = &[
    "true",
    "false",
    "null",
    "none",
    "nil",
    "undefined",
    "nan",
    "redacted",
    "<redacted>",
    "[filtered]",
    "hidden",
    "masked",
    "empty",
    "yes",
    "no",
    "required",
    "missing",
    "invalid",
    "expired",
    "unset",
    "string",
    "str",
    "self",
    "bearer",
    "basic",
];

/// True for what is no secret: nothing, a mask, a word for nothing, or the place of a parameter (`?`, `$1`, `${X}`, `%s`, `:name`).
pub(crate) fn is_placeholder(value: &[u8]) -> bool {
    let upper = |name: &[u8]| name.iter().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'_' | b'0'..=b'9'));
    match value {
        [] => true,
        [b'$', b'{', ..] | [b'<', .., b'>'] | [b'%', b'(', .., b's'] => true,
        [b'{', name @ ..] => !bytes::looks_secret(name),
        [b'$' | b'%', name @ ..] if upper(name) => true,
        [b'%', b's' | b'd' | b'v' | b'q'] => true,
        [b':', name @ ..] => name.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'_'),
        _ if !value.iter().any(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80) => true,
        _ => is_mask(value) || NOTHING.iter().any(|word| word.as_bytes().eq_ignore_ascii_case(value)),
    }
}

/// Credentials after `Bearer`, which stands from `start` to `end`.
pub(crate) fn bearer(text: &[u8], start: usize, end: usize) -> Option<Found> {
    let start = credentials(text, start, end)?;
    let end = TOKEN68.run(text, start);
    let word = &text[start..end];
    (word.len() >= 8 && bytes::looks_secret(word)).then_some(Found { start, end, kind: Kind::Authorization })
}

/// Credentials after `Basic`, whose second half with what follows it stands from `start` to `end`: base64 of a user, a colon and a
/// password.
pub(crate) fn basic(text: &[u8], start: usize, end: usize) -> Option<Found> {
    let initial = start.checked_sub(1).filter(|initial| matches!(text[*initial], b'b' | b'B'))?;
    let start = credentials(text, initial, end - 1)?;
    // A full stop or a colon after it belongs to the sentence: neither is a digit of base64.
    let word = &text[start..TOKEN68.run(text, start)];
    let end = start + word.iter().position(|byte| matches!(byte, b'.' | b':' | b'~')).unwrap_or(word.len());
    holds_colon(&text[start..end]).then_some(Found { start, end, kind: Kind::Authorization })
}

/// Where the credentials begin after the scheme that stands from `start` to `end`.
fn credentials(text: &[u8], start: usize, end: usize) -> Option<usize> {
    if !bytes::begins_word(text, start) {
        return None;
    }
    match text.get(end..)? {
        [b' ', ..] => Some(end + count(text, end, b" ")),
        [b'%', b'2', b'0', ..] => Some(end + 3),
        _ => None,
    }
}

/// True when `word` is base64 of readable text with a colon in it.
fn holds_colon(word: &[u8]) -> bool {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    };
    let digits: Option<Vec<u8>> =
        word.trim_ascii_end().iter().filter(|byte| **byte != b'=').map(|byte| value(*byte)).collect();
    let Some(digits) = digits.filter(|digits| digits.len() >= 4) else { return false };
    let decoded: Vec<u8> = digits
        .chunks(4)
        .flat_map(|chunk| {
            let bits = chunk.iter().fold(0u32, |bits, digit| bits << 6 | u32::from(*digit)) << (6 * (4 - chunk.len()));
            bits.to_be_bytes()[1..chunk.len()].to_vec()
        })
        .collect();
    decoded.contains(&b':') && decoded.iter().all(|byte| *byte >= b' ')
}
