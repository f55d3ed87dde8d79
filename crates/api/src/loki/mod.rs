//! The Loki API (port 3100).

use std::sync::Arc;

use axum::Router;
use store_api::LogSource;

use crate::face::FaceSettings;

/// What the Loki face is given.
#[derive(Clone)]
pub struct LokiState {
    /// Version, readiness, deadline.
    pub face: FaceSettings,
    /// Where to read.
    pub logs: Arc<dyn LogSource>,
}

/// All routes of the face. It sets no fallback, so that routers of receivers on the same port can be merged with it.
pub fn router(_state: LokiState) -> Router {
    Router::new()
}
