//! Command lines of the client verbs.

use clap::{Args, ValueEnum};

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For reading: a tree or aligned columns.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// One JSON document a line.
    Ndjson,
}

/// `quartet trace <id>`: one trace as a waterfall.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Exit codes: 0 found, 3 no such trace, 1 failure, 2 usage.")]
pub(crate) struct TraceArgs {
    /// Trace id: up to 32 hexadecimal digits.
    pub(crate) id: String,
    /// Tempo API to ask.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:3200", env = "QUARTET_TEMPO_URL")]
    pub(crate) tempo: String,
    /// Tenant (X-Scope-OrgID).
    #[arg(long, value_name = "ID")]
    pub(crate) tenant: Option<String>,
    /// Output format.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

/// `quartet query`: one query against one of the three APIs.
#[derive(Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("target").required(true), after_help = "Exit codes: 0 something found, 3 nothing found, 1 failure, 2 usage.")]
pub(crate) struct QueryArgs {
    /// PromQL, LogQL or a trace id, for the API that is asked.
    pub(crate) query: String,
    /// Ask a Tempo API; with =URL another than http://127.0.0.1:3200.
    #[arg(long, value_name = "URL", num_args = 0..=1, require_equals = true, default_missing_value = "http://127.0.0.1:3200", group = "target")]
    pub(crate) tempo: Option<String>,
    /// Ask a Loki API; with =URL another than http://127.0.0.1:3100.
    #[arg(long, value_name = "URL", num_args = 0..=1, require_equals = true, default_missing_value = "http://127.0.0.1:3100", group = "target")]
    pub(crate) loki: Option<String>,
    /// Ask a Mimir API; with =URL another than http://127.0.0.1:9009/prometheus.
    #[arg(long, value_name = "URL", num_args = 0..=1, require_equals = true, default_missing_value = "http://127.0.0.1:9009/prometheus", group = "target")]
    pub(crate) mimir: Option<String>,
    /// Start of the range: Unix seconds, RFC 3339, or a duration before now such as 1h.
    #[arg(long, value_name = "TIME")]
    pub(crate) start: Option<String>,
    /// End of the range; now when absent.
    #[arg(long, value_name = "TIME")]
    pub(crate) end: Option<String>,
    /// Resolution of a metrics range query, such as 15s; without it and without --start the query is instant.
    #[arg(long, value_name = "DURATION")]
    pub(crate) step: Option<String>,
    /// Most log lines or series.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) limit: u32,
    /// Tenant (X-Scope-OrgID).
    #[arg(long, value_name = "ID")]
    pub(crate) tenant: Option<String>,
    /// Output format.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Output,
}
