//! What stands around an `@`: credentials of URLs, e-mail addresses. And card numbers.

use crate::Found;
use crate::bytes::{self, ALNUM, DOTTED, NAME};
use crate::kind::Kind;
use crate::pairs::is_placeholder;

/// Longest user and password of a URL that are looked for.
const USERINFO_BYTES: usize = 512;
/// RFC 5321: 64 bytes before the `@`.
const LOCAL_PART_BYTES: usize = 64;

/// `user:password` before the `@` at `at`. `any` also takes a user without a password, which outside of URLs is mostly a name
/// (`ssh://git@host`).
pub(crate) fn credentials(text: &[u8], at: usize, any: bool) -> Option<Found> {
    let start = userinfo_start(text, at)?;
    let userinfo = &text[start..at];
    let secret = match userinfo.iter().position(|byte| *byte == b':') {
        Some(colon) => !is_placeholder(&userinfo[colon + 1..]) || any,
        None => any || userinfo.len() >= 16 && bytes::looks_secret(userinfo),
    };
    let masked = crate::kind::is_mask(userinfo) || userinfo.is_empty();
    (secret && !masked).then_some(Found { start, end: at, kind: Kind::UrlCredentials })
}

fn userinfo_start(text: &[u8], at: usize) -> Option<usize> {
    let floor = at.saturating_sub(USERINFO_BYTES);
    let stop = |byte: &u8| *byte <= b' ' || matches!(byte, b'/' | b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\');
    let start = floor + text[floor..at].iter().rposition(stop).map_or(0, |found| found + 1);
    let before = &text[..start];
    // The second form is JSON that escapes slashes, the third percent encoding is no URL that a driver takes.
    if before.ends_with(b"://") || before.ends_with(b":\\/\\/") {
        return Some(start);
    }
    // `user:password@tcp(host)`: data source names of MySQL drivers.
    let driver = [&b"tcp("[..], b"unix("].iter().any(|network| text[at + 1..].starts_with(network));
    (driver && text[start..at].contains(&b':')).then_some(start)
}

/// The e-mail address around the `@` at `at`.
pub(crate) fn email(text: &[u8], at: usize) -> Option<Found> {
    let local = |byte: u8| NAME.has(byte) || matches!(byte, b'+' | b'%');
    let floor = at.saturating_sub(LOCAL_PART_BYTES);
    let start = floor + text[floor..at].iter().rposition(|byte| !local(*byte)).map_or(0, |found| found + 1);
    let end = DOTTED.run(text, at + 1);
    let domain = text[at + 1..end].trim_ascii_end();
    let domain = domain.strip_suffix(b".").unwrap_or(domain);
    let top = domain.rsplit(|byte| *byte == b'.').next()?;
    let valid = start < at
        && domain.len() > top.len() + 1
        && top.len() >= 2
        && top.iter().all(u8::is_ascii_alphabetic)
        && ALNUM.has(domain[0]);
    valid.then_some(Found { start, end: at + 1 + domain.len(), kind: Kind::Email })
}

/// Card numbers: 13 to 19 digits, perhaps in groups, that begin as an issuer's do and end with the right check digit.
pub(crate) fn cards(text: &[u8], found: &mut Vec<Found>) {
    let mut at = 0;
    while at < text.len() {
        if !text[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let start = at;
        let mut digits = Vec::with_capacity(20);
        let mut end = at;
        while let Some(&byte) = text.get(at) {
            match byte {
                b'0'..=b'9' => {
                    digits.push(byte - b'0');
                    end = at + 1;
                }
                b' ' | b'-' if text.get(at + 1).is_some_and(u8::is_ascii_digit) => {}
                _ => break,
            }
            at += 1;
        }
        let joined = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_');
        let alone = !text[..start].last().is_some_and(joined)
            && !text.get(end).is_some_and(|byte| {
                joined(byte) && (*byte != b'.' || text.get(end + 1).is_some_and(u8::is_ascii_digit))
            });
        if alone && is_card(&digits) {
            found.push(Found { start, end, kind: Kind::Card });
        }
        at = at.max(end);
    }
}

fn is_card(digits: &[u8]) -> bool {
    if !(13..=19).contains(&digits.len()) || digits.iter().all(|digit| *digit == digits[0]) {
        return false;
    }
    let prefix = digits[..4].iter().fold(0u16, |number, digit| number * 10 + u16::from(*digit));
    // Visa, Mastercard (two ranges), American Express, Diners, Discover, JCB, UnionPay, Maestro.
    let issued = matches!(prefix, 4000..=4999 | 5100..=5599 | 2221..=2720 | 3400..=3499 | 3700..=3799 | 3000..=3059 | 3600..=3699
        | 3800..=3999 | 6011 | 6440..=6599 | 3528..=3589 | 6200..=6299 | 5000..=5099 | 5600..=5999);
    let sum: u32 = digits.iter().rev().enumerate().map(|(place, digit)| luhn(place, u32::from(*digit))).sum();
    issued && sum.is_multiple_of(10)
}

fn luhn(place: usize, digit: u32) -> u32 {
    match digit * 2 {
        _ if place.is_multiple_of(2) => digit,
        double if double > 9 => double - 9,
        double => double,
    }
}
