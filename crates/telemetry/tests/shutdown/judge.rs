//! Starts the programs, ends them, and compares three accounts of each: the journals, the collector's memory, the program's report.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::child;
use crate::collector::{Collector, MODE};

/// Endings of a normal test run.
const ENDINGS: u64 = 200;
/// Programs at a time: more than cores, so that they are interrupted everywhere.
const AT_ONCE: usize = 4;
/// A program that has not ended by then hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// One case, made from a seed.
#[derive(Clone, Debug)]
struct Case {
    seed: u64,
    ending: &'static str,
    mode: &'static str,
    grpc: bool,
    threads: u64,
    spans: u64,
    pause_us: u64,
    queue: u64,
    deadline_ms: u64,
    signal_after: Duration,
}

/// The program's own account of its spans.
#[derive(Clone, Copy, Debug)]
struct Report {
    accepted: u64,
    exported: u64,
    dropped: u64,
    failed: u64,
}

#[derive(Default)]
struct Sums {
    ended: AtomicU64,
    arrived: AtomicU64,
    reported: AtomicU64,
    with_loss: AtomicU64,
}

struct Addresses {
    grpc: String,
    http: String,
}

pub(crate) fn run() -> anyhow::Result<()> {
    let variable = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>()).transpose();
    let endings = variable("TELEMETRY_SHUTDOWNS")?.unwrap_or(ENDINGS);
    let first = variable("TELEMETRY_SHUTDOWN_SEED")?.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let collector = Collector::default();
    let (grpc, http) = runtime.block_on(collector.start())?;
    let addresses = Addresses { grpc: format!("http://{grpc}"), http: format!("http://{http}") };
    let folder = tempfile::tempdir()?;
    let (next, sums, started) = (AtomicU64::new(0), Sums::default(), Instant::now());
    std::thread::scope(|scope| {
        let work = || -> anyhow::Result<()> {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= endings {
                    return Ok(());
                }
                let case = Case::of(first + index);
                let told = case.clone();
                case.judge(&collector, &addresses, folder.path(), &sums).with_context(|| format!("{told:?}"))?;
            }
        };
        let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("judges do not panic"))
    })?;
    let took = started.elapsed().as_secs_f64();
    writeln!(std::io::stderr(), "{endings} endings from seed {first} in {took:.0} s: {sums}")?;
    Ok(())
}

impl Case {
    fn of(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let endings = ["drop", "drop-running", "panic", "panic-joined", "signal", "signal"];
        let modes = ["sound", "sound", "sound", "slow", "flaky", "choosy", "broken", "refusing", "nobody"];
        let pause_us = [0, 20, 200][random.random_range(0..3)];
        Self {
            seed,
            pause_us,
            ending: endings[random.random_range(0..endings.len())],
            mode: modes[random.random_range(0..modes.len())],
            grpc: random.random(),
            threads: random.random_range(1..=3),
            spans: if pause_us == 0 { random.random_range(0..1500) } else { random.random_range(0..150) },
            queue: [64, 512, 2048, 100_000][random.random_range(0..4)],
            deadline_ms: [5, 50, 2000][random.random_range(0..3)],
            signal_after: Duration::from_micros(random.random_range(0..20_000)),
        }
    }

    fn judge(self, collector: &Collector, addresses: &Addresses, folder: &Path, sums: &Sums) -> anyhow::Result<()> {
        let folder = folder.join(self.seed.to_string());
        fs::create_dir(&folder)?;
        let child = self.start(addresses, &folder)?;
        let output = self.end(child, &folder)?;
        let report = Report::parse(&output).with_context(|| format!("no report in: {output}"))?;
        let ended = self.ended(&folder)?;
        let arrived = collector.take(&self.service());
        let missing = ended.difference(&arrived).count() as u64;
        let lost = report.dropped + report.failed;
        ensure!(report.accepted == report.exported + lost, "the report does not add up: {report:?}");
        ensure!(missing <= lost, "{missing} spans are missing, {lost} were reported: {report:?}");
        ensure!(report.exported <= arrived.len() as u64, "{} arrived of {report:?}", arrived.len());
        ensure!(ended.len() as u64 <= report.accepted, "{} ended, {report:?}", ended.len());
        // Losses must not be made up either: a sound collector confirms all that arrives.
        if self.mode == "sound" && self.deadline_ms >= 2000 {
            ensure!(report.failed == 0, "nothing could fail: {report:?}");
            ensure!(report.exported == arrived.len() as u64, "{} arrived of {report:?}", arrived.len());
        }
        if self.must_be_complete() {
            ensure!(missing == 0, "{missing} spans are missing though all was well: {report:?}");
        }
        sums.ended.fetch_add(ended.len() as u64, Ordering::Relaxed);
        sums.arrived.fetch_add(arrived.len() as u64, Ordering::Relaxed);
        sums.reported.fetch_add(lost, Ordering::Relaxed);
        sums.with_loss.fetch_add(u64::from(lost > 0), Ordering::Relaxed);
        fs::remove_dir_all(folder)?;
        Ok(())
    }

    /// A sound collector, time, room for all spans, and nobody who goes on making them.
    fn must_be_complete(&self) -> bool {
        let is_quiet = matches!(self.ending, "drop" | "panic-joined");
        is_quiet
            && matches!(self.mode, "sound" | "slow")
            && self.deadline_ms >= 2000
            && self.queue >= self.threads * self.spans
    }

    fn service(&self) -> String {
        format!("child-{}", self.seed)
    }

    fn start(&self, addresses: &Addresses, folder: &Path) -> anyhow::Result<Child> {
        let endpoint = match (self.mode, self.grpc) {
            // Port 1 of loopback: nobody listens, and nobody may without privileges.
            ("nobody", _) => "http://127.0.0.1:1",
            (_, true) => &addresses.grpc,
            (_, false) => &addresses.http,
        };
        let mut command = Command::new(std::env::current_exe()?);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
            .env(child::ENDING, if self.ending.starts_with("signal") { "signal" } else { self.ending })
            .env(child::FOLDER, folder)
            .env(child::THREADS, self.threads.to_string())
            .env(child::SPANS, self.spans.to_string())
            .env(child::PAUSE, self.pause_us.to_string())
            .env("OTEL_SERVICE_NAME", self.service())
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", if self.grpc { "grpc" } else { "http/protobuf" })
            .env("OTEL_EXPORTER_OTLP_HEADERS", format!("{MODE}={}", self.mode))
            .env("OTEL_LOGS_EXPORTER", "none")
            .env("OTEL_METRICS_EXPORTER", "none")
            .env("OTEL_BSP_MAX_QUEUE_SIZE", self.queue.to_string())
            .env("OTEL_BSP_EXPORT_TIMEOUT", self.deadline_ms.to_string())
            // The report is written also when nothing is lost.
            .env("OTEL_DEBUG", "true");
        command.spawn().context("starting a program")
    }

    /// Ends the program, if it does not end itself; returns what it wrote.
    fn end(&self, mut child: Child, folder: &Path) -> anyhow::Result<String> {
        let started = Instant::now();
        let stderr = child.stderr.take().context("stderr")?;
        let reader = std::thread::spawn(move || std::io::read_to_string(stderr));
        if self.ending == "signal" {
            while !child::ready(folder).exists() {
                ensure!(started.elapsed() < PATIENCE && child.try_wait()?.is_none(), "it did not begin");
                std::thread::yield_now();
            }
            // The moment of the signal is what this test is about.
            std::thread::sleep(self.signal_after);
            let status = Command::new("kill").args(["-TERM", &child.id().to_string()]).status()?;
            ensure!(status.success(), "cannot signal");
        }
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if started.elapsed() > PATIENCE {
                child.kill()?;
                bail!("it hangs");
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let expected = match self.ending {
            "signal" => 143,
            "panic" | "panic-joined" => 101,
            _ => 0,
        };
        let output = reader.join().expect("reading does not panic")?;
        ensure!(status.code() == Some(expected), "{status}: {output}");
        Ok(output)
    }

    /// Numbers of the spans that had ended before the ending began (a signal: at all).
    fn ended(&self, folder: &Path) -> anyhow::Result<HashSet<i64>> {
        let snapshot = fs::read_to_string(child::snapshot(folder)).unwrap_or_default();
        let mut limits = snapshot.split(' ').map(|count| count.parse::<u64>().unwrap_or(u64::MAX));
        let mut ended = HashSet::new();
        for thread in 0..self.threads {
            let noted = fs::metadata(child::journal(folder, thread))?.len();
            let count = noted.min(limits.next().unwrap_or(u64::MAX));
            ended.extend((0..count).map(|index| child::number(thread, index)));
        }
        Ok(ended)
    }
}

impl Report {
    /// `… spans: 3 accepted, 3 exported, 0 dropped, 0 failed; …`
    fn parse(output: &str) -> Option<Self> {
        let spans = output.lines().find_map(|line| line.split_once("spans: ")?.1.split(';').next())?;
        let mut numbers = spans.split(", ").map(|part| part.split(' ').next()?.parse::<u64>().ok());
        let mut next = || numbers.next()?;
        Some(Self { accepted: next()?, exported: next()?, dropped: next()?, failed: next()? })
    }
}

impl fmt::Display for Sums {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [ended, arrived, reported, with_loss] =
            [&self.ended, &self.arrived, &self.reported, &self.with_loss].map(|sum| sum.load(Ordering::Relaxed));
        write!(
            out,
            "{ended} spans ended, {arrived} arrived, {reported} reported lost by {with_loss} programs, none missing"
        )
    }
}
