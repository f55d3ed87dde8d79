//! The routes that every service has.

use std::sync::Arc;
use std::time::Duration;

use ::http::StatusCode;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{SecondsFormat, Utc};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ready::{Check, Outcome};
use crate::service::Service;

/// What the fixed routes need.
#[derive(Clone)]
pub(super) struct Facts {
    service: Service,
    port: u16,
    checks: Arc<[Check]>,
    ready_timeout: Duration,
}

/// `/`, `/health`, `/ready` and `/api/v1/info`.
pub(super) fn router(service: Service, port: u16, checks: Vec<Check>, ready_timeout: Duration) -> OpenApiRouter {
    let facts = Facts { service, port, checks: checks.into(), ready_timeout };
    OpenApiRouter::new()
        .routes(routes!(root))
        .routes(routes!(health))
        .routes(routes!(ready))
        .routes(routes!(info))
        .with_state(facts)
}

#[derive(Serialize, ToSchema)]
struct Root {
    #[schema(value_type = String)]
    service: &'static str,
    #[schema(value_type = String)]
    version: &'static str,
    #[schema(value_type = String)]
    description: &'static str,
}

/// Which service this is.
#[utoipa::path(get, path = "/", tag = "service", responses((status = 200, body = Root)))]
async fn root(State(facts): State<Facts>) -> Json<Root> {
    let Service { name, version, description, .. } = facts.service;
    Json(Root { service: name, version, description })
}

#[derive(Serialize, ToSchema)]
struct Health {
    /// `healthy`: the process answers. What it needs is told by `/ready`.
    #[schema(value_type = String)]
    status: &'static str,
    #[schema(value_type = String)]
    service: &'static str,
    #[schema(value_type = String)]
    version: &'static str,
    /// RFC 3339, UTC.
    timestamp: String,
}

/// Whether the process answers.
#[utoipa::path(get, path = "/health", tag = "service", responses((status = 200, body = Health)))]
async fn health(State(facts): State<Facts>) -> Json<Health> {
    let Service { name, version, .. } = facts.service;
    Json(Health { status: "healthy", service: name, version, timestamp: now() })
}

#[derive(Serialize, ToSchema)]
struct Readiness {
    /// `ready` or `not_ready`.
    #[schema(value_type = String)]
    status: &'static str,
    #[schema(value_type = String)]
    service: &'static str,
    /// RFC 3339, UTC.
    timestamp: String,
    /// What was found, by component.
    #[schema(value_type = BTreeMap<String, Outcome>)]
    checks: BTreeMap<&'static str, Outcome>,
    /// Components that failed.
    #[schema(value_type = Vec<String>)]
    failed: Vec<&'static str>,
    /// The failed components with their reasons, when there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// Whether everything that the service needs works; 503 names what does not.
#[utoipa::path(get, path = "/ready", tag = "service",
    responses((status = 200, body = Readiness), (status = 503, description = "a component is down", body = Readiness)))]
async fn ready(State(facts): State<Facts>) -> Response {
    let runs = facts.checks.iter().map(|check| async { (check.name(), check.run(facts.ready_timeout).await) });
    let checks: BTreeMap<_, _> = futures::future::join_all(runs).await.into_iter().collect();
    let down: Vec<_> = checks.iter().filter_map(|(name, outcome)| Some((*name, outcome.reason.clone()?))).collect();
    let failed: Vec<&'static str> = down.iter().map(|(name, _)| *name).collect();
    let told: Vec<String> = down.iter().map(|(name, reason)| format!("{name}: {reason}")).collect();
    let well = failed.is_empty();
    if !well {
        tracing::warn!(components = ?failed, "not ready");
    }
    let body = Readiness {
        status: if well { "ready" } else { "not_ready" },
        service: facts.service.name,
        timestamp: now(),
        checks,
        failed,
        detail: (!well).then(|| told.join("; ")),
    };
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(body)).into_response()
}

#[derive(Serialize, ToSchema)]
struct Info {
    #[schema(value_type = String)]
    service: &'static str,
    #[schema(value_type = String)]
    version: &'static str,
    #[schema(value_type = String)]
    description: &'static str,
    port: u16,
    #[schema(value_type = Vec<String>)]
    features: &'static [&'static str],
}

/// What the service can do.
#[utoipa::path(get, path = "/api/v1/info", tag = "service", responses((status = 200, body = Info)))]
async fn info(State(facts): State<Facts>) -> Json<Info> {
    let Service { name, version, description, features, .. } = facts.service;
    Json(Info { service: name, version, description, port: facts.port, features })
}

fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}
