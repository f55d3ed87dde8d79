//! Batch jobs in the database: taken, worked on, read. They survive a restart.
//!
//! A worker holds a table by a lease that it renews. When the process dies the lease runs out and another worker takes the table;
//! after [`ATTEMPTS_MAX`] the table counts as failed, so that one that kills its worker does not do so for ever.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use service_kit::database::{Database, Error, Row};
use service_kit::values;
use uuid::Uuid;

use super::wire::{CostSummary, JobResults, JobStatus, TableError, TableRequest, TableResponse};

/// How long a worker may be silent.
pub(super) const LEASE: Duration = Duration::from_secs(30);
/// How often a table is begun.
const ATTEMPTS_MAX: i64 = 3;
/// How long results are kept.
const KEPT: TimeDelta = TimeDelta::days(7);

/// A table that a worker holds.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) job_id: String,
    pub(super) position: i64,
    pub(super) table: TableRequest,
    /// Trace context and baggage of the request.
    pub(super) carried: HashMap<String, String>,
    pub(super) owner: String,
}

/// Takes a job.
pub(super) async fn create(
    database: &Database,
    tables: &[TableRequest],
    carried: &HashMap<String, String>,
) -> Result<String, Error> {
    let job_id = Uuid::now_v7().to_string();
    let mut transaction = database.begin().await?;
    let insert = "INSERT INTO analysis_jobs (job_id, created_at, carried) VALUES ($1, $2, $3)";
    transaction.execute(insert, &values![&job_id, Utc::now(), json!(carried)]).await?;
    for (position, table) in (0_i64..).zip(tables) {
        let insert = "INSERT INTO analysis_tables (job_id, position, table_id, request, status, attempts) VALUES ($1, $2, $3, $4, 'pending', 0)";
        transaction.execute(insert, &values![&job_id, position, &table.table_id, json!(table)]).await?;
    }
    transaction.commit().await?;
    Ok(job_id)
}

/// Holds the next table for a worker; `None` when there is none.
pub(super) async fn hold(database: &Database, owner: &str, now: DateTime<Utc>) -> Result<Option<Held>, Error> {
    // The condition stands twice: a worker that waited for another's update must not take the same row.
    let update = "UPDATE analysis_tables SET status = 'running', owner = $1, lease_until = $2, attempts = attempts + 1 \
        WHERE (job_id, position) IN (SELECT job_id, position FROM analysis_tables \
            WHERE status = 'pending' OR status = 'running' AND lease_until < $3 ORDER BY job_id, position LIMIT 1) \
        AND (status = 'pending' OR status = 'running' AND lease_until < $3) \
        RETURNING job_id, position, request, attempts";
    loop {
        let Some(row) = database.fetch_optional(update, &values![owner, now + LEASE, now]).await? else {
            return Ok(None);
        };
        let (job_id, position): (String, i64) = (row.get("job_id")?, row.get("position")?);
        let carried =
            database.fetch_one("SELECT carried FROM analysis_jobs WHERE job_id = $1", &values![&job_id]).await?;
        let table = serde_json::from_value(row.get::<Value>("request")?);
        let held =
            |table| Held { job_id: job_id.clone(), position, table, carried: HashMap::new(), owner: owner.to_owned() };
        let refused = match table {
            Ok(table) if row.get::<i64>("attempts")? <= ATTEMPTS_MAX => {
                let carried = serde_json::from_value(carried.get::<Value>("carried")?).unwrap_or_default();
                return Ok(Some(Held { carried, ..held(table) }));
            }
            Ok(_) => format!("its analysis was interrupted {ATTEMPTS_MAX} times"),
            Err(error) => format!("its request cannot be read: {error}"),
        };
        close(database, &job_id, position, owner, Err(refused)).await?;
    }
}

/// Says that the worker is alive; tells whether it still holds the table.
pub(super) async fn renew(database: &Database, held: &Held, now: DateTime<Utc>) -> Result<bool, Error> {
    let update = "UPDATE analysis_tables SET lease_until = $1 WHERE job_id = $2 AND position = $3 AND owner = $4 AND status = 'running'";
    Ok(database.execute(update, &values![now + LEASE, &held.job_id, held.position, &held.owner]).await? > 0)
}

/// Gives a table back, not begun: the service stops.
pub(super) async fn release(database: &Database, held: &Held) -> Result<(), Error> {
    let update = "UPDATE analysis_tables SET status = 'pending', owner = NULL, lease_until = NULL, attempts = attempts - 1 \
        WHERE job_id = $1 AND position = $2 AND owner = $3 AND status = 'running'";
    database.execute(update, &values![&held.job_id, held.position, &held.owner]).await.map(drop)
}

/// Records what came of a table, unless someone else holds it by now.
pub(super) async fn finish(
    database: &Database,
    held: &Held,
    outcome: Result<TableResponse, String>,
) -> Result<(), Error> {
    close(database, &held.job_id, held.position, &held.owner, outcome).await
}

async fn close(
    database: &Database,
    job_id: &str,
    position: i64,
    owner: &str,
    outcome: Result<TableResponse, String>,
) -> Result<(), Error> {
    let (status, result, error) = match outcome {
        Ok(response) => ("completed", Some(json!(response)), None),
        Err(error) => ("failed", None, Some(error)),
    };
    let update = "UPDATE analysis_tables SET status = $1, result = $2, error = $3, finished_at = $4, lease_until = NULL \
        WHERE job_id = $5 AND position = $6 AND owner = $7 AND status = 'running'";
    database.execute(update, &values![status, result, error, Utc::now(), job_id, position, owner]).await.map(drop)
}

/// How far a job is; `None` for an unknown one.
pub(super) async fn status(database: &Database, job_id: &str) -> Result<Option<JobStatus>, Error> {
    Ok(read(database, job_id, "NULL").await?.map(|(status, _)| status))
}

/// What a job has found so far; `None` for an unknown one.
pub(super) async fn results(database: &Database, job_id: &str) -> Result<Option<JobResults>, Error> {
    let Some((status, rows)) = read(database, job_id, "result").await? else { return Ok(None) };
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    for row in rows {
        let result: Option<Value> = row.get("result")?;
        if let Some(response) = result.and_then(|result| serde_json::from_value::<TableResponse>(result).ok()) {
            results.push(response);
        } else if row.get::<String>("status")? == "failed" {
            let error: Option<String> = row.get("error")?;
            errors.push(TableError { table_id: row.get("table_id")?, error: error.unwrap_or_default() });
        }
    }
    let cost_summary = CostSummary::sum(results.iter().map(|result| &result.cost_summary));
    Ok(Some(JobResults { status, results, errors, cost_summary }))
}

async fn read(database: &Database, job_id: &str, result: &'static str) -> Result<Option<(JobStatus, Vec<Row>)>, Error> {
    let job =
        database.fetch_optional("SELECT created_at FROM analysis_jobs WHERE job_id = $1", &values![job_id]).await?;
    let Some(job) = job else { return Ok(None) };
    // A job has at most TABLES_MAX tables.
    let select = match result {
        "result" => {
            "SELECT table_id, status, error, finished_at, result FROM analysis_tables WHERE job_id = $1 ORDER BY position"
        }
        _ => "SELECT table_id, status, error, finished_at FROM analysis_tables WHERE job_id = $1 ORDER BY position",
    };
    let rows = database.fetch_all(select, &values![job_id]).await?;
    let states = rows.iter().map(|row| row.get::<String>("status")).collect::<Result<Vec<_>, _>>()?;
    let ends = rows.iter().map(|row| row.get::<Option<DateTime<Utc>>>("finished_at")).collect::<Result<Vec<_>, _>>()?;
    let count = |state: &str| u64::try_from(states.iter().filter(|one| *one == state).count()).unwrap_or(u64::MAX);
    let (total, completed, failed) =
        (u64::try_from(states.len()).unwrap_or(u64::MAX), count("completed"), count("failed"));
    let over = completed + failed;
    let word = match (over == total, over + count("running")) {
        (true, _) if completed == 0 => "failed",
        (true, _) => "completed",
        (false, 0) => "pending",
        (false, _) => "processing",
    };
    #[expect(clippy::cast_precision_loss, reason = "at most a hundred tables")]
    let progress = over as f64 / total.max(1) as f64;
    let status = JobStatus {
        job_id: job_id.to_owned(),
        status: word,
        total_tables: total,
        completed_tables: completed,
        failed_tables: failed,
        progress,
        created_at: job.get("created_at")?,
        completed_at: ends.into_iter().max().flatten().filter(|_| over == total),
    };
    Ok(Some((status, rows)))
}

/// Forgets jobs that are older than [`KEPT`].
pub(super) async fn forget_old(database: &Database, now: DateTime<Utc>) -> Result<u64, Error> {
    let oldest = now - KEPT;
    let tables = "DELETE FROM analysis_tables WHERE job_id IN (SELECT job_id FROM analysis_jobs WHERE created_at < $1)";
    database.execute(tables, &values![oldest]).await?;
    database.execute("DELETE FROM analysis_jobs WHERE created_at < $1", &values![oldest]).await
}
