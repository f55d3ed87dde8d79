//! Parameters of a request: the URL's query and, for a form POST, its body, as Go's `Request.Form` joins them.

use axum::extract::{FromRequest, Request};
use http::header;

use crate::error::TextError;

/// Longest form body (Go's `ParseForm` reads no more either).
const FORM_BYTES_MAX: usize = 10 << 20;

/// Names and values in order, the body's before the URL's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// First value of `name`; `None` when absent or empty, which the APIs treat alike.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// All values of `name`.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

fn pairs(text: &[u8]) -> impl Iterator<Item = (String, String)> {
    text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        (decode_component(&pair[..at]), decode_component(pair.get(at + 1..).unwrap_or_default()))
    })
}

fn decode_component(text: &[u8]) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (*first, tail) {
            (b'+', _) => out.push(b' '),
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let nibble = |digit: u8| (digit as char).to_digit(16).expect("checked to be a hex digit") as u8;
                out.push(nibble(*high) << 4 | nibble(*low));
                rest = after;
            }
            (byte, _) => out.push(byte),
        }
    }
    String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

impl<S: Send + Sync> FromRequest<S> for Params {
    type Rejection = TextError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, TextError> {
        let from_url = request.uri().query().unwrap_or_default().to_owned();
        let is_form = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
        let mut all = Vec::new();
        if is_form {
            let body = axum::body::to_bytes(request.into_body(), FORM_BYTES_MAX).await;
            let body = body.map_err(|error| TextError::bad_request(format!("reading the form failed: {error}")))?;
            all.extend(pairs(&body));
        }
        all.extend(pairs(from_url.as_bytes()));
        Ok(Self(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_repeats_are_kept() {
        let params = Params(pairs(b"a=1+2%203&match[]=x&match%5B%5D=%7Ba%3D%22b%22%7D&bad=%zz&empty=&flag").collect());
        assert_eq!(params.get("a"), Some("1 2 3"));
        assert_eq!(params.all("match[]").collect::<Vec<_>>(), ["x", "{a=\"b\"}"]);
        assert_eq!(params.get("bad"), Some("%zz"));
        assert_eq!(params.get("empty"), None);
        assert_eq!(params.get("flag"), None);
    }
}
