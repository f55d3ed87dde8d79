//! Patterns of keys, with the meaning that Redis gives them: `*`, `?`, `[abc]`, `[a-c]`, `[^a]`, and `\` before a literal.

/// A pattern that matches exactly `text`.
pub(super) fn escape(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\' | '^' | '-') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

/// Whether all of `text` matches. Linear in text times pattern: only the last `*` is ever tried again.
pub(super) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut from) = (0, 0);
    // Where to go back to: behind the last star, and the text position that it swallows up to.
    let mut star: Option<(usize, usize)> = None;
    while from < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                at += 1;
                star = Some((at, from));
                continue;
            }
            Some(_) => {
                if let Some(length) = one(&pattern[at..], text[from]) {
                    at += length;
                    from += 1;
                    continue;
                }
            }
            None => {}
        }
        let Some((behind, swallowed)) = star else { return false };
        at = behind;
        from = swallowed + 1;
        star = Some((behind, from));
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// How many bytes of the pattern match this one byte of text.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern[0] {
        b'?' => Some(1),
        b'\\' if pattern.len() > 1 => (pattern[1] == byte).then_some(2),
        b'[' => class(pattern, byte),
        literal => (literal == byte).then_some(1),
    }
}

fn class(pattern: &[u8], byte: u8) -> Option<usize> {
    let negated = pattern.get(1) == Some(&b'^');
    let mut at = if negated { 2 } else { 1 };
    let mut hit = false;
    loop {
        match pattern.get(at)? {
            b']' => break,
            b'\\' if at + 1 < pattern.len() => {
                at += 1;
                hit |= pattern[at] == byte;
            }
            first if pattern.get(at + 1) == Some(&b'-') && pattern.get(at + 2).is_some_and(|end| *end != b']') => {
                let last = pattern[at + 2];
                hit |= (*first.min(&last)..=*first.max(&last)).contains(&byte);
                at += 2;
            }
            literal => hit |= *literal == byte,
        }
        at += 1;
    }
    (hit != negated).then_some(at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let cases: [(&str, &str, bool); 18] = [
            ("*", "", true),
            ("*", "abc", true),
            ("a*c", "abbbc", true),
            ("a*c", "abbbd", false),
            ("a*b*c", "a-b-b-c", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("", "", true),
            ("", "a", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[^a-c]x", "dx", true),
            ("[ab", "a", false),
            ("a\\*c", "a*c", true),
            ("a\\*c", "abc", false),
            ("[\\]]", "]", true),
            ("tables:*:records:*", "tables:x:records:", true),
            ("**", "x", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn an_escaped_text_matches_itself_only() {
        for text in ["a*b", "[x]", "q?", "back\\slash", "^-é"] {
            assert!(matches(escape(text).as_bytes(), text.as_bytes()), "{text}");
        }
        assert!(!matches(escape("a*b").as_bytes(), b"axb"));
    }

    #[test]
    fn many_stars_do_not_explode() {
        assert!(!matches("*a".repeat(40).as_bytes(), "b".repeat(10_000).as_bytes()));
    }
}
