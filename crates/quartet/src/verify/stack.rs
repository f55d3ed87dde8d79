//! What is verified: the addresses of services and of the stack, defaults or as the command line says.

use std::env;

use serde_json::Value;

use super::args::VerifyArgs;
use super::probe::Probe;

/// The four services with the variable that holds each one's address, and its port.
const SERVICES: [(&str, &str, u16); 4] = [
    ("llm-orchestrator", "LLM_ORCHESTRATOR_URL", 8003),
    ("airtable-gateway", "AIRTABLE_GATEWAY_URL", 8002),
    ("mcp-server", "MCP_SERVER_URL", 8001),
    ("automation-services", "AUTOMATION_SERVICES_URL", 8006),
];

/// A service; without a URL it is left out.
#[derive(Clone, Debug)]
pub(super) struct Service {
    pub(super) name: &'static str,
    pub(super) url: Option<String>,
}

/// The stack; what has no URL is left out.
#[derive(Clone, Debug, Default)]
pub(super) struct Stack {
    pub(super) tempo: Option<String>,
    pub(super) loki: Option<String>,
    /// With its prefix: `/api/v1/query` comes behind it.
    pub(super) prometheus: Option<String>,
    pub(super) grafana: Option<String>,
    pub(super) otlp: Option<String>,
    pub(super) collector_health: Option<String>,
    pub(super) collector_metrics: Option<String>,
}

fn unless_none(url: &str) -> Option<String> {
    (url != "none").then(|| url.trim_end_matches('/').to_owned())
}

/// The services of the command line, the environment, or the contract's ports. `Err` names an unknown service.
pub(super) fn services(args: &VerifyArgs) -> Result<Vec<Service>, String> {
    if let Some((name, _)) = args.services.iter().find(|(name, _)| SERVICES.iter().all(|known| known.0 != name)) {
        let known: Vec<&str> = SERVICES.iter().map(|known| known.0).collect();
        return Err(format!("no service is named {name:?}; there are {}", known.join(", ")));
    }
    let service = |&(name, variable, port): &(&'static str, &str, u16)| {
        let flag = args.services.iter().rev().find(|flag| flag.0 == name).map(|flag| flag.1.clone());
        let url = flag.or_else(|| env::var(variable).ok().filter(|url| !url.is_empty()));
        Service { name, url: unless_none(&url.unwrap_or_else(|| format!("http://127.0.0.1:{port}"))) }
    };
    Ok(SERVICES.iter().map(service).collect())
}

/// Our own stack, or the one of `--stack`, each URL of which is asked what it is.
pub(super) async fn stack(args: &VerifyArgs, probe: &Probe) -> Result<Stack, String> {
    let own = |name: &str, default: &str| {
        let url = env::var(name).ok().filter(|url| !url.is_empty());
        Some(url.unwrap_or_else(|| default.to_owned()).trim_end_matches('/').to_owned())
    };
    let mut stack = Stack {
        otlp: unless_none(&args.otlp),
        collector_health: unless_none(&args.collector_health),
        collector_metrics: unless_none(&args.collector_metrics),
        ..Stack::default()
    };
    if args.stack.is_empty() {
        stack.tempo = own("TEMPO_URL", "http://127.0.0.1:3200");
        stack.loki = own("LOKI_ENDPOINT", "http://127.0.0.1:3100");
        stack.grafana = own("GRAFANA_URL", "http://127.0.0.1:3000");
        let mimir = own("MIMIR_URL", "http://127.0.0.1:9009");
        stack.prometheus =
            mimir.map(|url| if url.ends_with("/prometheus") { url } else { format!("{url}/prometheus") });
        return Ok(stack);
    }
    for url in &args.stack {
        let url = url.trim_end_matches('/').to_owned();
        let slot = match what_is(&url, probe).await? {
            (Kind::Tempo, url) => (&mut stack.tempo, url),
            (Kind::Loki, url) => (&mut stack.loki, url),
            (Kind::Prometheus, url) => (&mut stack.prometheus, url),
            (Kind::Grafana, url) => (&mut stack.grafana, url),
        };
        *slot.0 = Some(slot.1);
    }
    Ok(stack)
}

enum Kind {
    Tempo,
    Loki,
    Prometheus,
    Grafana,
}

/// Asks a URL what it is, by answers that only one of the four gives. A Mimir without its prefix gets it.
async fn what_is(url: &str, probe: &Probe) -> Result<(Kind, String), String> {
    let text = |path: &'static str| async move {
        probe.store(url, path).await.map(|answer| String::from_utf8_lossy(&answer.body).into_owned())
    };
    let json = |path: &'static str| async move { probe.store_json(url, path).await.unwrap_or(Value::Null) };
    if text("/api/echo").await.is_ok_and(|text| text.trim() == "echo") {
        return Ok((Kind::Tempo, url.to_owned()));
    }
    if json("/loki/api/v1/status/buildinfo").await.get("version").is_some() {
        return Ok((Kind::Loki, url.to_owned()));
    }
    if json("/api/health").await.get("database").is_some() {
        return Ok((Kind::Grafana, url.to_owned()));
    }
    if json("/api/v1/status/buildinfo").await["status"] == "success" {
        return Ok((Kind::Prometheus, url.to_owned()));
    }
    if json("/prometheus/api/v1/status/buildinfo").await["status"] == "success" {
        return Ok((Kind::Prometheus, format!("{url}/prometheus")));
    }
    Err(format!("{url} answers neither as Tempo, Loki, Prometheus, Mimir nor Grafana"))
}
