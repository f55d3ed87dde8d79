//! What telemetry costs a program: our SDK against the plain OpenTelemetry crates, each variant in a process of its own.
//!
//! | file | what |
//! |---|---|
//! | `spans` | child: CPU time of the thread that makes spans |
//! | `server` | child: a small axum server |
//! | `plain` | the plain crates, set up as documented |
//! | `child`, `load`, `sink` | starts children, sends requests, takes what they export |
//! | `usage` | CPU and memory by `/proc` |
//! | `report` | the tables and the JSON |

mod child;
mod load;
mod plain;
mod report;
mod server;
mod sink;
mod spans;
mod usage;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};

use crate::child::Server;
use crate::load::Client;
use crate::report::{Outage, Report, Row, median, quantile};
use crate::server::Around;
use crate::sink::Sink;
use crate::spans::Maker;

/// What the issue asks: nanoseconds of a span made by `TraceContext`, added microseconds of a request.
const SPAN_NANOS: f64 = 500.0;
const REQUEST_MICROS: f64 = 30.0;
/// Requests between two pauses: fewer spans than the queues hold.
const BURST: u64 = 1000;
/// Requests a second while the collector is away: a fifth of what one thread serves here.
const RATE: u64 = 2000;
/// How long a server without telemetry rests between bursts, as the others do while they export.
const REST: Duration = Duration::from_millis(200);

/// Measures what telemetry costs a program.
#[derive(Debug, Parser)]
struct Args {
    /// How often each variant is measured.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Bursts of 1,000 spans a round.
    #[arg(long, default_value_t = 40)]
    bursts: u64,
    /// Requests a round for CPU.
    #[arg(long, default_value_t = 20_000)]
    requests: u64,
    /// Seconds a round for each state of the collector.
    #[arg(long, default_value_t = 6)]
    seconds: u64,
    /// A fifth of the work.
    #[arg(long)]
    quick: bool,
    /// Only spans, requests or outage.
    #[arg(long, default_value = "")]
    only: String,
    /// Where the figures go.
    #[arg(long, default_value = "target/bench/sdk.json")]
    json: PathBuf,
    #[command(subcommand)]
    child: Option<ChildArgs>,
}

#[derive(Debug, Subcommand)]
enum ChildArgs {
    /// Makes spans and says what they cost; the benchmark starts this itself.
    #[command(hide = true)]
    Spans { maker: Maker, bursts: u64 },
    /// Serves; the benchmark starts this itself.
    #[command(hide = true)]
    Serve { around: Around },
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    match args.child {
        Some(ChildArgs::Spans { maker, bursts }) => {
            let cost = spans::run(maker, bursts)?;
            return Ok(writeln!(std::io::stdout(), "{}", serde_json::to_string(&cost)?)?);
        }
        Some(ChildArgs::Serve { around }) => return server::run(around),
        None => {}
    }
    if args.quick {
        (args.bursts, args.requests, args.seconds) = (8, 4000, 2);
    }
    let sink = Sink::start()?;
    let mut report = Report { machine: usage::machine(), rounds: args.rounds, ..Report::default() };
    let wants = |part: &str| part.contains(&args.only);
    if wants("spans") {
        report.spans = measure_spans(&args, &sink)?;
    }
    if wants("requests") {
        report.requests = measure_requests(&args, &sink)?;
    }
    if wants("outage") {
        report.outages = measure_outages(&args, &sink)?;
    }
    report.load_at_end = usage::load_average();
    if let Some(folder) = args.json.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&args.json, format!("{:#}\n", report.to_json()))?;
    Ok(write!(std::io::stdout(), "\n{}", report.table())?)
}

fn measure_spans(args: &Args, sink: &Sink) -> Result<Vec<Row>> {
    let mut medians = vec![Vec::new(); Maker::ALL.len()];
    let mut min = [f64::MAX; Maker::ALL.len()];
    for _ in 0..args.rounds {
        for (at, maker) in Maker::ALL.into_iter().enumerate() {
            let before = sink.spans();
            let cost = child::spans(maker, args.bursts, sink.address)?;
            let arrived = sink.spans() - before;
            ensure!(arrived == cost.spans, "{maker:?}: {arrived} of {} spans arrived", cost.spans);
            medians[at].push(cost.median);
            min[at] = min[at].min(cost.min);
        }
    }
    let row = |(at, maker): (usize, Maker)| Row {
        name: maker.label(),
        median: median(&mut medians[at]),
        min: min[at],
        asked: (maker == Maker::TraceContext).then_some(SPAN_NANOS),
    };
    Ok(Maker::ALL.into_iter().enumerate().map(row).collect())
}

fn measure_requests(args: &Args, sink: &Sink) -> Result<Vec<Row>> {
    // By variant, then by round; the first variant is the bare server.
    let mut micros = vec![Vec::new(); Around::ALL.len()];
    for _ in 0..args.rounds {
        for (at, around) in Around::ALL.iter().enumerate() {
            micros[at].push(micros_per_request(*around, args.requests, sink)?);
        }
    }
    let min = |values: &[f64]| values.iter().copied().fold(f64::MAX, f64::min);
    let row = |(at, around): (usize, &Around)| {
        let is_bare = *around == Around::Nothing;
        let mut added: Vec<f64> =
            micros[at].iter().zip(&micros[0]).map(|(with, bare)| if is_bare { *with } else { with - bare }).collect();
        Row {
            name: if is_bare { "no telemetry (not added: the whole)" } else { around.label() },
            median: median(&mut added),
            // The least of both, not the least difference: that would be the round that disturbed the bare server most.
            min: min(&micros[at]) - if is_bare { 0.0 } else { min(&micros[0]) },
            asked: (*around == Around::Telemetry).then_some(REQUEST_MICROS),
        }
    };
    Ok(Around::ALL.iter().enumerate().map(row).collect())
}

/// CPU of the whole server for a request, exporting included.
fn micros_per_request(around: Around, requests: u64, sink: &Sink) -> Result<f64> {
    let server = Server::start(around, sink.address)?;
    let mut client = Client::connect(server.address)?;
    let mut expected = sink.spans();
    let mut before = 0;
    // The first burst warms up.
    for burst in 0..=requests / BURST {
        client.burst(BURST)?;
        if around == Around::Nothing {
            thread::sleep(REST);
        } else {
            expected += BURST;
            sink.wait(expected)?;
        }
        if burst == 0 {
            before = usage::process_nanos(server.pid())?;
        }
    }
    let spent = usage::process_nanos(server.pid())? - before;
    Ok(spent as f64 / 1e3 / (requests / BURST * BURST) as f64)
}

fn measure_outages(args: &Args, sink: &Sink) -> Result<Vec<Outage>> {
    let states: [(&str, Around, SocketAddr); 4] = [
        ("no telemetry", Around::Nothing, sink.address),
        ("answers", Around::Telemetry, sink.address),
        ("port closed", Around::Telemetry, sink::closed_port()?),
        ("accepts, never answers", Around::Telemetry, sink::start_silent()?),
    ];
    let mut p50 = vec![Vec::new(); states.len()];
    let mut p99 = vec![Vec::new(); states.len()];
    let mut growth = [[f64::MIN; 2]; 4];
    for _ in 0..args.rounds {
        for (at, (_, around, collector)) in states.iter().enumerate() {
            let server = Server::start(*around, *collector)?;
            let mut client = Client::connect(server.address)?;
            client.burst(BURST)?;
            let mut kib = usage::anonymous_kib(server.pid())?;
            let mut latencies = Vec::new();
            for half in &mut growth[at] {
                latencies.extend(client.paced(RATE * args.seconds / 2, RATE)?);
                let now = usage::anonymous_kib(server.pid())?;
                *half = half.max((now as f64 - kib as f64) / 1024.0);
                kib = now;
            }
            let mut millis: Vec<f64> = latencies.iter().map(|latency| latency.as_secs_f64() * 1e3).collect();
            p50[at].push(median(&mut millis));
            p99[at].push(quantile(&mut millis, 0.99));
        }
    }
    let bare = median(&mut p99[0]);
    let outage = |(at, state): (usize, &(&'static str, Around, SocketAddr))| Outage {
        name: state.0,
        p50: median(&mut p50[at]),
        p99: median(&mut p99[at]),
        p99_min: p99[at][0],
        // The bound on the slowest percent.
        asked: (state.1 == Around::Telemetry).then_some(1.1 * bare + 1.0),
        growth: growth[at],
    };
    Ok(states.iter().enumerate().map(outage).collect())
}
