//! Health and status pages.

use std::fmt::Write as _;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::{ENDPOINTS, TempoState};
use crate::error::TextError;
use crate::face::{Phase, json_response};
use crate::json::Json;

/// Grafana's health check.
pub(super) async fn echo() -> &'static str {
    "echo\n"
}

pub(super) async fn ready(State(state): State<TempoState>) -> Response {
    state.face.ready_response("ready\n")
}

pub(super) async fn metrics(State(state): State<TempoState>) -> Response {
    state.face.metrics_response()
}

/// A flat object, without Prometheus' envelope.
pub(super) async fn buildinfo(State(state): State<TempoState>) -> Response {
    let mut json = Json::new();
    json.strings(state.face.build.fields().into_iter());
    json_response(json.into_string())
}

/// `/status`: every page in one.
pub(super) async fn overview(State(state): State<TempoState>) -> String {
    let pages = ["version", "services", "endpoints", "config", "overrides"];
    pages.iter().fold(String::new(), |mut out, name| {
        let text = render(&state, name).unwrap_or_default();
        write!(out, "---\n{text}\n").expect("writing to a String cannot fail");
        out
    })
}

/// `/status/{page}`.
pub(super) async fn page(State(state): State<TempoState>, Path(name): Path<String>) -> Result<Response, TextError> {
    render(&state, &name)
        .map(IntoResponse::into_response)
        .ok_or_else(|| TextError::new(StatusCode::NOT_FOUND, format!("no status page {name:?}")))
}

/// `/status/overrides/{tenant}`: no tenant has limits of its own.
pub(super) async fn overrides_of_tenant() -> &'static str {
    "overrides: {}\n"
}

fn render(state: &TempoState, page: &str) -> Option<String> {
    let build = &state.face.build;
    let text = match page {
        "version" => format!(
            "quartet (Tempo API), version {} (branch: {}, revision: {})\n  build date: {}\n",
            build.version, build.branch, build.revision, build.build_date
        ),
        "services" => {
            let phase = match state.face.readiness.phase() {
                Phase::Starting => "Starting",
                Phase::Ready => "Running",
                Phase::Stopping => "Stopping",
            };
            format!("querier => {phase}\nstore => {phase}\n")
        }
        "endpoints" => ENDPOINTS.iter().fold(String::new(), |out, path| out + "GET " + path + "\n"),
        "config" => state.face.config_yaml.clone(),
        "runtime_config" | "overrides" => "overrides: {}\n".to_owned(),
        "usage-stats" => "usage statistics are never collected\n".to_owned(),
        _ => return None,
    };
    Some(text)
}
