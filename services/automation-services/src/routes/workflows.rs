//! Workflows: making, changing, listing them; cron expressions; the summary.

#![expect(unused_qualifications, reason = "utoipa's macro names parameter types by a path of its own")]

use super::{Done, State, limit_default, word};
use crate::cron::Schedule;
use crate::engine::scheduler::next_run;
use crate::error::Error;
use crate::names::WorkflowStatus;
use crate::steps;
use crate::store::Page;
use crate::store::stats::WorkflowStats;
use crate::store::workflows::Workflow;
use crate::triggers;
use axum::Json;
use axum::extract::State as Extract;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use service_kit::problem::{FieldError, ProblemDocument};
use service_kit::{Problem, ValidJson, ValidPath, ValidQuery};
use telemetry::Business;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// How many coming runs are told.
const UPCOMING: usize = 5;

/// The longest `config` with all its steps, in bytes of JSON.
const CONFIG_BYTES_MAX: usize = 512 << 10;

/// A new workflow.
#[derive(Debug, Deserialize, Validate, ToSchema)]
pub struct NewWorkflow {
    /// 1 to 200 characters.
    #[garde(length(chars, min = 1, max = 200), custom(printable))]
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// What it is for.
    #[serde(default)]
    #[garde(inner(length(chars, max = 5000), custom(printable)))]
    description: Option<String>,
    /// `{"steps": [...]}`: at most 100 steps, see the description of this service for their types.
    #[garde(skip)]
    #[schema(value_type = Object, example = json!({"steps": [{"type": "log", "message": "hello {workflow_id}"}]}))]
    config: Value,
    /// `file_upload`, `file_processed`: words, or objects with `type` and `extensions`.
    #[serde(default)]
    #[garde(skip)]
    #[schema(value_type = Vec<Object>)]
    triggers: Vec<Value>,
    /// Five fields, or six with seconds first, in UTC.
    #[serde(default)]
    #[garde(skip)]
    cron_expression: Option<String>,
    /// `active` by default.
    #[serde(default = "active")]
    #[garde(skip)]
    #[schema(default = "active")]
    status: WorkflowStatus,
    /// True by default.
    #[serde(default = "yes")]
    #[garde(skip)]
    #[schema(default = true)]
    is_enabled: bool,
}

/// What to change; what is absent stays.
#[derive(Debug, Deserialize, Validate, ToSchema)]
pub struct WorkflowChange {
    /// 1 to 200 characters.
    #[garde(inner(length(chars, min = 1, max = 200), custom(printable)))]
    name: Option<String>,
    /// What it is for.
    #[garde(inner(length(chars, max = 5000), custom(printable)))]
    description: Option<String>,
    /// Replaces all steps. Executions that were asked for keep theirs.
    #[garde(skip)]
    #[schema(value_type = Option<Object>)]
    config: Option<Value>,
    /// Replaces all triggers.
    #[garde(skip)]
    #[schema(value_type = Option<Vec<Object>>)]
    triggers: Option<Vec<Value>>,
    /// Null takes it off.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = Option<String>)]
    cron_expression: Option<Option<String>>,
    /// Whether it may run.
    #[garde(skip)]
    status: Option<WorkflowStatus>,
    /// The second switch.
    #[garde(skip)]
    is_enabled: Option<bool>,
}

fn active() -> WorkflowStatus {
    WorkflowStatus::Active
}

fn yes() -> bool {
    true
}

/// Tells null from absent.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Databases refuse NUL, terminals suffer from the rest.
fn printable(text: &str, _: &()) -> garde::Result {
    match text.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\r' | '\t')) {
        true => Err(garde::Error::new("holds control characters")),
        false => Ok(()),
    }
}

/// Workflows of one page.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorkflowList {
    /// Newest first.
    workflows: Vec<Workflow>,
    /// How many there are on all pages.
    total: i64,
    /// As asked.
    skip: u32,
    /// As asked.
    limit: u32,
}

/// Which workflows.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WorkflowFilter {
    /// Only those with this status: active, inactive, paused.
    #[garde(skip)]
    status: Option<String>,
    /// How many to pass over.
    #[serde(default)]
    #[garde(range(max = 1_000_000))]
    skip: u32,
    /// How many to give at most, 1 to 1000.
    #[serde(default = "limit_default")]
    #[garde(range(min = 1, max = 1000))]
    limit: u32,
}

/// A cron expression.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CronQuery {
    /// Five fields, or six with seconds first, or a nickname such as `@daily`.
    #[garde(skip)]
    cron_expression: String,
}

/// Whether an expression can be used.
#[derive(Debug, Serialize, ToSchema)]
pub struct CronVerdict {
    /// As it was given.
    cron_expression: String,
    /// Whether it can be used.
    is_valid: bool,
    /// The next five runs, in UTC.
    next_runs: Vec<DateTime<Utc>>,
    /// Why it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Makes a workflow.
#[utoipa::path(post, path = "/workflows", tag = "workflows", request_body = NewWorkflow,
    responses((status = 200, body = Workflow), (status = 422, body = ProblemDocument)))]
pub async fn create(
    Extract(state): Extract<State>,
    ValidJson(new): ValidJson<NewWorkflow>,
) -> Result<Json<Workflow>, Problem> {
    let now = state.engine.clock().now();
    let mut workflow = Workflow {
        id: Uuid::now_v7().to_string(),
        name: new.name,
        description: new.description.unwrap_or_default(),
        config: new.config,
        triggers: new.triggers.into(),
        cron_expression: new.cron_expression.filter(|text| !text.trim().is_empty()),
        status: new.status,
        is_enabled: new.is_enabled,
        next_run: None,
        last_run: None,
        execution_count: 0,
        success_count: 0,
        failure_count: 0,
        created_at: now,
        updated_at: now,
        business: Business::of(&opentelemetry::Context::current()),
    };
    check(&workflow, now)?;
    workflow.next_run = next_run(&workflow, now);
    state.engine.store().insert_workflow(&workflow).await?;
    tracing::info!(workflow.id = workflow.id, workflow.name = workflow.name, "workflow created");
    Ok(Json(workflow))
}

/// Lists workflows, newest first.
#[utoipa::path(get, path = "/workflows", tag = "workflows", params(WorkflowFilter),
    responses((status = 200, body = WorkflowList), (status = 422, body = ProblemDocument)))]
pub async fn list(
    Extract(state): Extract<State>,
    ValidQuery(filter): ValidQuery<WorkflowFilter>,
) -> Result<Json<WorkflowList>, Problem> {
    let status = word("status", filter.status.as_deref(), WorkflowStatus::WORDS, WorkflowStatus::parse)?;
    let (skip, limit) = (filter.skip, filter.limit);
    let listed = state.engine.store().workflows(status, Page { skip, limit }).await?;
    Ok(Json(WorkflowList { workflows: listed.rows, total: listed.total, skip, limit }))
}

/// One workflow.
#[utoipa::path(get, path = "/workflows/{id}", tag = "workflows", params(("id" = String, Path)),
    responses((status = 200, body = Workflow), (status = 404, body = ProblemDocument)))]
pub async fn get(Extract(state): Extract<State>, ValidPath(id): ValidPath<String>) -> Result<Json<Workflow>, Problem> {
    Ok(Json(state.engine.store().workflow(&id).await?))
}

/// Changes a workflow.
#[utoipa::path(put, path = "/workflows/{id}", tag = "workflows", params(("id" = String, Path)), request_body = WorkflowChange,
    responses((status = 200, body = Workflow), (status = 404, body = ProblemDocument), (status = 422, body = ProblemDocument)))]
pub async fn update(
    Extract(state): Extract<State>,
    ValidPath(id): ValidPath<String>,
    ValidJson(change): ValidJson<WorkflowChange>,
) -> Result<Json<Workflow>, Problem> {
    let now = state.engine.clock().now();
    let before = state.engine.store().workflow(&id).await?;
    let mut workflow = before.clone();
    workflow.name = change.name.unwrap_or(workflow.name);
    workflow.description = change.description.unwrap_or(workflow.description);
    workflow.config = change.config.unwrap_or(workflow.config);
    workflow.triggers = change.triggers.map_or(workflow.triggers, Value::from);
    if let Some(expression) = change.cron_expression {
        workflow.cron_expression = expression.filter(|text| !text.trim().is_empty());
    }
    workflow.status = change.status.unwrap_or(workflow.status);
    workflow.is_enabled = change.is_enabled.unwrap_or(workflow.is_enabled);
    workflow.updated_at = now;
    check(&workflow, now)?;
    // A change of something else must not move a run that is due.
    if workflow.cron_expression != before.cron_expression || workflow.is_runnable() != before.is_runnable() {
        workflow.next_run = next_run(&workflow, now);
    }
    state.engine.store().update_workflow(&workflow).await?;
    Ok(Json(workflow))
}

/// Removes a workflow with its executions.
#[utoipa::path(delete, path = "/workflows/{id}", tag = "workflows", params(("id" = String, Path)),
    responses((status = 200, body = Done), (status = 404, body = ProblemDocument)))]
pub async fn delete(Extract(state): Extract<State>, ValidPath(id): ValidPath<String>) -> Result<Json<Done>, Problem> {
    state.engine.store().delete_workflow(&id).await?;
    tracing::info!(workflow.id = id, "workflow deleted");
    Ok(Json(Done { id, message: "workflow deleted" }))
}

/// Checks a cron expression.
#[utoipa::path(post, path = "/workflows/validate-cron", tag = "workflows", params(CronQuery),
    responses((status = 200, body = CronVerdict), (status = 422, body = ProblemDocument)))]
pub async fn validate_cron(
    Extract(state): Extract<State>,
    ValidQuery(query): ValidQuery<CronQuery>,
) -> Result<Json<CronVerdict>, Problem> {
    let now = state.engine.clock().now();
    let (next_runs, error) = match Schedule::parse(&query.cron_expression, now) {
        Ok(schedule) => (schedule.upcoming(now, UPCOMING), None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    Ok(Json(CronVerdict { cron_expression: query.cron_expression, is_valid: error.is_none(), next_runs, error }))
}

/// Workflows and executions in figures.
#[utoipa::path(get, path = "/workflows/stats/summary", tag = "workflows", responses((status = 200, body = WorkflowStats)))]
pub async fn stats(Extract(state): Extract<State>) -> Result<Json<WorkflowStats>, Problem> {
    Ok(Json(state.engine.store().workflow_stats(state.engine.clock().now()).await?))
}

/// What types cannot say: steps, triggers, schedule. All faults at once.
fn check(workflow: &Workflow, now: DateTime<Utc>) -> Result<(), Error> {
    let mut faults = steps::parse(&workflow.config).err().unwrap_or_default();
    if workflow.config.to_string().len() > CONFIG_BYTES_MAX {
        faults.push(FieldError {
            field: "config".to_owned(),
            reason: format!("is larger than {CONFIG_BYTES_MAX} bytes"),
        });
    }
    faults.extend(triggers::check(workflow.triggers.as_array().map(Vec::as_slice).unwrap_or_default()));
    if let Some(Err(error)) = workflow.cron_expression.as_deref().map(|expression| Schedule::parse(expression, now)) {
        faults.push(FieldError { field: "cron_expression".to_owned(), reason: error.to_string() });
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
}
