//! One phase: so many records of one signal over one transport into one system, with what it cost.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use testkit::process::reset_peak;

use crate::generate::{Generator, Witnesses};
use crate::load::{self, Transport};
use crate::system::{System, disk_bytes};

/// What is sent where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Phase {
    /// Name in the table: signal and transport.
    pub(crate) name: &'static str,
    /// `spans`, `logs` or `samples`, as the status page calls it.
    pub(crate) signal: &'static str,
    /// Our listener.
    pub(crate) listener: &'static str,
    pub(crate) transport: Transport,
}

/// What a phase cost.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) system: String,
    pub(crate) durability: String,
    pub(crate) phase: &'static str,
    pub(crate) records: u64,
    /// CPU-seconds until the server was quiet.
    pub(crate) cpu: f64,
    /// CPU-seconds until the last answer.
    pub(crate) cpu_sending: f64,
    pub(crate) wall: Duration,
    pub(crate) retried: u64,
    pub(crate) peak_mib: f64,
    /// Bytes on disk when the last answer came: write-ahead log and what was flushed by then.
    pub(crate) disk_before: u64,
    /// Bytes on disk when quiet.
    pub(crate) disk_after: u64,
}

impl Outcome {
    pub(crate) fn cpu_per_million(&self) -> f64 {
        self.cpu / self.records as f64 * 1e6
    }

    pub(crate) fn records_per_second(&self) -> f64 {
        self.records as f64 / self.wall.as_secs_f64()
    }

    pub(crate) fn bytes_per_record(&self) -> f64 {
        self.disk_after as f64 / self.records as f64
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "system": self.system, "durability": self.durability, "phase": self.phase, "records": self.records,
            "cpu_seconds_per_million": self.cpu_per_million(),
            "cpu_seconds_per_million_while_sending": self.cpu_sending / self.records as f64 * 1e6,
            "records_per_second": self.records_per_second(), "retried_requests": self.retried,
            "peak_mib": self.peak_mib, "disk_bytes_before": self.disk_before, "disk_bytes_after": self.disk_after,
            "bytes_per_record": self.bytes_per_record(),
        })
    }
}

/// What may be in memory at a time, encoded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub(crate) bytes: u64,
}

/// Runs `phase`; `write_path` replaces the path of remote write for peers.
pub(crate) fn run(
    system: &System,
    label: (&str, &str),
    phase: Phase,
    generator: &mut dyn Generator,
    dir: &Path,
    budget: Budget,
) -> Result<Outcome> {
    system.settle()?;
    let (cpu_start, disk_start) = (system.cpu()?, disk_bytes(dir));
    reset_peak(system.pid())?;
    let mut outcome = Outcome {
        system: label.0.to_owned(),
        durability: label.1.to_owned(),
        phase: phase.name,
        records: 0,
        cpu: 0.0,
        cpu_sending: 0.0,
        wall: Duration::ZERO,
        retried: 0,
        peak_mib: 0.0,
        disk_before: 0,
        disk_after: 0,
    };
    loop {
        let chunk = generator.next_chunk(u64::MAX, budget.bytes);
        if chunk.records == 0 {
            break;
        }
        outcome.records += chunk.records;
        let sent = load::send(system.address(phase.listener)?, phase.transport, chunk)
            .with_context(|| format!("{}: {}", outcome.system, phase.name))?;
        outcome.wall += sent.wall;
        outcome.retried += sent.retried;
    }
    outcome.cpu_sending = system.cpu()? - cpu_start;
    outcome.disk_before = disk_bytes(dir).saturating_sub(disk_start);
    system.settle()?;
    outcome.cpu = system.cpu()? - cpu_start;
    outcome.disk_after = disk_bytes(dir).saturating_sub(disk_start);
    outcome.peak_mib = system.memory_mib("VmHWM")?;
    Ok(outcome)
}

/// Checks with our own server that what was sent is there: totals from the status, and witnesses one by one.
pub(crate) fn check_found(system: &System, signal: &str, sent: u64, witnesses: &Witnesses) -> Result<()> {
    crate::query::check_total(system, signal, sent)?;
    crate::query::check_witnesses(system, witnesses)
}
