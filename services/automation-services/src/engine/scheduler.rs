//! Due times become executions.
//!
//! Of several due times that passed while no scheduler ran, one execution is made, for the earliest; the next is the first after now. Two
//! schedulers that see the same due time: one moves `next_run` on, the other finds it moved; the unique key over workflow and due time
//! stands behind that.

use super::Engine;
use crate::cron::Schedule;
use crate::error::Error;
use crate::names::TriggerType;
use crate::store::executions::NewExecution;
use crate::store::workflows::Workflow;
use crate::trace;
use crate::variables::moment;
use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

/// Due workflows that are looked at in one go. More follow in the next round.
const DUE_MAX: u32 = 100;

impl Engine {
    /// Makes an execution for every workflow that is due.
    pub(super) async fn fire_due(&self, now: DateTime<Utc>) -> Result<(), Error> {
        for workflow in self.store().due_workflows(now, DUE_MAX).await? {
            // One bad workflow must not hold up the others.
            if let Err(error) = self.fire(&workflow, now).await {
                tracing::error!(workflow.id = workflow.id, error = error.chain(), "scheduling a workflow failed");
            }
        }
        Ok(())
    }

    async fn fire(&self, workflow: &Workflow, now: DateTime<Utc>) -> Result<(), Error> {
        let Some(due) = workflow.next_run else { return Ok(()) };
        let (origin, span) = trace::scheduled(&workflow.id, &workflow.business, due);
        let execution = NewExecution {
            id: Uuid::now_v7(),
            trigger_type: TriggerType::Scheduled,
            trigger_data: json!({"scheduled_for": moment(due)}),
            scheduled_for: Some(due),
            origin,
            created_at: now,
        };
        let id = execution.id;
        let taken = self.store().take_due(workflow, due, next_run(workflow, now), execution).await?;
        span.inside(async {
            if taken {
                tracing::info!(workflow.id = workflow.id, workflow.execution_id = %id, scheduled_for = moment(due), "workflow is due");
            }
        })
        .await;
        Ok(())
    }
}

/// When `workflow` runs next by itself, after `now`.
pub(crate) fn next_run(workflow: &Workflow, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let expression = workflow.cron_expression.as_deref().filter(|_| workflow.is_runnable())?;
    // It was checked when it was stored; one that never comes due again has no next run.
    Schedule::parse(expression, now).ok()?.next(now)
}
