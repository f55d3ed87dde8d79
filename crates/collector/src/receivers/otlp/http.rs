//! OTLP over HTTP: `POST /v1/traces`, `/v1/metrics`, `/v1/logs`, in protobuf and JSON.

use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use store_api::{Appended, WireFormat};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use super::{EXPORTS, Otlp, answer, grpc};
use crate::body::{ContentEncoding, Plain};
use crate::error::ReceiveError;
use crate::offload;
use crate::pipeline::{Signal, Source};
use crate::receivers::intake::{Intake, JSON_HERE_BYTES_MAX, Received, media_type, retry_after_secs, tenant};
use crate::status::status_of;

/// For error texts.
const CONTENT_TYPES: &str = "application/x-protobuf or application/json";

/// How long a browser may remember a preflight: Chromium keeps none longer than 2 h.
const CORS_AGE: Duration = Duration::from_secs(7200);

/// The two encodings of a request and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Protobuf,
    Json,
}

impl Encoding {
    /// From `Content-Type`.
    pub(super) fn of(headers: &http::HeaderMap) -> Result<Self, ReceiveError> {
        match media_type(headers).0.as_str() {
            "application/x-protobuf" | "application/protobuf" => Ok(Self::Protobuf),
            "application/json" => Ok(Self::Json),
            other => {
                Err(ReceiveError::UnsupportedMediaType { content_type: other.to_owned(), supported: CONTENT_TYPES })
            }
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

pub(super) fn router(otlp: Otlp, cors_origins: &[String]) -> Router<Otlp> {
    let mut router = Router::new();
    for export in &EXPORTS {
        let format = export.format;
        let handler = move |State(otlp): State<Otlp>, request: Request| async move {
            let door = Door { source: Source::OtlpHttp, listener: otlp.listener, format };
            receive(&otlp.intake, door, request).await
        };
        router = router.route(export.path, any(handler));
    }
    router.layer(cors(cors_origins)).with_state(otlp)
}

/// Where a request came in.
#[derive(Clone, Copy)]
pub(super) struct Door {
    pub(super) source: Source,
    pub(super) listener: &'static str,
    pub(super) format: WireFormat,
}

/// Receives one export and answers as the OTLP specification says.
pub(super) async fn receive(intake: &Intake, door: Door, request: Request) -> Response {
    if grpc::is_grpc(request.headers()) {
        // Right port, wrong path: let gRPC clients read the reason.
        return grpc::not_served(request.uri().path());
    }
    match outcome(intake, door, request).await {
        (Some(encoding), Ok(appended)) => success(encoding, door.format, &appended),
        (None, Ok(_)) => StatusCode::OK.into_response(),
        (encoding, Err(error)) => failure(encoding, &error),
    }
}

/// Receives one export; also tells the encoding for the answer, `None` when the request named none that we know.
pub(super) async fn outcome(
    intake: &Intake,
    door: Door,
    request: Request,
) -> (Option<Encoding>, Result<Appended, ReceiveError>) {
    let encoding = Encoding::of(request.headers());
    let (encoding, outcome) = match encoding {
        encoding if request.method() != Method::POST => {
            (encoding.ok(), Err(ReceiveError::MethodNotAllowed(request.method().to_string())))
        }
        Err(error) => (None, Err(error)),
        Ok(encoding) => (Some(encoding), take_in(intake, door, encoding, request).await),
    };
    if let Err(error) = &outcome {
        intake.pipeline().telemetry().refused(door.source, Some(Signal::of(door.format)), door.listener, error);
    }
    (encoding, outcome)
}

async fn take_in(intake: &Intake, door: Door, encoding: Encoding, request: Request) -> Result<Appended, ReceiveError> {
    let (head, body) = request.into_parts();
    let tenant = tenant(&head.headers)?;
    let mut received = intake.read(&head, body, ContentEncoding::Identity).await?;
    if encoding == Encoding::Json {
        received = transcode(door.format, received).await?;
    }
    intake.append(door.source, &tenant, door.format, received).await
}

/// Turns OTLP/JSON into protobuf. The bytes as received are of no use to the store then.
async fn transcode(format: WireFormat, mut received: Received) -> Result<Received, ReceiveError> {
    let json = received.plain.body;
    received.share.grow_to(json.len() * 2).await?;
    let transcoded = offload::run(json.len() <= JSON_HERE_BYTES_MAX, move || match format {
        WireFormat::OtlpTraces => otlp::json::traces_to_protobuf(&json),
        WireFormat::OtlpLogs => otlp::json::logs_to_protobuf(&json),
        _ => otlp::json::metrics_to_protobuf(&json),
    });
    let body = transcoded.await.map_err(|error| ReceiveError::Malformed(error.to_string()))?.into();
    Ok(Received { plain: Plain { body, encoded: None }, ..received })
}

fn success(encoding: Encoding, format: WireFormat, appended: &Appended) -> Response {
    let body = match encoding {
        Encoding::Protobuf => answer::response_protobuf(appended),
        Encoding::Json => answer::response_json(appended, format),
    };
    ([(header::CONTENT_TYPE, encoding.content_type())], body).into_response()
}

/// A `google.rpc.Status` in the request's encoding; plain text when that is not known, as the collector does.
pub(super) fn failure(encoding: Option<Encoding>, error: &ReceiveError) -> Response {
    let status = status_of(error);
    let message = error.to_string();
    let (content_type, body) = match encoding {
        Some(Encoding::Protobuf) => {
            ("application/x-protobuf", answer::status_protobuf(status.grpc, &message, error.retry_after()))
        }
        Some(Encoding::Json) => ("application/json", answer::status_json(status.grpc, &message, error.retry_after())),
        None => ("text/plain; charset=utf-8", message.into_bytes()),
    };
    let mut response = (status.http, [(header::CONTENT_TYPE, content_type)], body).into_response();
    if let Some(secs) = retry_after_secs(error) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
    }
    if status.http == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST, OPTIONS"));
    }
    response
}

/// Answers paths that this port does not have.
pub(super) async fn not_served(State(otlp): State<Otlp>, request: Request) -> Response {
    let path = request.uri().path();
    if grpc::is_grpc(request.headers()) {
        return grpc::not_served(path);
    }
    let error = ReceiveError::NotServed(format!(
        "no such path {path:?}: this is an OTLP port, it takes POST /v1/traces, /v1/metrics, /v1/logs, and OTLP/gRPC"
    ));
    otlp.intake.pipeline().telemetry().refused(Source::OtlpHttp, None, otlp.listener, &error);
    failure(Encoding::of(request.headers()).ok(), &error)
}

/// Lets the pages of `origins` send OTLP. Credentials are allowed, as by the collector: the origin is checked, not `*`.
fn cors(origins: &[String]) -> CorsLayer {
    let origins = origins.to_vec();
    let allowed = AllowOrigin::predicate(move |origin: &HeaderValue, _| {
        let origin = origin.as_bytes();
        origins.iter().any(|pattern| matches_pattern(pattern.as_bytes(), origin))
    });
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_credentials(true)
        .allow_methods([Method::POST])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([header::RETRY_AFTER, HeaderName::from_static("content-encoding")])
        .max_age(CORS_AGE)
}

/// `*` stands for any text, once in a pattern.
fn matches_pattern(pattern: &[u8], origin: &[u8]) -> bool {
    match pattern.iter().position(|byte| *byte == b'*') {
        None => pattern.eq_ignore_ascii_case(origin),
        Some(star) => {
            let (head, tail) = (&pattern[..star], &pattern[star + 1..]);
            origin.len() >= head.len() + tail.len() && origin.starts_with(head) && origin.ends_with(tail)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_match_with_one_star() {
        for (pattern, origin, expected) in [
            ("http://localhost:*", "http://localhost:5173", true),
            ("http://localhost:*", "http://localhost.evil.example", false),
            ("https://*.example", "https://a.example", true),
            ("*", "https://anything", true),
            ("http://a", "http://ab", false),
        ] {
            assert_eq!(matches_pattern(pattern.as_bytes(), origin.as_bytes()), expected, "{pattern} {origin}");
        }
    }
}
