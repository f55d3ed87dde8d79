//! The command line.

use crate::client::query::QueryArgs;
use crate::client::trace::TraceArgs;

/// OpenTelemetry in one binary.
#[derive(Debug, clap::Parser)]
#[command(name = "quartet", version)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// The verbs.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Show one trace.
    Trace(TraceArgs),
    /// Run one query.
    Query(QueryArgs),
}
