//! Prometheus remote write, 1.0 and 2.0: `POST /api/v1/push` (Mimir) and `/api/v1/write` (Prometheus).
//!
//! | | 1.0 | 2.0 |
//! |---|---|---|
//! | `Content-Type` | `application/x-protobuf`, perhaps `;proto=prometheus.WriteRequest`; or none | `application/x-protobuf;proto=io.prometheus.write.v2.Request` |
//! | `Content-Encoding` | `snappy` (block format), also when absent | the same |
//! | success | 204 | 204 with three `X-Prometheus-Remote-Write-*-Written` headers |
//!
//! What is wrong with the data is 400 and never repeated by the sender, also when the good part was kept. Source: Prometheus
//! `docs/specs/prw/`.

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use store_api::{Appended, WireFormat};

use super::Intake;
use super::intake::{media_type, retry_after_secs, tenant, text};
use crate::body::ContentEncoding;
use crate::error::ReceiveError;
use crate::pipeline::{Signal, Source};
use crate::status::status_of;

/// For error texts.
const CONTENT_TYPES: &str =
    "application/x-protobuf with proto=prometheus.WriteRequest or io.prometheus.write.v2.Request";

const SAMPLES_WRITTEN: &str = "x-prometheus-remote-write-samples-written";
const HISTOGRAMS_WRITTEN: &str = "x-prometheus-remote-write-histograms-written";
const EXEMPLARS_WRITTEN: &str = "x-prometheus-remote-write-exemplars-written";

/// Routes for the Mimir port. It sets no fallback.
pub fn router(intake: Intake) -> Router {
    Router::new().route("/api/v1/push", any(receive)).route("/api/v1/write", any(receive)).with_state(intake)
}

async fn receive(State(intake): State<Intake>, request: Request) -> Response {
    match take_in(&intake, request).await {
        Ok(appended) if appended.rejected == 0 => written(StatusCode::NO_CONTENT.into_response(), &appended),
        Ok(appended) => {
            let reason = appended.reason.clone().unwrap_or_else(|| "some samples were invalid".to_owned());
            written(plain_text(StatusCode::BAD_REQUEST, reason), &appended)
        }
        Err(error) => {
            intake.pipeline().telemetry().refused(Source::RemoteWrite, Some(Signal::Metrics), "mimir", &error);
            let response = failure(&error);
            // A 2.0 sender takes a 2xx without these headers for a 1.0 receiver; on errors they say that nothing was kept.
            written(response, &Appended::default())
        }
    }
}

async fn take_in(intake: &Intake, request: Request) -> Result<Appended, ReceiveError> {
    let (head, body) = request.into_parts();
    if head.method != Method::POST {
        return Err(ReceiveError::MethodNotAllowed(head.method.to_string()));
    }
    let format = format(&head.headers)?;
    check_encoding(&head.headers)?;
    let tenant = tenant(&head.headers)?;
    let received = intake.read(&head, body, ContentEncoding::Snappy).await?;
    intake.append(Source::RemoteWrite, &tenant, format, received).await
}

/// The message that `Content-Type` names.
fn format(headers: &HeaderMap) -> Result<WireFormat, ReceiveError> {
    let (media, parameters) = media_type(headers);
    let unsupported = || ReceiveError::UnsupportedMediaType {
        content_type: text(headers, header::CONTENT_TYPE).to_owned(),
        supported: CONTENT_TYPES,
    };
    if !media.is_empty() && media != "application/x-protobuf" {
        return Err(unsupported());
    }
    let proto = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("proto").then(|| value.trim().trim_matches('"'))
    });
    match proto {
        None | Some("prometheus.WriteRequest") => Ok(WireFormat::RemoteWriteV1),
        Some("io.prometheus.write.v2.Request") => Ok(WireFormat::RemoteWriteV2),
        Some(_) => Err(unsupported()),
    }
}

/// Remote write asks for 415 where OTLP asks for 400, so that a sender falls back to what we read.
fn check_encoding(headers: &HeaderMap) -> Result<(), ReceiveError> {
    match text(headers, header::CONTENT_ENCODING) {
        "" => Ok(()),
        name if name.eq_ignore_ascii_case("snappy") => Ok(()),
        // Not in the specification, but some agents send it to Mimir-compatible stores.
        name if name.eq_ignore_ascii_case("zstd") => Ok(()),
        name => Err(ReceiveError::UnsupportedMediaType {
            content_type: format!("Content-Encoding: {name}"),
            supported: "Content-Encoding: snappy",
        }),
    }
}

fn written(mut response: Response, appended: &Appended) -> Response {
    let headers = response.headers_mut();
    headers.insert(SAMPLES_WRITTEN, HeaderValue::from(appended.samples));
    headers.insert(HISTOGRAMS_WRITTEN, HeaderValue::from(appended.histograms));
    headers.insert(EXEMPLARS_WRITTEN, HeaderValue::from(appended.exemplars));
    response
}

/// A refusal as Prometheus and Loki write it: the text alone.
pub(super) fn failure(error: &ReceiveError) -> Response {
    let status = status_of(error).http;
    let mut response = plain_text(status, error.to_string());
    if let Some(secs) = retry_after_secs(error) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

/// A text for people, never sniffed as HTML.
pub(super) fn plain_text(status: StatusCode, text: String) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (status, headers, text + "\n").into_response()
}
