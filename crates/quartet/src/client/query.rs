//! `quartet query`.

/// Arguments of `quartet query`.
#[derive(Debug, clap::Args)]
pub(crate) struct QueryArgs {
    /// The query.
    query: String,
}

/// Runs one query and prints the answer.
pub(crate) fn run(args: QueryArgs) -> anyhow::Result<()> {
    anyhow::bail!("query {} cannot be run by this build", args.query)
}
