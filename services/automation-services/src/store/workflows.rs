//! Workflows, and which of them are due.

use super::executions::{NewExecution, insert};
use super::{Listed, Page, Store, business, business_text, document, text, word};
use crate::error::Error;
use crate::names::{TriggerType, WorkflowStatus};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use service_kit::database::Row;
use service_kit::values;
use telemetry::Business;
use utoipa::ToSchema;

/// The most workflows that one event starts. More would let one upload fill the queue.
const TRIGGERED_MAX: u32 = 100;

/// A workflow, as it is stored and told.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Workflow {
    /// Its id, a UUID.
    pub id: String,
    /// 1 to 200 characters.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// `steps`, and what else the client keeps there.
    #[schema(value_type = Object)]
    pub config: Value,
    /// What starts it besides requests and the clock: `file_upload`, `file_processed`, as words or as objects with `type` and
    /// `extensions`.
    #[schema(value_type = Vec<Object>)]
    pub triggers: Value,
    /// When it runs by itself, in UTC.
    pub cron_expression: Option<String>,
    /// Whether it may run.
    pub status: WorkflowStatus,
    /// A second switch: both must be on.
    pub is_enabled: bool,
    /// When it runs next by itself.
    pub next_run: Option<DateTime<Utc>>,
    /// The due time that it ran for last.
    pub last_run: Option<DateTime<Utc>>,
    /// Executions asked for so far.
    pub execution_count: i64,
    /// Of them completed.
    pub success_count: i64,
    /// Of them failed.
    pub failure_count: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
    /// On whose behalf it runs by itself: of whoever made it.
    #[serde(skip)]
    pub business: Business,
}

impl Workflow {
    /// Whether it may run.
    pub fn is_runnable(&self) -> bool {
        self.is_enabled && self.status == WorkflowStatus::Active
    }
}

const COLUMNS: &str = "id, name, description, config, triggers, cron_expression, status, business, is_enabled, next_run, last_run, \
                       execution_count, success_count, failure_count, created_at, updated_at";

fn select(rest: &str) -> sqlx::AssertSqlSafe<String> {
    service_kit::database::assert_safe(format!("SELECT {COLUMNS} FROM workflows {rest}"))
}

fn decode(row: &Row) -> Result<Workflow, Error> {
    Ok(Workflow {
        id: row.get("id")?,
        name: row.get("name")?,
        description: row.get("description")?,
        config: document(row, "config")?,
        triggers: document(row, "triggers")?,
        cron_expression: row.get("cron_expression")?,
        status: word(row, "status", WorkflowStatus::parse)?,
        business: business(row)?,
        is_enabled: row.get("is_enabled")?,
        next_run: row.get("next_run")?,
        last_run: row.get("last_run")?,
        execution_count: row.get("execution_count")?,
        success_count: row.get("success_count")?,
        failure_count: row.get("failure_count")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

impl Store {
    /// Keeps a new workflow.
    pub async fn insert_workflow(&self, workflow: &Workflow) -> Result<(), Error> {
        let values = values![
            &workflow.id,
            &workflow.name,
            &workflow.description,
            text(&workflow.config),
            text(&workflow.triggers),
            workflow.cron_expression.clone(),
            workflow.status.as_str(),
            business_text(&workflow.business),
            workflow.is_enabled,
            workflow.next_run,
            workflow.created_at,
        ];
        let sql = "INSERT INTO workflows (id, name, description, config, triggers, cron_expression, status, business, is_enabled, next_run, \
                   created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)";
        self.database.execute(sql, &values).await?;
        Ok(())
    }

    /// The workflow with this id.
    pub async fn workflow(&self, id: &str) -> Result<Workflow, Error> {
        let row = self.database.fetch_optional(select("WHERE id = $1"), &values![id]).await?;
        decode(&row.ok_or_else(|| Error::NotFound { what: "workflow", id: id.to_owned() })?)
    }

    /// Workflows, newest first.
    pub async fn workflows(&self, status: Option<WorkflowStatus>, page: Page) -> Result<Listed<Workflow>, Error> {
        let status = status.map(|status| status.as_str().to_owned());
        // A null parameter needs its type told once; comparing it to a column does that.
        let filter = "WHERE (status = $1 OR $1 IS NULL)";
        let rows = self
            .database
            .fetch_all(
                select(&format!("{filter} ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3")),
                &values![status.clone(), page.limit, page.skip],
            )
            .await?;
        let count = service_kit::database::assert_safe(format!("SELECT COUNT(*) AS total FROM workflows {filter}"));
        let total = self.database.fetch_one(count, &values![status]).await?.get("total")?;
        Ok(Listed { rows: rows.iter().map(decode).collect::<Result<_, _>>()?, total })
    }

    /// Replaces what a client may change. The counters stay.
    pub async fn update_workflow(&self, workflow: &Workflow) -> Result<(), Error> {
        let values = values![
            &workflow.id,
            &workflow.name,
            &workflow.description,
            text(&workflow.config),
            text(&workflow.triggers),
            workflow.cron_expression.clone(),
            workflow.status.as_str(),
            workflow.is_enabled,
            workflow.next_run,
            workflow.updated_at,
        ];
        let sql = "UPDATE workflows SET name = $2, description = $3, config = $4, triggers = $5, cron_expression = $6, status = $7, \
                   is_enabled = $8, next_run = $9, updated_at = $10 WHERE id = $1";
        match self.database.execute(sql, &values).await? {
            0 => Err(Error::NotFound { what: "workflow", id: workflow.id.clone() }),
            _ => Ok(()),
        }
    }

    /// Removes a workflow with its executions. One that runs loses its lease by that, and stops.
    pub async fn delete_workflow(&self, id: &str) -> Result<(), Error> {
        match self.database.execute("DELETE FROM workflows WHERE id = $1", &values![id]).await? {
            0 => Err(Error::NotFound { what: "workflow", id: id.to_owned() }),
            _ => Ok(()),
        }
    }

    /// Workflows that should have run by `now`, the longest due first.
    pub async fn due_workflows(&self, now: DateTime<Utc>, limit: u32) -> Result<Vec<Workflow>, Error> {
        let rest = "WHERE next_run <= $1 AND is_enabled AND status = 'active' ORDER BY next_run LIMIT $2";
        let rows = self.database.fetch_all(select(rest), &values![now, limit]).await?;
        rows.iter().map(decode).collect()
    }

    /// Takes a due time: moves `next_run` from `due` on to `next` and makes the execution, both or neither. False: another scheduler was
    /// faster, or the schedule was changed meanwhile.
    pub async fn take_due(
        &self,
        workflow: &Workflow,
        due: DateTime<Utc>,
        next: Option<DateTime<Utc>>,
        execution: NewExecution,
    ) -> Result<bool, Error> {
        let mut transaction = self.database.begin().await?;
        let sql = "UPDATE workflows SET next_run = $3, last_run = $2 WHERE id = $1 AND next_run = $2";
        if transaction.execute(sql, &values![&workflow.id, due, next]).await? == 0 {
            return Ok(false);
        }
        let made = insert(&mut transaction, workflow, execution).await?;
        transaction.commit().await?;
        Ok(made)
    }

    /// Runnable workflows that listen to events of this type, in the order they were made.
    pub(super) async fn listeners(&self, event: TriggerType, extension: &str) -> Result<Vec<Workflow>, Error> {
        // The pattern only narrows down; the documents decide.
        let pattern = format!("%\"{}\"%", event.as_str());
        let rest = "WHERE triggers LIKE $1 AND is_enabled AND status = 'active' ORDER BY created_at, id LIMIT $2";
        let rows = self.database.fetch_all(select(rest), &values![pattern, TRIGGERED_MAX]).await?;
        let mut workflows = rows.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
        workflows.retain(|workflow| crate::triggers::listens(&workflow.triggers, event, extension));
        Ok(workflows)
    }
}
