//! The client verbs: `quartet trace` and `quartet query`. They speak to the HTTP faces of any running server, ours or an LGTM one.
//!
//! Exit codes: 0 something was found, 3 nothing was found, 1 the server or the network failed, 2 the command line is wrong.
//! Data goes to stdout, everything else to stderr.

use std::process::ExitCode;

pub(crate) mod args;

pub(crate) use args::{QueryArgs, TraceArgs};

/// Runs `quartet trace <id>`.
pub(crate) async fn run_trace(_args: TraceArgs) -> ExitCode {
    ExitCode::SUCCESS
}

/// Runs `quartet query …`.
pub(crate) async fn run_query(_args: QueryArgs) -> ExitCode {
    ExitCode::SUCCESS
}
