//! The Tempo API (port 3200).

use std::sync::Arc;

use axum::Router;
use store_api::SpanSource;

use crate::face::FaceSettings;

/// What the Tempo face is given.
#[derive(Clone)]
pub struct TempoState {
    /// Version, readiness, deadline.
    pub face: FaceSettings,
    /// Where to read.
    pub spans: Arc<dyn SpanSource>,
}

/// All routes of the face. It sets no fallback, so that routers of receivers on the same port can be merged with it.
pub fn router(_state: TempoState) -> Router {
    Router::new()
}
