//! `mcp-server`: the service, or with `--stdio` one session on stdin and stdout.

use clap::Parser;

/// Model Context Protocol server for PyAirtable.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Speak MCP on stdin and stdout instead of serving HTTP
    #[arg(long)]
    stdio: bool,
}

fn main() -> anyhow::Result<()> {
    if Arguments::parse().stdio {
        return mcp_server::stdio();
    }
    Ok(service_kit::run(mcp_server::SERVICE, mcp_server::build)?)
}
