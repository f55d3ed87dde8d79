//! `stand-in-airtable`: the server as a process of its own.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, Utc};
use clap::Parser;
use stand_in_airtable::{Options, Rule};
use tokio::signal::unix::{SignalKind, signal};

/// A local server that answers like the Airtable Web API.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8091")]
    listen: SocketAddr,
    /// The same seed gives the same ids and records.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Requests a second for each base.
    #[arg(long, default_value_t = 5)]
    rate: usize,
    /// How long a base refuses after a request over the limit.
    #[arg(long, default_value_t = 30_000)]
    penalty_ms: u64,
    /// How long the offset of a next page stays good.
    #[arg(long, default_value_t = 300_000)]
    offset_ttl_ms: u64,
    /// Time before each answer.
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// A token to let in (repeat for more); without it, all of the form pat… are.
    #[arg(long = "token")]
    tokens: Vec<String>,
    /// Fail each N-th call: SCENARIO@N with 402, 403, 404, 413, 422, 422:TYPE, 429, 429-billing, 500, 502, 503, empty-500, truncated, hang.
    #[arg(long = "fail")]
    fail: Vec<Rule>,
    /// The time that formulas and new records see, instead of the clock (RFC 3339).
    #[arg(long)]
    now: Option<DateTime<Utc>>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let args = Args::parse();
    let server = stand_in_airtable::start(Options {
        listen: args.listen,
        seed: args.seed,
        rate: args.rate,
        penalty: Duration::from_millis(args.penalty_ms),
        offset_lifetime: Duration::from_millis(args.offset_ttl_ms),
        latency: Duration::from_millis(args.latency_ms),
        tokens: args.tokens,
        fail: args.fail,
        now: args.now,
    })
    .await
    .with_context(|| format!("listen on {}", args.listen))?;
    let ready = serde_json::json!({
        "service": "stand-in-airtable", "address": server.address().to_string(), "baseUrl": server.base_url(),
    });
    writeln!(std::io::stdout(), "{ready}")?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    server.stop().await?;
    Ok(())
}
