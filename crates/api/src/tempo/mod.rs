//! The Tempo API (port 3200): traces by id, tag names and values, status pages. TraceQL search is not here yet.
//!
//! | module | owns |
//! |---|---|
//! | `trace` | `/api/traces/{id}`, `/api/v2/traces/{id}` |
//! | `trace_json` | a trace as jsonpb; as protobuf it is `otlp::encode` |
//! | `size` | how large a trace is |
//! | `tags` | tag names and values, both versions |
//! | `identifier` | TraceQL attribute names |
//! | `negotiate` | JSON or protobuf |
//! | `status` | `/ready`, `/api/echo`, `/status/…` |
//!
//! Errors are plain text. Statuses: 400 bad parameters, 404 no such trace (v1 only), 422 trace too large, 429 too many
//! reads, 503 not ready, 504 deadline.

mod identifier;
mod negotiate;
mod size;
mod status;
mod tags;
mod trace;
mod trace_json;

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, get};
use store_api::SpanSource;
use tower_http::compression::CompressionLayer;

use crate::error::not_found;
use crate::face::FaceSettings;

/// What the Tempo face is given.
#[derive(Clone)]
pub struct TempoState {
    /// Version, readiness, deadline.
    pub face: FaceSettings,
    /// Where to read.
    pub spans: Arc<dyn SpanSource>,
}

/// Paths of the face, for `/status/endpoints`.
const ENDPOINTS: [&str; 16] = [
    "/api/echo",
    "/api/search/tag/{tag}/values",
    "/api/search/tags",
    "/api/status/buildinfo",
    "/api/traces/{traceID}",
    "/api/v2/search/tag/{tag}/values",
    "/api/v2/search/tags",
    "/api/v2/traces/{traceID}",
    "/metrics",
    "/ready",
    "/status",
    "/status/config",
    "/status/endpoints",
    "/status/overrides",
    "/status/services",
    "/status/version",
];

/// All routes of the face, and Go's 404 for the rest. Routers of receivers on the same port can be merged with it as long as they
/// set no fallback of their own.
pub fn router(state: TempoState) -> Router {
    // Tempo does not restrict the method of its query handlers.
    Router::new()
        .route("/api/traces/{id}", any(trace::by_id_v1))
        .route("/api/v2/traces/{id}", any(trace::by_id_v2))
        .route("/api/search/tags", any(tags::names_v1))
        .route("/api/v2/search/tags", any(tags::names_v2))
        // A wildcard, because a tag may contain a slash that the client did not escape.
        .route("/api/search/tag/{*tag}", any(tags::values_v1))
        .route("/api/v2/search/tag/{*tag}", any(tags::values_v2))
        .route("/api/echo", any(status::echo))
        .route("/api/status/buildinfo", get(status::buildinfo))
        .route("/ready", get(status::ready))
        .route("/metrics", get(status::metrics))
        .route("/status", get(status::overview))
        .route("/status/{page}", get(status::page))
        .route("/status/overrides/{tenant}", get(status::overrides_of_tenant))
        .fallback(not_found)
        .layer(CompressionLayer::new())
        .with_state(state)
}

#[cfg(test)]
mod tests;
