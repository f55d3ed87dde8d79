//! The two summaries.

use super::Store;
use crate::error::Error;
use chrono::{DateTime, Utc};
use serde::Serialize;
use service_kit::values;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Workflows and executions in figures.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct WorkflowStats {
    /// Workflows there are.
    pub total_workflows: i64,
    /// Of them those that may run.
    pub active_workflows: i64,
    /// Of them those with a cron expression that is due some time.
    pub scheduled_workflows: i64,
    /// Executions there are.
    pub total_executions: i64,
    /// Executions by status; every status is named.
    pub executions_by_status: BTreeMap<String, i64>,
    /// Executions by what asked for them.
    pub executions_by_trigger: BTreeMap<String, i64>,
    /// Executions of the last 24 hours.
    pub executions_last_24h: i64,
    /// Completed ones among those that completed or failed, 0 to 100; absent before the first.
    pub success_rate: Option<f64>,
    /// Seconds that a completed or failed execution took on average.
    pub average_duration: Option<f64>,
}

/// Files in figures. Deleted ones count only under their status.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FileStats {
    /// Files there are.
    pub total_files: i64,
    /// Bytes of them.
    pub total_size_bytes: i64,
    /// Bytes of one on average; absent when there is none.
    pub average_size_bytes: Option<f64>,
    /// Files by status; every status is named.
    pub files_by_status: BTreeMap<String, i64>,
    /// Files by extension.
    pub files_by_extension: BTreeMap<String, i64>,
}

impl Store {
    /// Workflows and executions in figures.
    pub async fn workflow_stats(&self, now: DateTime<Utc>) -> Result<WorkflowStats, Error> {
        let sql = "SELECT COUNT(*) AS total, \
                   COUNT(CASE WHEN is_enabled AND status = 'active' THEN 1 END) AS active, \
                   COUNT(CASE WHEN is_enabled AND status = 'active' AND next_run IS NOT NULL THEN 1 END) AS scheduled FROM workflows";
        let workflows = self.database.fetch_one(sql, &[]).await?;
        let mut executions_by_status: BTreeMap<String, i64> = zeros(crate::names::ExecutionStatus::WORDS);
        executions_by_status
            .extend(self.counts("SELECT status AS key, COUNT(*) AS total FROM executions GROUP BY status").await?);
        let mut executions_by_trigger = zeros(crate::names::TriggerType::WORDS);
        executions_by_trigger.extend(
            self.counts("SELECT trigger_type AS key, COUNT(*) AS total FROM executions GROUP BY trigger_type").await?,
        );
        let recent = "SELECT COUNT(*) AS total FROM executions WHERE created_at >= $1";
        let recent = self.database.fetch_one(recent, &values![now - chrono::TimeDelta::hours(24)]).await?;
        let ended = executions_by_status["completed"] + executions_by_status["failed"];
        let success_rate = (ended > 0).then(|| executions_by_status["completed"] as f64 * 100.0 / ended as f64);
        Ok(WorkflowStats {
            total_workflows: workflows.get("total")?,
            active_workflows: workflows.get("active")?,
            scheduled_workflows: workflows.get("scheduled")?,
            total_executions: executions_by_status.values().sum(),
            executions_by_status,
            executions_by_trigger,
            executions_last_24h: recent.get("total")?,
            success_rate,
            average_duration: self.average_duration().await?,
        })
    }

    async fn average_duration(&self) -> Result<Option<f64>, Error> {
        let sql = self.database.pick(
            "SELECT AVG((julianday(completed_at) - julianday(started_at)) * 86400.0) AS average FROM executions \
             WHERE status IN ('completed', 'failed') AND started_at IS NOT NULL",
            "SELECT CAST(AVG(EXTRACT(EPOCH FROM completed_at - started_at)) AS DOUBLE PRECISION) AS average FROM executions \
             WHERE status IN ('completed', 'failed') AND started_at IS NOT NULL",
        );
        let average: Option<f64> = self.database.fetch_one(sql, &[]).await?.get("average")?;
        // Days as floating point numbers are good for a tenth of a millisecond.
        Ok(average.map(|seconds| (seconds * 1e3).round() / 1e3))
    }

    /// Files in figures.
    pub async fn file_stats(&self) -> Result<FileStats, Error> {
        let sql = "SELECT COUNT(*) AS total, CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) AS bytes FROM files WHERE status <> 'deleted'";
        let row = self.database.fetch_one(sql, &[]).await?;
        let (total_files, total_size_bytes) = (row.get::<i64>("total")?, row.get::<i64>("bytes")?);
        let mut files_by_status = zeros(crate::names::FileStatus::WORDS);
        files_by_status
            .extend(self.counts("SELECT status AS key, COUNT(*) AS total FROM files GROUP BY status").await?);
        let by_extension =
            "SELECT extension AS key, COUNT(*) AS total FROM files WHERE status <> 'deleted' GROUP BY extension";
        Ok(FileStats {
            total_files,
            total_size_bytes,
            average_size_bytes: (total_files > 0).then(|| total_size_bytes as f64 / total_files as f64),
            files_by_status,
            files_by_extension: self.counts(by_extension).await?,
        })
    }

    async fn counts(&self, sql: &'static str) -> Result<BTreeMap<String, i64>, Error> {
        let rows = self.database.fetch_all(sql, &[]).await?;
        rows.iter().map(|row| Ok((row.get("key")?, row.get("total")?))).collect()
    }
}

fn zeros(words: &[&str]) -> BTreeMap<String, i64> {
    words.iter().map(|word| ((*word).to_owned(), 0)).collect()
}
