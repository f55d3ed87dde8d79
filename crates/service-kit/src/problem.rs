//! Errors of requests as RFC 9457 problem details (`application/problem+json`).
//!
//! `detail` is always there: it is the member that clients of the older services read. `errors` names the fields that are wrong.
//! The `type` is `urn:quartet:problem:` and a slug that stays the same over releases; `title` is the status' own phrase.
//!
//! A detail is told to the caller: it must not hold what the caller may not know. [`Problem::internal`] logs the cause and hides it.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use ::http::header::{CONTENT_TYPE, RETRY_AFTER};
use ::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";
/// What stands before the slug in `type`.
pub const TYPE_PREFIX: &str = "urn:quartet:problem:";

/// An error answer. Small to move: it travels in `Result`s.
#[derive(Debug, Clone)]
pub struct Problem(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    status: StatusCode,
    slug: Cow<'static, str>,
    detail: String,
    errors: Vec<FieldError>,
    retry_after: Option<Duration>,
    extensions: Map<String, Value>,
}

/// One field of the request that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Path of the field, as in `messages[0].role`; `body` for the whole document.
    pub field: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Problem {
    /// A problem with a status, a slug in kebab case and a sentence for the caller.
    pub fn new(status: StatusCode, slug: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            status,
            slug: slug.into(),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            extensions: Map::new(),
        }))
    }

    /// 400 for a request that cannot be understood.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", detail)
    }

    /// 422 for one field with a wrong value; more by [`Problem::field`].
    pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::validation(vec![FieldError { field: field.into(), reason: reason.into() }])
    }

    /// 422 for fields with wrong values; the detail lists them.
    pub fn validation(errors: Vec<FieldError>) -> Self {
        let told: Vec<String> = errors.iter().map(|error| format!("{}: {}", error.field, error.reason)).collect();
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation", told.join("; "));
        problem.0.errors = errors;
        problem
    }

    /// 401 for a missing or wrong credential.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    /// 404 for a thing that is not there.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    /// 409 for a request that the thing's state forbids.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", detail)
    }

    /// 413 for a body above `limit` bytes.
    pub fn too_large(limit: usize) -> Self {
        let detail = format!("the request body is larger than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail).with("limit_bytes", limit)
    }

    /// 502 for a service behind this one that answered nonsense or nothing.
    pub fn bad_gateway(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "bad-gateway", detail)
    }

    /// 503 for something that this service needs and that is away for now.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
    }

    /// 504 for something that took too long.
    pub fn timeout(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, "timeout", detail)
    }

    /// 500: the cause goes to the log (and to the span that it belongs to), the caller learns only that it was us.
    pub fn internal(cause: &dyn fmt::Display) -> Self {
        tracing::error!(error = %cause, "request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "internal error; the log of this service has the cause",
        )
    }

    /// Adds a field that is wrong.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>, reason: impl Into<String>) -> Self {
        self.0.errors.push(FieldError { field: field.into(), reason: reason.into() });
        self
    }

    /// Says when to come back: header `Retry-After`, in whole seconds, rounded up.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Adds a member of one's own to the document. The names of RFC 9457 and `errors` cannot be replaced.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.extensions.insert(name.to_owned(), value.into());
        self
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The slug at the end of `type`.
    pub fn slug(&self) -> &str {
        &self.0.slug
    }

    /// The sentence for the caller.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The fields that are wrong.
    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// The document as it is sent.
    pub fn to_json(&self) -> Value {
        let mut document = self.0.extensions.clone();
        document.insert("type".to_owned(), format!("{TYPE_PREFIX}{}", self.0.slug).into());
        document.insert("title".to_owned(), self.0.status.canonical_reason().unwrap_or("Error").into());
        document.insert("status".to_owned(), self.0.status.as_u16().into());
        document.insert("detail".to_owned(), self.0.detail.clone().into());
        if !self.0.errors.is_empty() {
            let one = |error: &FieldError| serde_json::json!({"field": error.field, "reason": error.reason});
            document.insert("errors".to_owned(), self.0.errors.iter().map(one).collect());
        }
        Value::Object(document)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}: {}", self.0.status.as_u16(), self.0.slug, self.0.detail)
    }
}

impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.0.status, self.to_json().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(wait) = self.0.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The document of an error answer, for OpenAPI: `responses((status = 422, body = ProblemDocument))`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// `urn:quartet:problem:` and a slug that stays the same over releases.
    #[serde(rename = "type")]
    #[schema(rename = "type")]
    pub kind: String,
    /// The status' phrase.
    pub title: String,
    /// The status.
    pub status: u16,
    /// What went wrong, for a person.
    pub detail: String,
    /// The fields that are wrong, when it was the input.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<FieldError>,
}

/// The problem of an answer of axum's own, multipart and the like.
impl From<axum::extract::multipart::MultipartError> for Problem {
    fn from(error: axum::extract::multipart::MultipartError) -> Self {
        match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "the request body is too large")
            }
            status if status.is_client_error() => Self::new(status, "malformed-multipart", error.body_text()),
            _ => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_of_rfc_9457_with_detail_errors_and_extensions() {
        let problem = Problem::invalid("messages[0].role", "unknown").field("model", "too long").with("limit", 3);
        let expected = serde_json::json!({
            "type": "urn:quartet:problem:validation",
            "title": "Unprocessable Entity",
            "status": 422,
            "detail": "messages[0].role: unknown",
            "errors": [{"field": "messages[0].role", "reason": "unknown"}, {"field": "model", "reason": "too long"}],
            "limit": 3,
        });
        assert_eq!(problem.to_json(), expected);
        assert_eq!(problem.into_response().headers()[CONTENT_TYPE], MEDIA_TYPE);
    }

    #[test]
    fn extensions_do_not_replace_members_of_the_standard() {
        assert_eq!(Problem::not_found("x").with("status", 200).to_json()["status"], 404);
    }

    #[test]
    fn retry_after_is_rounded_up_to_whole_seconds() {
        let header = |wait| Problem::unavailable("x").retry_after(wait).into_response().headers()[RETRY_AFTER].clone();
        assert_eq!(header(Duration::from_millis(1)), "1");
        assert_eq!(header(Duration::from_secs(30)), "30");
    }

    #[test]
    fn an_internal_error_does_not_tell_its_cause() {
        assert!(!Problem::internal(&"password=1").to_json().to_string().contains("password"));
    }
}
