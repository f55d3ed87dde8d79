//! Secrets of sixty formats through every door of the four services: none is in what they send, log, or what Quartet keeps and tells.
//!
//! The services send their telemetry through a tap to a Quartet of the test's own, so that what the SDK masks is told apart from what
//! the collector masks. Scanned are the bytes on the wire, the logs of all processes but the stand-ins', Quartet's files (before and
//! after its blocks are written), and everything that Tempo, Loki and Prometheus tell, since pages of Parquet are compressed.
//! Left out, because it is not telemetry: the services' own databases and files, the stand-ins (which play Airtable and Gemini), and
//! the services' answers to the caller who sent the secret.

mod channels;
mod needles;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use quartet_tests::fixture::{Fixture, now_nanos, setting};
use quartet_tests::installation::Installation;
use quartet_tests::tap::Tap;
use serde_json::Value;
use testkit::canaries::{self, Canary};
use testkit::wait;

use channels::{Call, Table, encoded};
use needles::{Leaks, Needles};

/// Workflows of all canaries, each waiting for the stand-in's five requests a second.
const RUN_LIMIT: Duration = Duration::from_secs(300);
/// Canaries that are sent at the same time.
const SENDERS: usize = 4;

/// Sends all calls of all canaries; gives the ids of their traces.
fn send_all(demo: &Installation, canaries: &[Canary], table: &Table) -> Result<BTreeSet<String>> {
    let (next, traces) = (AtomicUsize::new(0), Mutex::new(BTreeSet::new()));
    let sender = || -> Result<()> {
        while let Some(canary) = canaries.get(next.fetch_add(1, Ordering::Relaxed)) {
            for (number, call) in channels::calls(canary, table).iter().enumerate() {
                send(demo, call, canary, number % 2 == 0, &traces)
                    .with_context(|| format!("{}: {} {}", canary.name, call.method, call.path))?;
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS).map(|_| scope.spawn(sender)).collect();
        senders.into_iter().try_for_each(|sender| sender.join().expect("senders return their errors"))
    })?;
    Ok(traces.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn send(
    demo: &Installation,
    call: &Call,
    canary: &Canary,
    business: bool,
    traces: &Mutex<BTreeSet<String>>,
) -> Result<()> {
    let own = channels::headers(canary, business);
    let mut headers: Vec<(&str, &str)> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
    headers.push(("content-type", &call.kind));
    let reply = demo.http(call.service)?.send(&call.method, &call.path, &headers, &call.body)?;
    if let Some(id) = reply.header("x-trace-id") {
        traces.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned());
    }
    let next = reply.json().ok().filter(|_| reply.status < 300);
    match next.and_then(|reply| channels::follow_up(call, &reply, canary)) {
        Some(next) => send(demo, &next, canary, business, traces),
        None => Ok(()),
    }
}

/// Until no workflow runs any more.
fn wait_for_workflows(demo: &Installation) -> Result<()> {
    wait::until("end of all workflows", RUN_LIMIT, || {
        for status in ["pending", "running"] {
            let path = format!("/workflows/executions?status={status}");
            let reply = demo.http("automation-services")?.get(&path)?.ok()?.json()?;
            if reply["total"].as_u64().context("no total")? > 0 {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { files(&path, found)? } else { found.push(path) }
    }
    Ok(())
}

fn scan_files(folder: &Path, place: &str, needles: &Needles, leaks: &mut Leaks) -> Result<()> {
    let mut found = Vec::new();
    files(folder, &mut found)?;
    ensure!(!found.is_empty(), "no files in {}", folder.display());
    for path in found.iter().filter(|path| !path.to_string_lossy().contains("stand-in")) {
        let name = path.strip_prefix(folder)?.display();
        needles.find(&format!("{place} {name}"), &std::fs::read(path)?, leaks);
    }
    Ok(())
}

/// Everything that the faces tell of the test's time.
fn scan_answers(
    fixture: &Fixture,
    since: u64,
    traces: &BTreeSet<String>,
    needles: &Needles,
    leaks: &mut Leaks,
) -> Result<()> {
    let mut tempo = fixture.server.http("tempo")?;
    let mut found = 0;
    for id in traces {
        let reply = tempo.get(&format!("/api/traces/{id}"))?;
        found += usize::from(reply.status == 200);
        needles.find("Tempo, a trace", &reply.body, leaks);
    }
    ensure!(found * 10 > traces.len() * 9, "Tempo has {found} of {} traces", traces.len());
    let (mut loki, mut from, until) = (fixture.server.http("loki")?, since, now_nanos());
    let query = encoded("{service_name=~\".+\"}");
    loop {
        let path =
            format!("/loki/api/v1/query_range?query={query}&start={from}&end={until}&limit=2000&direction=forward");
        let reply = loki.get(&path)?.ok()?;
        needles.find("Loki, a line", &reply.body, leaks);
        let page = reply.json()?;
        let values =
            page["data"]["result"].as_array().into_iter().flatten().flat_map(|stream| stream["values"].as_array());
        let times = values.flatten().filter_map(|entry| entry[0].as_str()?.parse::<u64>().ok());
        // The last time may have more lines than the page had room for; a thousand of them in a nanosecond it has not.
        match times.max() {
            Some(last) if last > from => from = last,
            _ => break,
        }
    }
    scan_names(fixture, since, needles, leaks)
}

/// Names and values of labels and tags.
fn scan_names(fixture: &Fixture, since: u64, needles: &Needles, leaks: &mut Leaks) -> Result<()> {
    let (start, end) = (since / 1_000_000_000, now_nanos() / 1_000_000_000 + 60);
    let all = encoded("{__name__=~\".+\"}");
    let series = format!("/prometheus/api/v1/series?match[]={all}&start={start}&end={end}");
    let reply = fixture.server.http("mimir")?.get(&series)?.ok()?;
    ensure!(reply.text().contains("http_server_request_duration_seconds"), "no metrics of servers");
    needles.find("Mimir, a series", &reply.body, leaks);
    let lists = [
        ("mimir", "/prometheus/api/v1/labels", "/prometheus/api/v1/label", "data"),
        ("loki", "/loki/api/v1/labels", "/loki/api/v1/label", "data"),
        ("tempo", "/api/search/tags", "/api/search/tag", "tagNames"),
    ];
    for (face, path, of_one, key) in lists {
        let reply = fixture.server.http(face)?.get(&format!("{path}?start={start}&end={end}"))?.ok()?;
        needles.find(&format!("{face}, names"), &reply.body, leaks);
        let names = reply.json()?[key].as_array().cloned().unwrap_or_default();
        ensure!(!names.is_empty(), "{face} has no names");
        for name in names.iter().filter_map(Value::as_str) {
            let path = format!("{of_one}/{}/values?start={start}&end={end}", encoded(name));
            needles.find(&format!("{face}, values of {name}"), &fixture.server.http(face)?.get(&path)?.body, leaks);
        }
    }
    for path in ["/", "/api/status"] {
        needles.find("status page", &fixture.server.http("console")?.get(path)?.body, leaks);
    }
    needles.find("own metrics", &fixture.server.http("telemetry")?.get("/metrics")?.body, leaks);
    Ok(())
}

fn nothing_leaks(environment: &[(&str, &str)], every: usize) -> Result<()> {
    let since = now_nanos();
    // The same in each run; `QUARTET_TEST_SEED` makes others up.
    let canaries: Vec<_> = canaries::all(setting("QUARTET_TEST_SEED", 1)).into_iter().step_by(every).collect();
    let needles = Needles::new(&canaries);
    let fixture = Fixture::start()?;
    let tap = Tap::start(fixture.server.address("otlp-grpc")?)?;
    let endpoint = format!("http://{}", tap.address);
    // The demo names its own Quartet for all signals; what names one signal wins.
    let mut variables = vec![("OTEL_EXPORTER_OTLP_COMPRESSION", "none")];
    let names = ["TRACES", "METRICS", "LOGS"].map(|signal| format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"));
    variables.extend(names.iter().map(|name| (name.as_str(), endpoint.as_str())));
    variables.extend_from_slice(environment);
    let mut demo = Installation::start(&["--quiet"], &variables)?;
    let table = channels::table(&demo)?;
    let traces = send_all(&demo, &canaries, &table)?;
    wait_for_workflows(&demo)?;
    // Its end flushes what the services still hold.
    ensure!(demo.stop()?.success(), "{}", demo.log());

    let mut leaks = Leaks::default();
    let wire = tap.recorded();
    let bytes = wire.iter().map(Vec::len).sum::<usize>();
    ensure!(wire.iter().any(|sent| sent.windows(9).any(|window| window == b"[REDACTED")), "no mask in {bytes} bytes");
    wire.iter().for_each(|sent| needles.find("wire", sent, &mut leaks));
    scan_files(&demo.folder().join("logs"), "log", &needles, &mut leaks)?;
    scan_files(fixture.folder(), "before the flush", &needles, &mut leaks)?;
    fixture.server.flush(Duration::from_secs(60))?;
    scan_files(fixture.folder(), "after the flush", &needles, &mut leaks)?;
    scan_answers(&fixture, since, &traces, &needles, &mut leaks)?;
    ensure!(leaks.is_empty(), "{} traces, {bytes} bytes sent\n{leaks}", traces.len());
    Ok(())
}

#[test]
fn no_secret_of_a_caller_leaves_the_services() -> Result<()> {
    nothing_leaks(&[], 1)
}

/// Prompts are captured, statements kept, everything logged: what an operator may switch on when he looks for a fault. Every third
/// format, for time's sake; `QUARTET_TEST_ALL_CANARIES=1` sends all.
#[test]
fn no_secret_leaves_when_everything_is_captured() -> Result<()> {
    let environment = [
        ("TELEMETRY_CAPTURE_CONTENT", "full"),
        ("TELEMETRY_QUERY_TEXT", "true"),
        ("LOG_LEVEL", "debug"),
        ("OTEL_DEBUG", "true"),
        ("OTEL_SEMCONV_STABILITY_OPT_IN", "http/dup,database/dup"),
    ];
    nothing_leaks(&environment, if setting("QUARTET_TEST_ALL_CANARIES", 0) == 1 { 1 } else { 3 })
}
