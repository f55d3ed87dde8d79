//! Runs executions: looks for what is due or waiting, claims it, runs it in a task of its own.
//!
//! | file | what |
//! |---|---|
//! | `scheduler.rs` | due times become executions |
//! | `runner.rs` | one execution from claim to end: heartbeat, steps, result |
//! | `actions.rs` | what each type of step does |
//! | `extraction.rs` | files on their way to text |
//!
//! **Nothing is lost, nothing runs twice.** An execution is a row before anyone works on it. A process claims it by a conditional update
//! and renews the claim every third of WORKFLOW_LEASE_SECONDS; when a process dies, its claims run out and others take over, from the
//! last step whose end is stored. A step that was begun and not ended is run again only if that does no harm
//! ([`crate::steps::Action::is_repeatable`]); otherwise it is failed, and says that it may have had its effect. A process that stalls
//! beyond its lease loses every later write.
//!
//! Limits: an execution can be taken over up to WORKFLOW_LEASE_SECONDS late; clocks of instances must agree to within a third of it.

mod actions;
mod extraction;
mod runner;
pub(crate) mod scheduler;

use crate::clock::Clock;
use crate::error::Error;
use crate::file_store::FileStore;
use crate::settings::Settings;
use crate::store::Store;
use crate::store::executions::Execution;
use crate::upstream::Upstream;
use chrono::{DateTime, Utc};
use service_kit::cache::Cache;
use service_kit::tasks::Tasks;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What the engine works with.
#[derive(Debug)]
pub struct Parts {
    /// Where everything is kept.
    pub store: Store,
    /// Texts that are read often.
    pub cache: Cache,
    /// What steps call.
    pub upstream: Upstream,
    /// Where files lie.
    pub files: FileStore,
    /// What time it is.
    pub clock: Clock,
    /// How much of everything.
    pub settings: Settings,
    /// Who owns what runs.
    pub tasks: Tasks,
}

/// The engine. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Engine(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    parts: Parts,
    /// This process among those that share the database; new at every start.
    owner: String,
    wake: Notify,
    slots: Arc<Semaphore>,
    /// Files whose text is extracted now, and those that may wait for it.
    extractions: Arc<Semaphore>,
    places: Arc<Semaphore>,
    /// Executions that run here, to stop them by.
    running: Mutex<HashMap<String, CancellationToken>>,
}

impl Engine {
    /// Starts looking for work. It ends when the service's tasks are told to.
    pub fn start(parts: Parts) -> Self {
        let engine = Self(Arc::new(Inner {
            owner: Uuid::new_v4().to_string(),
            wake: Notify::new(),
            slots: Arc::new(Semaphore::new(parts.settings.concurrency)),
            extractions: Arc::new(Semaphore::new(parts.settings.extractions)),
            places: Arc::new(Semaphore::new(parts.settings.extractions + extraction::WAITING_MAX)),
            running: Mutex::default(),
            parts,
        }));
        let dispatcher = engine.clone();
        engine.0.parts.tasks.spawn("dispatcher", |stop| async move { dispatcher.dispatch(stop).await });
        engine
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.0.parts.store
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.0.parts.clock
    }

    /// The folder of files.
    pub fn files(&self) -> &FileStore {
        &self.0.parts.files
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.0.parts.settings
    }

    /// Says that there may be work, so that it need not wait for the next poll.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// Stops an execution that has not ended, wherever it runs.
    pub async fn cancel(&self, id: &str) -> Result<Execution, Error> {
        let execution = self.store().cancel_execution(id, self.clock().now()).await?;
        // Elsewhere it learns it by its next heartbeat or step.
        if let Some(token) = self.running().get(id) {
            token.cancel();
        }
        Ok(execution)
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<String, CancellationToken>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn dispatch(&self, stop: CancellationToken) {
        let (mut was_failing, mut next_sweep) = (false, self.clock().now());
        while !stop.is_cancelled() {
            let begin = self.clock().now();
            // Not traced: a span per statement and second says nothing.
            let outcome = telemetry::untraced(self.round(&mut next_sweep)).await;
            match &outcome {
                Err(error) if !was_failing => {
                    tracing::error!(error = error.chain(), "looking for work failed; trying on")
                }
                Ok(()) if was_failing => tracing::info!("looking for work succeeds again"),
                _ => {}
            }
            was_failing = outcome.is_err();
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.0.wake.notified() => {}
                // From the begin of the round: what fell due while it ran is not left for another pause.
                () = self.clock().sleep_until(begin + self.settings().poll) => {}
            }
        }
    }

    /// One look: due times, executions that wait, and now and then files whose extraction was cut off.
    async fn round(&self, next_sweep: &mut DateTime<Utc>) -> Result<(), Error> {
        let now = self.clock().now();
        if now >= *next_sweep {
            *next_sweep = now + self.settings().lease;
            let failed = self.store().fail_stale_files(now).await?;
            if failed > 0 {
                tracing::warn!(files = failed, "extraction was interrupted");
            }
        }
        self.fire_due(now).await?;
        self.claim_waiting().await
    }

    /// Claims what waits, as long as there are free slots.
    async fn claim_waiting(&self) -> Result<(), Error> {
        loop {
            let free = self.0.slots.available_permits();
            let now = self.clock().now();
            let ids = if free == 0 { Vec::new() } else { self.store().claimable(now, free as u32).await? };
            let mut claimed_any = false;
            for id in ids {
                // What a task of ours just gave back because the service stops is for the next service.
                if self.0.parts.tasks.stopping().is_cancelled() {
                    return Ok(());
                }
                let Ok(permit) = self.0.slots.clone().try_acquire_owned() else { return Ok(()) };
                // A task of ours that is winding down: it must be gone before we begin again.
                if self.running().contains_key(&id) {
                    continue;
                }
                // Read now, not before the list: a claim that begins in the past ends early.
                let now = self.clock().now();
                let Some(claimed) = self.store().claim(&id, &self.0.owner, now, now + self.settings().lease).await?
                else {
                    continue;
                };
                claimed_any = true;
                let cancelled = CancellationToken::new();
                self.running().insert(id.clone(), cancelled.clone());
                let entry = Entry { engine: self.clone(), id };
                self.0.parts.tasks.spawn("execution", |stop| async move {
                    runner::run(&entry.engine, claimed, &stop, &cancelled).await;
                    drop(permit);
                    drop(entry);
                });
            }
            if !claimed_any {
                return Ok(());
            }
        }
    }
}

/// Takes an execution off the list of those that run here, however its task ends, and lets the next one begin.
struct Entry {
    engine: Engine,
    id: String,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.engine.running().remove(&self.id);
        self.engine.wake();
    }
}
