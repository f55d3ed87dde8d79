//! The benchmark: what receiving, storing and finding telemetry costs, ours and that of peers on the same machine.
//!
//! | file | what |
//! |---|---|
//! | `generate` | seeded telemetry, encoded before any clock runs |
//! | `load` | two connections that wait for each answer |
//! | `system` | our server and its peers as child processes |
//! | `phase` | one load into one system, with CPU, memory and disk |
//! | `query` | reads everything back and times it |
//! | `report` | the table and the JSON |

mod generate;
mod load;
mod phase;
mod query;
mod report;
mod system;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use clap::Parser;
use testkit::grpc;
use testkit::process::{Options, Server, binary};

use crate::generate::{Generator, LogGenerator, MetricsGenerator, Shape, SpanGenerator, Witnesses};
use crate::load::Transport;
use crate::phase::{Budget, Phase};
use crate::report::{Figure, Report};
use crate::system::{PeerSpec, System};

/// Measures `quartet` (and peers on PATH) under a realistic load on loopback.
#[derive(Debug, Parser)]
struct Args {
    /// Spans to send.
    #[arg(long, default_value_t = 5_000_000)]
    spans: u64,
    /// Log records to send.
    #[arg(long, default_value_t = 5_000_000)]
    logs: u64,
    /// Samples to send by remote write; half as many go by OTLP.
    #[arg(long, default_value_t = 10_000_000)]
    samples: u64,
    /// buffered, fsync or both.
    #[arg(long, default_value = "both")]
    durability: String,
    /// 500,000 of each: minutes less, figures a little worse.
    #[arg(long)]
    quick: bool,
    /// Only loads whose name holds this text, e.g. "spans".
    #[arg(long, default_value = "")]
    only: String,
    /// Encoded load in memory at a time, in MiB.
    #[arg(long, default_value_t = 4096)]
    memory_mib: u64,
    /// Another peer: name=load,load=command with {port} and {dir}.
    #[arg(long = "peer", value_parser = system::parse_peer)]
    peers: Vec<PeerSpec>,
    /// Leave the peers on PATH out.
    #[arg(long)]
    no_peers: bool,
    /// Where the data of the run lives; deleted at the end.
    #[arg(long, default_value = "target/bench/data")]
    dir: PathBuf,
    /// Writes the spans' requests to this file, each with its length (u32, little end first) before it, and ends: input of
    /// storage's `measure_spans`.
    #[arg(long)]
    spans_to: Option<PathBuf>,
    /// The seed of all load.
    #[arg(long, default_value_t = 42)]
    seed: u64,
}

const PHASES: [Phase; 6] = [
    Phase { name: "spans grpc", signal: "spans", listener: "otlp-grpc", transport: Transport::Grpc(grpc::TRACES) },
    Phase { name: "spans http", signal: "spans", listener: "otlp-http", transport: Transport::Http("/v1/traces") },
    Phase { name: "logs http", signal: "logs", listener: "otlp-http", transport: Transport::Http("/v1/logs") },
    Phase { name: "logs grpc", signal: "logs", listener: "otlp-grpc", transport: Transport::Grpc(grpc::LOGS) },
    Phase {
        name: "samples rw",
        signal: "samples",
        listener: "mimir",
        transport: Transport::RemoteWrite("/api/v1/push"),
    },
    Phase { name: "samples otlp", signal: "samples", listener: "otlp-grpc", transport: Transport::Grpc(grpc::METRICS) },
];

fn main() -> Result<()> {
    let mut args = Args::parse();
    if args.quick {
        (args.spans, args.logs, args.samples) = (500_000, 500_000, 500_000);
    }
    if let Some(path) = &args.spans_to {
        return write_spans(&args, path);
    }
    let mut report = Report {
        machine: report::machine(),
        arguments: std::env::args().skip(1).collect::<Vec<_>>().join(" "),
        ..Report::default()
    };
    let durabilities: &[&str] = match args.durability.as_str() {
        "both" => &["buffered", "fsync"],
        "fsync" => &["fsync"],
        _ => &["buffered"],
    };
    start_figures(&args, &mut report)?;
    for durability in durabilities {
        measure_ours(&args, durability, &mut report)?;
        if !args.no_peers {
            // Between our own rounds, so that a machine that slows down slows all.
            measure_peers(&args, &mut report)?;
        }
    }
    finish(&args, &report)
}

fn write_spans(args: &Args, path: &Path) -> Result<()> {
    let mut out = std::io::BufWriter::new(std::fs::File::create(path)?);
    let mut load = Load::new(args, &PHASES[0])?;
    for request in load.generator().next_chunk(args.spans, u64::MAX).lanes.iter().flatten() {
        out.write_all(&u32::try_from(request.len())?.to_le_bytes())?;
        out.write_all(request)?;
    }
    Ok(out.flush()?)
}

/// Start and idle memory with an empty folder, and the size of the binary.
fn start_figures(args: &Args, report: &mut Report) -> Result<()> {
    let mut times = Vec::new();
    for _ in 0..5 {
        let dir = fresh(&args.dir.join("empty"))?;
        let server = Server::start(&Options::new(&dir)?)?;
        times.push(server.start_time.as_secs_f64() * 1e3);
        if times.len() == 5 {
            std::thread::sleep(Duration::from_secs(2));
            figure(report, "idle memory, empty", server.memory_kib("VmRSS")? as f64 / 1024.0, "MiB", Some(40.0));
        }
    }
    times.sort_by(f64::total_cmp);
    figure(report, "start to ready, empty", times[2], "ms", Some(100.0));
    let size = binary()?.metadata()?.len() as f64 / f64::from(1 << 20);
    figure(report, "binary", size, "MiB", Some(40.0));
    Ok(())
}

fn measure_ours(args: &Args, durability: &str, report: &mut Report) -> Result<()> {
    let dir = fresh(&args.dir.join(format!("quartet-{durability}")))?;
    let system = System::start_ours(&dir, durability)?;
    let mut sent = std::collections::BTreeMap::new();
    let mut all = Vec::new();
    for phase in PHASES.into_iter().filter(|phase| phase.name.contains(&args.only)) {
        let mut load = Load::new(args, &phase)?;
        let budget = Budget { bytes: args.memory_mib << 20 };
        let outcome = phase::run(&system, ("quartet", durability), phase, load.generator(), &dir, budget)?;
        say(&format!(
            "quartet {durability} {}: {:.2} CPU-s/M, {:.1} B/record, peak {:.0} MiB",
            phase.name,
            outcome.cpu_per_million(),
            outcome.bytes_per_record(),
            outcome.peak_mib
        ));
        let total = sent.entry(phase.signal).or_insert(0);
        *total += outcome.records + load.generator().derived();
        report.outcomes.push(outcome);
        phase::check_found(&system, phase.signal, *total, load.witnesses())?;
        let timings = match phase.name {
            "spans grpc" => query::time_traces(&system, load.witnesses())?,
            "logs http" => query::time_logs(&system, load.witnesses())?,
            "samples rw" => query::time_series(&system, load.witnesses())?,
            _ => Vec::new(),
        };
        report.timings.extend(timings.into_iter().map(|timing| (durability.to_owned(), timing)));
        all.push(load);
    }
    figure(report, &format!("memory after the run, quiet, {durability}"), system.memory_mib("VmRSS")?, "MiB", None);
    drop(system);
    restart_with_data(&dir, durability, &sent, &all, report)?;
    std::fs::remove_dir_all(&dir).context("cannot delete the data of the run")
}

/// Kills (by dropping), starts again on the same folder, and finds everything again.
fn restart_with_data(
    dir: &Path,
    durability: &str,
    sent: &std::collections::BTreeMap<&str, u64>,
    loads: &[Load],
    report: &mut Report,
) -> Result<()> {
    let system = System::start_ours(dir, durability)?;
    if let System::Ours(server) = &system {
        let time = server.start_time.as_secs_f64() * 1e3;
        figure(report, &format!("start to ready with data after kill -9, {durability}"), time, "ms", None);
    }
    for (signal, total) in sent {
        query::check_total(&system, signal, *total)?;
    }
    for load in loads {
        query::check_witnesses(&system, load.witnesses())?;
    }
    Ok(())
}

fn measure_peers(args: &Args, report: &mut Report) -> Result<()> {
    let peers = args.peers.iter().cloned().chain(system::peers_on_path());
    for spec in peers {
        for mut phase in PHASES.into_iter().filter(|phase| phase.name.contains(&args.only)) {
            if !spec.phases.iter().any(|name| name == phase.name) {
                continue;
            }
            if let Transport::RemoteWrite(_) = phase.transport {
                phase.transport = Transport::RemoteWrite(spec.write_path);
            }
            let dir = fresh(&args.dir.join(&spec.name))?;
            let mut load = Load::new(args, &phase)?;
            let budget = Budget { bytes: args.memory_mib << 20 };
            let outcome = System::start_peer(&spec, &dir)
                .and_then(|system| phase::run(&system, (&spec.name, "own"), phase, load.generator(), &dir, budget));
            match outcome {
                Ok(outcome) => {
                    say(&format!("{} {}: {:.2} CPU-s/M", spec.name, phase.name, outcome.cpu_per_million()));
                    report.outcomes.push(outcome);
                }
                // A peer that cannot take the load must not cost us our own figures.
                Err(error) => say(&format!("{} left out: {error:#}", spec.name)),
            }
            std::fs::remove_dir_all(&dir)?;
        }
    }
    Ok(())
}

/// The generator of a phase.
enum Load {
    Spans(SpanGenerator),
    Logs(LogGenerator),
    Metrics(MetricsGenerator),
}

impl Load {
    fn new(args: &Args, phase: &Phase) -> Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64;
        // The second transport of a signal gets a fifth of the load, and other ids.
        let (share, seed) = match phase.name {
            "spans http" | "logs grpc" => (5, args.seed + 1),
            "samples otlp" => (2, args.seed + 1),
            _ => (1, args.seed),
        };
        Ok(match phase.signal {
            "spans" => Self::Spans(SpanGenerator::new(seed, args.spans / share, now)),
            "logs" => Self::Logs(LogGenerator::new(seed, args.logs / share, now)),
            _ => {
                let shape = if phase.name == "samples rw" { Shape::RemoteWrite } else { Shape::Otlp };
                Self::Metrics(MetricsGenerator::new(seed, args.samples / share, now, shape))
            }
        })
    }

    fn generator(&mut self) -> &mut dyn Generator {
        match self {
            Self::Spans(generator) => generator,
            Self::Logs(generator) => generator,
            Self::Metrics(generator) => generator,
        }
    }

    fn witnesses(&self) -> &Witnesses {
        match self {
            Self::Spans(generator) => &generator.witnesses,
            Self::Logs(generator) => &generator.witnesses,
            Self::Metrics(generator) => &generator.witnesses,
        }
    }
}

fn finish(args: &Args, report: &Report) -> Result<()> {
    std::fs::create_dir_all("target/bench")?;
    std::fs::write("target/bench/results.json", serde_json::to_vec_pretty(&report.to_json())?)?;
    std::fs::write("target/bench/results.md", report.table())?;
    say(&report.table());
    say("written: target/bench/results.json, target/bench/results.md");
    // What is left are empty folders and logs.
    drop(std::fs::remove_dir_all(&args.dir));
    Ok(())
}

fn fresh(dir: &Path) -> Result<PathBuf> {
    if dir.exists() {
        std::fs::remove_dir_all(dir)?;
    }
    std::fs::create_dir_all(dir)?;
    Ok(std::path::absolute(dir)?)
}

fn figure(report: &mut Report, name: &str, value: f64, unit: &'static str, target: Option<f64>) {
    report.figures.push(Figure { name: name.to_owned(), value, unit, target });
}

/// Prints for the person who waits; a closed pipe is not worth a panic.
fn say(line: &str) {
    drop(writeln!(std::io::stdout(), "{line}"));
}
