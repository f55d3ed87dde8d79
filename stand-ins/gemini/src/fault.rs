//! The error bodies of the Gemini API, each under the name by which a scenario asks for it.
//!
//! Texts and details: upstream-apis.md A.5. Those of 403 and 503 are known from issue threads only.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

const SERVICE: &str = "generativelanguage.googleapis.com";

/// What can go wrong on purpose. A name or a bare status code asks for it; see [`Fault::parse`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// 400 `INVALID_ARGUMENT` with a field violation.
    InvalidArgument,
    /// 400 with reason `API_KEY_INVALID`.
    ApiKeyInvalid,
    /// 400 `FAILED_PRECONDITION`: the region is not served.
    FailedPrecondition,
    /// 403: no key.
    PermissionDenied,
    /// 403: the API is switched off for the project.
    ServiceDisabled,
    /// 404: unknown model.
    NotFound,
    /// 429 with `Help`, a per-minute `QuotaFailure` and `RetryInfo`.
    Quota,
    /// 429 with a per-day `QuotaFailure`: retrying within the minute is useless in spite of `RetryInfo`.
    QuotaDay,
    /// 429 with the short text and no details.
    Exhausted,
    /// 499 `CANCELLED` (Vertex).
    Cancelled,
    /// 500 `INTERNAL`.
    Internal,
    /// 502 as the front end sends it: HTML.
    BadGateway,
    /// 503 `UNAVAILABLE`.
    Unavailable,
    /// 504 `DEADLINE_EXCEEDED`.
    Deadline,
    /// The connection is closed before any byte of the answer's body.
    Drop,
}

/// Names a user may write, with the status codes as short forms.
const NAMES: &[(&str, Fault)] = &[
    ("invalid-argument", Fault::InvalidArgument),
    ("400", Fault::InvalidArgument),
    ("api-key-invalid", Fault::ApiKeyInvalid),
    ("failed-precondition", Fault::FailedPrecondition),
    ("permission-denied", Fault::PermissionDenied),
    ("403", Fault::PermissionDenied),
    ("service-disabled", Fault::ServiceDisabled),
    ("not-found", Fault::NotFound),
    ("404", Fault::NotFound),
    ("quota", Fault::Quota),
    ("429", Fault::Quota),
    ("quota-day", Fault::QuotaDay),
    ("exhausted", Fault::Exhausted),
    ("cancelled", Fault::Cancelled),
    ("499", Fault::Cancelled),
    ("internal", Fault::Internal),
    ("500", Fault::Internal),
    ("bad-gateway", Fault::BadGateway),
    ("502", Fault::BadGateway),
    ("unavailable", Fault::Unavailable),
    ("503", Fault::Unavailable),
    ("deadline", Fault::Deadline),
    ("504", Fault::Deadline),
    ("drop", Fault::Drop),
];

impl Fault {
    /// The fault of that name or status code.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, fault)| *fault)
    }

    /// All names, for messages.
    #[must_use]
    pub fn names() -> String {
        NAMES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// The error for a call of that model; `retry_delay_s` is what `RetryInfo` says.
    pub(crate) fn error(self, model: &str, retry_delay_s: f64) -> ApiError {
        match self {
            Self::InvalidArgument => ApiError::unknown_field("foo", "generation_config"),
            Self::ApiKeyInvalid => ApiError::key_invalid(),
            Self::FailedPrecondition => ApiError::new(
                StatusCode::BAD_REQUEST,
                "FAILED_PRECONDITION",
                "User location is not supported for the API use.",
            ),
            Self::PermissionDenied => ApiError::no_key(),
            Self::ServiceDisabled => service_disabled(),
            Self::NotFound => ApiError::model_not_found(model, "generateContent"),
            Self::Quota => quota(model, retry_delay_s, "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "10"),
            Self::QuotaDay => quota(model, retry_delay_s, "GenerateRequestsPerDayPerProjectPerModel-FreeTier", "250"),
            Self::Exhausted => ApiError::new(
                StatusCode::TOO_MANY_REQUESTS,
                "RESOURCE_EXHAUSTED",
                "Resource has been exhausted (e.g. check quota).",
            ),
            Self::Cancelled => ApiError::new(
                StatusCode::from_u16(499).expect("499 is within 100..=999"),
                "CANCELLED",
                "The operation was cancelled.",
            ),
            Self::Internal | Self::BadGateway | Self::Drop => ApiError::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "INTERNAL",
                "An internal error has occurred. Please retry or report in \
                 https://developers.generativeai.google/guide/troubleshooting",
            ),
            Self::Unavailable => ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "UNAVAILABLE",
                "The model is overloaded. Please try again later.",
            ),
            Self::Deadline => ApiError::new(
                StatusCode::GATEWAY_TIMEOUT,
                "DEADLINE_EXCEEDED",
                "Deadline expired before operation could complete.",
            ),
        }
    }

    /// The whole answer. `array`: the call was a stream without `alt=sse`, so the body is wrapped in an array.
    pub(crate) fn response(self, model: &str, retry_delay_s: f64, array: bool) -> Response {
        match self {
            Self::BadGateway => html(StatusCode::BAD_GATEWAY, "Error 502 (Server Error)!!1"),
            Self::Drop => {
                let broken = futures::stream::once(async {
                    Err::<bytes::Bytes, _>(std::io::Error::other("dropped on purpose"))
                });
                Response::new(Body::from_stream(broken))
            }
            _ => self.error(model, retry_delay_s).into_response_as(array),
        }
    }
}

/// An HTML page as the front end of the real service sends it.
pub(crate) fn html(status: StatusCode, title: &str) -> Response {
    let page = format!("<!DOCTYPE html>\n<html lang=en>\n<title>{title}</title>\n<p>That is all we know.\n");
    let mut response = (status, page).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=UTF-8"));
    response
}

/// An error in Google's form.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    code: StatusCode,
    status: &'static str,
    message: String,
    details: Vec<Value>,
}

impl ApiError {
    pub(crate) fn new(code: StatusCode, status: &'static str, message: impl Into<String>) -> Self {
        Self { code, status, message: message.into(), details: Vec::new() }
    }

    /// 400 without details.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", message)
    }

    /// 400 with field violations: pairs of field path and description, the message being all descriptions.
    pub(crate) fn violations(violations: &[(String, String)]) -> Self {
        let descriptions: Vec<&str> = violations.iter().map(|(_, description)| description.as_str()).collect();
        let fields: Vec<Value> = violations
            .iter()
            .map(|(field, description)| {
                if field.is_empty() {
                    json!({"description": description})
                } else {
                    json!({"field": field, "description": description})
                }
            })
            .collect();
        let mut error = Self::invalid(descriptions.join("\n"));
        error.details.push(json!({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": fields}));
        error
    }

    fn unknown_field(name: &str, at: &str) -> Self {
        let text = format!("Invalid JSON payload received. Unknown name \"{name}\" at '{at}': Cannot find field.");
        Self::violations(&[(at.to_owned(), text)])
    }

    pub(crate) fn key_invalid() -> Self {
        let message = "API key not valid. Please pass a valid API key.";
        let mut error = Self::invalid(message);
        error.details.push(reason("API_KEY_INVALID", json!({"service": SERVICE})));
        error.details.push(json!({
            "@type": "type.googleapis.com/google.rpc.LocalizedMessage", "locale": "en-US", "message": message,
        }));
        error
    }

    pub(crate) fn no_key() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "PERMISSION_DENIED",
            "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or \
             other form of API consumer identity to call this API.",
        )
    }

    pub(crate) fn model_not_found(model: &str, method: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "NOT_FOUND",
            format!(
                "models/{model} is not found for API version v1beta, or is not supported for {method}. Call \
                 ModelService.ListModels to see the list of available models and their supported methods."
            ),
        )
    }

    /// The body, `{"error": …}`.
    pub(crate) fn body(&self) -> Value {
        let mut error = json!({"code": self.code.as_u16(), "message": self.message, "status": self.status});
        if !self.details.is_empty() {
            error["details"] = Value::Array(self.details.clone());
        }
        json!({"error": error})
    }

    pub(crate) fn into_response_as(self, array: bool) -> Response {
        let body = if array { json!([self.body()]) } else { self.body() };
        crate::wire::json_response(self.code, &body)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.into_response_as(false)
    }
}

fn reason(reason: &str, metadata: Value) -> Value {
    json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com", "metadata": metadata,
    })
}

fn service_disabled() -> ApiError {
    let message = "Generative Language API has not been used in project 1234567890 before or it is disabled.";
    let mut error = ApiError::new(StatusCode::FORBIDDEN, "PERMISSION_DENIED", message);
    error.details.push(reason("SERVICE_DISABLED", json!({"service": SERVICE, "consumer": "projects/1234567890"})));
    error
}

fn quota(model: &str, retry_delay_s: f64, quota_id: &str, value: &str) -> ApiError {
    let mut error = ApiError::new(
        StatusCode::TOO_MANY_REQUESTS,
        "RESOURCE_EXHAUSTED",
        format!(
            "You exceeded your current quota, please check your plan and billing details. Please retry in \
             {retry_delay_s}s."
        ),
    );
    // The detail is rounded to whole seconds where the message is not; a delay below a second stays a fraction.
    let delay = if retry_delay_s >= 1.0 { format!("{}s", retry_delay_s.floor()) } else { format!("{retry_delay_s}s") };
    error.details = vec![
        json!({
            "@type": "type.googleapis.com/google.rpc.Help",
            "links": [{"description": "Learn more about Gemini API quotas",
                       "url": "https://ai.google.dev/gemini-api/docs/rate-limits"}],
        }),
        json!({
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [{
                "quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
                "quotaId": quota_id,
                "quotaDimensions": {"location": "global", "model": model},
                "quotaValue": value,
            }],
        }),
        json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}),
    ];
    error
}
