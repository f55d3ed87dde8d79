//! The results as a table for people and as JSON for machines.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::phase::Outcome;
use crate::query::Timing;

/// A single figure: name, value, unit, and what the issue asks for.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    /// At most this; `None` where nothing is asked.
    pub(crate) target: Option<f64>,
}

/// All that a run found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) timings: Vec<(String, Timing)>,
    pub(crate) figures: Vec<Figure>,
    pub(crate) machine: String,
    pub(crate) arguments: String,
}

/// What the issue asks for: phase, durability (`*` for any), CPU-seconds per million, bytes per record.
const TARGETS: &[(&str, &str, f64, f64)] = &[
    ("spans grpc", "buffered", 2.0, 35.0),
    ("spans grpc", "fsync", 2.5, 35.0),
    ("spans http", "buffered", 2.0, 35.0),
    ("spans http", "fsync", 2.5, 35.0),
    ("logs http", "*", 1.5, 40.0),
    ("logs grpc", "*", 1.5, 40.0),
    ("samples rw", "*", 0.5, 1.6),
    ("samples otlp", "*", 0.5, 1.6),
];
/// Milliseconds: median of a trace by id.
const TIMING_TARGETS: &[(&str, f64)] = &[("trace by id, hit", 1.5), ("trace by id, miss", 0.5)];
/// Peak memory while 5 million spans come in.
const PEAK_MIB: f64 = 256.0;

impl Report {
    /// Tables in Markdown.
    pub(crate) fn table(&self) -> String {
        let mut out = format!("machine: {}\narguments: {}\n\n", self.machine, self.arguments);
        out.push_str("| system | durability | load | records | CPU-s/M | asked | records/s | peak MiB | B/record | asked | B/record before |\n");
        out.push_str("|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|\n");
        for outcome in &self.outcomes {
            let (cpu, bytes) = targets(outcome);
            let before = outcome.disk_before as f64 / outcome.records as f64;
            row(
                &mut out,
                &[
                    outcome.system.clone(),
                    outcome.durability.clone(),
                    outcome.phase.to_owned(),
                    outcome.records.to_string(),
                    mark(outcome.cpu_per_million(), cpu),
                    asked(cpu),
                    format!("{:.0}", outcome.records_per_second()),
                    if outcome.system == "quartet" {
                        mark(outcome.peak_mib, Some(PEAK_MIB))
                    } else {
                        format!("{:.0}", outcome.peak_mib)
                    },
                    mark(outcome.bytes_per_record(), bytes),
                    asked(bytes),
                    format!("{before:.1}"),
                ],
            );
        }
        out.push_str(
            "\n| query | durability | median ms | p95 ms | asked | queries |\n|---|---|---:|---:|---:|---:|\n",
        );
        for (durability, timing) in &self.timings {
            let target = TIMING_TARGETS.iter().find(|(name, _)| *name == timing.name).map(|(_, target)| *target);
            row(
                &mut out,
                &[
                    timing.name.to_owned(),
                    durability.clone(),
                    mark(timing.median_ms, target),
                    format!("{:.2}", timing.p95_ms),
                    asked(target),
                    timing.queries.to_string(),
                ],
            );
        }
        out.push_str("\n| figure | value | asked |\n|---|---:|---:|\n");
        for figure in &self.figures {
            let value = format!("{} {}", mark(figure.value, figure.target), figure.unit);
            row(&mut out, &[figure.name.clone(), value, asked(figure.target)]);
        }
        out.push_str("\n`!` marks a figure above what is asked.\n");
        out
    }

    /// All figures.
    pub(crate) fn to_json(&self) -> Value {
        let timings = self.timings.iter().map(|(durability, timing)| {
            json!({"query": timing.name, "durability": durability, "median_ms": timing.median_ms, "p95_ms": timing.p95_ms,
                   "queries": timing.queries})
        });
        let figures = self.figures.iter().map(
            |figure| json!({"name": figure.name, "value": figure.value, "unit": figure.unit, "target": figure.target}),
        );
        json!({
            "machine": self.machine, "arguments": self.arguments,
            "phases": self.outcomes.iter().map(Outcome::to_json).collect::<Vec<_>>(),
            "queries": timings.collect::<Vec<_>>(), "figures": figures.collect::<Vec<_>>(),
        })
    }
}

fn targets(outcome: &Outcome) -> (Option<f64>, Option<f64>) {
    if outcome.system != "quartet" {
        return (None, None);
    }
    let fits = |durability: &str| durability == "*" || durability == outcome.durability;
    let found = TARGETS.iter().find(|(phase, durability, ..)| *phase == outcome.phase && fits(durability));
    (found.map(|(_, _, cpu, _)| *cpu), found.map(|(_, _, _, bytes)| *bytes))
}

fn row(out: &mut String, cells: &[String]) {
    // Writing into a String cannot fail.
    let _ = writeln!(out, "| {} |", cells.join(" | "));
}

fn mark(value: f64, target: Option<f64>) -> String {
    let over = target.is_some_and(|target| value > target);
    format!("{value:.2}{}", if over { " !" } else { "" })
}

fn asked(target: Option<f64>) -> String {
    target.map(|target| format!("≤ {target}")).unwrap_or_default()
}

/// Processor, cores, memory and kernel of this machine, and the date.
pub(crate) fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let date = std::process::Command::new("date").args(["-u", "+%F %H:%MZ"]).output();
    let date = date.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let kernel = read("/proc/sys/kernel/osrelease");
    let (processor, memory) = (field(&read("/proc/cpuinfo"), "model name"), field(&read("/proc/meminfo"), "MemTotal"));
    format!("{date}, {processor}, {cores} cores, {memory}, Linux {}", kernel.trim())
}
