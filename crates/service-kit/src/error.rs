//! Why a service cannot start or end well.

/// Faults of start-up and shutdown. Faults of requests are [`Problem`](crate::Problem)s.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A variable has a value that cannot be used: correct it.
    #[error("bad configuration: {0}")]
    Config(#[from] crate::config::Error),
    /// Telemetry cannot be set up; the text names the variable.
    #[error("cannot set up telemetry: {0}")]
    Telemetry(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The address is taken or not ours.
    #[error("cannot listen on {address} (HOST, PORT): {source}")]
    Listen {
        /// What was asked for.
        address: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The service's own start-up failed.
    #[error("cannot start {service}: {source}")]
    Boot {
        /// The service.
        service: &'static str,
        /// Its reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The operating system refuses threads, signals or the like.
    #[error("the system refuses: {0}")]
    System(#[from] std::io::Error),
    /// The cache cannot be reached at start-up.
    #[error("cannot open the cache (REDIS_URL): {0}")]
    Cache(#[from] crate::cache::Error),
    /// The database cannot be opened or migrated.
    #[error("cannot open the database (DATABASE_URL): {0}")]
    Database(#[from] crate::database::Error),
}
