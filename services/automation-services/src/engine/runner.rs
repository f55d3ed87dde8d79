//! One execution, from claim to end.

use super::Engine;
use super::actions::{self, Done};
use crate::error::Error;
use crate::names::{ExecutionStatus, StepStatus};
use crate::steps::{self, Step};
use crate::store::claims::{Claimed, Fenced};
use crate::store::executions::{LogLine, StepRow, result_of};
use crate::template::Variables;
use crate::trace::Run;
use crate::variables;
use chrono::{DateTime, Utc};
use serde_json::json;
use std::future::Future;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Tries of one write while the database is away, and the pause before the second; each next pause is twice as long. Two seconds in all:
/// a restart of PostgreSQL, well within a lease.
const WRITE_TRIES: u32 = 5;
const WRITE_PAUSE: Duration = Duration::from_millis(150);

/// How work on an execution ended.
#[derive(Debug)]
enum End {
    /// It has an end: store it.
    Ended(ExecutionStatus, Option<String>),
    /// The service stops: someone else goes on.
    Stopped,
    /// It is not ours any more, or someone cancelled it.
    Lost,
    /// The database is away; the lease runs out and someone goes on.
    Failed(Error),
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Works on `claimed` until it ends, is lost, or the service stops.
pub(super) async fn run(engine: &Engine, claimed: Claimed, stop: &CancellationToken, cancelled: &CancellationToken) {
    let span = Run::execution(&claimed);
    let mut execution = Running { engine, claimed, rows: Vec::new(), variables: Variables::new() };
    span.inside(execution.run(&span, stop, cancelled)).await;
}

struct Running<'a> {
    engine: &'a Engine,
    claimed: Claimed,
    /// The steps that were begun, in order.
    rows: Vec<StepRow>,
    variables: Variables,
}

impl Running<'_> {
    async fn run(&mut self, span: &Run, stop: &CancellationToken, cancelled: &CancellationToken) {
        let engine = self.engine;
        let begin = engine.clock().now();
        let limit = self.claimed.started_at + engine.settings().execution_timeout;
        let alive = keep_alive(engine, self.claimed.clone());
        let end = tokio::select! {
            end = self.steps(span, stop) => end,
            end = alive => end,
            () = cancelled.cancelled() => End::Lost,
            () = engine.clock().sleep_until(limit) => {
                let seconds = engine.settings().execution_timeout.as_secs();
                End::Ended(ExecutionStatus::Failed, Some(format!("the execution took longer than {seconds} s")))
            }
        };
        let took = (engine.clock().now() - begin).to_std().unwrap_or_default();
        match self.close(end).await {
            Ok(Some((status, error))) => {
                let error = error.map(|error| self.logged(error));
                span.note("workflow", status.as_str(), took, error.as_deref());
                let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
                match error {
                    None => tracing::info!(workflow.status = status.as_str(), duration_ms, "workflow execution ended"),
                    Some(error) => tracing::warn!(
                        workflow.status = status.as_str(),
                        duration_ms,
                        error,
                        "workflow execution failed"
                    ),
                }
            }
            Ok(None) => {}
            Err(error) => {
                span.note("workflow", "interrupted", took, Some("the database failed"));
                tracing::error!(
                    error = error.chain(),
                    "workflow execution is interrupted; it is taken up again when its lease runs out"
                );
            }
        }
    }

    /// What spans and log lines say of a failed execution: of a failed step its number, since its error quotes values.
    fn logged(&self, error: String) -> String {
        match self.rows.last() {
            Some(row) if error.starts_with("step ") => format!("step {} failed", row.position + 1),
            _ => error,
        }
    }

    /// Stores the end. None: there is none to store.
    async fn close(&mut self, end: End) -> Result<Option<(ExecutionStatus, Option<String>)>, Error> {
        match end {
            End::Ended(status, error) => {
                self.settle(error.as_deref()).await?;
                let (store, now) = (self.engine.store(), self.engine.clock().now());
                let result = result_of(&self.rows);
                let fenced = retrying(|| store.finish(&self.claimed, status, &result, error.as_deref(), now)).await?;
                Ok(Some(if fenced == Fenced::Done { (status, error) } else { (ExecutionStatus::Cancelled, None) }))
            }
            End::Stopped => {
                tracing::info!("workflow execution waits for the next start of a service");
                // Lost as well as done: someone else has it.
                let _ = self.engine.store().release(&self.claimed).await?;
                Ok(None)
            }
            End::Lost => {
                tracing::info!("workflow execution was cancelled or taken over");
                Ok(Some((ExecutionStatus::Cancelled, None)))
            }
            End::Failed(error) => Err(error),
        }
    }

    /// A step that runs when its execution ends (by the execution's time limit) has failed with it.
    async fn settle(&mut self, reason: Option<&str>) -> Result<(), Error> {
        let now = self.engine.clock().now();
        let Some(row) = self.rows.last_mut().filter(|row| row.status == StepStatus::Running) else { return Ok(()) };
        row.status = StepStatus::Failed;
        row.error = Some(reason.unwrap_or("the execution ended").to_owned());
        row.completed_at = Some(now);
        let (store, row) = (self.engine.store(), row.clone());
        // When it is lost, the end is as well, and says so.
        let _ = retrying(|| store.end_step(&self.claimed, &row)).await?;
        Ok(())
    }

    async fn steps(&mut self, span: &Run, stop: &CancellationToken) -> End {
        match self.try_steps(span, stop).await {
            Ok(()) => End::Ended(ExecutionStatus::Completed, None),
            Err(end) => end,
        }
    }

    async fn try_steps(&mut self, span: &Run, stop: &CancellationToken) -> Result<(), End> {
        self.begin(span).await?;
        let attempts = self.claimed.attempt - 1;
        if attempts >= self.engine.settings().attempts_max {
            let reason = format!("taken up {attempts} times without coming to an end");
            return Err(End::Ended(ExecutionStatus::Failed, Some(reason)));
        }
        let steps = steps::parse(&self.claimed.config).map_err(|faults| {
            let fields: Vec<String> =
                faults.into_iter().map(|fault| format!("{}: {}", fault.field, fault.reason)).collect();
            End::Ended(ExecutionStatus::Failed, Some(format!("the steps cannot be read: {}", fields.join("; "))))
        })?;
        self.initial_variables().await?;
        for (position, step) in steps.iter().enumerate() {
            if stop.is_cancelled() {
                return Err(End::Stopped);
            }
            let index = match self.rows.iter().position(|row| row.position == position) {
                Some(index) => index,
                None => self.begin_step(position, step).await?,
            };
            if self.rows[index].status == StepStatus::Running {
                self.perform(index, step, span, stop).await?;
            }
            self.remember(index, step).await?;
            let row = &self.rows[index];
            if row.status == StepStatus::Failed && !step.continue_on_error {
                let reason = row.error.as_deref().unwrap_or("no reason known");
                let message = format!("step {} ({}) failed: {reason}", position + 1, row.name);
                return Err(End::Ended(ExecutionStatus::Failed, Some(message)));
            }
            if row.result.as_ref().is_some_and(|result| result.get("stopped") == Some(&true.into())) {
                break;
            }
        }
        Ok(())
    }

    /// Notes that work begins, or begins again, and reads what was done before.
    async fn begin(&mut self, span: &Run) -> Result<(), End> {
        let Claimed { attempt, .. } = self.claimed;
        let now = self.engine.clock().now();
        if attempt > 1 {
            self.claimed.logs.push(line(now, "warning", format!("taken up again, attempt {attempt}")));
            tracing::warn!(attempt, "workflow execution is taken up again");
        } else {
            tracing::info!(workflow.name = self.claimed.workflow_name, "workflow execution begins");
        }
        let store = self.engine.store();
        if store.note_run(&self.claimed, &span.headers()).await? == Fenced::Lost {
            return Err(End::Lost);
        }
        self.rows = store.steps(&self.claimed.id).await?;
        // Rows of this kind were begun in an earlier attempt.
        let cut_off: Vec<usize> =
            (0..self.rows.len()).filter(|index| self.rows[*index].status == StepStatus::Running).collect();
        let steps = steps::parse(&self.claimed.config).unwrap_or_default();
        for index in cut_off {
            let position = self.rows[index].position;
            if steps.get(position).is_some_and(|step| !step.action.is_repeatable()) {
                let reason = "interrupted while it ran: it may or may not have had its effect, and is not repeated";
                self.end_step(index, StepStatus::Failed, None, Some(reason.to_owned()), Vec::new()).await?;
            }
        }
        Ok(())
    }

    async fn initial_variables(&mut self) -> Result<(), End> {
        let claimed = &self.claimed;
        self.variables = variables::initial(
            &claimed.workflow_id,
            &claimed.workflow_name,
            &claimed.id,
            &claimed.trigger_data,
            claimed.created_at,
        );
        let file_id = claimed.trigger_data.get("file_id").and_then(serde_json::Value::as_str).map(str::to_owned);
        if let Some(id) = file_id {
            self.file_variables(&id).await?;
        }
        Ok(())
    }

    /// Sets the variables of a file; one that is gone leaves them as they are.
    async fn file_variables(&mut self, id: &str) -> Result<Option<String>, End> {
        let store = self.engine.store();
        let file = match store.file(id).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            other => other?,
        };
        let text = self.engine.text_of(&file).await?.map(|(text, _)| text);
        variables::set_file(&mut self.variables, &file, text.as_deref());
        Ok(text)
    }

    async fn begin_step(&mut self, position: usize, step: &Step) -> Result<usize, End> {
        let (now, kind) = (self.engine.clock().now(), step.action.kind());
        let store = self.engine.store();
        if retrying(|| store.begin_step(&self.claimed, position, &step.name, kind, now)).await? == Fenced::Lost {
            return Err(End::Lost);
        }
        self.rows.push(StepRow {
            position,
            name: step.name.clone(),
            kind: kind.to_owned(),
            status: StepStatus::Running,
            result: None,
            error: None,
            logs: Vec::new(),
            started_at: now,
            completed_at: None,
        });
        Ok(self.rows.len() - 1)
    }

    /// Runs the step of the row at `index` and stores what it did.
    async fn perform(&mut self, index: usize, step: &Step, span: &Run, stop: &CancellationToken) -> Result<(), End> {
        let (begin, begun) = (self.engine.clock().now(), self.rows[index].started_at);
        self.variables.set("now", variables::moment(begin));
        let span = span.step(self.rows[index].position, &step.name, step.action.kind());
        let work = actions::perform(self.engine, &self.claimed, step, begun, &self.variables);
        let outcome = tokio::select! {
            // What is nearly done is worth its end: only a delay is cut short, the rest has the shutdown's deadline.
            outcome = span.inside(work) => outcome,
            () = stop.cancelled(), if step.action.default_timeout().is_none() => return Err(End::Stopped),
        };
        let now = self.engine.clock().now();
        let took = (now - begin).to_std().unwrap_or_default();
        let logged = outcome.as_ref().err().map(actions::StepError::logged);
        let (status, result, error, logs) = match outcome {
            Ok(Done { result, logs }) => (StepStatus::Completed, Some(result), None, logs),
            Err(error) => (StepStatus::Failed, None, Some(error.to_string()), Vec::new()),
        };
        span.note("workflow.step", status.as_str(), took, logged.as_deref());
        span.inside(async {
            let (number, duration_ms) = (self.rows[index].position + 1, u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
            match &logged {
                None => tracing::info!(workflow.step.number = number, workflow.step.type = step.action.kind(), duration_ms, "workflow step completed"),
                Some(error) => {
                    tracing::warn!(workflow.step.number = number, workflow.step.type = step.action.kind(), duration_ms, error, "workflow step failed");
                }
            }
        })
        .await;
        self.end_step(index, status, result, error, logs).await
    }

    async fn end_step(
        &mut self,
        index: usize,
        status: StepStatus,
        result: Option<serde_json::Value>,
        error: Option<String>,
        logs: Vec<(&'static str, String)>,
    ) -> Result<(), End> {
        let now = self.engine.clock().now();
        let row = &mut self.rows[index];
        let title = format!("step {} ({})", row.position + 1, row.name);
        row.logs.push(line(row.started_at, "info", format!("{title} begins")));
        row.logs.extend(logs.into_iter().map(|(level, message)| line(now, level, message)));
        row.logs.push(match &error {
            None => line(now, "info", format!("{title} completed")),
            Some(error) => line(now, "error", format!("{title} failed: {error}")),
        });
        (row.status, row.result, row.error, row.completed_at) = (status, result, error, Some(now));
        let (store, row) = (self.engine.store(), row.clone());
        match retrying(|| store.end_step(&self.claimed, &row)).await? {
            Fenced::Done => Ok(()),
            Fenced::Lost => Err(End::Lost),
        }
    }

    /// Makes the result of an ended step known to those that follow.
    async fn remember(&mut self, index: usize, step: &Step) -> Result<(), End> {
        let row = self.rows[index].clone();
        let result = row.result.unwrap_or_else(|| json!({"error": row.error}));
        variables::set_result(&mut self.variables, row.position, step.output.as_deref(), &result);
        if let (steps::Action::FileProcess { .. }, Some(id)) =
            (&step.action, result.get("file_id").and_then(|id| id.as_str()))
        {
            let text = self.file_variables(id).await?;
            if let Some(output) = &step.output {
                self.variables.set(output, text.unwrap_or_default());
            }
        }
        Ok(())
    }
}

fn line(timestamp: DateTime<Utc>, level: &str, message: String) -> LogLine {
    LogLine { timestamp, level: level.to_owned(), message }
}

/// Renews the lease until the execution is lost.
async fn keep_alive(engine: &Engine, claimed: Claimed) -> End {
    let lease = engine.settings().lease;
    let mut lost_at = engine.clock().now() + lease;
    loop {
        engine.clock().sleep(lease / 3).await;
        let until = engine.clock().now() + lease;
        match telemetry::untraced(engine.store().heartbeat(&claimed, until)).await {
            Ok(Fenced::Done) => lost_at = until,
            Ok(Fenced::Lost) => return End::Lost,
            // The database may come back; after the lease others may have taken over.
            Err(error) if engine.clock().now() >= lost_at => return End::Failed(error),
            Err(error) => tracing::warn!(error = error.chain(), "heartbeat failed"),
        }
    }
}

/// Tries a write again while the database is away.
async fn retrying<T, F: Future<Output = Result<T, Error>>>(write: impl Fn() -> F) -> Result<T, Error> {
    let mut pause = WRITE_PAUSE;
    for _ in 1..WRITE_TRIES {
        match write().await {
            Err(Error::Database(error)) if error.retryable() => {
                tracing::warn!(%error, "database away; trying again");
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            other => return other,
        }
    }
    write().await
}
