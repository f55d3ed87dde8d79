//! `stand-in-gemini`: the stand-in as a process. Its first line on stdout is `{"service":…,"address":…}`.

use std::io::Write;
use std::net::SocketAddr;

use anyhow::Context;
use clap::Parser;
use stand_in_gemini::scenario::{Cut, FailRule, Scenario, SlowRule};
use stand_in_gemini::{Options, serve};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// A local server that answers like the Gemini API.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Decides texts, arguments of calls, and ids
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// A key that is accepted, repeatable; without any: all keys that do not begin with "invalid"
    #[arg(long = "api-key", value_name = "KEY")]
    keys: Vec<String>,
    /// Milliseconds before the first byte of an answer
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Milliseconds before each further chunk of a stream
    #[arg(long, default_value_t = 0)]
    chunk_latency_ms: u64,
    /// Calls that fail, repeatable: 3=429@0.5 (the third, retry after 0.5 s), every:20=503, always=500
    #[arg(long, value_name = "WHICH=FAULT[@SECONDS]")]
    fail: Vec<FailRule>,
    /// Calls that are slow, repeatable: every:15=3000
    #[arg(long, value_name = "WHICH=MILLISECONDS")]
    slow: Vec<SlowRule>,
    /// Break streams after that many chunks
    #[arg(long, value_name = "CHUNKS")]
    cut_after: Option<usize>,
    /// Block every prompt with this reason
    #[arg(long, value_name = "REASON")]
    block: Option<String>,
    /// Serve this tier whatever is asked for
    #[arg(long, value_name = "TIER")]
    service_tier: Option<String>,
}

impl Arguments {
    fn options(self) -> Options {
        let scenario = Scenario {
            latency_ms: self.latency_ms,
            chunk_latency_ms: self.chunk_latency_ms,
            fail: self.fail,
            slow: self.slow,
            cut: self.cut_after.map(|after| Cut { after, with: Default::default() }),
            block: self.block,
            service_tier: self.service_tier,
            ..Scenario::default()
        };
        Options { seed: self.seed, keys: self.keys, scenario }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let listener =
        TcpListener::bind(arguments.listen).await.with_context(|| format!("cannot listen on {}", arguments.listen))?;
    let address = listener.local_addr()?;
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{}", serde_json::json!({"service": "stand-in-gemini", "address": address.to_string()}))?;
    stdout.flush()?;
    drop(stdout);
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    };
    serve(listener, arguments.options(), stop).await?;
    Ok(())
}
