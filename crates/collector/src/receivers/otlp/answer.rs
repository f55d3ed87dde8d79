//! Bodies of answers: `Export*ServiceResponse` and `google.rpc.Status`, in protobuf and JSON.

use std::time::Duration;

use protowire::Writer;
use serde_json::json;
use store_api::{Appended, WireFormat};

use crate::status::GrpcCode;

/// Longest reason answered: an answer fits one HTTP/2 header block (16 KiB) even percent-encoded and in base64.
const REASON_BYTES_MAX: usize = 2048;

/// `Export*ServiceResponse` as protobuf. All three have `partial_success = 1 {rejected = 1, error_message = 2}`; it is left out on
/// full success, which makes the message empty.
pub(super) fn response_protobuf(appended: &Appended) -> Vec<u8> {
    let mut writer = Writer::new();
    if appended.rejected > 0 || appended.reason.is_some() {
        writer.message(1, |partial| {
            if appended.rejected > 0 {
                partial.varint(1, appended.rejected);
            }
            if let Some(reason) = &appended.reason {
                partial.str(2, cut(reason));
            }
        });
    }
    writer.into_bytes()
}

/// The same as JSON; 64-bit numbers are strings there.
pub(super) fn response_json(appended: &Appended, format: WireFormat) -> Vec<u8> {
    let rejected_name = match format {
        WireFormat::OtlpTraces => "rejectedSpans",
        WireFormat::OtlpLogs => "rejectedLogRecords",
        _ => "rejectedDataPoints",
    };
    let mut partial = serde_json::Map::new();
    if appended.rejected > 0 {
        partial.insert(rejected_name.to_owned(), json!(appended.rejected.to_string()));
    }
    if let Some(reason) = &appended.reason {
        partial.insert("errorMessage".to_owned(), json!(cut(reason)));
    }
    if partial.is_empty() { b"{}".to_vec() } else { json!({ "partialSuccess": partial }).to_string().into_bytes() }
}

/// `google.rpc.Status {code = 1, message = 2, details = 3}` with a `google.rpc.RetryInfo {retry_delay = 1}` where there is a time
/// to wait.
pub(super) fn status_protobuf(code: GrpcCode, message: &str, retry_after: Option<Duration>) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.varint(1, code as u64);
    writer.str(2, cut(message));
    if let Some(delay) = retry_after {
        writer.message(3, |any| {
            any.str(1, "type.googleapis.com/google.rpc.RetryInfo");
            any.message(2, |info| {
                info.message(1, |duration| {
                    duration.varint(1, delay.as_secs());
                    duration.varint(2, u64::from(delay.subsec_nanos()));
                });
            });
        });
    }
    writer.into_bytes()
}

/// The same as JSON.
pub(super) fn status_json(code: GrpcCode, message: &str, retry_after: Option<Duration>) -> Vec<u8> {
    let mut status = json!({ "code": code as u8, "message": cut(message) });
    if let Some(delay) = retry_after {
        let delay = format!("{}s", delay.as_secs_f64());
        status["details"] = json!([{ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay }]);
    }
    status.to_string().into_bytes()
}

/// `text`, cut at a character's end.
pub(super) fn cut(text: &str) -> &str {
    let mut end = text.len().min(REASON_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_success_is_empty_and_a_partial_one_names_its_records() {
        let full = Appended { accepted: 3, ..Appended::default() };
        assert_eq!(response_protobuf(&full), b"");
        assert_eq!(response_json(&full, WireFormat::OtlpLogs), b"{}");
        let partial = Appended { accepted: 1, rejected: 2, reason: Some("bad".into()), ..Appended::default() };
        assert_eq!(response_protobuf(&partial), b"\x0a\x07\x08\x02\x12\x03bad");
        let json = String::from_utf8(response_json(&partial, WireFormat::OtlpTraces)).expect("text");
        assert_eq!(json, r#"{"partialSuccess":{"errorMessage":"bad","rejectedSpans":"2"}}"#);
        let warning = Appended { accepted: 1, reason: Some("hm".into()), ..Appended::default() };
        assert_eq!(response_protobuf(&warning), b"\x0a\x04\x12\x02hm");
    }

    #[test]
    fn a_status_holds_the_time_to_wait() {
        let json = status_json(GrpcCode::Unavailable, "disk is full", Some(Duration::from_millis(1500)));
        let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        assert_eq!(json["code"], 14);
        assert_eq!(json["details"][0]["retryDelay"], "1.5s");
        assert_eq!(status_protobuf(GrpcCode::InvalidArgument, "x", None), b"\x08\x03\x12\x01x");
        assert_eq!(cut(&"ä".repeat(2000)).len(), REASON_BYTES_MAX);
    }
}
