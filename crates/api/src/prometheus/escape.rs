//! `U__` escaped label names: how Prometheus puts UTF-8 names where only `[a-zA-Z0-9_]` may stand.

/// What an escaped name begins with.
const PREFIX: &str = "U__";

/// Resolves an escaped name: `__` is `_`, `_2e_` the character U+002E. A name that is not escaped, or badly, stays as it is.
pub(super) fn unescape(name: &str) -> String {
    let Some(escaped) = name.strip_prefix(PREFIX) else { return name.to_owned() };
    resolve(escaped).unwrap_or_else(|| name.to_owned())
}

fn resolve(escaped: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = escaped;
    while let Some(at) = rest.find('_') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('_') {
            out.push('_');
            rest = after;
            continue;
        }
        let (digits, after) = rest.split_once('_')?;
        // Six hexadecimal digits cover all of Unicode.
        let is_code = (1..=6).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let code = is_code.then(|| u32::from_str_radix(digits, 16).ok()).flatten()?;
        out.push(char::from_u32(code)?);
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_resolved() {
        for (name, expected) in [
            ("job", "job"),
            ("U__http_2e_status", "http.status"),
            ("U__a__b_2e_c", "a_b.c"),
            ("U___1F600_", "\u{1F600}"),
            ("U__plain", "plain"),
            ("U__bad_zz_", "U__bad_zz_"),
            ("U__open_2e", "U__open_2e"),
            ("U__surrogate_d800_", "U__surrogate_d800_"),
        ] {
            assert_eq!(unescape(name), expected, "{name}");
        }
    }
}
