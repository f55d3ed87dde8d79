//! Error bodies. Airtable's `error` is a text, an object or missing, `errors` is an array, and proxies answer HTML.

use std::time::Duration;

use http::{HeaderMap, header};
use serde_json::Value as Json;

use crate::error::Error;

/// Longer messages are cut: they go into answers and logs.
const MESSAGE_CHARS_MAX: usize = 500;

/// The error that an answer with a failing status means.
pub(super) fn read(status: u16, headers: &HeaderMap, body: &[u8]) -> Error {
    let (kind, message) = serde_json::from_slice::<Json>(body).map(|json| parts(&json)).unwrap_or_default();
    let message = message.unwrap_or_else(|| match &kind {
        Some(kind) => format!("Airtable answered {kind}"),
        // The body itself is not shown: it may be a page of anything.
        None => format!("Airtable answered {status} with {}", described(headers, body)),
    });
    let message = telemetry::redactor().text(&message).chars().take(MESSAGE_CHARS_MAX).collect();
    Error::Refused { status, kind, message, retry_after: retry_after(headers) }
}

/// Type and message.
fn parts(body: &Json) -> (Option<String>, Option<String>) {
    let text = |json: &Json| json.as_str().filter(|text| !text.is_empty()).map(ToOwned::to_owned);
    let error = match (&body["error"], &body["errors"]) {
        (Json::Null, Json::Array(errors)) => errors.first().unwrap_or(&Json::Null),
        (Json::Null, errors) => errors,
        (error, _) => error,
    };
    match error {
        Json::Object(_) => {
            let kind = text(&error["type"]).or_else(|| text(&error["error"])).or_else(|| text(&error["code"]));
            (kind, text(&error["message"]))
        }
        // A text is the type when it looks like one, and the message stands beside it.
        Json::String(word) if is_type(word) => (Some(word.clone()), text(&body["message"])),
        Json::String(word) => (text(&body["type"]), text(&Json::from(word.as_str()))),
        _ => (text(&body["type"]), text(&body["message"])),
    }
}

fn is_type(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

fn described(headers: &HeaderMap, body: &[u8]) -> String {
    if body.is_empty() {
        return "an empty body".to_owned();
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("a body of no type");
    kind.split(';').next().unwrap_or_default().trim().to_owned()
}

/// Whole seconds. Airtable sends none; what stands before it may. A date is not looked at: our penalty is the better guess.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, kind: Option<&str>, message: &str) {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static("text/html; charset=utf-8"));
        let expected = Error::Refused {
            status: 502,
            kind: kind.map(ToOwned::to_owned),
            message: message.to_owned(),
            retry_after: None,
        };
        assert_eq!(read(502, &headers, body.as_bytes()), expected, "{body}");
    }

    #[test]
    fn all_forms() {
        check(r#"{"error":"NOT_FOUND"}"#, Some("NOT_FOUND"), "Airtable answered NOT_FOUND");
        check(r#"{"error":{"type":"A_B","message":"why"}}"#, Some("A_B"), "why");
        check(r#"{"error":{"type":"A_B"}}"#, Some("A_B"), "Airtable answered A_B");
        check(r#"{"errors":[{"error":"RATE_LIMIT_REACHED","message":"slow"}]}"#, Some("RATE_LIMIT_REACHED"), "slow");
        check(r#"{"error":"A_B","message":"why"}"#, Some("A_B"), "why");
        check(r#"{"error":"went wrong"}"#, None, "went wrong");
        check(r#"{"type":"A_B","message":"why"}"#, Some("A_B"), "why");
        for odd in ["{}", "[]", "null", "7", r#"{"errors":[]}"#, r#"{"error":{}}"#, "<html>502</html>", "{"] {
            check(odd, None, "Airtable answered 502 with text/html");
        }
        check("", None, "Airtable answered 502 with an empty body");
    }

    #[test]
    fn retry_after_is_read_and_long_messages_are_cut() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, http::HeaderValue::from_static("7"));
        let body = format!(r#"{{"error":{{"type":"T","message":"{}"}}}}"#, "ä".repeat(2_000));
        let Error::Refused { message, retry_after, .. } = read(429, &headers, body.as_bytes()) else { panic!() };
        assert_eq!((message.chars().count(), retry_after), (500, Some(Duration::from_secs(7))));
    }
}
