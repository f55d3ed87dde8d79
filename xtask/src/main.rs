//! The repository's checks: `cargo xtask check` and `cargo xtask tidy`.

mod check;
mod tidy;
mod tree;

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::tree::Tree;

const USAGE: &str = "\
usage: cargo xtask <command>
  check   fmt, clippy, tidy, tests, rustdoc: what CI runs
  tidy    the rules of the house that no compiler knows; seconds";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let command = std::env::args().nth(1).unwrap_or_default();
    match command.as_str() {
        "check" => check::run(),
        "tidy" => run_tidy(),
        _ => bail!("{USAGE}"),
    }
}

/// Runs all rules and fails with all that they found.
fn run_tidy() -> Result<()> {
    let tree = Tree::read(&tree::repository_root()?)?;
    let faults = tidy::faults(&tree);
    if !faults.is_empty() {
        bail!("{}\ntidy: {} faults", faults.join("\n"), faults.len());
    }
    say(&format!("tidy: {} files, no fault", tree.files.len()));
    Ok(())
}

/// Prints one line of what this program has to tell.
fn say(line: &str) {
    // A closed pipe is not worth a panic.
    drop(writeln!(std::io::stdout(), "{line}"));
}
