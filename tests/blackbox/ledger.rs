//! Writers that keep a ledger of what was acknowledged, and the check that all of it is found, once.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use quartet_tests::faces;
use testkit::grpc::{self, BlockingGrpc};
use testkit::http::HttpClient;
use testkit::otlp::{self, Attributes, Record, Series, Span, attributes};
use testkit::process::Server;
use testkit::rng::Rng;

/// Traces in one request.
const TRACES_PER_REQUEST: u64 = 8;
/// Spans of each trace.
pub(crate) const SPANS_PER_TRACE: usize = 3;
/// Lines in one request of logs.
const LINES_PER_REQUEST: u64 = 20;

/// What was acknowledged, and where to look for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    /// Traces with their spans.
    pub(crate) traces: Vec<([u8; 16], faces::Spans)>,
    /// Log lines: time and text.
    pub(crate) lines: Vec<(u64, String)>,
    /// Samples by series name: second and value.
    pub(crate) samples: BTreeMap<String, Vec<(u64, String)>>,
}

impl Ledger {
    /// Takes over what another ledger holds.
    pub(crate) fn add(&mut self, other: Self) {
        self.traces.extend(other.traces);
        self.lines.extend(other.lines);
        for (series, samples) in other.samples {
            self.samples.entry(series).or_default().extend(samples);
        }
    }

    /// Records in it.
    pub(crate) fn len(&self) -> usize {
        self.traces.len() * SPANS_PER_TRACE + self.lines.len() + self.samples.values().map(Vec::len).sum::<usize>()
    }

    /// Each trace must be there with exactly its spans, unchanged.
    pub(crate) fn check_traces(&self, server: &Server) -> Result<()> {
        let mut tempo = server.http("tempo")?;
        for (id, sent) in &self.traces {
            let found = faces::trace(&mut tempo, id)?;
            ensure!(found == *sent, "trace {}: sent {sent:#?}, found {found:#?}", faces::hex(id));
        }
        Ok(())
    }

    /// Each line must be there exactly once.
    pub(crate) fn check_lines(&self, server: &Server, service: &str) -> Result<()> {
        let mut loki = server.http("loki")?;
        let mut wanted: BTreeMap<u64, BTreeMap<&str, u64>> = BTreeMap::new();
        // One query a second of log time keeps each answer below Loki's limit of 5,000 lines.
        for (time, line) in &self.lines {
            *wanted.entry(time / 1_000_000_000).or_default().entry(line).or_default() += 1;
        }
        for (second, lines) in wanted {
            let (start, end) = (second * 1_000_000_000, (second + 1) * 1_000_000_000);
            let found = faces::lines(&mut loki, &format!("{{service_name=\"{service}\"}}"), start, end)?;
            let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
            for (_, line, _) in &found {
                *counts.entry(line).or_default() += 1;
            }
            for (line, _) in lines {
                let count = counts.get(line).copied().unwrap_or_default();
                ensure!(count == 1, "line {line:?} found {count} times, second {second} has {} lines", found.len());
            }
        }
        Ok(())
    }

    /// Each sample must be there with its value.
    pub(crate) fn check_samples(&self, server: &Server) -> Result<()> {
        let mut mimir = server.http("mimir")?;
        for (series, sent) in &self.samples {
            let (Some(first), Some(last)) =
                (sent.iter().map(|(time, _)| *time).min(), sent.iter().map(|(time, _)| *time).max())
            else {
                continue;
            };
            let found = faces::samples(&mut mimir, series, first, last, 1)?;
            let found: BTreeMap<u64, &str> = found.iter().map(|(time, value)| (*time as u64, value.as_str())).collect();
            for (time, value) in sent {
                ensure!(
                    found.get(time) == Some(&value.as_str()),
                    "{series} at {time}: sent {value}, found {:?}",
                    found.get(time)
                );
            }
        }
        Ok(())
    }
}

/// Sends spans, logs and samples in turn until a request fails; keeps what was acknowledged.
pub(crate) struct Writer {
    grpc: BlockingGrpc,
    otlp_http: HttpClient,
    mimir: HttpClient,
    rng: Rng,
    service: String,
    resource: Attributes,
    series: String,
    /// Second of the next sample.
    second: u64,
    /// Nanosecond of the next record.
    clock: u64,
    lines: u64,
    /// What was acknowledged.
    pub(crate) ledger: Ledger,
}

impl Writer {
    /// Connects; `clock` in Unix nanoseconds is where its records begin, `name` tells it from other writers.
    pub(crate) fn connect(server: &Server, service: &str, name: &str, clock: u64) -> Result<Self> {
        let seed = name.bytes().fold(7, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
        Ok(Self {
            grpc: BlockingGrpc::connect(server.address("otlp-grpc")?)?,
            otlp_http: server.http("otlp-http")?,
            mimir: server.http("mimir")?,
            rng: Rng::new(seed),
            service: service.to_owned(),
            resource: attributes([("service.name", service.into()), ("writer", name.into())]),
            series: format!("crash_{}", name.replace('-', "_")),
            second: clock / 1_000_000_000,
            clock,
            lines: 0,
            ledger: Ledger::default(),
        })
    }

    /// One request; an error means that it was not acknowledged.
    pub(crate) fn step(&mut self) -> Result<()> {
        match self.rng.below(3) {
            0 => self.send_traces(),
            1 => self.send_lines(),
            _ => self.send_samples(),
        }
    }

    /// Some traces over gRPC; returns their ids through the ledger.
    pub(crate) fn send_traces(&mut self) -> Result<()> {
        let mut all = Vec::new();
        let mut entries = Vec::new();
        for _ in 0..TRACES_PER_REQUEST {
            let spans = self.trace();
            entries.push((spans[0].trace_id, faces::sent_spans(&self.resource, &spans)));
            all.extend(spans);
        }
        let reply = self.grpc.call(grpc::TRACES, &otlp::traces(&self.resource, &all), &[])?;
        ensure!(reply.status == Some(grpc::OK), "gRPC status {:?}: {}", reply.status, reply.message);
        ensure!(reply.body.is_empty(), "partial success");
        self.ledger.traces.extend(entries);
        Ok(())
    }

    /// Some log lines over HTTP.
    pub(crate) fn send_lines(&mut self) -> Result<()> {
        let mut records = Vec::new();
        let mut entries = Vec::new();
        for _ in 0..LINES_PER_REQUEST {
            self.clock += 1_000;
            self.lines += 1;
            let line = format!("{} line {} of {:016x}", self.series, self.lines, self.rng.bits());
            entries.push((self.clock, line.clone()));
            let body = Some(line.as_str().into());
            records.push(Record { time: self.clock, severity: 9, body, ..Record::default() });
        }
        let body = otlp::logs(&self.resource, &records);
        let reply = self.otlp_http.post("/v1/logs", "application/x-protobuf", &body)?;
        ensure!(reply.status == 200 && reply.body.is_empty(), "HTTP {}: {}", reply.status, reply.text());
        self.ledger.lines.extend(entries);
        Ok(())
    }

    /// Some samples of one series by remote write.
    pub(crate) fn send_samples(&mut self) -> Result<()> {
        let mut samples = Vec::new();
        for _ in 0..5 {
            samples.push((self.second, self.rng.below(1_000_000) as f64));
            self.second += 1;
        }
        let labels = [("__name__", self.series.as_str()), ("job", self.service.as_str())];
        let wire: Vec<(i64, f64)> = samples.iter().map(|(second, value)| (*second as i64 * 1_000, *value)).collect();
        let raw = otlp::remote_write(&[Series { labels: &labels, samples: &wire }]);
        let packed = snap::raw::Encoder::new().compress_vec(&raw)?;
        let headers = [
            ("content-type", "application/x-protobuf"),
            ("content-encoding", "snappy"),
            ("x-prometheus-remote-write-version", "0.1.0"),
        ];
        let reply = self.mimir.send("POST", "/api/v1/push", &headers, &packed)?;
        if reply.status != 204 && reply.status != 200 {
            bail!("HTTP {}: {}", reply.status, reply.text());
        }
        let acknowledged = samples.into_iter().map(|(second, value)| (second, value.to_string()));
        self.ledger.samples.entry(self.series.clone()).or_default().extend(acknowledged);
        Ok(())
    }

    /// Reads the last acknowledged trace, line or sample back: it must be seen at once.
    pub(crate) fn check_last(&self, server: &Server) -> Result<()> {
        let mut last = Ledger::default();
        last.traces.extend(self.ledger.traces.last().cloned());
        last.check_traces(server).context("read your own trace")?;
        last.lines.extend(self.ledger.lines.last().cloned());
        last.check_lines(server, &self.service).context("read your own line")?;
        if let Some(sample) = self.ledger.samples.get(&self.series).and_then(|samples| samples.last()) {
            last.samples.insert(self.series.clone(), vec![sample.clone()]);
        }
        last.check_samples(server).context("read your own sample")
    }

    fn trace(&mut self) -> Vec<Span> {
        let mut trace_id = [0; 16];
        self.rng.fill(&mut trace_id);
        let mut spans: Vec<Span> = Vec::new();
        for position in 0..SPANS_PER_TRACE {
            let mut span_id = [0; 8];
            self.rng.fill(&mut span_id);
            self.clock += 1_000;
            spans.push(Span {
                trace_id,
                span_id,
                parent: spans.first().map(|root| root.span_id),
                name: format!("step {position}"),
                kind: 1 + self.rng.below(5),
                start: self.clock,
                end: self.clock + self.rng.below(1_000_000),
                attributes: attributes([
                    ("position", (position as i64).into()),
                    ("random", (self.rng.below(1_000) as i64).into()),
                ]),
                ..Span::default()
            });
        }
        spans
    }
}
