//! Readiness, health and buildinfo.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode};

use super::PrometheusState;
use super::envelope::success;
use crate::face::Phase;

/// Tells clients of a 503 whether we come or go.
const STOPPING_HEADER: HeaderName = HeaderName::from_static("x-prometheus-stopping");

/// Mimir's `/ready`.
pub(super) async fn ready(State(state): State<PrometheusState>) -> Response {
    state.face.ready_response("ready\n")
}

pub(super) async fn metrics(State(state): State<PrometheusState>) -> Response {
    state.face.metrics_response()
}

pub(super) async fn config(State(state): State<PrometheusState>) -> Response {
    state.face.config_response()
}

/// One line a service: its name and state.
pub(super) async fn services(State(state): State<PrometheusState>) -> String {
    format!("querier => {0:?}\nstore => {0:?}\n", state.face.readiness.phase())
}

/// Prometheus' `/-/healthy`.
pub(super) async fn healthy() -> &'static str {
    "Prometheus Server is Healthy.\n"
}

/// Prometheus' `/-/ready`.
pub(super) async fn dash_ready(State(state): State<PrometheusState>) -> Response {
    match state.face.readiness.phase() {
        Phase::Ready => "Prometheus Server is Ready.\n".into_response(),
        phase => unavailable(phase),
    }
}

/// Refuses queries before start-up has ended.
pub(super) async fn require_ready(State(state): State<PrometheusState>, request: Request, next: Next) -> Response {
    match state.face.readiness.phase() {
        // While stopping, what has arrived is still answered.
        Phase::Ready | Phase::Stopping => next.run(request).await,
        phase @ Phase::Starting => unavailable(phase),
    }
}

fn unavailable(phase: Phase) -> Response {
    let is_stopping = HeaderValue::from_static(if phase == Phase::Stopping { "true" } else { "false" });
    (StatusCode::SERVICE_UNAVAILABLE, [(STOPPING_HEADER, is_stopping)], "Service Unavailable").into_response()
}

/// Mimir's shape: `features` has strings for booleans. It is how Grafana knows a Mimir. Only what is true is claimed.
pub(super) async fn buildinfo(State(state): State<PrometheusState>) -> Response {
    let build = &state.face.build;
    success(&[], |json| {
        json.object(|json| {
            json.key("application").str("Grafana Mimir");
            json.key("version").str(&build.version);
            json.key("revision").str(&build.revision);
            json.key("branch").str(&build.branch);
            json.key("goVersion").str("");
            json.key("features").object(|json| {
                for feature in ["ruler_config_api", "alertmanager_config_api", "query_sharding", "federated_rules"] {
                    json.key(feature).str("false");
                }
            });
        });
    })
}
