//! Parameters of a URL: `?key=…`, `#access_token=…`, `?X-Amz-Signature=…`; and secrets whose surroundings are percent-encoded.

use crate::find::{self, join_overlapping};
use crate::kind::Kind;
use crate::names;
use crate::pairs::is_placeholder;
use crate::{Found, Options};

/// A URL inside a parameter of a URL is encoded twice; what is encoded more often is nobody's.
const ROUNDS: usize = 3;

/// Adds the secrets that show only when `%XX` and `+` are read as what they stand for: `/x-api-key%3A%20…`, `?q=password%3D…`. Each
/// part between separators is decoded by itself, so that nothing found reaches beyond it.
pub(crate) fn encoded(url: &[u8], options: Options, found: &mut Vec<Found>) {
    let before = found.len();
    let mut start = 0;
    for part in url.split(|byte| matches!(byte, b'/' | b'&' | b'?' | b'#')) {
        let mut plain = part.to_vec();
        // Where each byte of `plain` comes from, and the end.
        let mut origins: Vec<usize> = (start..=start + part.len()).collect();
        for _ in 0..ROUNDS {
            if !plain.contains(&b'%') && !plain.contains(&b'+') {
                break;
            }
            (plain, origins) = decoded(&plain, &origins);
            let mut inside = find::find(&plain, options, true);
            parameters(&plain, &mut inside);
            found.extend(inside.into_iter().map(|secret| Found {
                start: origins[secret.start],
                end: origins[secret.end],
                kind: secret.kind,
            }));
        }
        start += part.len() + 1;
    }
    if found.len() > before {
        join_overlapping(found);
    }
}

fn decoded(text: &[u8], origins: &[usize]) -> (Vec<u8>, Vec<usize>) {
    let (mut plain, mut from) = (Vec::with_capacity(text.len()), Vec::with_capacity(origins.len()));
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut at = 0;
    while at < text.len() {
        let (byte, length) = match text[at..] {
            [b'%', high, low, ..] => match (digit(high), digit(low)) {
                (Some(high), Some(low)) => (high << 4 | low, 3),
                _ => (b'%', 1),
            },
            [b'+', ..] => (b' ', 1),
            _ => (text[at], 1),
        };
        plain.push(byte);
        from.push(origins[at]);
        at += length;
    }
    from.push(origins[text.len()]);
    (plain, from)
}

/// Adds the values of secret parameters in query and fragment to `found`.
pub(crate) fn parameters(url: &[u8], found: &mut Vec<Found>) {
    // Without a question mark it is a query by itself, if it looks like one.
    let query = url.iter().position(|byte| matches!(byte, b'?' | b'#')).map(|mark| mark + 1);
    let alone = || (!url.contains(&b'/') && url.contains(&b'=')).then_some(0);
    let Some(mut start) = query.or_else(alone) else { return };
    let before = found.len();
    for parameter in url[start..].split(|byte| matches!(byte, b'&' | b';' | b'?' | b'#')) {
        let end = start + parameter.len();
        if let Some(equals) = parameter.iter().position(|byte| *byte == b'=') {
            let (name, value) = (&parameter[..equals], &parameter[equals + 1..]);
            if names::is_secret_parameter(name) && !is_placeholder(value) {
                found.push(Found { start: start + equals + 1, end, kind: Kind::Secret });
            }
        }
        start = end + 1;
    }
    if found.len() > before {
        join_overlapping(found);
    }
}
