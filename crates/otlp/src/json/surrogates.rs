//! Mends escapes of lone surrogates (`\ud83d` without its other half), which are no characters.

/// `body` with each lone surrogate escape replaced by `\ufffd`; `None` when there is none. Only escapes inside strings begin with a
/// backslash, so a body that is JSON otherwise is not changed elsewhere.
pub(super) fn mend(body: &[u8]) -> Option<Vec<u8>> {
    let mut mended: Option<Vec<u8>> = None;
    let mut at = 0;
    while at + 1 < body.len() {
        if body[at] != b'\\' {
            at += 1;
            continue;
        }
        match surrogate(&body[at..]) {
            Some(Half::High) if matches!(body.get(at + 6..).and_then(surrogate), Some(Half::Low)) => at += 12,
            Some(_) => {
                let out = mended.get_or_insert_with(|| body.to_vec());
                out[at + 2..at + 6].copy_from_slice(b"fffd");
                at += 6;
            }
            None => at += 2,
        }
    }
    mended
}

enum Half {
    High,
    Low,
}

/// The surrogate that the escape at the beginning of `text` stands for.
fn surrogate(text: &[u8]) -> Option<Half> {
    let digits = text.strip_prefix(b"\\u")?.first_chunk::<4>()?;
    if !matches!(digits[0], b'd' | b'D') || !digits[2..].iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    match digits[1] {
        b'8' | b'9' | b'a' | b'A' | b'b' | b'B' => Some(Half::High),
        b'c'..=b'f' | b'C'..=b'F' => Some(Half::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lone_halves_are_replaced() {
        let check = |body: &str, expected: Option<&str>| {
            assert_eq!(mend(body.as_bytes()).as_deref(), expected.map(str::as_bytes), "{body}");
        };
        check(r#""\ud83d\ude00 é \n""#, None);
        check(r#""a\ud83d""#, Some(r#""a\ufffd""#));
        check(r#""\ud83d\ud83d\ude00""#, Some(r#""\ufffd\ud83d\ude00""#));
        check(r#""\ude00\\ud83d""#, Some(r#""\ufffd\\ud83d""#));
        check(r#""\ud83"#, None);
    }
}
