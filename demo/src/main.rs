//! `quartet-demo`: starts Quartet, the stand-ins and the four services as processes of their own, and plays a working day in fast motion.
//!
//! | file | owns |
//! |---|---|
//! | `args.rs` | the command line |
//! | `process.rs` | one child process: its log, its first line, its end |
//! | `stage.rs` | all of them: addresses, environment, order of start and stop |
//! | `day.rs` | what happens when: the hours of a day, the weights of what people do |
//! | `people.rs` | four tenants and what they ask for |
//! | `traffic.rs` | the calls themselves, and what came of them |
//! | `say.rs` | what the terminal shows |
//!
//! It knows only the public APIs of what it starts, like any other client.

mod args;
mod day;
mod people;
mod process;
mod say;
mod stage;
mod traffic;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use args::Args;
use stage::Stage;
use traffic::Traffic;

fn main() -> ExitCode {
    // Without a provider of its choice reqwest cannot build a client.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        say::error("another TLS provider is installed");
        return ExitCode::FAILURE;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            say::error(&format!("cannot start the runtime: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(Args::parse())) {
        Ok(code) => code,
        Err(error) => {
            say::error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Starts all, plays until told to stop, stops all. A process that ends by itself ends the demo with its last words.
async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut stage = Stage::start(&args).await?;
    // Apart while it plays: one looks at where things are, the other watches the processes.
    let mut processes = std::mem::take(&mut stage.processes);
    let outcome = tokio::select! {
        outcome = play(&args, &stage) => outcome,
        dead = Stage::first_to_end(&mut processes) => Err(dead),
        _ = interrupt.recv() => Ok(ExitCode::SUCCESS),
        _ = terminate.recv() => Ok(ExitCode::SUCCESS),
    };
    stage.processes = processes;
    say::error("stopping");
    stage.stop().await;
    outcome
}

async fn play(args: &Args, stage: &Stage) -> anyhow::Result<ExitCode> {
    let traffic = Traffic::new(&stage.places, args.seed)?;
    traffic.prepare(args.quiet).await.context("cannot set the scene")?;
    say::ready(args, stage, &traffic).await?;
    let play = day::play(&traffic, args);
    match args.seconds {
        None => play.await,
        // A day that is over early is played again.
        Some(seconds) => tokio::time::timeout(Duration::from_secs(seconds), play).await.unwrap_or(()),
    }
    traffic.finish().await;
    say::summary(&traffic);
    if !args.verify {
        return Ok(ExitCode::SUCCESS);
    }
    let passed = stage.verify(args).await?;
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
