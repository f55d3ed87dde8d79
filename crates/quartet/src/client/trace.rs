//! `quartet trace <id>`.

/// Arguments of `quartet trace`.
#[derive(Debug, clap::Args)]
pub(crate) struct TraceArgs {
    /// Trace id in hexadecimal.
    id: String,
}

/// Prints one trace.
pub(crate) fn run(args: TraceArgs) -> anyhow::Result<()> {
    anyhow::bail!("trace {} cannot be shown by this build", args.id)
}
