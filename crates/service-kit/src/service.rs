//! What a service says about itself, what it gets at start-up, what it hands over.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use crate::cache::Cache;
use crate::config::{self, Environment};
use crate::database::{Database, Migrations};
use crate::http::{Client, Peer};
use crate::ready::Check;
use crate::tasks::Tasks;

/// The facts of a service: constants of its `lib.rs`.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// Name, as in `service.name`; also the prefix of its keys in a shared cache.
    pub name: &'static str,
    /// Version: `env!("CARGO_PKG_VERSION")`.
    pub version: &'static str,
    /// One sentence.
    pub description: &'static str,
    /// Port when PORT is unset.
    pub port: u16,
    /// `service.type`.
    pub kind: &'static str,
    /// `service.layer`.
    pub layer: &'static str,
    /// `service.tier`.
    pub tier: &'static str,
    /// What it can do, for `/api/v1/info`.
    pub features: &'static [&'static str],
}

/// What a service may use while it starts. Clones mean the same things.
#[derive(Clone, Debug)]
pub struct Boot {
    pub(crate) service: Service,
    pub(crate) environment: Environment,
    pub(crate) tasks: Tasks,
    pub(crate) draining: CancellationToken,
}

impl Boot {
    /// A boot outside [`crate::run`] and [`crate::start`]: for programs that serve nothing, such as `--stdio`, and for tests.
    pub fn new(service: Service, environment: Environment) -> Self {
        Self { service, environment, tasks: Tasks::default(), draining: CancellationToken::new() }
    }

    /// The service that starts.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Its variables. Read them here, not from the process: tests run several services side by side.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Its background tasks; keep a clone in the state to spawn from handlers.
    pub fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// Cancelled when the service begins to stop, before requests in flight have ended: long-lived streams should end on it. Tasks
    /// are told later, when no request can need them any more.
    pub fn draining(&self) -> CancellationToken {
        self.draining.clone()
    }

    /// The cache: Redis at REDIS_URL, or in this process. Keys are prefixed with the service's name.
    ///
    /// # Errors
    /// A bad variable. A Redis that is away is no error: see [`crate::cache`].
    pub async fn cache(&self) -> Result<Cache, crate::Error> {
        Cache::from_environment(&self.environment, self.service.name).await
    }

    /// The database: DATABASE_URL, or a SQLite file in DATA_DIR, with the schema brought up to date.
    ///
    /// # Errors
    /// When it cannot be reached or migrated.
    pub async fn database(&self, migrations: Migrations) -> Result<Database, crate::Error> {
        let database = Database::from_environment(&self.environment, self.service.name).await?;
        database.migrate(migrations).await?;
        Ok(database)
    }

    /// A client for services that are not ours.
    ///
    /// # Errors
    /// A bad variable.
    pub fn http(&self) -> Result<Client, crate::Error> {
        Client::from_environment(&self.environment)
    }

    /// One of our own services, at the address in `variable`; SERVICE_TOKEN goes along.
    ///
    /// # Errors
    /// A bad variable.
    pub fn peer(&self, variable: &str, default: &str) -> Result<Peer, crate::Error> {
        let base = self.environment.base_url(variable, default)?;
        Ok(Peer::new(self.http()?, base, self.environment.secret("SERVICE_TOKEN")?))
    }

    /// Where files may be kept: DATA_DIR, by default `quartet-data/<service>`. Made if it is missing.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn data_dir(&self) -> Result<PathBuf, crate::Error> {
        data_dir(&self.environment, self.service.name)
    }
}

/// See [`Boot::data_dir`].
pub(crate) fn data_dir(environment: &Environment, service: &str) -> Result<PathBuf, crate::Error> {
    let folder = match environment.text("DATA_DIR")? {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from("quartet-data").join(service),
    };
    std::fs::create_dir_all(&folder)
        .map_err(|error| config::Error::new("DATA_DIR", format_args!("cannot make the folder: {error}")))?;
    Ok(folder)
}

/// What a service hands over: its routes, its checks, and what differs for single routes.
pub struct App {
    pub(crate) router: OpenApiRouter,
    pub(crate) checks: Vec<Check>,
    pub(crate) timeouts: Vec<(String, Duration)>,
    pub(crate) limits: Vec<(String, usize)>,
    pub(crate) prefixes: Vec<&'static str>,
}

impl App {
    /// Routes with their state. `/`, `/health`, `/ready`, `/api/v1/info` and `/openapi.json` are the kit's.
    pub fn new(router: OpenApiRouter) -> Self {
        Self { router, checks: Vec::new(), timeouts: Vec::new(), limits: Vec::new(), prefixes: Vec::new() }
    }

    /// Adds a component without which the service is not ready.
    #[must_use]
    pub fn check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// Gives a route (`/files/{id}`, as it is written in the router) its own time-out in place of REQUEST_TIMEOUT.
    #[must_use]
    pub fn timeout(mut self, route: &str, limit: Duration) -> Self {
        self.timeouts.push((route.to_owned(), limit));
        self
    }

    /// Gives a route its own limit of the body's size in place of MAX_REQUEST_BYTES.
    #[must_use]
    pub fn body_limit(mut self, route: &str, bytes: usize) -> Self {
        self.limits.push((route.to_owned(), bytes));
        self
    }

    /// Names the route of requests under `prefix` that a nested service takes (`nest_service`), of which the router knows no routes:
    /// spans and metrics would have none.
    #[must_use]
    pub fn prefix(mut self, prefix: &'static str) -> Self {
        self.prefixes.push(prefix);
        self
    }
}

impl fmt::Debug for App {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("App").field("checks", &self.checks).finish_non_exhaustive()
    }
}
