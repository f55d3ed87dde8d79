//! The OTLP paths of other products: Mimir's `POST /otlp/v1/metrics` and Prometheus' `/api/v1/otlp/v1/metrics` on 9009, Loki's
//! `POST /otlp/v1/logs` on 3100.

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::StatusCode;
use store_api::WireFormat;

use super::http::{Door, Encoding, failure, outcome, receive};
use crate::pipeline::Source;
use crate::receivers::Intake;

const MIMIR: Door = Door { source: Source::MimirOtlp, listener: "mimir", format: WireFormat::OtlpMetrics };
const LOKI: Door = Door { source: Source::LokiOtlp, listener: "loki", format: WireFormat::OtlpLogs };

/// Routes for the Mimir port. It sets no fallback.
pub fn mimir_router(intake: Intake) -> Router {
    let handler =
        |State(intake): State<Intake>, request: Request| async move { receive(&intake, MIMIR, request).await };
    Router::new()
        .route("/otlp/v1/metrics", any(handler))
        .route("/api/v1/otlp/v1/metrics", any(handler))
        .with_state(intake)
}

/// Routes for the Loki port. It sets no fallback.
pub fn loki_router(intake: Intake) -> Router {
    Router::new().route("/otlp/v1/logs", any(receive_loki)).with_state(intake)
}

/// Loki answers 204 without a body, and errors always in protobuf.
async fn receive_loki(State(intake): State<Intake>, request: Request) -> Response {
    match outcome(&intake, LOKI, request).await.1 {
        Ok(_) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => failure(Some(Encoding::Protobuf), &error),
    }
}
