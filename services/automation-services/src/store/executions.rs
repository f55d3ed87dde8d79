//! Making and reading executions.

use super::workflows::Workflow;
use super::{Listed, Page, Store, business_text, document, optional_document, text, word};
use crate::error::Error;
use crate::names::{ExecutionStatus, StepStatus, TriggerType};
use crate::trace::Origin;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service_kit::database::{Row, Transaction};
use service_kit::values;
use std::collections::HashMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// How many executions may wait for their turn. Beyond it triggers are refused: the queue would only grow.
pub const PENDING_MAX: i64 = 10_000;

/// A line of an execution's log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LogLine {
    /// When it was written.
    pub timestamp: DateTime<Utc>,
    /// `info`, `warning` or `error`.
    pub level: String,
    /// What happened.
    pub message: String,
}

/// An execution that is asked for.
#[derive(Debug, Clone)]
pub struct NewExecution {
    /// Its id.
    pub id: Uuid,
    /// What asks for it.
    pub trigger_type: TriggerType,
    /// What the trigger brings along.
    pub trigger_data: Value,
    /// The due time, for scheduled ones.
    pub scheduled_for: Option<DateTime<Utc>>,
    /// On whose behalf, and in which trace.
    pub origin: Origin,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// One run of a workflow, as it is told.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Execution {
    /// Its id, a UUID.
    pub id: String,
    /// The workflow.
    pub workflow_id: String,
    /// Its name when the execution was asked for.
    pub workflow_name: String,
    /// Where it stands.
    pub status: ExecutionStatus,
    /// What asked for it.
    pub trigger_type: TriggerType,
    /// What the trigger brought along.
    #[schema(value_type = Object)]
    pub trigger_data: Value,
    /// The due time, for scheduled ones.
    pub scheduled_for: Option<DateTime<Utc>>,
    /// What its steps did; of a running one only in its own page.
    pub result: Option<ExecutionResult>,
    /// Why it failed.
    pub error_message: Option<String>,
    /// What happened, in order; in lists only lines about the whole execution.
    pub logs: Vec<LogLine>,
    /// How often it was taken up: more than 1 after a crash.
    pub attempts: i64,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When its first step began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
    /// Seconds from begin to end.
    pub duration: Option<f64>,
}

/// What the steps of an execution did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExecutionResult {
    /// Steps that were begun.
    pub steps_executed: u32,
    /// Of them those that did their work.
    pub steps_successful: u32,
    /// Of them those that did not.
    pub steps_failed: u32,
    /// One by one, in order.
    pub results: Vec<StepResult>,
}

/// What one step did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StepResult {
    /// Its number, from 1.
    pub step: u32,
    /// What the user calls it.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it stands.
    pub status: StepStatus,
    /// Its result, by type: what templates see as `step_N_result`.
    #[schema(value_type = Object)]
    pub result: Option<Value>,
    /// Why it failed.
    pub error: Option<String>,
    /// Seconds it took.
    pub duration: Option<f64>,
}

/// A step of an execution as it is stored.
#[derive(Debug, Clone)]
pub struct StepRow {
    /// Its place, from 0.
    pub position: usize,
    /// What the user calls it.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Where it stands.
    pub status: StepStatus,
    /// Its result.
    pub result: Option<Value>,
    /// Why it failed.
    pub error: Option<String>,
    /// What it logged.
    pub logs: Vec<LogLine>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
}

/// The result of an execution with these steps.
pub fn result_of(steps: &[StepRow]) -> ExecutionResult {
    let count = |status| steps.iter().filter(|step| step.status == status).count() as u32;
    let results = steps.iter().map(|step| StepResult {
        step: step.position as u32 + 1,
        name: step.name.clone(),
        kind: step.kind.clone(),
        status: step.status,
        result: step.result.clone(),
        error: step.error.clone(),
        duration: step.completed_at.map(|end| seconds(step.started_at, end)),
    });
    ExecutionResult {
        steps_executed: steps.len() as u32,
        steps_successful: count(StepStatus::Completed),
        steps_failed: count(StepStatus::Failed),
        results: results.collect(),
    }
}

fn seconds(from: DateTime<Utc>, to: DateTime<Utc>) -> f64 {
    (to - from).num_milliseconds() as f64 / 1e3
}

const COLUMNS: &str = "id, workflow_id, workflow_name, status, trigger_type, trigger_data, scheduled_for, result, error_message, logs, \
                       attempt, created_at, started_at, completed_at";

fn decode(row: &Row) -> Result<Execution, Error> {
    let (started_at, completed_at) = (row.get::<Option<DateTime<Utc>>>("started_at")?, row.get("completed_at")?);
    Ok(Execution {
        id: row.get("id")?,
        workflow_id: row.get("workflow_id")?,
        workflow_name: row.get("workflow_name")?,
        status: word(row, "status", ExecutionStatus::parse)?,
        trigger_type: word(row, "trigger_type", TriggerType::parse)?,
        trigger_data: document(row, "trigger_data")?,
        scheduled_for: row.get("scheduled_for")?,
        result: optional_document(row, "result")?,
        error_message: row.get("error_message")?,
        logs: document(row, "logs")?,
        attempts: row.get("attempt")?,
        created_at: row.get("created_at")?,
        started_at,
        completed_at,
        duration: started_at.zip(completed_at).map(|(from, to)| seconds(from, to)),
    })
}

/// Makes an execution inside a transaction. False: this due time has one already.
pub(super) async fn insert(
    transaction: &mut Transaction,
    workflow: &Workflow,
    new: NewExecution,
) -> Result<bool, Error> {
    let sql = "INSERT INTO executions (id, workflow_id, workflow_name, config, status, trigger_type, trigger_data, scheduled_for, business, \
               trace_parent, logs, created_at) VALUES ($1, $2, $3, $4, 'pending', $5, $6, $7, $8, $9, '[]', $10) \
               ON CONFLICT (workflow_id, scheduled_for) DO NOTHING";
    let values = values![
        new.id,
        &workflow.id,
        &workflow.name,
        text(&workflow.config),
        new.trigger_type.as_str(),
        text(&new.trigger_data),
        new.scheduled_for,
        business_text(&new.origin.business),
        text(&new.origin.headers),
        new.created_at,
    ];
    if transaction.execute(sql, &values).await? == 0 {
        return Ok(false);
    }
    transaction
        .execute("UPDATE workflows SET execution_count = execution_count + 1 WHERE id = $1", &values![&workflow.id])
        .await?;
    Ok(true)
}

impl Store {
    /// Makes an execution of `workflow` that waits for its turn; gives it as it is stored.
    pub async fn insert_execution(&self, workflow: &Workflow, new: NewExecution) -> Result<Execution, Error> {
        let pending =
            self.database.fetch_one("SELECT COUNT(*) AS total FROM executions WHERE status = 'pending'", &[]).await?;
        if pending.get::<i64>("total")? >= PENDING_MAX {
            return Err(Error::Busy("too many executions wait already"));
        }
        let id = new.id;
        let mut transaction = self.database.begin().await?;
        insert(&mut transaction, workflow, new).await?;
        transaction.commit().await?;
        self.execution(&id.to_string()).await
    }

    /// The execution with this id, with what its steps did so far.
    pub async fn execution(&self, id: &str) -> Result<Execution, Error> {
        let sql = service_kit::database::assert_safe(format!("SELECT {COLUMNS} FROM executions WHERE id = $1"));
        let row = self.database.fetch_optional(sql, &values![id]).await?;
        let mut execution = decode(&row.ok_or_else(|| Error::NotFound { what: "execution", id: id.to_owned() })?)?;
        let steps = self.steps(id).await?;
        execution.logs.extend(steps.iter().flat_map(|step| step.logs.iter().cloned()));
        // Stable: lines of the same millisecond stay in their order.
        execution.logs.sort_by_key(|line| line.timestamp);
        if execution.result.is_none() && execution.started_at.is_some() {
            execution.result = Some(result_of(&steps));
        }
        Ok(execution)
    }

    /// Executions, newest first, of one workflow or of all.
    pub async fn executions(
        &self,
        workflow_id: Option<&str>,
        status: Option<ExecutionStatus>,
        page: Page,
    ) -> Result<Listed<Execution>, Error> {
        let workflow_id = workflow_id.map(str::to_owned);
        let status = status.map(|status| status.as_str().to_owned());
        let filter = "WHERE (workflow_id = $1 OR $1 IS NULL) AND (status = $2 OR $2 IS NULL)";
        let sql = service_kit::database::assert_safe(format!(
            "SELECT {COLUMNS} FROM executions {filter} ORDER BY created_at DESC, id DESC LIMIT $3 OFFSET $4"
        ));
        let values = values![workflow_id.clone(), status.clone(), page.limit, page.skip];
        let rows = self.database.fetch_all(sql, &values).await?;
        let count = service_kit::database::assert_safe(format!("SELECT COUNT(*) AS total FROM executions {filter}"));
        let total = self.database.fetch_one(count, &values![workflow_id, status]).await?.get("total")?;
        Ok(Listed { rows: rows.iter().map(decode).collect::<Result<_, _>>()?, total })
    }

    /// The steps of an execution that were begun, in order.
    pub async fn steps(&self, execution_id: &str) -> Result<Vec<StepRow>, Error> {
        let sql = "SELECT position, name, kind, status, result, error, logs, started_at, completed_at FROM execution_steps \
                   WHERE execution_id = $1 ORDER BY position";
        let rows = self.database.fetch_all(sql, &values![execution_id]).await?;
        rows.iter().map(decode_step).collect()
    }

    /// Stops an execution that has not ended: it begins no further step. Gives what it is then.
    pub async fn cancel_execution(&self, id: &str, now: DateTime<Utc>) -> Result<Execution, Error> {
        let sql = "UPDATE executions SET status = 'cancelled', completed_at = $2, owner = NULL, lease_until = NULL, \
                   error_message = 'cancelled by request' WHERE id = $1 AND status IN ('pending', 'running')";
        let mut transaction = self.database.begin().await?;
        let changed = transaction.execute(sql, &values![id, now]).await?;
        if changed > 0 {
            let steps = "UPDATE execution_steps SET status = 'failed', error = 'cancelled while it ran', completed_at = $2 \
                         WHERE execution_id = $1 AND status = 'running'";
            transaction.execute(steps, &values![id, now]).await?;
        }
        transaction.commit().await?;
        let execution = self.execution(id).await?;
        if changed == 0 {
            return Err(Error::Conflict(format!(
                "execution `{id}` has ended already: it is {}",
                execution.status.as_str()
            )));
        }
        Ok(execution)
    }
}

fn decode_step(row: &Row) -> Result<StepRow, Error> {
    Ok(StepRow {
        position: usize::try_from(row.get::<i64>("position")?).unwrap_or(usize::MAX),
        name: row.get("name")?,
        kind: row.get("kind")?,
        status: word(row, "status", StepStatus::parse)?,
        result: optional_document(row, "result")?,
        error: row.get("error")?,
        logs: document(row, "logs")?,
        started_at: row.get("started_at")?,
        completed_at: row.get("completed_at")?,
    })
}

/// What a file brings to the executions that it triggers.
pub(super) fn file_trigger(file: &super::files::File) -> Value {
    json!({
        "file_id": file.id,
        "filename": file.filename,
        "file_size": file.size_bytes,
        "extension": file.extension,
        "content_type": file.content_type,
    })
}

/// Propagation headers as they are stored.
pub type Headers = HashMap<String, String>;
