//! Loki push: `POST /loki/api/v1/push`, and `/api/prom/push` with the same bodies.
//!
//! JSON when `Content-Type` says so, else a snappy block of `logproto.PushRequest`. 204 on success; what is wrong with the data
//! is 400 as plain text, also when the good part was kept. Not here: the JSON of version 0 (`labels`, `entries`), which Loki
//! itself takes on the old path only.

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::{Method, StatusCode, header};
use store_api::{Appended, WireFormat};

use super::Intake;
use super::intake::{JSON_HERE_BYTES_MAX, Received, media_type, tenant, text};
use super::remote_write::{failure, plain_text};
use crate::body::{ContentEncoding, Plain};
use crate::error::ReceiveError;
use crate::offload;
use crate::pipeline::{Signal, Source};

/// Routes for the Loki port. It sets no fallback.
pub fn router(intake: Intake) -> Router {
    Router::new().route("/loki/api/v1/push", any(receive)).route("/api/prom/push", any(receive)).with_state(intake)
}

async fn receive(State(intake): State<Intake>, request: Request) -> Response {
    match take_in(&intake, request).await {
        Ok(appended) if appended.accepted + appended.rejected == 0 => {
            plain_text(StatusCode::BAD_REQUEST, "error at least one valid stream is required for ingestion".to_owned())
        }
        Ok(appended) if appended.rejected == 0 => StatusCode::NO_CONTENT.into_response(),
        Ok(appended) => {
            let reason = appended.reason.unwrap_or_else(|| "some entries were invalid".to_owned());
            plain_text(StatusCode::BAD_REQUEST, reason)
        }
        Err(error) => {
            intake.pipeline().telemetry().refused(Source::LokiPush, Some(Signal::Logs), "loki", &error);
            failure(&error)
        }
    }
}

async fn take_in(intake: &Intake, request: Request) -> Result<Appended, ReceiveError> {
    let (head, body) = request.into_parts();
    if head.method != Method::POST {
        return Err(ReceiveError::MethodNotAllowed(head.method.to_string()));
    }
    let tenant = tenant(&head.headers)?;
    let json = media_type(&head.headers).0 == "application/json";
    let named = text(&head.headers, header::CONTENT_ENCODING);
    if json && named.eq_ignore_ascii_case("snappy") {
        let encoding = named.to_owned();
        return Err(ReceiveError::UnknownEncoding { encoding, supported: "identity, gzip, deflate, zstd for JSON" });
    }
    let absent = if json { ContentEncoding::Identity } else { ContentEncoding::Snappy };
    let mut received = intake.read(&head, body, absent).await?;
    if json {
        received = transcode(received).await?;
    }
    intake.append(Source::LokiPush, &tenant, WireFormat::LokiPush, received).await
}

/// Turns Loki's JSON into protobuf. The bytes as received are of no use to the store then.
async fn transcode(mut received: Received) -> Result<Received, ReceiveError> {
    let json = received.plain.body;
    received.share.grow_to(json.len() * 2).await?;
    let transcoded = offload::run(json.len() <= JSON_HERE_BYTES_MAX, move || push::loki_json_to_protobuf(&json));
    let protobuf = transcoded.await.map_err(|error| ReceiveError::Malformed(error.to_string()))?;
    Ok(Received { plain: Plain { body: protobuf.into(), encoded: None }, ..received })
}
