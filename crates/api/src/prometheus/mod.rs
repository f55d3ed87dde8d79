//! The Prometheus API as Mimir serves it (port 9009): below `/prometheus`, and the same without the prefix for tools that expect
//! a Prometheus. Queries are bare selectors and constant expressions; the rest of PromQL is refused with a parse error.
//!
//! | module | owns |
//! |---|---|
//! | `query` | `query`, `query_range`, `format_query` |
//! | `promql` | the part of PromQL that is understood |
//! | `eval` | a selector at points in time: lookback, staleness |
//! | `render`, `histogram` | results as JSON |
//! | `labels` | `labels`, `label/{name}/values`, `series` |
//! | `escape` | `U__` escaped label names |
//! | `metadata` | `metadata`, `query_exemplars` |
//! | `envelope` | the JSON around answers and errors, statuses |
//! | `args` | times, durations, limits, selectors of a request |
//! | `status` | readiness, health, buildinfo |
//!
//! Errors are JSON. Deliberately absent: `/prometheus/api/v1/status/flags`, which would make Grafana's alerting take us for
//! Thanos, and what Mimir does not have (targets, `status/tsdb`, admin).

mod args;
mod envelope;
mod escape;
mod eval;
mod histogram;
mod labels;
mod metadata;
mod promql;
mod query;
mod render;
mod status;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, get};
use store_api::SampleSource;
use tower_http::compression::CompressionLayer;

use crate::error::not_found;
use crate::face::FaceSettings;

/// What the Prometheus face is given.
#[derive(Clone)]
pub struct PrometheusState {
    /// Version, readiness, deadline.
    pub face: FaceSettings,
    /// Where to read.
    pub samples: Arc<dyn SampleSource>,
}

/// Where Mimir puts Prometheus' API (`-http.prometheus-http-prefix`).
const PREFIX: &str = "/prometheus";

/// GET with a query string and POST with a form, for the same handler.
fn get_or_post<H, T>(handler: H) -> MethodRouter<PrometheusState>
where
    H: axum::handler::Handler<T, PrometheusState>,
    T: 'static,
{
    get(handler.clone()).post(handler).options(envelope::preflight)
}

/// All routes of the face, and Go's 404 for the rest. Routers of receivers on the same port can be merged with it as long as they
/// set no fallback of their own.
pub fn router(state: PrometheusState) -> Router {
    let api = Router::new()
        .route("/api/v1/query", get_or_post(query::instant))
        .route("/api/v1/query_range", get_or_post(query::range))
        .route("/api/v1/format_query", get_or_post(query::format))
        .route("/api/v1/query_exemplars", get_or_post(metadata::exemplars))
        .route("/api/v1/metadata", get_or_post(metadata::metadata))
        .route("/api/v1/labels", get_or_post(labels::names))
        .route("/api/v1/label/{name}/values", get_or_post(labels::values))
        .route("/api/v1/series", get_or_post(labels::series))
        .layer(from_fn_with_state(state.clone(), status::require_ready));
    let health = Router::new()
        .route("/api/v1/status/buildinfo", get(status::buildinfo))
        .route("/-/ready", get(status::dash_ready))
        .route("/-/healthy", get(status::healthy));
    let both = api.merge(health).layer(from_fn(envelope::allow_origins));
    Router::new()
        .nest(PREFIX, both.clone())
        .merge(both)
        .route("/ready", get(status::ready))
        .route("/metrics", get(status::metrics))
        .route("/config", get(status::config))
        .route("/services", get(status::services))
        .fallback(not_found)
        .layer(CompressionLayer::new())
        .with_state(state)
}

#[cfg(test)]
mod tests;
