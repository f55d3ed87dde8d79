//! Secrets of sixty formats through every receiver: nothing on the disk holds one, nor does any answer or page.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use quartet_tests::faces;
use quartet_tests::fixture::{Fixture, now_nanos};
use serde_json::json;
use testkit::canaries::{self, Canary};
use testkit::grpc::{self, BlockingGrpc};
use testkit::otlp::{self, Any, Attributes, Record, Series, Span, attributes};

/// Attributes that hold the canary as a header, a URL, a body, a statement and under its own name.
fn carriers(canary: &Canary) -> Attributes {
    let text = canary.text.as_str();
    let own = if canary.key == "note" { text } else { canary.secret.as_str() };
    attributes([
        (canary.key, own.into()),
        ("http.request.header.authorization", Any::List(vec![own.into()])),
        ("http.request.header.x-api-key", Any::List(vec![canary.secret.as_str().into()])),
        ("http.request.body", format!("{{\"a\": 1, \"password\": {}}}", json!(canary.secret)).as_str().into()),
        ("error.message", format!("upstream said: {text} is not valid").as_str().into()),
        (
            "payload",
            Any::Map(vec![("inner".to_owned(), Any::List(vec![text.into()])), ("token".to_owned(), own.into())]),
        ),
        ("raw", Any::Bytes(text.as_bytes().to_vec())),
    ])
}

fn span(canary: &Canary, number: u64) -> Span {
    Span {
        trace_id: [42; 16],
        span_id: (number + 1).to_be_bytes(),
        name: format!("call {}", canary.text),
        kind: 3,
        start: now_nanos(),
        end: now_nanos() + 1,
        attributes: carriers(canary),
        events: vec![(now_nanos(), "exception".to_owned(), carriers(canary))],
        status: Some((2, canary.text.clone())),
        ..Span::default()
    }
}

fn gzip(body: &[u8]) -> Result<Vec<u8>> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(body)?;
    Ok(gzip.finish()?)
}

/// Spans and logs over gRPC and HTTP, plain and compressed, protobuf and JSON.
fn send_otlp(fixture: &Fixture, canary: &Canary, number: u64) -> Result<()> {
    let resource = attributes([("service.name", "leaky".into()), ("note", canary.text.as_str().into())]);
    let spans = otlp::traces(&resource, &[span(canary, number)]);
    let record = |time| Record {
        time,
        body: Some(canary.text.as_str().into()),
        attributes: carriers(canary),
        ..Record::default()
    };
    let logs = otlp::logs(&resource, &[record(now_nanos()), record(now_nanos() + 1)]);
    let points = [(carriers(canary), now_nanos(), 1.0)];
    let gauge = otlp::gauge(&attributes([("service.name", "leaky".into())]), "leaks", &points);
    let mut http = fixture.server.http("otlp-http")?;
    let grpc = BlockingGrpc::connect(fixture.server.address("otlp-grpc")?)?;
    for (path, body) in [("/v1/traces", &spans), ("/v1/logs", &logs), ("/v1/metrics", &gauge)] {
        let headers = [("content-type", "application/x-protobuf"), ("content-encoding", "gzip")];
        http.send("POST", path, &headers, &gzip(body)?)?.ok().context(canary.name)?;
    }
    let reply = grpc.call_framed(grpc::TRACES, grpc::frame(&spans), &[])?;
    ensure!(reply.status == Some(grpc::OK), "{}: {}", canary.name, reply.message);
    let reply = grpc.call_framed(grpc::TRACES, grpc::frame_compressed(&gzip(&spans)?), &[("grpc-encoding", "gzip")])?;
    ensure!(reply.status == Some(grpc::OK), "{}: {}", canary.name, reply.message);
    let pair = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let body = json!({"resourceLogs": [{"resource": {"attributes": [pair("service.name", "leaky")]}, "scopeLogs": [{"logRecords": [{
        "timeUnixNano": now_nanos().to_string(), "body": {"stringValue": canary.text},
        "attributes": [pair("url.full", &format!("https://x.example/?q=1&key={}", canary.secret.replace([' ', ';', '='], ""))),
                       pair("password", &canary.secret), pair("note", &canary.text)]}]}]}]});
    http.post("/v1/logs", "application/json", body.to_string().as_bytes())?.ok().context(canary.name)?;
    Ok(())
}

/// Loki push in both forms, remote write, and requests that are refused.
fn send_pushes(fixture: &Fixture, canary: &Canary) -> Result<()> {
    let own = if canary.key == "note" { &canary.text } else { &canary.secret };
    let mut loki = fixture.server.http("loki")?;
    let body = json!({"streams": [{"stream": {"app": "leaky", "note": canary.text}, "values": [
        [now_nanos().to_string(), canary.text], [now_nanos().to_string(), "x", {canary.key.replace(['.', '-'], "_"): own}]]}]});
    let reply = loki.post("/loki/api/v1/push", "application/json", body.to_string().as_bytes())?;
    ensure!(reply.status == 204, "{}: HTTP {}: {}", canary.name, reply.status, reply.text());
    let name = canary.key.replace(['.', '-'], "_");
    let mut labels = vec![("__name__", "leak"), (name.as_str(), own.as_str()), ("text", canary.text.as_str())];
    labels.sort_unstable();
    let raw = otlp::remote_write(&[Series { labels: &labels, samples: &[(now_nanos() as i64 / 1_000_000, 1.0)] }]);
    let packed = snap::raw::Encoder::new().compress_vec(&raw)?;
    let headers = [("content-type", "application/x-protobuf"), ("content-encoding", "snappy")];
    let mut mimir = fixture.server.http("mimir")?;
    let reply = mimir.send("POST", "/api/v1/push", &headers, &packed)?;
    ensure!((200..300).contains(&reply.status), "{}: HTTP {}: {}", canary.name, reply.status, reply.text());
    // Refused: what the reason repeats is shown on the status page.
    let http = &mut fixture.server.http("otlp-http")?;
    let refused =
        http.post("/v1/logs", "application/json", format!("{{\"resourceLogs\": \"{}\"}}", canary.secret).as_bytes())?;
    ensure!(refused.status >= 400, "{}", canary.name);
    Ok(())
}

fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { files(&path, found)? } else { found.push(path) }
    }
    Ok(())
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    let secret = secret.as_bytes();
    bytes.windows(secret.len()).any(|window| window == secret)
}

/// No file below the test's folder (data and log) holds a canary, compressed ones of Parquet's pages aside: those the faces decode.
fn scan_files(fixture: &Fixture, canaries: &[Canary], round: &str) -> Result<()> {
    let mut found = Vec::new();
    files(fixture.folder(), &mut found)?;
    ensure!(!found.is_empty(), "no files in {}", fixture.folder().display());
    for path in found {
        let bytes = std::fs::read(&path)?;
        for canary in canaries {
            ensure!(!holds(&bytes, &canary.secret), "{round}: {} holds {}", path.display(), canary.name);
        }
    }
    Ok(())
}

fn scan_answers(fixture: &Fixture, canaries: &[Canary], round: &str) -> Result<()> {
    let (start, end) = (now_nanos() - 3_600_000_000_000, now_nanos() + 60_000_000_000);
    let range = format!("start={start}&end={end}&limit=5000");
    let trace = format!("/api/traces/{}", faces::hex(&[42; 16]));
    for (listener, path, expected) in [
        ("tempo", trace.as_str(), "REDACTED"),
        ("loki", &format!("/loki/api/v1/query_range?query=%7Bservice_name%3D%22leaky%22%7D&{range}"), "REDACTED"),
        ("loki", &format!("/loki/api/v1/query_range?query=%7Bapp%3D%22leaky%22%7D&{range}"), "REDACTED"),
        ("mimir", "/prometheus/api/v1/series?match[]=leak&match[]=leaks", "REDACTED"),
        ("mimir", "/prometheus/api/v1/labels", "success"),
        ("telemetry", "/metrics", "quartet_redacted_values_total"),
        ("console", "/", "Masked before they were stored"),
        ("console", "/api/status", "redacted"),
    ] {
        let reply = fixture.server.http(listener)?.get(path)?.ok().with_context(|| path.to_owned())?;
        ensure!(reply.text().contains(expected), "{round}: {path}: no {expected} in {}", reply.text());
        for canary in canaries {
            ensure!(!holds(reply.text().as_bytes(), &canary.secret), "{round}: {path} tells {}", canary.name);
        }
    }
    Ok(())
}

#[test]
fn no_secret_is_stored_or_told() -> Result<()> {
    let mut fixture = Fixture::start()?;
    let canaries = canaries::all(now_nanos());
    for (number, canary) in (0..).zip(&canaries) {
        send_otlp(&fixture, canary, number)?;
        send_pushes(&fixture, canary)?;
    }
    scan_files(&fixture, &canaries, "in the log")?;
    scan_answers(&fixture, &canaries, "from memory")?;
    fixture.server.flush(Duration::from_secs(60))?;
    scan_files(&fixture, &canaries, "in blocks")?;
    scan_answers(&fixture, &canaries, "from blocks")?;
    fixture.crash_and_restart()?;
    scan_files(&fixture, &canaries, "after a crash")?;
    Ok(())
}

#[test]
fn switched_off_it_stores_what_comes() -> Result<()> {
    let fixture = Fixture::start_with(|options| options.extra.push("--no-redaction".to_owned()))?;
    let canary = &canaries::all(1)[0];
    let body = otlp::traces(&Attributes::new(), &[span(canary, 0)]);
    fixture.server.http("otlp-http")?.post("/v1/traces", "application/x-protobuf", &body)?.ok()?;
    let reply = fixture.server.http("tempo")?.get(&format!("/api/traces/{}", faces::hex(&[42; 16])))?.ok()?;
    ensure!(holds(reply.text().as_bytes(), &canary.secret), "the canary is gone");
    ensure!(
        fixture.server.http("console")?.get("/")?.ok()?.text().contains("Switched off"),
        "the status page does not tell"
    );
    Ok(())
}
