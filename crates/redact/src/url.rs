//! Parameters of a URL: `?key=…`, `#access_token=…`, `?X-Amz-Signature=…`.

use crate::Found;
use crate::find::join_overlapping;
use crate::kind::Kind;
use crate::names;
use crate::pairs::is_placeholder;

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
