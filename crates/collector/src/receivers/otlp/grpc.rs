//! OTLP over gRPC: unary calls, written against HTTP/2 directly.
//!
//! A call is one request message behind a five-byte prefix (a flag for compression, a length), answered by one message and
//! trailers, or by trailers alone. Nothing of it needs generated code, and the message's bytes go on as they came, compressed ones
//! included. Format: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use http_body_util::{BodyExt, Full};
use model::UnixNanos;
use store_api::{Appended, WireFormat};

use super::{EXPORTS, Otlp, answer};
use crate::body::{self, ContentEncoding};
use crate::error::ReceiveError;
use crate::in_flight::Reservation;
use crate::pipeline::{Signal, Source};
use crate::receivers::intake::{Received, media_type, tenant};
use crate::status::{GrpcCode, status_of};

const PREFIX_BYTES: usize = 5;
const GRPC_STATUS: &str = "grpc-status";
const GRPC_MESSAGE: &str = "grpc-message";
const GRPC_STATUS_DETAILS: &str = "grpc-status-details-bin";
const GRPC_ENCODING: &str = "grpc-encoding";
const GRPC_ACCEPT_ENCODING: &str = "grpc-accept-encoding";

/// What request messages may be compressed with.
const ENCODINGS: &str = "identity,gzip,zstd,deflate,snappy";

/// `grpc.health.v1.HealthCheckResponse {status = 1: SERVING = 1}`.
const SERVING: &[u8] = &[0x08, 0x01];

/// True when the request is a gRPC call.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let media = media_type(headers).0;
    media == "application/grpc" || media.starts_with("application/grpc+")
}

pub(super) fn router(otlp: Otlp) -> Router<Otlp> {
    let mut router = Router::new().route("/grpc.health.v1.Health/Check", any(async || success(SERVING)));
    for export in &EXPORTS {
        let format = export.format;
        let handler = async move |State(otlp): State<Otlp>, request: Request| receive(&otlp, format, request).await;
        router = router.route(export.method, any(handler));
    }
    router.with_state(otlp)
}

/// Answers calls of services and methods that we do not have.
pub(super) fn not_served(path: &str) -> Response {
    let message = format!(
        "unknown method {path}: this port serves opentelemetry.proto.collector.{{trace,metrics,logs}}.v1 Export \
         and grpc.health.v1 Check"
    );
    failure(&ReceiveError::NotServed(message))
}

async fn receive(otlp: &Otlp, format: WireFormat, request: Request) -> Response {
    if request.version() != Version::HTTP_2 || !is_grpc(request.headers()) {
        let reason =
            "this path speaks gRPC over HTTP/2: for HTTP/1.1 or JSON use POST /v1/traces, /v1/metrics, /v1/logs";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], reason).into_response();
    }
    match take_in(otlp, format, request).await {
        Ok(appended) => success(&answer::response_protobuf(&appended)),
        Err(error) => {
            let telemetry = otlp.intake.pipeline().telemetry();
            telemetry.refused(Source::OtlpGrpc, Some(Signal::of(format)), otlp.listener, &error);
            failure(&error)
        }
    }
}

async fn take_in(otlp: &Otlp, format: WireFormat, request: Request) -> Result<Appended, ReceiveError> {
    let (head, body) = request.into_parts();
    let tenant = tenant(&head.headers)?;
    let encoding = match head.headers.get(GRPC_ENCODING) {
        None => ContentEncoding::Identity,
        Some(name) => ContentEncoding::parse(&String::from_utf8_lossy(name.as_bytes()))?,
    };
    let limit = otlp.intake.message_bytes_max();
    let at = UnixNanos::now();
    let mut share = otlp.intake.reservation();
    let message = read_message(body, limit, &mut share).await?;
    let encoding = match message {
        Message { compressed: false, .. } => ContentEncoding::Identity,
        Message { compressed: true, .. } if encoding == ContentEncoding::Identity => {
            return Err(ReceiveError::Malformed("message is flagged as compressed without a grpc-encoding".to_owned()));
        }
        Message { compressed: true, .. } => encoding,
    };
    let plain = body::decompress(message.bytes, encoding, limit, &mut share).await?;
    otlp.intake.append(Source::OtlpGrpc, &tenant, format, Received { plain, at, share }).await
}

struct Message {
    compressed: bool,
    bytes: Bytes,
}

/// Reads the one message of a unary call.
async fn read_message(body: Body, limit: usize, share: &mut Reservation) -> Result<Message, ReceiveError> {
    let mut chunks = body.into_data_stream();
    let mut first = Bytes::new();
    while first.len() < PREFIX_BYTES {
        let Some(chunk) = body::next_chunk(&mut chunks).await? else {
            return Err(ReceiveError::Malformed("gRPC message ends inside its prefix".to_owned()));
        };
        first = if first.is_empty() { chunk } else { [first, chunk].concat().into() };
    }
    let prefix = first.split_to(PREFIX_BYTES);
    let compressed = prefix[0] & 1 == 1;
    let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
    if length > limit {
        return Err(ReceiveError::TooLarge { limit, decompressed: false });
    }
    share.grow_to(length).await?;
    let bytes = if first.len() >= length {
        first
    } else {
        let mut whole = BytesMut::with_capacity(length);
        whole.put(first);
        while whole.len() < length {
            let Some(chunk) = body::next_chunk(&mut chunks).await? else {
                return Err(ReceiveError::Malformed("gRPC message ends early".to_owned()));
            };
            whole.put(chunk.slice(..chunk.len().min(length + 1 - whole.len())));
        }
        whole.freeze()
    };
    if bytes.len() > length || body::next_chunk(&mut chunks).await?.is_some_and(|chunk| !chunk.is_empty()) {
        return Err(ReceiveError::Malformed("more than one message in a unary call".to_owned()));
    }
    Ok(Message { compressed, bytes })
}

fn success(message: &[u8]) -> Response {
    let mut framed = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    framed.put_u8(0);
    framed.put_u32(message.len() as u32);
    framed.put_slice(message);
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert(GRPC_STATUS, HeaderValue::from_static("0"));
    let body = Full::new(framed.freeze()).with_trailers(std::future::ready(Some(Ok(trailers))));
    let mut response = Response::new(Body::new(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

/// A response of headers alone, which carry the status.
fn failure(error: &ReceiveError) -> Response {
    let status = status_of(error);
    let message = error.to_string();
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(GRPC_STATUS, HeaderValue::from(status.grpc as u16));
    headers.insert(GRPC_MESSAGE, percent_encoded(answer::cut(&message)));
    if let Some(delay) = error.retry_after() {
        headers.insert(GRPC_STATUS_DETAILS, details(status.grpc, &message, delay));
    }
    if matches!(error, ReceiveError::UnknownEncoding { .. }) {
        headers.insert(GRPC_ACCEPT_ENCODING, HeaderValue::from_static(ENCODINGS));
    }
    response
}

fn details(code: GrpcCode, message: &str, delay: Duration) -> HeaderValue {
    let status = STANDARD_NO_PAD.encode(answer::status_protobuf(code, message, Some(delay)));
    HeaderValue::from_str(&status).expect("base64 is visible ASCII")
}

/// `grpc-message`: printable ASCII but `%` as it is, all else as `%XX` of its UTF-8.
fn percent_encoded(message: &str) -> HeaderValue {
    let mut out = Vec::with_capacity(message.len());
    for &byte in message.as_bytes() {
        match byte {
            b'%' | 0..0x20 | 0x7f.. => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
            _ => out.push(byte),
        }
    }
    HeaderValue::from_bytes(&out).expect("printable ASCII is a valid header value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_percent_encoded() {
        assert_eq!(percent_encoded("100 % \u{e4}\n"), "100 %25 %C3%A4%0A");
    }
}
