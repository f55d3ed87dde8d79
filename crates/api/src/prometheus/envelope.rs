//! The JSON around every answer: `{"status":"success","data":…}` or `{"status":"error","errorType":…,"error":…}`.

use std::fmt;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use model::Kind;

use crate::error::{ReadError, status_of};
use crate::face::json_response;
use crate::json::Json;

/// Prometheus' error types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorType {
    BadData,
    Execution,
    Canceled,
    Timeout,
    Internal,
    Unavailable,
    NotFound,
    TooManyRequests,
}

impl ErrorType {
    fn name(self) -> &'static str {
        match self {
            Self::BadData => "bad_data",
            Self::Execution => "execution",
            Self::Canceled => "canceled",
            Self::Timeout => "timeout",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
            Self::NotFound => "not_found",
            Self::TooManyRequests => "too_many_requests",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::BadData => StatusCode::BAD_REQUEST,
            Self::Execution => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Canceled => status_of(Kind::Cancelled),
            Self::Timeout => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            // Upstream's table says 500; clients retry on 503 only, and the store will be back.
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        }
    }
}

/// An error of the Prometheus API.
#[derive(Debug)]
pub(super) struct ApiError {
    error_type: ErrorType,
    message: String,
}

impl ApiError {
    pub(super) fn new(error_type: ErrorType, message: impl fmt::Display) -> Self {
        Self { error_type, message: message.to_string() }
    }

    /// 400 `bad_data`.
    pub(super) fn bad_data(message: impl fmt::Display) -> Self {
        Self::new(ErrorType::BadData, message)
    }

    /// 400 `bad_data` that names the parameter.
    pub(super) fn bad_parameter(name: &str, reason: impl fmt::Display) -> Self {
        Self::bad_data(format!("invalid parameter {name:?}: {reason}"))
    }
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        let error_type = match (&error, error.kind()) {
            (ReadError::TimedOut(_), _) => {
                return Self::new(ErrorType::Timeout, "query timed out in expression evaluation");
            }
            (_, Kind::InvalidInput) => ErrorType::BadData,
            (_, Kind::NotFound) => ErrorType::NotFound,
            (_, Kind::Exhausted) => ErrorType::TooManyRequests,
            (_, Kind::Unavailable) => ErrorType::Unavailable,
            (_, Kind::Cancelled) => ErrorType::Canceled,
            (_, Kind::Corrupt | Kind::Internal) => ErrorType::Internal,
        };
        Self::new(error_type, error.text())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut json = Json::new();
        json.object(|json| {
            json.key("status").str("error");
            json.key("errorType").str(self.error_type.name());
            json.key("error").str(&self.message);
        });
        (self.error_type.status(), json_response(json.into_string())).into_response()
    }
}

/// A 200 with the data that `fill` writes, and `warnings` unless there are none.
pub(super) fn success(warnings: &[&str], fill: impl FnOnce(&mut Json)) -> Response {
    let mut json = Json::new();
    json.object(|json| {
        json.key("status").str("success");
        json.key("data");
        fill(json);
        if !warnings.is_empty() {
            json.key("warnings").array(|json| {
                for warning in warnings {
                    json.str(warning);
                }
            });
        }
    });
    json_response(json.into_string())
}

/// Prometheus' CORS headers, on answers to requests that come from another origin.
const CORS: [(HeaderName, &str); 4] = [
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (header::ACCESS_CONTROL_ALLOW_HEADERS, "Accept, Authorization, Content-Type, Origin"),
    (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
    (header::ACCESS_CONTROL_EXPOSE_HEADERS, "Date"),
];

/// Adds the CORS headers.
pub(super) async fn allow_origins(request: Request, next: Next) -> Response {
    let is_cross_origin = request.headers().contains_key(header::ORIGIN);
    let mut response = next.run(request).await;
    if is_cross_origin {
        for (name, value) in CORS {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    }
    response
}

/// OPTIONS.
pub(super) async fn preflight() -> StatusCode {
    StatusCode::NO_CONTENT
}
