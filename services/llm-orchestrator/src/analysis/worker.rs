//! Background workers that do the tables of batch jobs.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use opentelemetry::trace::FutureExt;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::jobs::{self, Held, LEASE};
use super::table::analyse;
use crate::state::State;

/// How often a worker without work looks: jobs of other processes and leases that ran out do not wake it.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// A third of the lease: two renewals may fail.
const RENEW_INTERVAL: Duration = Duration::from_secs(LEASE.as_secs() / 3);

/// Starts the workers; they end when the service stops.
pub(crate) fn start_workers(state: &Arc<State>) {
    for _ in 0..state.config.analysis_workers {
        let state = Arc::clone(state);
        let tasks = state.tasks.clone();
        tasks.spawn("analysis worker", |stop| async move { work(&state, &stop).await });
    }
}

async fn work(state: &Arc<State>, stop: &CancellationToken) {
    let owner = Uuid::new_v4().to_string();
    if let Err(error) = jobs::forget_old(&state.database, Utc::now()).await {
        tracing::warn!(error = %error, "old analysis jobs not forgotten");
    }
    while !stop.is_cancelled() {
        match jobs::hold(&state.database, &owner, Utc::now()).await {
            Ok(Some(held)) => {
                // Another worker may find work beside this one.
                state.jobs_wait.notify_one();
                one(state, &held, stop).await;
                continue;
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(error = %error, "analysis jobs cannot be read"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = state.jobs_wait.notified() => {}
            () = tokio::time::sleep(LOOK_INTERVAL) => {}
        }
    }
}

async fn one(state: &Arc<State>, held: &Held, stop: &CancellationToken) {
    let context = telemetry::extract_map(&held.carried);
    let work = telemetry::traced("analyse table", analyse(state, &held.table)).with_context(context);
    tokio::pin!(work);
    let outcome = loop {
        tokio::select! {
            outcome = &mut work => break outcome,
            () = stop.cancelled() => {
                if let Err(error) = jobs::release(&state.database, held).await {
                    tracing::warn!(job_id = held.job_id, error = %error, "table not given back, its lease must run out");
                }
                return;
            }
            () = tokio::time::sleep(RENEW_INTERVAL) => match jobs::renew(&state.database, held, Utc::now()).await {
                Ok(true) => {}
                // Someone else took it, after a long pause of this process: the work would be done twice.
                Ok(false) => return,
                Err(error) => tracing::warn!(job_id = held.job_id, error = %error, "lease not renewed"),
            },
        }
    };
    if let Err(error) = jobs::finish(&state.database, held, outcome.map_err(|error| error.to_string())).await {
        tracing::error!(job_id = held.job_id, error = %error, "result of an analysis lost, it is done again when the lease runs out");
    }
}
