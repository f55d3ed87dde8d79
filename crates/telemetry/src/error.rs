//! What can be wrong at start.

/// Why telemetry did not start. An unreachable collector is none of these: it is not asked at start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A variable of the environment has a value that means nothing. `expected` says what would be right.
    #[error("{name}: `{value}` is not valid: expected {expected}")]
    Variable {
        /// The variable's name.
        name: String,
        /// Its value, masked where it may be a secret.
        value: String,
        /// What would be right.
        expected: String,
    },
    /// A file that a variable names (certificate, key) cannot be read.
    #[error("{name}: cannot read `{path}`")]
    File {
        /// The variable's name.
        name: String,
        /// The file that it names.
        path: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The transport cannot be built from its configuration.
    #[error("cannot build the {signal} exporter: {reason}")]
    Exporter {
        /// `traces`, `metrics` or `logs`.
        signal: &'static str,
        /// What the library said.
        reason: String,
    },
    /// The exporter's thread cannot be started.
    #[error("cannot start the exporter thread")]
    Thread(#[source] std::io::Error),
    /// Telemetry of this process runs already; only one guard can own it.
    #[error("telemetry is already initialised in this process")]
    AlreadyInitialised,
}
