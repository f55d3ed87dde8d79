//! The upstream OTLP examples are accepted and found again. They are third-party files, so they stay outside the repository.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use quartet_tests::faces;
use quartet_tests::fixture::{Fixture, loud_skip, repository};
use serde_json::Value;

fn folder(test: &str) -> Option<PathBuf> {
    let named = std::env::var_os("CONFORMANCE_DIR").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| repository().join("../shared/conformance")).join("otlp");
    if !folder.is_dir() {
        loud_skip(test, &format!("{} is not there (set CONFORMANCE_DIR)", folder.display()));
        return None;
    }
    Some(folder)
}

fn post(fixture: &Fixture, folder: &std::path::Path, file: &str, path: &str) -> Result<Value> {
    let body = std::fs::read(folder.join(file)).context(file.to_owned())?;
    let reply = fixture.server.http("otlp-http")?.post(path, "application/json", &body)?;
    ensure!(reply.status == 200, "{file}: HTTP {}: {}", reply.status, reply.text());
    let answer = reply.json()?;
    ensure!(answer["partialSuccess"].as_object().is_none_or(|partial| partial.is_empty()), "{file}: {answer}");
    Ok(serde_json::from_slice(&body)?)
}

#[test]
fn the_example_trace_is_found_by_its_id() -> Result<()> {
    let Some(folder) = folder("the_example_trace_is_found_by_its_id") else { return Ok(()) };
    let fixture = Fixture::start()?;
    let sent = post(&fixture, &folder, "trace.json", "/v1/traces")?;
    let span = &sent["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    let id = span["traceId"].as_str().context("no trace id")?;
    let page = fixture.server.http("tempo")?.get(&format!("/api/traces/{id}"))?.ok()?.json()?;
    let found = &page["batches"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!(found["name"], span["name"]);
    assert_eq!(found["startTimeUnixNano"], span["startTimeUnixNano"]);
    assert_eq!(found["attributes"], span["attributes"]);
    assert_eq!(page["batches"][0]["resource"]["attributes"], sent["resourceSpans"][0]["resource"]["attributes"]);
    Ok(())
}

#[test]
fn the_example_logs_and_events_are_found() -> Result<()> {
    let Some(folder) = folder("the_example_logs_and_events_are_found") else { return Ok(()) };
    for file in ["logs.json", "events.json"] {
        let fixture = Fixture::start()?;
        let sent = post(&fixture, &folder, file, "/v1/logs")?;
        let record = &sent["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
        let time: u64 = record["timeUnixNano"].as_str().context("no time")?.parse()?;
        let mut loki = fixture.server.http("loki")?;
        let found = faces::lines(&mut loki, "{service_name=~\".+\"}", time - 1, time + 1)?;
        ensure!(found.len() == 1, "{file}: {found:?}");
        if let Some(body) = record["body"]["stringValue"].as_str() {
            assert_eq!(found[0].1, body);
        }
        if let Some(trace_id) = record["traceId"].as_str() {
            assert_eq!(found[0].2["trace_id"], trace_id.to_lowercase());
        }
        if let Some(name) = record["eventName"].as_str() {
            assert_eq!(found[0].2["event_name"], name);
        }
    }
    Ok(())
}

#[test]
fn the_example_metrics_are_found_under_their_prometheus_names() -> Result<()> {
    let Some(folder) = folder("the_example_metrics_are_found_under_their_prometheus_names") else { return Ok(()) };
    let fixture = Fixture::start()?;
    post(&fixture, &folder, "metrics.json", "/v1/metrics")?;
    let mut mimir = fixture.server.http("mimir")?;
    let page = mimir.get("/prometheus/api/v1/label/__name__/values")?.ok()?.json()?;
    let names = page["data"].to_string();
    // The file holds a counter, a gauge, a histogram and an exponential histogram, all with unit "1".
    for name in
        ["my_counter_total", "my_gauge_ratio", "my_histogram_count", "my_histogram_bucket", "my_exponential_histogram"]
    {
        ensure!(names.contains(name), "{name} is not among {names}");
    }
    Ok(())
}
