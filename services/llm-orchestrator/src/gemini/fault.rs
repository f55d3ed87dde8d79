//! What Gemini says when it refuses: status, message, when to come back.

use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

/// Longest message that is passed on; the rest is cut.
const MESSAGE_CHARS_MAX: usize = 500;

/// An error answer of Gemini.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// HTTP status.
    pub(crate) status: StatusCode,
    /// Canonical status such as `RESOURCE_EXHAUSTED`; empty when the body was not Google's.
    pub(crate) code: String,
    /// Message for people, secrets removed.
    pub(crate) message: String,
    /// From `RetryInfo`, the `Retry-After` header or the message.
    pub(crate) retry_after: Option<Duration>,
    /// A quota of the day is used up: `RetryInfo` is short all the same, and retrying is useless.
    pub(crate) daily: bool,
    /// The key is not valid, which Gemini says with status 400.
    pub(crate) key_invalid: bool,
}

impl Fault {
    /// Reads an error answer. The body may be anything: JSON, JSON in an array, a page of HTML, nothing.
    pub(crate) fn read(status: StatusCode, retry_after: Option<&str>, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let error = body.get("error").or_else(|| body.pointer("/0/error")).unwrap_or(&Value::Null);
        Self::of(status, retry_after, error)
    }

    /// Reads an error object that came inside a stream whose status was 200.
    pub(crate) fn in_stream(error: &Value) -> Self {
        let status = error.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
        let status = status.and_then(|code| StatusCode::from_u16(code).ok()).unwrap_or(StatusCode::BAD_GATEWAY);
        Self::of(status, None, error)
    }

    fn of(status: StatusCode, retry_after: Option<&str>, error: &Value) -> Self {
        let text = |field: &str| error.get(field).and_then(Value::as_str).unwrap_or_default();
        let details = error.get("details").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let in_details = |field: &str| details.iter().find_map(|detail| detail.get(field)?.as_str());
        let violations = details.iter().filter_map(|detail| detail.get("violations")?.as_array()).flatten();
        let daily = violations.filter_map(|one| one.get("quotaId")?.as_str()).any(|id| id.contains("PerDay"));
        let message = telemetry::redactor().text(text("message")).chars().take(MESSAGE_CHARS_MAX).collect();
        let retry_after = in_details("retryDelay")
            .and_then(protobuf_duration)
            .or_else(|| Some(Duration::from_secs(retry_after?.trim().parse().ok()?)))
            .or_else(|| in_message(text("message")));
        Self {
            status,
            code: text("status").to_owned(),
            message,
            retry_after,
            daily,
            key_invalid: in_details("reason") == Some("API_KEY_INVALID"),
        }
    }

    /// Whether the same request may succeed later.
    pub(crate) fn retryable(&self) -> bool {
        !self.daily && matches!(self.status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
    }
}

/// `34s`, `0.5s`.
fn protobuf_duration(text: &str) -> Option<Duration> {
    let seconds: f64 = text.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// `… Please retry in 34.074824224s.`
fn in_message(message: &str) -> Option<Duration> {
    let (_, rest) = message.split_once("retry in ")?;
    let end = rest.find('s')?;
    protobuf_duration(&rest[..=end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fault(status: u16, body: &Value) -> Fault {
        Fault::read(StatusCode::from_u16(status).expect("a status"), None, body.to_string().as_bytes())
    }

    #[test]
    fn a_used_up_quota() {
        let body = |quota: &str, delay: &str| {
            json!({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "You exceeded your current quota.", "details": [
                {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": quota}]},
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}]}})
        };
        let minute = fault(429, &body("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "0.5s"));
        assert_eq!((minute.retry_after, minute.retryable()), (Some(Duration::from_millis(500)), true));
        let day = fault(429, &body("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "34s"));
        assert_eq!((day.retry_after, day.retryable()), (Some(Duration::from_secs(34)), false));
    }

    #[test]
    fn when_to_come_back_is_found_wherever_it_is() {
        let told = fault(429, &json!([{"error": {"message": "Please retry in 1.5s."}}]));
        assert_eq!(told.retry_after, Some(Duration::from_millis(1500)));
        let header = Fault::read(StatusCode::TOO_MANY_REQUESTS, Some("7"), b"<html>");
        assert_eq!((header.retry_after, header.message.as_str()), (Some(Duration::from_secs(7)), ""));
        let none = Fault::read(StatusCode::BAD_REQUEST, Some("Wed, 21 Oct"), b"");
        assert_eq!((none.retry_after, none.retryable()), (None, false));
    }

    #[test]
    fn a_bad_key_is_told_by_its_reason() {
        let body = json!({"error": {"code": 400, "message": "API key not valid.", "details": [{"reason": "API_KEY_INVALID"}]}});
        assert!(fault(400, &body).key_invalid);
    }
}
