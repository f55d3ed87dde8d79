//! What can go wrong while a face reads, and the plain-text errors of Tempo and Loki.

use std::fmt;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use model::Kind;
use store_api::StoreError;

/// The client went away or cancelled (nginx' number, which Tempo, Loki and Mimir use too).
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// Why a read did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The deadline passed.
    #[error("the query took longer than {}s", .0.as_secs())]
    TimedOut(Duration),
    /// Every place for a read is taken and none came free in time.
    #[error("too many outstanding requests")]
    Busy,
    /// The read panicked, which is a defect of ours.
    #[error("the read failed: {0}")]
    Panicked(String),
}

impl ReadError {
    /// What the caller can do about it.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Store(error) => error.kind(),
            Self::TimedOut(_) => Kind::Cancelled,
            Self::Busy => Kind::Exhausted,
            Self::Panicked(_) => Kind::Internal,
        }
    }

    /// The text with its causes, for a body.
    pub(crate) fn text(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        text
    }
}

/// Status of each [`Kind`] in the plain-text APIs.
pub(crate) fn status_of(kind: Kind) -> StatusCode {
    match kind {
        Kind::InvalidInput => StatusCode::BAD_REQUEST,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Exhausted => StatusCode::TOO_MANY_REQUESTS,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Cancelled => StatusCode::from_u16(CLIENT_CLOSED_REQUEST).expect("499 is within 100..1000"),
        Kind::Corrupt | Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// An error whose body is its text: what Tempo and Loki send.
#[derive(Debug)]
pub(crate) struct TextError {
    status: StatusCode,
    text: String,
}

impl TextError {
    /// An error of any status.
    pub(crate) fn new(status: StatusCode, text: impl fmt::Display) -> Self {
        Self { status, text: text.to_string() }
    }

    /// 400.
    pub(crate) fn bad_request(text: impl fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }
}

impl From<ReadError> for TextError {
    fn from(error: ReadError) -> Self {
        let status = match error {
            ReadError::TimedOut(_) => StatusCode::GATEWAY_TIMEOUT,
            _ => status_of(error.kind()),
        };
        Self::new(status, error.text())
    }
}

impl IntoResponse for TextError {
    fn into_response(self) -> Response {
        // The newline and `nosniff` are what Go's `http.Error` adds.
        let mut response = (self.status, self.text + "\n").into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}

/// What Go's servers say where nothing is served. Grafana looks for this text to tell a missing feature from a failure.
pub(crate) async fn not_found() -> TextError {
    TextError::new(StatusCode::NOT_FOUND, "404 page not found")
}
