//! Health, version and limits.

use axum::extract::State;
use axum::response::Response;

use super::LokiState;
use super::range::{ENTRIES_MAX, QUERY_LENGTH_MAX_TEXT};
use crate::face::{Phase, json_response};
use crate::json::Json;

pub(super) async fn ready(State(state): State<LokiState>) -> Response {
    state.face.ready_response("ready\n")
}

pub(super) async fn metrics(State(state): State<LokiState>) -> Response {
    state.face.metrics_response()
}

pub(super) async fn config(State(state): State<LokiState>) -> Response {
    state.face.config_response()
}

/// One line a service: its name and state.
pub(super) async fn services(State(state): State<LokiState>) -> String {
    let phase = match state.face.readiness.phase() {
        Phase::Starting => "Starting",
        Phase::Ready => "Running",
        Phase::Stopping => "Stopping",
    };
    format!("querier => {phase}\nstore => {phase}\n")
}

/// A flat object, without Prometheus' envelope.
pub(super) async fn buildinfo(State(state): State<LokiState>) -> Response {
    let mut json = Json::new();
    json.strings(state.face.build.fields().into_iter());
    json_response(json.into_string())
}

/// What Grafana's Logs Drilldown asks first.
pub(super) async fn drilldown_limits(State(state): State<LokiState>) -> Response {
    let mut json = Json::new();
    json.object(|json| {
        json.key("limits").object(|json| {
            json.key("discover_log_levels").raw(true);
            json.key("discover_service_name").array(|json| {
                SERVICE_NAME_LABELS.iter().for_each(|name| {
                    json.str(name);
                })
            });
            json.key("log_level_fields").array(|json| {
                LEVEL_FIELDS.iter().for_each(|name| {
                    json.str(name);
                })
            });
            json.key("max_entries_limit_per_query").raw(ENTRIES_MAX);
            json.key("max_query_bytes_read").str("0B");
            json.key("max_query_length").str(QUERY_LENGTH_MAX_TEXT);
            json.key("max_query_lookback").str("0s");
            json.key("max_query_range").str("0s");
            json.key("max_query_series").raw(500);
            json.key("metric_aggregation_enabled").raw(false);
            json.key("pattern_persistence_enabled").raw(false);
            json.key("query_timeout").str(&format!("{}s", state.face.query_timeout.as_secs()));
            json.key("retention_period").str("0s");
            json.key("volume_enabled").raw(false);
            json.key("volume_max_series").raw(1000);
        });
        json.key("pattern_ingester_enabled").raw(false);
        json.key("version").str(&state.face.build.version);
    });
    json_response(json.into_string())
}

/// The limits as YAML.
pub(super) async fn tenant_limits(State(state): State<LokiState>) -> String {
    format!(
        "max_entries_limit_per_query: {ENTRIES_MAX}\nmax_query_length: {QUERY_LENGTH_MAX_TEXT}\nquery_timeout: {}s\nvolume_enabled: false\n",
        state.face.query_timeout.as_secs()
    )
}

/// Labels in which Loki looks for a service's name.
const SERVICE_NAME_LABELS: [&str; 13] = [
    "service",
    "app",
    "application",
    "app_name",
    "name",
    "app_kubernetes_io_name",
    "container",
    "container_name",
    "k8s_container_name",
    "component",
    "workload",
    "job",
    "k8s_job_name",
];

/// Fields in which Loki looks for a level.
const LEVEL_FIELDS: [&str; 14] = [
    "level",
    "LEVEL",
    "Level",
    "log.level",
    "severity",
    "SEVERITY",
    "Severity",
    "SeverityText",
    "lvl",
    "LVL",
    "Lvl",
    "severity_text",
    "Severity_Text",
    "SEVERITY_TEXT",
];
