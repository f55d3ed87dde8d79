//! The Prometheus API (port 9009).

use std::sync::Arc;

use axum::Router;
use store_api::SampleSource;

use crate::face::FaceSettings;

/// What the Prometheus face is given.
#[derive(Clone)]
pub struct PrometheusState {
    /// Version, readiness, deadline.
    pub face: FaceSettings,
    /// Where to read.
    pub samples: Arc<dyn SampleSource>,
}

/// All routes of the face. It sets no fallback, so that routers of receivers on the same port can be merged with it.
pub fn router(_state: PrometheusState) -> Router {
    Router::new()
}
