//! This program once more, as a process whose globals and accounts are its own.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;

use crate::server::Around;
use crate::spans::{Cost, Maker};

/// Batches wait as long as in development (OpenTelemetry's 5 s would make the run long); attempts are given up after a second, so that
/// an outage shows several of them; metrics go out every 5 s.
const VARIABLES: &[(&str, &str)] = &[
    ("ENVIRONMENT", "development"),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
    ("OTEL_BSP_SCHEDULE_DELAY", "200"),
    ("OTEL_METRIC_EXPORT_INTERVAL", "5000"),
    ("TELEMETRY_KEY_SALT", "bench"),
];

fn command(collector: SocketAddr, arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    let foreign = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("OTEL_"));
    foreign.for_each(|name| {
        command.env_remove(name);
    });
    command
        .args(arguments)
        .envs(VARIABLES.iter().copied())
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{collector}"));
    Ok(command)
}

fn name(value: impl ValueEnum) -> Result<String> {
    Ok(value.to_possible_value().context("every variant has a name")?.get_name().to_owned())
}

/// One child that makes spans, from start to end.
pub(crate) fn spans(maker: Maker, bursts: u64, collector: SocketAddr) -> Result<Cost> {
    let output =
        command(collector, &["spans", &name(maker)?, &bursts.to_string()])?.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{maker:?} failed: {}", output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// A child that serves; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Returns when it listens. Its stderr, where telemetry says that the collector is gone, is not shown.
    pub(crate) fn start(around: Around, collector: SocketAddr) -> Result<Self> {
        let mut command = command(collector, &["serve", &name(around)?])?;
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("stdout is piped")?;
        let read = BufReader::new(stdout).read_line(&mut line);
        // Made first, so that the child is killed whatever it said.
        let mut server = Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        read?;
        server.address = line.trim().parse().with_context(|| format!("{around:?} did not start"))?;
        Ok(server)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
