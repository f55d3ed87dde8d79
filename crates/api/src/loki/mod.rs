//! The Loki API (port 3100): labels, series, log queries of a stream selector with line filters, status. The rest of LogQL is
//! refused with a parse error that says so.
//!
//! | module | owns |
//! |---|---|
//! | `query` | `query_range`, `query`, `format_query` |
//! | `logql` | the part of LogQL that is understood |
//! | `range` | start, end, since, step, limit, direction |
//! | `render` | streams, matrices and statistics as JSON |
//! | `flush` | `POST /flush` |
//! | `labels` | `labels`, `label/{name}/values`, `series` |
//! | `volume` | `index/stats` |
//! | `status` | `/ready`, buildinfo, limits |
//!
//! Errors are plain text. Every query route takes GET and a form POST.

mod flush;
mod labels;
mod logql;
mod query;
mod range;
mod render;
mod status;
mod volume;

use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodRouter, get};
use store_api::LogSource;
use tower_http::compression::CompressionLayer;

use crate::error::not_found;
use crate::face::FaceSettings;

pub use flush::flush_router;

/// What the Loki face is given.
#[derive(Clone)]
pub struct LokiState {
    /// Version, readiness, deadline.
    pub face: FaceSettings,
    /// Where to read.
    pub logs: Arc<dyn LogSource>,
}

/// GET with a query string and POST with a form, for the same handler.
fn get_or_post<H, T>(handler: H) -> MethodRouter<LokiState>
where
    H: axum::handler::Handler<T, LokiState>,
    T: 'static,
{
    get(handler.clone()).post(handler)
}

/// All routes of the face, and Go's 404 for the rest. Routers of receivers on the same port can be merged with it as long as they
/// set no fallback of their own.
pub fn router(state: LokiState) -> Router {
    Router::new()
        .route("/loki/api/v1/query_range", get_or_post(query::range))
        .route("/loki/api/v1/query", get_or_post(query::instant))
        .route("/loki/api/v1/format_query", get_or_post(query::format))
        .route("/loki/api/v1/labels", get_or_post(labels::names))
        .route("/loki/api/v1/label", get_or_post(labels::names))
        .route("/loki/api/v1/label/{name}/values", get_or_post(labels::values))
        .route("/loki/api/v1/series", get_or_post(labels::series))
        .route("/loki/api/v1/index/stats", get_or_post(volume::stats))
        .route("/loki/api/v1/status/buildinfo", get(status::buildinfo))
        .route("/loki/api/v1/drilldown-limits", get(status::drilldown_limits))
        .route("/config/tenant/v1/limits", get(status::tenant_limits))
        .route("/config", get(status::config))
        .route("/services", get(status::services))
        .route("/ready", get(status::ready))
        .route("/metrics", get(status::metrics))
        .fallback(not_found)
        .layer(CompressionLayer::new())
        .with_state(state)
}

#[cfg(test)]
mod tests;
