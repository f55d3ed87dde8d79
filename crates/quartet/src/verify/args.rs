//! The command line of `quartet verify`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::config::Period;

/// How the report is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// A line a check, ✓ or ✗ with the reason.
    #[default]
    Table,
    /// One JSON document.
    Json,
}

/// `quartet verify`: the integration test of a whole installation.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Exit codes: 0 all checks passed, 1 a check failed, 2 usage.\n\n\
    Addresses of services come from MCP_SERVER_URL, AIRTABLE_GATEWAY_URL, LLM_ORCHESTRATOR_URL and AUTOMATION_SERVICES_URL too;\n\
    a token for them from SERVICE_TOKEN.")]
pub(crate) struct VerifyArgs {
    /// Tempo, Loki, Prometheus or Mimir (with its prefix), Grafana to test instead of ours: what each is, it is asked itself
    #[arg(long, value_name = "URL", num_args = 1..)]
    pub(crate) stack: Vec<String>,
    /// OTLP/HTTP receiver that our own root span goes to, or none
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4318", env = "QUARTET_OTLP_URL")]
    pub(crate) otlp: String,
    /// Collector's health page, or none
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:13133")]
    pub(crate) collector_health: String,
    /// Collector's own metrics, or none
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8888")]
    pub(crate) collector_metrics: String,
    /// Another address of a service: name=URL, or name=none to leave it out
    #[arg(long = "service", value_name = "NAME=URL", value_parser = parse_service)]
    pub(crate) services: Vec<(String, String)>,
    /// Tenant (X-Scope-OrgID) to ask the stack with
    #[arg(long, value_name = "ID")]
    pub(crate) tenant: Option<String>,
    /// How long telemetry may take to arrive; metrics wait for the services' export interval
    #[arg(long, value_name = "TIME", default_value = "90s")]
    pub(crate) patience: Period,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: ReportFormat,
}

impl VerifyArgs {
    /// [`Self::patience`], where `none` is an hour.
    pub(super) fn patience(&self) -> Duration {
        self.patience.0.unwrap_or(Duration::from_secs(3600))
    }
}

fn parse_service(text: &str) -> Result<(String, String), String> {
    let (name, url) = text.split_once('=').ok_or("give name=URL")?;
    Ok((name.to_owned(), url.to_owned()))
}
