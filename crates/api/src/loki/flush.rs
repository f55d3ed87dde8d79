//! `POST /flush`: writes what is in memory to blocks, as Loki's ingester does.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use http::StatusCode;
use store_api::Flush;

/// Flushing full heads takes seconds; whoever waits longer asks again.
const PATIENCE: Duration = Duration::from_secs(60);

/// The one route, to be merged with the face's others.
pub fn flush_router(store: Arc<dyn Flush>) -> Router {
    Router::new().route("/flush", post(flush)).with_state(store)
}

async fn flush(State(store): State<Arc<dyn Flush>>) -> (StatusCode, &'static str) {
    let done = tokio::task::spawn_blocking(move || store.flush(PATIENCE)).await;
    match done {
        Ok(true) => (StatusCode::NO_CONTENT, ""),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "the flush did not end in time, ask again\n"),
    }
}
