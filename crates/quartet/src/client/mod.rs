//! The client verbs: `quartet trace` and `quartet query`. They speak to the HTTP faces of any running server, ours or an LGTM one.
//!
//! Exit codes: 0 something was found, 3 nothing was found, 1 the server or the network failed or refused, 2 the command line is
//! wrong. Data goes to stdout, everything else to stderr.
//!
//! | module | owns |
//! |---|---|
//! | `args` | the command lines |
//! | `http` | one request over HTTP/1.1 |
//! | `trace`, `waterfall` | a trace: reading the answer, drawing it |
//! | `query`, `loki`, `mimir` | a query: choosing the API, its answers |
//! | `when` | points in time on the command line |

use std::io::Write;
use std::process::ExitCode;

pub(crate) mod args;
pub(crate) mod http;
mod loki;
mod mimir;
mod query;
pub(crate) mod trace;
mod waterfall;
mod when;

pub(crate) use args::{QueryArgs, TraceArgs};

/// Exit code when the server has nothing that matches.
const EXIT_NOT_FOUND: u8 = 3;

/// Exit code of a wrong command line; clap uses the same.
const EXIT_USAGE: u8 = 2;

/// How a verb can end early.
#[derive(Debug)]
pub(crate) enum ClientError {
    /// The command line is wrong in a way that clap cannot see.
    Usage(String),
    /// Network, server or stdout failed.
    Failed(String),
}

impl ClientError {
    fn usage(text: impl Into<String>) -> Self {
        Self::Usage(text.into())
    }

    fn failed(text: impl Into<String>) -> Self {
        Self::Failed(text.into())
    }

    /// What went wrong, for a report.
    pub(crate) fn reason(self) -> String {
        let (Self::Usage(text) | Self::Failed(text)) = self;
        text
    }
}

/// What a verb has to print; `None` when nothing was found.
type Found = Result<Option<String>, ClientError>;

/// Runs `quartet trace <id>`.
pub(crate) async fn run_trace(args: TraceArgs) -> ExitCode {
    finish(trace::run(&args.tempo, &args.id, args.tenant.as_deref(), args.output).await)
}

/// Runs `quartet query …`.
pub(crate) async fn run_query(args: QueryArgs) -> ExitCode {
    finish(query::run(&args).await)
}

fn finish(found: Found) -> ExitCode {
    let mut stderr = std::io::stderr();
    // Nobody is left to tell when stderr is closed.
    match found {
        Ok(Some(text)) => match std::io::stdout().write_all(text.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            // A reader such as `head` that has seen enough is no failure.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Err(error) => {
                let _ = writeln!(stderr, "quartet: cannot write to stdout: {error}");
                ExitCode::FAILURE
            }
        },
        Ok(None) => {
            let _ = writeln!(stderr, "quartet: nothing found");
            ExitCode::from(EXIT_NOT_FOUND)
        }
        Err(ClientError::Failed(text)) => {
            let _ = writeln!(stderr, "quartet: {text}");
            ExitCode::FAILURE
        }
        Err(ClientError::Usage(text)) => {
            let _ = writeln!(stderr, "quartet: {text}\n\nFor more information, try '--help'.");
            ExitCode::from(EXIT_USAGE)
        }
    }
}

/// Text of others on a terminal: control characters are shown, not obeyed.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}
