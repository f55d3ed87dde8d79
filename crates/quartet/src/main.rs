//! The `quartet` binary: reads the command line, runs one verb, turns its outcome into an exit code.
//!
//! | file | owns |
//! |---|---|
//! | `args.rs` | the command line |
//! | `config/` | the YAML file |
//! | `up.rs` | `quartet up`: start, announce, wait for a signal, drain |
//! | `wire.rs` | constructs store, receivers and faces and connects them; the only place that names storage |
//! | `listen.rs` | opens the ports |
//! | `announce.rs` | what start-up prints |
//! | `ingest.rs` | what the receivers know, for the console |
//! | `logging.rs` | our own log |
//! | `client/` | `quartet trace`, `quartet query` |
//! | `verify/` | `quartet verify` |

mod announce;
mod args;
mod check;
mod client;
mod config;
mod ingest;
mod listen;
mod logging;
mod up;
mod verify;
mod version;
mod wire;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use args::{CheckVerb, Cli, Verb};

/// Returns memory to the system sooner than glibc's and needs no arena for each thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Something is wrong with the command line or the configuration. clap uses the same number.
const EXIT_USAGE: u8 = 2;

/// Why a verb ended early.
enum Failure {
    /// Command line or configuration: exit code 2.
    Usage(anyhow::Error),
    /// Anything else: exit code 1.
    Runtime(anyhow::Error),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().verb {
        Verb::Up(args) => up::run(&args),
        Verb::Check(CheckVerb::Config(args)) => check::run(&args),
        Verb::Version(args) => version::run(&args),
        Verb::Trace(args) => return block_on(client::run_trace(args)),
        Verb::Query(args) => return block_on(client::run_query(args)),
        Verb::Verify(args) => return block_on(verify::run(*args)),
        Verb::Completions(args) => {
            clap_complete::generate(args.shell, &mut Cli::command(), "quartet", &mut std::io::stdout());
            Ok(())
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(error)) => complain(&error, EXIT_USAGE),
        Err(Failure::Runtime(error)) => complain(&error, 1),
    }
}

fn complain(error: &anyhow::Error, code: u8) -> ExitCode {
    use std::io::Write;
    // `{:#}` adds the causes. Nobody is left to tell when stderr is closed.
    let _ = writeln!(std::io::stderr(), "quartet: {error:#}");
    ExitCode::from(code)
}

/// Client verbs do one thing at a time: one thread is enough.
fn block_on(verb: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(verb),
        Err(error) => complain(&anyhow::Error::new(error).context("cannot start the runtime"), 1),
    }
}
