//! Classes of bytes, runs and words: the small change of the checks.

/// A set of ASCII bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Set(u8);

/// Letters and digits.
pub(crate) const ALNUM: Set = Set(1);
/// The base64 alphabet for URLs: letters, digits, `-`, `_`.
pub(crate) const URL64: Set = Set(2);
/// [`URL64`] and the dot.
pub(crate) const DOTTED: Set = Set(4);
/// Digits and lower-case letters to `f`.
pub(crate) const HEX: Set = Set(8);
/// Upper-case letters and digits.
pub(crate) const UPPER: Set = Set(16);
/// What RFC 7235 allows in credentials (`token68`), and the colon that some APIs put into theirs.
pub(crate) const TOKEN68: Set = Set(32);
/// What names of attributes, headers and parameters are made of.
pub(crate) const NAME: Set = Set(64);
/// What ends a value without quotes.
const END: u8 = 128;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        let alnum = b.is_ascii_alphanumeric();
        let mut flags = 0;
        if alnum {
            flags |= ALNUM.0;
        }
        if alnum || b == b'-' || b == b'_' {
            flags |= URL64.0;
        }
        if alnum || b == b'-' || b == b'_' || b == b'.' {
            flags |= DOTTED.0 | NAME.0;
        }
        if b.is_ascii_digit() || (b >= b'a' && b <= b'f') {
            flags |= HEX.0;
        }
        if b.is_ascii_digit() || b.is_ascii_uppercase() {
            flags |= UPPER.0;
        }
        if alnum || matches!(b, b'-' | b'_' | b'.' | b'~' | b'+' | b'/' | b'=' | b':') {
            flags |= TOKEN68.0;
        }
        if b <= b' '
            || b == 0x7f
            || matches!(b, b'&' | b';' | b',' | b'"' | b'\'' | b'`' | b')' | b']' | b'}' | b'<' | b'>' | b'|' | b'\\')
        {
            flags |= END;
        }
        table[byte] = flags;
        byte += 1;
    }
    table
}

impl Set {
    /// True when `byte` is in the set.
    #[inline]
    pub(crate) fn has(self, byte: u8) -> bool {
        CLASSES[byte as usize] & self.0 != 0
    }

    /// Where the run of the set's bytes that begins at `at` ends.
    #[inline]
    pub(crate) fn run(self, text: &[u8], at: usize) -> usize {
        let rest = text.get(at..).unwrap_or_default();
        at + rest.iter().position(|byte| !self.has(*byte)).unwrap_or(rest.len())
    }

    /// Where the run that ends at `at` begins, looking back at most `most` bytes.
    pub(crate) fn run_back(self, text: &[u8], at: usize, most: usize) -> usize {
        let head = &text[at.saturating_sub(most)..at];
        at - head.iter().rev().position(|byte| !self.has(*byte)).unwrap_or(head.len())
    }

    /// True when at least `least` of the set's bytes stand at `at`.
    pub(crate) fn stands(self, text: &[u8], at: usize, least: usize) -> bool {
        text.get(at..at + least).is_some_and(|run| run.iter().all(|byte| self.has(*byte)))
    }
}

/// True for what ends a value without quotes.
pub(crate) fn ends_value(byte: u8) -> bool {
    CLASSES[byte as usize] & END != 0
}

/// True when a word may begin at `at`: nothing, or no letter or digit stands before it, or those that do belong to an escape
/// (`\n`, `%20`, `\u0026`).
pub(crate) fn begins_word(text: &[u8], at: usize) -> bool {
    let before = &text[..at];
    match before {
        [] => true,
        [.., last] if !ALNUM.has(*last) => true,
        [.., b'\\', b'n' | b'r' | b't' | b'b' | b'f' | b'v'] => true,
        [.., b'%', a, b] => a.is_ascii_hexdigit() && b.is_ascii_hexdigit(),
        _ => escaped_unit(before),
    }
}

/// True when `before` ends with `\u` and four hex digits.
pub(crate) fn escaped_unit(before: &[u8]) -> bool {
    before.last_chunk::<6>().is_some_and(|[slash, u, digits @ ..]| {
        (*slash, *u) == (b'\\', b'u') && digits.iter().all(u8::is_ascii_hexdigit)
    })
}

/// How random `text` looks, counting how often the kind of character changes between lower case, upper case and digit. A random
/// text of letters and digits does so at 6 of 10 places, words and version numbers at far fewer.
pub(crate) fn is_scrambled(text: &[u8]) -> bool {
    let class = |byte: &u8| (byte.is_ascii_uppercase(), byte.is_ascii_digit());
    let changes = text.windows(2).filter(|pair| class(&pair[0]) != class(&pair[1])).count();
    changes * 3 >= text.len()
}

/// True when a lone word looks like a secret and not like prose: with a digit, long, or with capitals inside.
pub(crate) fn looks_secret(text: &[u8]) -> bool {
    let digit = text.iter().any(u8::is_ascii_digit);
    let letter = text.iter().any(u8::is_ascii_alphabetic);
    let inner_capital = text.windows(2).any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
    text.len() >= 6 && letter && digit || text.len() >= 20 || text.len() >= 8 && inner_capital
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_begin_after_escapes() {
        for (text, expected) in [
            ("|", true),
            ("=|", true),
            ("a|", false),
            ("a\\n|", true),
            ("%20|", true),
            ("%2|", false),
            ("\\u0026|", true),
            ("u0026|", false),
            ("é|", true),
        ] {
            let at = text.find('|').expect("marked");
            assert_eq!(begins_word(text.as_bytes(), at), expected, "{text}");
        }
    }

    #[test]
    fn random_text_is_told_from_words() {
        for text in ["a8Kd0ZqP3xWm7L", "Xk29fLmQ0aBcD3"] {
            assert!(is_scrambled(text.as_bytes()), "{text}");
        }
        for text in ["boardShortcut1", "words20240101ab", "holeSizeMeters"] {
            assert!(!is_scrambled(text.as_bytes()), "{text}");
        }
    }
}
