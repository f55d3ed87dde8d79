//! Constructs and connects: store, receivers, query faces, ports. The only place that names concrete storage.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use api::face::{FaceSettings, Phase, Readiness};
use axum::Router;
use collector::health::{self, Health};
use collector::receivers::{Intake, loki_push, otlp, remote_write};
use collector::serve::serve;
use collector::telemetry::{self, Telemetry};
use collector::{Pipeline, ReceiverSettings};
use storage::Store;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::announce::Line;
use crate::config::Config;
use crate::ingest::Ingest;
use crate::listen::{self, Face, Listener};
use crate::version::{VERSION, build_info};

/// Everything that runs.
pub(crate) struct Server {
    store: Arc<Store>,
    health: Arc<Health>,
    readiness: Readiness,
    listeners: Vec<(Face, Option<String>)>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// What the routers are made of.
struct Parts {
    store: Arc<Store>,
    telemetry: Arc<Telemetry>,
    health: Arc<Health>,
    intake: Intake,
    face: FaceSettings,
    receivers: ReceiverSettings,
    listeners: Vec<(Face, Option<String>)>,
}

/// Opens the ports, recovers the store, serves. The health page answers 503 meanwhile.
pub(crate) async fn start(config: &Config, started: Instant) -> anyhow::Result<Server> {
    let mut listeners = listen::open(&config.listeners).await?;
    let addresses: Vec<(Face, Option<String>)> =
        listeners.iter().map(|listener| (listener.face, address(listener))).collect();
    let stop = CancellationToken::new();
    let health = Arc::new(Health::default());
    let tasks = TaskTracker::new();
    for listener in listeners.iter_mut().filter(|listener| listener.face == Face::Health) {
        spawn(listener, health::router(Arc::clone(&health)), &stop, &tasks);
    }
    let store = open_store(config).await?;
    let parts = parts(config, started, store, &health, addresses);
    for listener in &mut listeners {
        if listener.open.is_some() {
            let router = router(listener.face, &parts);
            spawn(listener, router, &stop, &tasks);
        }
    }
    let readiness = parts.face.readiness.clone();
    readiness.set(Phase::Ready);
    health.set_available(true);
    Ok(Server { store: parts.store, health, readiness, listeners: parts.listeners, stop, tasks })
}

/// Replays the log and lists the blocks, away from the runtime's threads.
async fn open_store(config: &Config) -> anyhow::Result<Arc<Store>> {
    let settings = config.store_settings();
    let data_dir = settings.data_dir.display().to_string();
    let opened =
        tokio::task::spawn_blocking(move || Store::open(settings)).await.context("opening the store failed")?;
    opened.with_context(|| format!("cannot open the store in {data_dir}"))
}

fn parts(
    config: &Config,
    started: Instant,
    store: Arc<Store>,
    health: &Arc<Health>,
    listeners: Vec<(Face, Option<String>)>,
) -> Parts {
    let receivers = config.receiver_settings();
    let telemetry = Arc::new(Telemetry::new(VERSION));
    telemetry.watch_store(store.clone());
    let pipeline = Pipeline::new(store.clone(), Arc::clone(&telemetry));
    let intake = Intake::new(pipeline, &receivers);
    let mut face = FaceSettings::new(build_info(), Readiness::default());
    face.started = started;
    if let Some(timeout) = config.queries.timeout.0 {
        face.query_timeout = timeout;
    }
    let rendered = Arc::clone(&telemetry);
    face.metrics = Arc::new(move || rendered.render());
    face.config_yaml = config.to_yaml();
    Parts { store, telemetry, health: Arc::clone(health), intake, face, receivers, listeners }
}

/// The routes of one port.
fn router(face: Face, parts: &Parts) -> Router {
    let intake = || parts.intake.clone();
    match face {
        Face::OtlpGrpc | Face::OtlpHttp => otlp::router(intake(), face.name(), &parts.receivers.cors_origins),
        Face::Tempo => {
            let spans = parts.store.clone();
            api::tempo::router(api::tempo::TempoState { face: parts.face.clone(), spans })
        }
        Face::Loki => {
            let logs = parts.store.clone();
            api::loki::router(api::loki::LokiState { face: parts.face.clone(), logs })
                .merge(api::loki::flush_router(parts.store.clone()))
                .merge(loki_push::router(intake()))
                .merge(otlp::single::loki_router(intake()))
        }
        Face::Mimir => {
            let samples = parts.store.clone();
            api::prometheus::router(api::prometheus::PrometheusState { face: parts.face.clone(), samples })
                .merge(remote_write::router(intake()))
                .merge(otlp::single::mimir_router(intake()))
        }
        Face::Console => console::router(console_state(parts)),
        Face::Health => health::router(Arc::clone(&parts.health)),
        Face::Telemetry => telemetry::router(Arc::clone(&parts.telemetry)),
    }
}

fn console_state(parts: &Parts) -> console::ConsoleState {
    let listener = |(face, address): &(Face, Option<String>)| console::Listener {
        name: face.name().to_owned(),
        address: address.clone().unwrap_or_default(),
    };
    let listeners = parts.listeners.iter().map(listener).collect();
    console::ConsoleState {
        version: VERSION.to_owned(),
        revision: parts.face.build.revision.clone(),
        store: parts.store.clone(),
        ingest: Arc::new(Ingest {
            listeners,
            telemetry: Arc::clone(&parts.telemetry),
            redacts: parts.receivers.redaction.enabled,
        }),
    }
}

fn address(listener: &Listener) -> Option<String> {
    listener.open.as_ref().map(|(_, address)| address.to_string())
}

/// Serves `router` on `listener` until `stop`; nothing when it is switched off or served already.
fn spawn(listener: &mut Listener, router: Router, stop: &CancellationToken, tasks: &TaskTracker) {
    if let Some((socket, _)) = listener.open.take() {
        tasks.spawn(serve(socket, router, stop.clone()));
    }
}

impl Server {
    /// Each listener with its address, for the announcement.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let line = |(face, address): &(Face, Option<String>)| Line {
            name: face.name(),
            title: face.title(),
            address: address.clone(),
        };
        self.listeners.iter().map(line).collect()
    }

    /// The store.
    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Takes no more connections and lets requests under way finish; `false` when that took longer than `patience`.
    pub(crate) async fn stop_receiving(&self, patience: Duration) -> bool {
        self.readiness.set(Phase::Stopping);
        self.health.set_available(false);
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(patience, self.tasks.wait()).await.is_ok()
    }
}
