//! The engine's side of executions: who runs one is decided here, by conditional updates.
//!
//! An execution belongs to the `owner` that wrote its name last, under an `attempt` that grows with every claim, until `lease_until`.
//! Each write below asks for both, so a process that was paused beyond its lease changes nothing any more: its write finds no row
//! ([`Fenced::Lost`]) and it stops. A claim takes what is pending, or running with a lease that ran out: exactly one of several claims
//! changes the row.

use super::executions::{ExecutionResult, Headers, LogLine, StepRow};
use super::{Store, business, document, optional_document, text, word};
use crate::error::Error;
use crate::names::{ExecutionStatus, StepStatus, TriggerType};
use chrono::{DateTime, Utc};
use serde_json::Value;
use service_kit::database::Row;
use service_kit::values;
use telemetry::Business;

/// Whether a write was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Fenced {
    /// It was.
    Done,
    /// The execution belongs to someone else by now, was cancelled or deleted.
    Lost,
}

impl From<u64> for Fenced {
    fn from(rows: u64) -> Self {
        if rows == 0 { Self::Lost } else { Self::Done }
    }
}

/// An execution that this process may work on.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// Its id.
    pub id: String,
    /// The process that works on it.
    pub owner: String,
    /// How often it was taken up, this time included.
    pub attempt: i64,
    /// The workflow.
    pub workflow_id: String,
    /// Its name.
    pub workflow_name: String,
    /// Its steps when it was asked for.
    pub config: Value,
    /// What asked for it.
    pub trigger_type: TriggerType,
    /// What the trigger brought along.
    pub trigger_data: Value,
    /// On whose behalf.
    pub business: Business,
    /// Propagation headers of the trigger.
    pub trace_parent: Headers,
    /// Propagation headers of the first run's span, when this is not the first.
    pub first_run: Option<Headers>,
    /// Lines about the whole execution.
    pub logs: Vec<LogLine>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it was begun first.
    pub started_at: DateTime<Utc>,
}

const COLUMNS: &str = "id, owner, attempt, workflow_id, workflow_name, config, trigger_type, trigger_data, business, trace_parent, \
                       first_run, logs, created_at, started_at";

/// The condition that every write of a running execution repeats; `$1` is its id, `$2` the owner, `$3` the attempt.
const MINE: &str = "id = $1 AND owner = $2 AND attempt = $3 AND status = 'running'";

fn mine(before: &str, after: &str) -> sqlx::AssertSqlSafe<String> {
    service_kit::database::assert_safe(format!("{before}{MINE}{after}"))
}

fn decode(row: &Row) -> Result<Claimed, Error> {
    Ok(Claimed {
        id: row.get("id")?,
        owner: row.get("owner")?,
        attempt: row.get("attempt")?,
        workflow_id: row.get("workflow_id")?,
        workflow_name: row.get("workflow_name")?,
        config: document(row, "config")?,
        trigger_type: word(row, "trigger_type", TriggerType::parse)?,
        trigger_data: document(row, "trigger_data")?,
        business: business(row)?,
        trace_parent: document(row, "trace_parent")?,
        first_run: optional_document(row, "first_run")?,
        logs: document(row, "logs")?,
        created_at: row.get("created_at")?,
        started_at: row.get("started_at")?,
    })
}

impl Store {
    /// Ids of executions that nobody works on, the longest waiting first.
    pub async fn claimable(&self, now: DateTime<Utc>, limit: u32) -> Result<Vec<String>, Error> {
        let sql = "SELECT id FROM executions WHERE status IN ('pending', 'running') AND (status = 'pending' OR lease_until IS NULL \
                   OR lease_until < $1) ORDER BY created_at, id LIMIT $2";
        let rows = self.database.fetch_all(sql, &values![now, limit]).await?;
        rows.iter().map(|row| Ok(row.get("id")?)).collect()
    }

    /// Takes an execution for `owner` until `lease_until`. None: someone else has it.
    pub async fn claim(
        &self,
        id: &str,
        owner: &str,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Option<Claimed>, Error> {
        let sql = service_kit::database::assert_safe(format!(
            "UPDATE executions SET status = 'running', owner = $2, attempt = attempt + 1, lease_until = $4, \
             started_at = COALESCE(started_at, $3) WHERE id = $1 AND (status = 'pending' OR (status = 'running' AND \
             (lease_until IS NULL OR lease_until < $3))) RETURNING {COLUMNS}"
        ));
        let row = self.database.fetch_optional(sql, &values![id, owner, now, lease_until]).await?;
        row.as_ref().map(decode).transpose()
    }

    /// Says that the owner is alive.
    pub async fn heartbeat(&self, claimed: &Claimed, lease_until: DateTime<Utc>) -> Result<Fenced, Error> {
        let sql = mine("UPDATE executions SET lease_until = $4 WHERE ", "");
        let values = values![&claimed.id, &claimed.owner, claimed.attempt, lease_until];
        Ok(self.database.execute(sql, &values).await?.into())
    }

    /// Notes the span of this run, as the first one; and that it was taken up again, otherwise.
    pub async fn note_run(&self, claimed: &Claimed, span: &Headers) -> Result<Fenced, Error> {
        let sql = mine("UPDATE executions SET first_run = COALESCE(first_run, $4), logs = $5 WHERE ", "");
        let values = values![&claimed.id, &claimed.owner, claimed.attempt, text(span), text(&claimed.logs)];
        Ok(self.database.execute(sql, &values).await?.into())
    }

    /// Gives an execution back, so that the next process need not wait for the lease to run out.
    pub async fn release(&self, claimed: &Claimed) -> Result<Fenced, Error> {
        let sql = mine("UPDATE executions SET owner = NULL, lease_until = NULL WHERE ", "");
        Ok(self.database.execute(sql, &values![&claimed.id, &claimed.owner, claimed.attempt]).await?.into())
    }

    /// Notes that a step begins, before it does anything. A step that was begun before keeps its time.
    pub async fn begin_step(
        &self,
        claimed: &Claimed,
        position: usize,
        name: &str,
        kind: &str,
        now: DateTime<Utc>,
    ) -> Result<Fenced, Error> {
        let sql = mine(
            "INSERT INTO execution_steps (execution_id, position, name, kind, status, logs, started_at) \
             SELECT $1, $4, $5, $6, 'running', '[]', $7 FROM executions WHERE ",
            " ON CONFLICT (execution_id, position) DO UPDATE SET status = 'running'",
        );
        let values = values![&claimed.id, &claimed.owner, claimed.attempt, position as i64, name, kind, now];
        Ok(self.database.execute(sql, &values).await?.into())
    }

    /// Keeps what a step did.
    pub async fn end_step(&self, claimed: &Claimed, step: &StepRow) -> Result<Fenced, Error> {
        let sql = mine(
            "UPDATE execution_steps SET status = $5, result = $6, error = $7, logs = $8, completed_at = $9 \
             WHERE execution_id = $1 AND position = $4 AND EXISTS (SELECT 1 FROM executions WHERE ",
            ")",
        );
        let values = values![
            &claimed.id,
            &claimed.owner,
            claimed.attempt,
            step.position as i64,
            step.status.as_str(),
            step.result.as_ref().map(text),
            step.error.clone(),
            text(&step.logs),
            step.completed_at,
        ];
        Ok(self.database.execute(sql, &values).await?.into())
    }

    /// Ends an execution and counts it in its workflow, both or neither.
    pub async fn finish(
        &self,
        claimed: &Claimed,
        status: ExecutionStatus,
        result: &ExecutionResult,
        error: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Fenced, Error> {
        let mut transaction = self.database.begin().await?;
        let sql = mine(
            "UPDATE executions SET status = $4, result = $5, error_message = $6, completed_at = $7, logs = $8, owner = NULL, \
             lease_until = NULL WHERE ",
            "",
        );
        let values = values![
            &claimed.id,
            &claimed.owner,
            claimed.attempt,
            status.as_str(),
            text(result),
            error.map(str::to_owned),
            now,
            text(&claimed.logs),
        ];
        if transaction.execute(sql, &values).await? == 0 {
            return Ok(Fenced::Lost);
        }
        let counter = match status {
            ExecutionStatus::Completed => "UPDATE workflows SET success_count = success_count + 1 WHERE id = $1",
            _ => "UPDATE workflows SET failure_count = failure_count + 1 WHERE id = $1",
        };
        transaction.execute(counter, &values![&claimed.workflow_id]).await?;
        transaction.commit().await?;
        Ok(Fenced::Done)
    }

    /// Whether the step at `position` was begun and no end of it is known.
    pub fn is_cut_off(steps: &[StepRow], position: usize) -> bool {
        steps.iter().any(|step| step.position == position && step.status == StepStatus::Running)
    }
}
