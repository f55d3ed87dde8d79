//! From a failed call of the model to an answer for our caller.

use std::time::Duration;

use http::StatusCode;
use service_kit::Problem;

use crate::gemini::{Error, Fault};

/// What the caller is told. Google's own message is passed on where the caller can act on it.
pub(crate) fn problem(error: Error) -> Problem {
    match error {
        Error::Refused(fault) => refused(&fault),
        Error::Http(error) => error.into(),
        Error::Unreadable | Error::BrokeOff => Problem::bad_gateway(error.to_string()),
    }
}

fn refused(fault: &Fault) -> Problem {
    let new = |status, slug: &'static str, detail: &str| {
        let detail = if fault.message.is_empty() { detail.to_owned() } else { format!("{detail}: {}", fault.message) };
        Problem::new(status, slug, detail)
            .with("upstream_status", fault.status.as_u16())
            .with("upstream_code", fault.code.clone())
    };
    if fault.key_invalid {
        return new(
            StatusCode::UNAUTHORIZED,
            "upstream-key",
            "the model's provider does not take this service's API key",
        );
    }
    match fault.status.as_u16() {
        400 => new(StatusCode::BAD_REQUEST, "upstream-invalid", "the model's provider refuses the request"),
        404 => new(StatusCode::BAD_REQUEST, "unknown-model", "the model's provider does not know the model")
            .field("model", "is not known"),
        401 => {
            new(StatusCode::UNAUTHORIZED, "upstream-key", "the model's provider does not take this service's API key")
        }
        403 => new(StatusCode::FORBIDDEN, "upstream-forbidden", "the model's provider forbids it"),
        429 => {
            let problem =
                new(StatusCode::TOO_MANY_REQUESTS, "upstream-quota", "the model's provider has no quota left");
            problem.retry_after(fault.retry_after.unwrap_or(Duration::from_secs(1)))
        }
        408 | 504 => new(StatusCode::GATEWAY_TIMEOUT, "upstream-timeout", "the model's provider took too long"),
        _ => new(StatusCode::BAD_GATEWAY, "upstream-failed", "the model's provider failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn statuses_of_upstream_become_ours() {
        let of = |status: u16| {
            let body = json!({"error": {"message": "Please retry in 34.5s."}}).to_string();
            problem(Error::Refused(Fault::read(StatusCode::from_u16(status).expect("a status"), None, body.as_bytes())))
        };
        let mapped = [400, 401, 403, 404, 408, 429, 499, 500, 502, 503, 504]
            .map(|status| (status, of(status).status().as_u16()));
        let expected = [
            (400, 400),
            (401, 401),
            (403, 403),
            (404, 400),
            (408, 504),
            (429, 429),
            (499, 502),
            (500, 502),
            (502, 502),
            (503, 502),
            (504, 504),
        ];
        assert_eq!(mapped, expected);
        assert_eq!(of(404).errors()[0].field, "model");
    }
}
