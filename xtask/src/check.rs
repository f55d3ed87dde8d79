//! Everything that must hold before a change goes in, one step after the other.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// A step: its name, cargo's arguments, and variables of its environment.
type Step = (&'static str, &'static [&'static str], &'static [(&'static str, &'static str)]);

/// Quick ones first: a typo should not cost a test run.
const STEPS: &[Step] = &[
    ("fmt", &["fmt", "--all", "--check"], &[]),
    ("tidy", &["xtask", "tidy"], &[]),
    ("clippy", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], &[]),
    ("build", &["build", "-p", "quartet"], &[]),
    ("test", &["test", "--workspace"], &[]),
    ("doc", &["doc", "--workspace", "--no-deps"], &[("RUSTDOCFLAGS", "-D warnings")]),
];

/// Runs each step; all of them, so that one look shows all that is wrong.
pub(crate) fn run() -> Result<()> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut failed = Vec::new();
    for (name, arguments, variables) in STEPS {
        let started = Instant::now();
        let mut command = Command::new(&cargo);
        command.args(*arguments).envs(variables.iter().copied());
        let passed = command.status().with_context(|| format!("cannot start {cargo} for {name}"))?.success();
        let verdict = if passed { "ok" } else { "FAILED" };
        crate::say(&format!("check {name}: {verdict} ({:.0} s)", started.elapsed().as_secs_f64()));
        if !passed {
            failed.push(*name);
        }
    }
    if !failed.is_empty() {
        bail!("check failed: {}", failed.join(", "));
    }
    Ok(())
}
