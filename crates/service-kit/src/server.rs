//! Runs a service: [`run`] for its binary, [`start`] in a test, several in one process if need be.
//!
//! | file | what |
//! |---|---|
//! | `server/settings.rs` | HOST, PORT, limits |
//! | `server/routes.rs` | `/`, `/health`, `/ready`, `/api/v1/info`, `/openapi.json` |
//! | `server/openapi.rs` | `/openapi.json` |
//! | `server/layers.rs` | what surrounds every route: telemetry, token, limits |
//! | `server/problems.rs` | every failure as a problem |
//! | `server/held.rs` | a body that holds a permit |
//! | `server/connections.rs` | accepts, serves, drains |
//!
//! Stopping goes in data order: the listener closes, requests in flight end, background tasks end, telemetry is flushed. Each step
//! has SHUTDOWN_TIMEOUT.

mod connections;
mod held;
mod layers;
mod openapi;
mod problems;
mod routes;
mod settings;

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Environment;
use crate::error::Error;
use crate::service::{App, Boot, Service};
use crate::tasks::Tasks;
pub(crate) use layers::BodyLimit;
use settings::Settings;

/// How long telemetry may take to hand over what it holds at the end.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);

/// What stopping left undone. All zero and empty is the normal case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stopped {
    /// Connections with a request that did not end in time.
    pub connections_cut: usize,
    /// Background tasks that did not end in time.
    pub tasks_aborted: Vec<&'static str>,
}

/// A service that runs in this process. Call [`Running::shutdown`]; dropping it only tells the service to stop.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    tasks: Tasks,
    connections: Option<JoinHandle<usize>>,
    limit: Duration,
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://` and the address, without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Closes the listener, lets requests in flight end, joins background tasks.
    pub async fn shutdown(mut self) -> Stopped {
        self.stop.cancel();
        let connections_cut = match self.connections.take() {
            // A panic of the accept loop was logged where it happened; nothing is left to cut.
            Some(connections) => connections.await.unwrap_or_default(),
            None => 0,
        };
        let tasks_aborted = self.tasks.shutdown(self.limit).await;
        Stopped { connections_cut, tasks_aborted }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
        self.tasks.stopping().cancel();
    }
}

/// Starts a service in this process, with `environment` in place of the process's variables. Does not touch telemetry: the caller
/// may have set it up. HOST is 127.0.0.1 and PORT the service's own unless `environment` says otherwise: tests set `PORT=0`.
///
/// # Errors
/// A bad variable, a taken port, or the service's own.
pub async fn start<B, F, E>(service: Service, environment: Environment, build: B) -> Result<Running, Error>
where
    B: FnOnce(Boot) -> F,
    F: Future<Output = Result<App, E>>,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    install_tls();
    let settings = Settings::read(&environment, &service)?;
    let address = format!("{}:{}", settings.host, settings.port);
    let refused = |source| Error::Listen { address: address.clone(), source };
    // Before the service's own start-up: a taken port is told before a database is migrated.
    let listener = TcpListener::bind(&address).await.map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    let boot = Boot::new(service, environment);
    let (tasks, stop) = (boot.tasks.clone(), boot.draining.clone());
    let app = match build(boot).await {
        Ok(app) => app,
        Err(source) => {
            tasks.shutdown(settings.shutdown_timeout).await;
            return Err(Error::Boot { service: service.name, source: source.into() });
        }
    };
    let router = layers::router(service, bound.port(), app, &settings);
    let limit = settings.shutdown_timeout;
    let connections = tokio::spawn(connections::serve(listener, router, stop.clone(), limit));
    tracing::info!(address = %bound, service = service.name, version = service.version, "service listening");
    Ok(Running { address: bound, stop, tasks, connections: Some(connections), limit })
}

/// The whole life of a service's binary: telemetry, runtime, [`start`], until SIGTERM or SIGINT, then the drain. Blocks.
///
/// # Errors
/// What kept it from starting.
pub fn run<B, F, E>(service: Service, build: B) -> Result<(), Error>
where
    B: FnOnce(Boot) -> F,
    F: Future<Output = Result<App, E>>,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    install_tls();
    let environment = Environment::process();
    let settings = Settings::read(&environment, &service)?;
    let guard = telemetry::Builder::new(service.name)
        .service_version(service.version)
        .service_port(settings.port)
        .service_type(service.kind)
        .service_layer(service.layer)
        .service_tier(service.tier)
        .signals(false)
        .init()
        .map_err(|error| Error::Telemetry(Box::new(error)))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(until_told(service, environment, build));
    if let Err(error) = &outcome {
        tracing::error!(%error, "service failed");
    }
    drop(runtime);
    guard.shutdown(FLUSH_LIMIT);
    outcome
}

async fn until_told<B, F, E>(service: Service, environment: Environment, build: B) -> Result<(), Error>
where
    B: FnOnce(Boot) -> F,
    F: Future<Output = Result<App, E>>,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    use tokio::signal::unix::{SignalKind, signal};
    // Before the start: a signal during it must stop the service too, not kill it half way.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let told = async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    };
    tokio::pin!(told);
    let running = tokio::select! {
        running = start(service, environment, build) => running?,
        signal = &mut told => {
            tracing::info!(signal, "told to stop while starting");
            return Ok(());
        }
    };
    let signal = told.await;
    tracing::info!(signal, "stopping");
    let stopped = running.shutdown().await;
    if stopped == Stopped::default() {
        tracing::info!("stopped");
    } else {
        tracing::warn!(connections_cut = stopped.connections_cut, tasks_aborted = ?stopped.tasks_aborted, "stopped late");
    }
    Ok(())
}

/// rustls needs a process-wide provider before the first client is built.
pub(crate) fn install_tls() {
    // An error means that one is there already, which is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
}

#[cfg(test)]
#[path = "server/tests.rs"]
mod tests;
