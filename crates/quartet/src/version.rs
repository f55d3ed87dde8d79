//! `quartet version`, and who we say we are.

use std::io::Write;

use anyhow::Context;
use api::face::BuildInfo;

use crate::Failure;
use crate::args::{Output, VersionArgs};

/// Semantic version.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The build, for the buildinfo endpoints. The build script of a release sets the variables; they are empty otherwise.
pub(crate) fn build_info() -> BuildInfo {
    BuildInfo {
        version: VERSION.to_owned(),
        revision: option_env!("QUARTET_REVISION").unwrap_or_default().to_owned(),
        branch: option_env!("QUARTET_BRANCH").unwrap_or_default().to_owned(),
        build_date: option_env!("QUARTET_BUILD_DATE").unwrap_or_default().to_owned(),
    }
}

/// Runs the verb.
pub(crate) fn run(args: &VersionArgs) -> Result<(), Failure> {
    let build = build_info();
    let text = match args.output {
        Output::Json => serde_json::json!({
            "version": build.version,
            "revision": build.revision,
            "os": std::env::consts::OS,
            "arch": std::env::consts::ARCH,
        })
        .to_string(),
        Output::Table if build.revision.is_empty() => format!("quartet {}", build.version),
        Output::Table => format!("quartet {} ({})", build.version, build.revision),
    };
    writeln!(std::io::stdout(), "{text}").context("cannot write to stdout").map_err(Failure::Runtime)
}
