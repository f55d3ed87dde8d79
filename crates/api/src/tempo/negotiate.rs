//! Which encoding a client wants. Tempo looks for substrings of `Accept`, in this order, and falls back to JSON.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};

/// Media type of protobuf answers; Grafana asks for it by this name.
const PROTOBUF: &str = "application/protobuf";

/// Encoding of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Json,
    Protobuf,
}

impl Encoding {
    /// What `Accept` asks for.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        if values.any(|value| value.contains(PROTOBUF)) { Self::Protobuf } else { Self::Json }
    }
}

/// A 200 with a protobuf message.
pub(super) fn protobuf_response(body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(PROTOBUF))], body).into_response()
}
