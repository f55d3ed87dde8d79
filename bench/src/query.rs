//! Reads back: checks that all that was sent is found, and times the queries.

use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use protowire::{Fields, WireValue};
use testkit::http::{HttpClient, encode};
use testkit::process::signal_figure;
use testkit::rng::Rng;

use crate::generate::{Witnesses, hex};
use crate::system::System;

/// Distinct ids for each figure.
const QUERIES: usize = 200;

/// Time of one kind of query.
#[derive(Clone, Debug)]
pub(crate) struct Timing {
    pub(crate) name: &'static str,
    pub(crate) median_ms: f64,
    pub(crate) p95_ms: f64,
    pub(crate) queries: usize,
}

/// The status must know as many rows, in memory and in blocks together, as were sent.
pub(crate) fn check_total(system: &System, signal: &str, sent: u64) -> Result<()> {
    let System::Ours(server) = system else { return Ok(()) };
    let status = server.status()?;
    let held = signal_figure(&status, signal, "headRows")? + signal_figure(&status, signal, "blockRows")?;
    ensure!(held == sent, "{sent} {signal} sent, {held} held");
    Ok(())
}

/// Each witness must be found, once.
pub(crate) fn check_witnesses(system: &System, witnesses: &Witnesses) -> Result<()> {
    let mut tempo = system.http("tempo")?;
    for (id, spans) in witnesses.traces.iter().take(QUERIES * 2) {
        let found = trace_spans(&mut tempo, id)?;
        ensure!(found == *spans, "trace {}: {spans} spans sent, {found} found", hex(id));
    }
    let mut loki = system.http("loki")?;
    for needle in witnesses.needles.iter().take(20) {
        let found = log_lines(&mut loki, needle, witnesses.time_range)?;
        ensure!(found == 1, "{needle} was in one line, {found} found");
    }
    let mut mimir = system.http("mimir")?;
    for (selector, values) in &witnesses.series {
        check_series(&mut mimir, selector, values, witnesses.time_range)?;
    }
    Ok(())
}

/// Times traces by id, hit and miss, on one kept-alive connection.
pub(crate) fn time_traces(system: &System, witnesses: &Witnesses) -> Result<Vec<Timing>> {
    let mut tempo = system.http("tempo")?;
    let mut rng = Rng::new(0xdead_beef);
    let hits: Vec<[u8; 16]> = spread(&witnesses.traces).map(|(id, _)| *id).collect();
    let misses = (0..QUERIES).map(|_| {
        let mut id = [0; 16];
        rng.fill(&mut id);
        id
    });
    let misses: Vec<[u8; 16]> = misses.collect();
    let hit = time("trace by id, hit", &hits, |id| {
        ensure!(trace_spans(&mut tempo, id)? > 0, "trace {} not found", hex(id));
        Ok(())
    })?;
    let miss = time("trace by id, miss", &misses, |id| {
        ensure!(trace_spans(&mut tempo, id)? == 0, "trace {} never was", hex(id));
        Ok(())
    })?;
    Ok(vec![hit, miss])
}

/// Times a needle in one hour of logs, hit and miss.
pub(crate) fn time_logs(system: &System, witnesses: &Witnesses) -> Result<Vec<Timing>> {
    let mut loki = system.http("loki")?;
    let misses: Vec<String> = (0..5).map(|number| format!("absent{number:016x}")).collect();
    let hits: Vec<String> = witnesses.needles.iter().take(20).cloned().collect();
    let hit = time("log needle, hit (1 h)", &hits, |needle| {
        ensure!(log_lines(&mut loki, needle, witnesses.time_range)? == 1, "{needle} not found");
        Ok(())
    })?;
    let miss = time("log needle, miss (1 h)", &misses, |needle| {
        ensure!(log_lines(&mut loki, needle, witnesses.time_range)? == 0, "{needle} never was");
        Ok(())
    })?;
    Ok(vec![hit, miss])
}

/// Times one hour of one series at a step of 15 s.
pub(crate) fn time_series(system: &System, witnesses: &Witnesses) -> Result<Vec<Timing>> {
    let mut mimir = system.http("mimir")?;
    let end = witnesses.time_range.1;
    let start = witnesses.time_range.0.max(end.saturating_sub(3_600_000_000_000));
    let selectors: Vec<String> = witnesses.series.iter().map(|(selector, _)| selector.clone()).collect();
    let timing = time("one series, 1 h", &selectors, |selector| {
        ensure!(!series_values(&mut mimir, selector, (start, end))?.is_empty(), "{selector} not found");
        Ok(())
    })?;
    Ok(vec![timing])
}

fn spread<T>(items: &[T]) -> impl Iterator<Item = &T> {
    items.iter().step_by((items.len() / QUERIES).max(1)).take(QUERIES)
}

fn time<T>(name: &'static str, inputs: &[T], mut query: impl FnMut(&T) -> Result<()>) -> Result<Timing> {
    ensure!(!inputs.is_empty(), "{name}: nothing to ask for");
    let mut times = Vec::with_capacity(inputs.len());
    for input in inputs {
        let started = Instant::now();
        query(input).context(name)?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    Ok(Timing { name, median_ms: at(0.5), p95_ms: at(0.95), queries: times.len() })
}

/// Spans of a trace, counted in the protobuf answer; 0 when there is none.
fn trace_spans(tempo: &mut HttpClient, id: &[u8; 16]) -> Result<u64> {
    let path = format!("/api/traces/{}", hex(id));
    let reply = tempo.send("GET", &path, &[("accept", "application/protobuf")], b"")?;
    match reply.status {
        200 => count_spans(&reply.body),
        404 => Ok(0),
        status => bail!("{path}: HTTP {status}: {}", reply.text()),
    }
}

/// `TracesData{resource_spans=1{scope_spans=2{spans=2}}}`.
fn count_spans(body: &[u8]) -> Result<u64> {
    let mut count = 0;
    for envelope in children(body, 1)? {
        for scope in children(envelope, 2)? {
            count += children(scope, 2)?.len() as u64;
        }
    }
    Ok(count)
}

fn children(message: &[u8], field: u32) -> Result<Vec<&[u8]>> {
    let mut found = Vec::new();
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next_field()? {
        if let (true, WireValue::Bytes(bytes)) = (number == field, value) {
            found.push(bytes);
        }
    }
    Ok(found)
}

fn log_lines(loki: &mut HttpClient, needle: &str, (start, end): (u64, u64)) -> Result<usize> {
    let query = encode(&format!("{{service_name=~\".+\"}} |= \"{needle}\""));
    let path = format!("/loki/api/v1/query_range?query={query}&start={start}&end={}&limit=10", end + 1);
    let page = loki.get(&path)?.ok()?.json()?;
    let streams = page["data"]["result"].as_array().context("no result")?;
    Ok(streams.iter().filter_map(|stream| stream["values"].as_array()).map(Vec::len).sum())
}

fn series_values(mimir: &mut HttpClient, selector: &str, (start, end): (u64, u64)) -> Result<Vec<f64>> {
    let (start, end) = (start as f64 / 1e9, end as f64 / 1e9);
    let query = encode(selector);
    let path = format!("/prometheus/api/v1/query_range?query={query}&start={start}&end={end}&step=15");
    let page = mimir.get(&path)?.ok()?.json()?;
    let result = page["data"]["result"].as_array().context("no result")?;
    ensure!(result.len() <= 1, "{selector} is {} series", result.len());
    let values = result.first().and_then(|series| series["values"].as_array()).cloned().unwrap_or_default();
    let number = |pair: &serde_json::Value| pair[1].as_str().and_then(|text| text.parse().ok()).context("not a sample");
    values.iter().map(number).collect()
}

fn check_series(mimir: &mut HttpClient, selector: &str, values: &[f64], range: (u64, u64)) -> Result<()> {
    // A range query gives at most 11,000 points.
    let values = &values[values.len().saturating_sub(10_000)..];
    let start = range.1 - (values.len() as u64 - 1) * 15_000_000_000;
    let found = series_values(mimir, selector, (start, range.1))?;
    ensure!(found.len() == values.len(), "{selector}: {} samples sent, {} found", values.len(), found.len());
    let differing = found.iter().zip(values).position(|(found, sent)| found.to_bits() != sent.to_bits());
    ensure!(differing.is_none(), "{selector}: sample {differing:?} differs");
    Ok(())
}
