//! `quartet check config FILE`: prints the effective configuration, or what is wrong with the file.

use std::io::Write;

use anyhow::Context;

use crate::Failure;
use crate::args::CheckConfigArgs;
use crate::config::Config;

/// Runs the verb.
pub(crate) fn run(args: &CheckConfigArgs) -> Result<(), Failure> {
    let config = Config::load(Some(&args.file)).map_err(|problem| Failure::Usage(problem.into()))?;
    let shown = config.to_yaml();
    let written = writeln!(std::io::stdout(), "{}", shown.trim_end());
    written.context("cannot write to stdout").map_err(Failure::Runtime)
}
