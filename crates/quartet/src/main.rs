//! The `quartet` binary: reads arguments, calls one verb, turns the outcome into an exit code.

mod args;
mod client;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let outcome = match args::Cli::parse().verb {
        args::Verb::Trace(args) => client::trace::run(args),
        args::Verb::Query(args) => client::query::run(args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
