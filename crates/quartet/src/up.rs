//! `quartet up`: start, announce, wait for a signal, drain in the order of the data: receivers, requests under way, store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::UpArgs;
use crate::config::Config;
use crate::wire::Server;
use crate::{Failure, announce, logging, wire};

/// From the signal to the exit. Orchestrators kill after 10 s (Docker) or later (Kubernetes 30 s).
const DRAIN_MAX: Duration = Duration::from_secs(10);
/// Of that, what requests under way may take; the rest is for the store.
const REQUESTS_MAX: Duration = Duration::from_secs(4);

/// Runs the verb until a signal.
pub(crate) fn run(args: &UpArgs) -> Result<(), Failure> {
    let started = Instant::now();
    let mut config = Config::load(args.config.as_deref()).map_err(|problem| Failure::Usage(problem.into()))?;
    args.override_config(&mut config);
    config.validate().map_err(|message| Failure::Usage(anyhow::anyhow!(message)))?;
    logging::start(args.log_format, &args.log)?;
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if config.runtime.worker_threads > 0 {
        builder.worker_threads(config.runtime.worker_threads);
    }
    let runtime = builder.thread_name("quartet").enable_all().build();
    let runtime = runtime.context("cannot start the runtime").map_err(Failure::Runtime)?;
    let outcome = runtime.block_on(serve(args, &config, started));
    // What still hangs after the drain's deadline must not keep the process.
    runtime.shutdown_background();
    outcome.map_err(Failure::Runtime)
}

async fn serve(args: &UpArgs, config: &Config, started: Instant) -> anyhow::Result<()> {
    // Before anything is announced, so that a signal right after it is not lost.
    let mut terminate = signal(SignalKind::terminate()).context("cannot watch SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot watch SIGINT")?;
    let server = wire::start(config, started).await?;
    announce::ready(args.output, &server.lines(), config, started.elapsed())?;
    tracing::info!(ready_ms = started.elapsed().as_millis() as u64, "ready");
    let name = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    };
    tracing::info!(signal = name, "stopping");
    let drained = tokio::select! {
        drained = drain(server) => drained,
        _ = terminate.recv() => false,
        _ = interrupt.recv() => false,
    };
    if drained {
        tracing::info!("stopped");
    } else {
        // Acknowledged records are in the write-ahead log: nothing is lost, the next start replays them.
        tracing::warn!("stopped before everything was flushed; the next start replays the log");
    }
    Ok(())
}

/// True when all was finished before the deadline.
async fn drain(server: Server) -> bool {
    let deadline = Instant::now() + DRAIN_MAX;
    let finished = server.stop_receiving(REQUESTS_MAX).await;
    let store = Arc::clone(server.store());
    // The margin leaves time to end the process itself.
    let patience = deadline.saturating_duration_since(Instant::now()).saturating_sub(Duration::from_millis(500));
    let flush = tokio::task::spawn_blocking(move || store.shutdown(patience));
    let left = deadline.saturating_duration_since(Instant::now());
    let flushed = tokio::time::timeout(left, flush).await;
    finished && matches!(flushed, Ok(Ok(_)))
}
