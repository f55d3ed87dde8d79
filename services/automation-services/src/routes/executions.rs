//! Executions: asking for one, looking at them, stopping one.

#![expect(unused_qualifications, reason = "utoipa's macro names parameter types by a path of its own")]

use super::{State, limit_default, word};
use crate::error::Error;
use crate::names::{ExecutionStatus, TriggerType};
use crate::store::Page;
use crate::store::executions::{Execution, NewExecution};
use crate::trace::Origin;
use axum::Json;
use axum::extract::State as Extract;
use bytes::Bytes;
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service_kit::problem::ProblemDocument;
use service_kit::{Problem, ValidPath, ValidQuery};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The largest `trigger_data`, in bytes of JSON: it is stored with every execution.
const TRIGGER_BYTES_MAX: usize = 256 << 10;

/// What a run by hand brings along. The whole body may be absent.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
pub struct TriggerBody {
    /// For templates: `{trigger_data.x}`. With `file_id`, the file's variables are set.
    #[serde(default)]
    #[garde(skip)]
    #[schema(value_type = Object)]
    trigger_data: Option<Map<String, Value>>,
}

/// An execution that was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct Triggered {
    /// The same as `id`.
    execution_id: String,
    /// What happened.
    message: &'static str,
    /// The execution; it waits for its turn.
    #[serde(flatten)]
    execution: Execution,
}

/// Executions of one page.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExecutionList {
    /// Newest first.
    executions: Vec<Execution>,
    /// How many there are on all pages.
    total: i64,
    /// As asked.
    skip: u32,
    /// As asked.
    limit: u32,
}

/// Which executions.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExecutionFilter {
    /// Only those with this status: pending, running, completed, failed, cancelled.
    #[garde(skip)]
    status: Option<String>,
    /// Only those of this workflow.
    #[garde(skip)]
    workflow_id: Option<String>,
    /// How many to pass over.
    #[serde(default)]
    #[garde(range(max = 1_000_000))]
    skip: u32,
    /// How many to give at most, 1 to 1000.
    #[serde(default = "limit_default")]
    #[garde(range(min = 1, max = 1000))]
    limit: u32,
}

/// Runs a workflow. The answer comes at once; look at the execution for its result.
#[utoipa::path(post, path = "/workflows/{id}/trigger", tag = "executions", params(("id" = String, Path)),
    request_body(content = TriggerBody, description = "May be absent."),
    responses((status = 200, body = Triggered), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 422, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn trigger(
    Extract(state): Extract<State>,
    ValidPath(id): ValidPath<String>,
    body: Bytes,
) -> Result<Json<Triggered>, Problem> {
    let body: TriggerBody =
        if body.trim_ascii().is_empty() { TriggerBody::default() } else { service_kit::extract::json(&body)? };
    let trigger_data = Value::Object(body.trigger_data.unwrap_or_default());
    if trigger_data.to_string().len() > TRIGGER_BYTES_MAX {
        return Err(Error::invalid("trigger_data", format!("is larger than {TRIGGER_BYTES_MAX} bytes")).into());
    }
    let workflow = state.engine.store().workflow(&id).await?;
    if !workflow.is_runnable() {
        let reason = if workflow.is_enabled { workflow.status.as_str() } else { "not enabled" };
        return Err(Error::Conflict(format!("workflow `{id}` is {reason}")).into());
    }
    let new = NewExecution {
        id: Uuid::now_v7(),
        trigger_type: TriggerType::Manual,
        trigger_data,
        scheduled_for: None,
        origin: Origin::current(&workflow.business),
        created_at: state.engine.clock().now(),
    };
    let execution = state.engine.store().insert_execution(&workflow, new).await?;
    tracing::info!(workflow.id = workflow.id, workflow.execution_id = execution.id, "workflow triggered");
    state.engine.wake();
    Ok(Json(Triggered { execution_id: execution.id.clone(), message: "workflow triggered", execution }))
}

/// Executions of one workflow.
#[utoipa::path(get, path = "/workflows/{id}/executions", tag = "executions", params(("id" = String, Path), ExecutionFilter),
    responses((status = 200, body = ExecutionList), (status = 404, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub async fn list_of_workflow(
    Extract(state): Extract<State>,
    ValidPath(id): ValidPath<String>,
    ValidQuery(filter): ValidQuery<ExecutionFilter>,
) -> Result<Json<ExecutionList>, Problem> {
    let workflow = state.engine.store().workflow(&id).await?;
    Ok(Json(listed(&state, Some(&workflow.id), &filter).await?))
}

/// Executions of all workflows.
#[utoipa::path(get, path = "/workflows/executions", tag = "executions", params(ExecutionFilter),
    responses((status = 200, body = ExecutionList), (status = 422, body = ProblemDocument)))]
pub async fn list(
    Extract(state): Extract<State>,
    ValidQuery(filter): ValidQuery<ExecutionFilter>,
) -> Result<Json<ExecutionList>, Problem> {
    Ok(Json(listed(&state, filter.workflow_id.as_deref(), &filter).await?))
}

async fn listed(state: &State, workflow_id: Option<&str>, filter: &ExecutionFilter) -> Result<ExecutionList, Error> {
    let status = word("status", filter.status.as_deref(), ExecutionStatus::WORDS, ExecutionStatus::parse)?;
    let (skip, limit) = (filter.skip, filter.limit);
    let listed = state.engine.store().executions(workflow_id, status, Page { skip, limit }).await?;
    Ok(ExecutionList { executions: listed.rows, total: listed.total, skip, limit })
}

/// One execution, with what its steps did so far and all lines of its log.
#[utoipa::path(get, path = "/workflows/executions/{id}", tag = "executions", params(("id" = String, Path)),
    responses((status = 200, body = Execution), (status = 404, body = ProblemDocument)))]
pub async fn get(Extract(state): Extract<State>, ValidPath(id): ValidPath<String>) -> Result<Json<Execution>, Problem> {
    Ok(Json(state.engine.store().execution(&id).await?))
}

/// Stops an execution that has not ended.
#[utoipa::path(post, path = "/workflows/executions/{id}/cancel", tag = "executions", params(("id" = String, Path)),
    responses((status = 200, body = Execution), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument)))]
pub async fn cancel(
    Extract(state): Extract<State>,
    ValidPath(id): ValidPath<String>,
) -> Result<Json<Execution>, Problem> {
    Ok(Json(state.engine.cancel(&id).await?))
}
