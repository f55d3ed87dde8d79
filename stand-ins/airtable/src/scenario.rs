//! Failures on demand: by request header, by flag for each n-th call, or for the next calls.

use std::str::FromStr;

use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

/// A failure in one of the forms that the real server has.
#[derive(Debug, Clone, PartialEq)]
pub enum Scenario {
    /// `429`: the array form.
    RateLimited,
    /// `429-billing`: the month's calls are used up.
    Billing,
    /// `402`: payment required, object form.
    PaymentRequired,
    /// `403`: no permission, object form.
    Forbidden,
    /// `404`: the string form.
    NotFound,
    /// `413`: the request is too large.
    TooLarge,
    /// `422` or `422:TYPE`: object form with the given type.
    Invalid(String),
    /// `500`: object form.
    ServerError,
    /// `502`: a page of HTML.
    BadGateway,
    /// `503`: object form.
    Unavailable,
    /// `empty-500`: no body at all.
    Empty,
    /// `truncated`: status 200 with half a JSON document.
    Truncated,
    /// `hang`: no answer; the client has to give up.
    Hang,
}

impl FromStr for Scenario {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "429" => Self::RateLimited,
            "429-billing" => Self::Billing,
            "402" => Self::PaymentRequired,
            "403" => Self::Forbidden,
            "404" => Self::NotFound,
            "413" => Self::TooLarge,
            "422" => Self::Invalid("INVALID_REQUEST_UNKNOWN".to_owned()),
            "500" => Self::ServerError,
            "502" => Self::BadGateway,
            "503" => Self::Unavailable,
            "empty-500" => Self::Empty,
            "truncated" => Self::Truncated,
            "hang" => Self::Hang,
            _ => match text.strip_prefix("422:") {
                Some(kind) if !kind.is_empty() => Self::Invalid(kind.to_owned()),
                _ => return Err(format!("unknown scenario `{text}`")),
            },
        })
    }
}

impl Scenario {
    /// The failure as an answer.
    pub(crate) async fn answer(&self) -> Response {
        let object = |status: u16, kind: &str, message: &str| {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, axum::Json(json!({"error": {"type": kind, "message": message}}))).into_response()
        };
        match self {
            Self::RateLimited => crate::http::refusal(&crate::ApiError::RateLimited),
            Self::Forbidden => crate::http::refusal(&crate::ApiError::Forbidden),
            Self::NotFound => crate::http::refusal(&crate::ApiError::NotFound),
            Self::TooLarge => crate::http::refusal(&crate::ApiError::TooLarge),
            Self::Billing => object(
                429,
                "PUBLIC_API_BILLING_LIMIT_EXCEEDED",
                "API billing plan limit exceeded. Contact the team owner to upgrade the plan.",
            ),
            Self::PaymentRequired => object(402, "PAYMENT_REQUIRED", "Payment required"),
            Self::Invalid(kind) => {
                object(422, kind, "Invalid request: parameter validation failed. Check your request data.")
            }
            Self::ServerError => object(500, "SERVER_ERROR", "The server encountered an unexpected condition."),
            Self::Unavailable => {
                object(503, "SERVICE_UNAVAILABLE", "The server could not process your request in time.")
            }
            Self::BadGateway => (
                StatusCode::BAD_GATEWAY,
                Html("<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"),
            )
                .into_response(),
            Self::Empty => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            Self::Truncated => {
                let json = HeaderValue::from_static("application/json; charset=utf-8");
                ([(header::CONTENT_TYPE, json)], r#"{"records":[{"id":"rec"#).into_response()
            }
            Self::Hang => std::future::pending().await,
        }
    }
}

/// Fails each n-th call: the flag `--fail SCENARIO@N`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What happens.
    pub scenario: Scenario,
    /// To which calls: 3 is the third, the sixth, …; at least 1.
    pub every: u64,
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scenario, every) = text.rsplit_once('@').ok_or_else(|| format!("`{text}` is not SCENARIO@N"))?;
        let every: u64 = every.parse().map_err(|_| format!("`{every}` is not a number of calls"))?;
        if every == 0 {
            return Err("each 0th call means nothing: N is at least 1".to_owned());
        }
        Ok(Self { scenario: scenario.parse()?, every })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_from_text() {
        let rule = |text: &str| text.parse::<Rule>();
        assert_eq!(rule("429@7"), Ok(Rule { scenario: Scenario::RateLimited, every: 7 }));
        let kind = "UNKNOWN_FIELD_NAME".to_owned();
        assert_eq!(rule("422:UNKNOWN_FIELD_NAME@2"), Ok(Rule { scenario: Scenario::Invalid(kind), every: 2 }));
        for bad in ["429", "429@0", "429@x", "418@1", "422:@1"] {
            assert!(rule(bad).is_err(), "{bad}");
        }
    }
}
