//! Our own log: on stderr, human on a terminal and JSON otherwise.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::Failure;
use crate::args::LogFormat;

/// Starts it. Fails on a filter that does not parse.
pub(crate) fn start(format: LogFormat, filter: &str) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| Failure::Usage(anyhow::Error::new(error).context(format!("invalid --log {filter:?}"))))?;
    let human = match format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let outcome = if human {
        builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init()
    } else {
        builder.json().flatten_event(true).try_init()
    };
    outcome.map_err(|error| Failure::Runtime(anyhow::anyhow!("cannot start logging: {error}")))
}
