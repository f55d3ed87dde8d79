//! The Model Context Protocol over Streamable HTTP and stdio, with tools for Airtable, arithmetic, search and read-only SQL.
//!
//! | module | what |
//! |---|---|
//! | `handler` | MCP, on rmcp |
//! | `rpc` | the paths of the older service |
//! | `tools`, `query` | the tools |
//! | `span` | spans and metrics of MCP |
//! | [`error`] | why a tool failed, and how each protocol says so |
//!
//! Variables, besides those of the kit: AIRTABLE_GATEWAY_URL, DATABASE_URL, MCP_TOOL_TIMEOUT (55 s), MCP_QUERY_TIMEOUT (5 s),
//! MCP_QUERY_ROWS (500), MCP_ALLOWED_HOSTS and MCP_ALLOWED_ORIGINS (lists; loopback by default, `*` for any).

pub mod error;
mod handler;
mod query;
mod rpc;
mod span;
#[cfg(test)]
mod tests;
mod tools;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use opentelemetry::Context;
use rmcp::ServiceExt;
use rmcp::transport::StreamableHttpServerConfig;
use rmcp::transport::streamable_http_server::StreamableHttpService;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use service_kit::config::Environment;
use service_kit::{App, Boot, Service};

use handler::Handler;
use query::Reader;
use span::{Carrier, Metrics};
use tools::Toolbox;

/// The facts of the service.
pub const SERVICE: Service = Service {
    name: "mcp-server",
    version: env!("CARGO_PKG_VERSION"),
    description: "Model Context Protocol server for PyAirtable",
    port: 8001,
    kind: "protocol",
    layer: "protocol-gateway",
    tier: "gateway",
    features: &["mcp-streamable-http", "mcp-stdio", "airtable-tools", "calculate", "search", "query-database"],
};

/// Where Streamable HTTP is served.
const MCP_PATH: &str = "/mcp";
/// The longest call of a tool: airtable-gateway may wait 50 s for its turn after Airtable said "too many requests".
const TOOL_TIMEOUT: Duration = Duration::from_secs(55);
/// How long telemetry may take to hand over what it holds when a session over stdio ends.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);
/// What a request may take beyond its tool, so that the tool's own message wins.
const REQUEST_MARGIN: Duration = Duration::from_secs(5);

/// Puts the service together.
///
/// # Errors
/// A bad variable, or a database that cannot be opened.
pub async fn build(boot: Boot) -> anyhow::Result<App> {
    let handler = handler(&boot).await?;
    let checks = [handler.tools.gateway.check("airtable-gateway"), handler.tools.database.check()];
    let config = http_config(&boot)?;
    let timeout = handler.tools.timeout + REQUEST_MARGIN;
    let served = handler.clone();
    let mcp = StreamableHttpService::new(move || Ok(served.clone()), Arc::new(LocalSessionManager::default()), config);
    let mcp = axum::Router::new().fallback_service(mcp).layer(middleware::from_fn(carry_context));
    let app = App::new(rpc::router(handler).nest_service(MCP_PATH, mcp)).prefix(MCP_PATH);
    let app =
        [MCP_PATH, rpc::RPC_PATH, rpc::EXECUTE_PATH].into_iter().fold(app, |app, path| app.timeout(path, timeout));
    Ok(checks.into_iter().fold(app, App::check))
}

async fn handler(boot: &Boot) -> anyhow::Result<Handler> {
    let tools = Toolbox {
        gateway: boot.peer("AIRTABLE_GATEWAY_URL", "http://127.0.0.1:8002")?,
        database: Reader::open(boot).await?,
        timeout: boot.environment().seconds("MCP_TOOL_TIMEOUT", TOOL_TIMEOUT)?,
    };
    Ok(Handler { tools: Arc::new(tools), metrics: Metrics::new() })
}

fn http_config(boot: &Boot) -> anyhow::Result<StreamableHttpServerConfig> {
    let environment = boot.environment();
    let config =
        StreamableHttpServerConfig::default().with_json_response(true).with_cancellation_token(boot.draining());
    // A page of some website must not reach a server on the loopback of its reader (DNS rebinding).
    let config = match list(environment, "MCP_ALLOWED_HOSTS", &["localhost", "127.0.0.1", "::1"])? {
        Some(hosts) => config.with_allowed_hosts(hosts),
        None => config.disable_allowed_hosts(),
    };
    Ok(match list(environment, "MCP_ALLOWED_ORIGINS", &["http://localhost:*", "http://127.0.0.1:*"])? {
        Some(origins) => config.with_allowed_origins(origins).enforce_origin_validation(),
        None => config.disable_allowed_origins(),
    })
}

/// Comma-separated names; `None` means any.
fn list(environment: &Environment, name: &str, default: &[&str]) -> anyhow::Result<Option<Vec<String>>> {
    let Some(text) = environment.text(name)? else {
        return Ok(Some(default.iter().map(ToString::to_string).collect()));
    };
    let names: Vec<String> =
        text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    Ok((!names.iter().any(|name| name == "*")).then_some(names))
}

/// Hands the HTTP request's span to the handler, which runs in a task of rmcp's.
async fn carry_context(mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(Carrier(Context::current()));
    next.run(request).await
}

/// Speaks MCP on stdin and stdout until stdin ends or SIGTERM comes. Blocks. Log lines go to stderr.
///
/// # Errors
/// A bad variable, or a client that does not speak the protocol.
pub fn stdio() -> anyhow::Result<()> {
    let guard = telemetry::Builder::new(SERVICE.name)
        .service_version(SERVICE.version)
        .service_type(SERVICE.kind)
        .service_layer(SERVICE.layer)
        .service_tier(SERVICE.tier)
        .signals(false)
        .logs_to_stderr()
        .init()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(stdio_session());
    // A read of stdin cannot be cancelled: its thread is left behind.
    runtime.shutdown_background();
    guard.shutdown(FLUSH_LIMIT);
    outcome
}

async fn stdio_session() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let boot = Boot::new(SERVICE, Environment::process());
    let handler = handler(&boot).await?;
    let metrics = handler.metrics.clone();
    let mut terminate = signal(SignalKind::terminate())?;
    let begin = Instant::now();
    let session = handler.serve(rmcp::transport::stdio()).await.context("no MCP client on stdin")?;
    let stop = session.cancellation_token();
    tokio::select! {
        ended = session.waiting() => drop(ended.context("session failed")?),
        _ = terminate.recv() => stop.cancel(),
        _ = tokio::signal::ctrl_c() => stop.cancel(),
    }
    metrics.session_ended(begin);
    Ok(())
}
