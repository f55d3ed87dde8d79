//! Parameters of a URL: `?key=…`, `#access_token=…`, `?X-Amz-Signature=…`.

use crate::Found;
use crate::find::join_overlapping;
use crate::kind::Kind;
use crate::names;
use crate::pairs::is_placeholder;

/// Adds the values of secret parameters in query and fragment to `found`.
pub(crate) fn parameters(url: &[u8], found: &mut Vec<Found>) {
    let Some(query) = url.iter().position(|byte| matches!(byte, b'?' | b'#')) else { return };
    let before = found.len();
    let mut start = query + 1;
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
