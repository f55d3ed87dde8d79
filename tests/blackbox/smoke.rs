//! Each listener answers, and what goes in comes out of the three faces with its types.

use anyhow::{Context, Result, ensure};
use quartet_tests::faces;
use quartet_tests::fixture::{Fixture, now_nanos};
use serde_json::json;
use testkit::grpc::{self, BlockingGrpc};
use testkit::otlp::{self, Any, Attributes, Record, Series, Span, attributes};

#[test]
fn every_listener_answers() -> Result<()> {
    let fixture = Fixture::start()?;
    for (listener, path, expected) in [
        ("tempo", "/ready", "ready"),
        ("tempo", "/api/echo", "echo"),
        ("loki", "/ready", "ready"),
        ("loki", "/loki/api/v1/status/buildinfo", "version"),
        ("mimir", "/ready", "ready"),
        ("mimir", "/prometheus/-/ready", ""),
        ("mimir", "/prometheus/api/v1/status/buildinfo", "success"),
        ("console", "/api/health", ""),
        ("console", "/", ""),
        ("health", "/", "Server available"),
        ("health", "/health", "Server available"),
        ("telemetry", "/metrics", "otelcol_process_uptime"),
    ] {
        let reply = fixture.server.http(listener)?.get(path)?;
        ensure!(reply.status == 200, "{listener} {path}: HTTP {}: {}", reply.status, reply.text());
        ensure!(reply.text().contains(expected), "{listener} {path}: {}", reply.text());
    }
    Ok(())
}

#[test]
fn stops_cleanly_on_sigterm_and_keeps_everything() -> Result<()> {
    let mut fixture = Fixture::start()?;
    let (resource, spans) = sample_trace(1);
    post(&fixture, "/v1/traces", "application/x-protobuf", &otlp::traces(&resource, &spans))?;
    ensure!(fixture.server.stop()? == 0, "exit code is not 0");
    fixture.restart()?;
    let found = faces::trace(&mut fixture.server.http("tempo")?, &spans[0].trace_id)?;
    assert_eq!(found, faces::sent_spans(&resource, &spans));
    Ok(())
}

#[test]
fn a_span_comes_back_with_all_its_fields_and_types() -> Result<()> {
    let fixture = Fixture::start()?;
    let (resource, spans) = sample_trace(2);
    let client = BlockingGrpc::connect(fixture.server.address("otlp-grpc")?)?;
    let reply = client.call(grpc::TRACES, &otlp::traces(&resource, &spans), &[])?;
    assert_eq!((reply.status, reply.http_status), (Some(grpc::OK), 200), "{}", reply.message);
    let mut tempo = fixture.server.http("tempo")?;
    let expected = faces::sent_spans(&resource, &spans);
    assert_eq!(faces::trace(&mut tempo, &spans[0].trace_id)?, expected);
    // From a block it must be the same as from memory.
    fixture.server.flush(std::time::Duration::from_secs(30))?;
    assert_eq!(fixture.server.signal("spans", "headRows")?, 0);
    assert_eq!(faces::trace(&mut tempo, &spans[0].trace_id)?, expected);
    Ok(())
}

#[test]
fn the_second_version_of_the_trace_api_wraps_the_same_spans() -> Result<()> {
    let fixture = Fixture::start()?;
    let (resource, spans) = sample_trace(3);
    post(&fixture, "/v1/traces", "application/x-protobuf", &otlp::traces(&resource, &spans))?;
    let mut tempo = fixture.server.http("tempo")?;
    let id = faces::hex(&spans[0].trace_id);
    let first = tempo.get(&format!("/api/traces/{id}"))?.ok()?.json()?;
    let second = tempo.get(&format!("/api/v2/traces/{id}"))?.ok()?.json()?;
    assert_eq!(first["batches"], second["trace"]["resourceSpans"]);
    assert_eq!(tempo.get("/api/traces/00000000000000000000000000abcdef")?.status, 404);
    assert_eq!(tempo.get("/api/v2/traces/00000000000000000000000000abcdef")?.status, 200);
    assert_eq!(tempo.get("/api/traces/xyz")?.status, 400);
    // In protobuf, version 1 is wire-identical to the OTLP message that went in.
    let reply = tempo.send("GET", &format!("/api/traces/{id}"), &[("accept", "application/protobuf")], b"")?;
    assert_eq!(reply.header("content-type"), Some("application/protobuf"));
    assert_eq!(reply.body.first(), Some(&0x0a), "field 1, length-delimited");
    Ok(())
}

#[test]
fn otlp_json_means_the_same_as_protobuf() -> Result<()> {
    let fixture = Fixture::start()?;
    let start = now_nanos();
    let body = json!({"resourceSpans": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "json"}}]},
        "scopeSpans": [{"scope": {"name": "testkit", "version": "1.0"}, "spans": [{
            "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "parentSpanId": "eee19b7ec3c1b173",
            "name": "from json", "kind": 2, "startTimeUnixNano": start.to_string(), "endTimeUnixNano": start + 5,
            "attributes": [{"key": "count", "value": {"intValue": "7"}}, {"key": "ok", "value": {"boolValue": true}},
                           {"key": "share", "value": {"doubleValue": 0.5}}],
            "status": {"code": 2, "message": "broken"}}]}]}]});
    let reply = post(&fixture, "/v1/traces", "application/json", body.to_string().as_bytes())?;
    assert!(reply.header("content-type").is_some_and(|kind| kind.starts_with("application/json")));
    let trace_id = *b"\x5b\x8e\xff\xf7\x98\x03\x81\x03\xd2\x69\xb6\x33\x81\x3f\xc6\x0c";
    let span = Span {
        trace_id,
        span_id: *b"\xee\xe1\x9b\x7e\xc3\xc1\xb1\x74",
        parent: Some(*b"\xee\xe1\x9b\x7e\xc3\xc1\xb1\x73"),
        name: "from json".to_owned(),
        kind: 2,
        start,
        end: start + 5,
        attributes: attributes([("count", 7.into()), ("ok", Any::Bool(true)), ("share", Any::Double(0.5))]),
        status: Some((2, "broken".to_owned())),
        ..Span::default()
    };
    let found = faces::trace(&mut fixture.server.http("tempo")?, &trace_id)?;
    assert_eq!(found, faces::sent_spans(&attributes([("service.name", "json".into())]), &[span]));
    Ok(())
}

#[test]
fn a_log_record_becomes_a_line_with_labels_and_metadata() -> Result<()> {
    let fixture = Fixture::start()?;
    let time = now_nanos();
    let resource = attributes([("service.name", "shop".into()), ("host.name", "node-1".into())]);
    let record = Record {
        time,
        severity: 17,
        severity_text: "ERROR".to_owned(),
        body: Some("could not pay".into()),
        attributes: attributes([("attempt", 3.into()), ("user.id", "u1".into())]),
        context: Some(([0xab; 16], [0xcd; 8])),
    };
    let structured =
        Record { time: time + 1, body: Some(Any::Map(vec![("a".to_owned(), 1.into())])), ..Record::default() };
    post(&fixture, "/v1/logs", "application/x-protobuf", &otlp::logs(&resource, &[record, structured]))?;
    let mut loki = fixture.server.http("loki")?;
    for round in ["from memory", "from a block"] {
        let found = faces::lines(&mut loki, "{service_name=\"shop\"}", time - 10, time + 10)?;
        ensure!(found.len() == 2, "{round}: {found:?}");
        assert_eq!((found[0].0, found[0].1.as_str()), (time, "could not pay"), "{round}");
        assert_eq!(found[1].1, "{\"a\":1}", "{round}");
        let labels = &found[0].2;
        for (name, value) in [
            ("service_name", "shop"),
            ("host_name", "node-1"),
            ("attempt", "3"),
            ("user_id", "u1"),
            ("severity_text", "ERROR"),
            ("severity_number", "17"),
            ("trace_id", &faces::hex(&[0xab; 16])),
            ("span_id", &faces::hex(&[0xcd; 8])),
            ("scope_name", "testkit"),
        ] {
            assert_eq!(labels[name], value, "{round}: {name} in {labels}");
        }
        let filtered = faces::lines(&mut loki, "{service_name=\"shop\"} |= \"pay\"", time - 10, time + 10)?;
        assert_eq!(filtered.len(), 1, "{round}");
        fixture.server.flush(std::time::Duration::from_secs(30))?;
    }
    let names = loki.get("/loki/api/v1/labels")?.ok()?.json()?;
    assert!(faces::list(&names["data"]).contains(&json!("service_name")), "{names}");
    let values = loki.get("/loki/api/v1/label/service_name/values")?.ok()?.json()?;
    assert_eq!(values["data"], json!(["shop"]));
    Ok(())
}

#[test]
fn a_loki_push_comes_back() -> Result<()> {
    let fixture = Fixture::start()?;
    let time = now_nanos();
    let body = json!({"streams": [{"stream": {"app": "cart"}, "values": [
        [time.to_string(), "line one"], [(time + 1).to_string(), "line two", {"trace_id": "ab"}]]}]});
    let mut loki = fixture.server.http("loki")?;
    let reply = loki.post("/loki/api/v1/push", "application/json", body.to_string().as_bytes())?;
    ensure!(reply.status == 204, "HTTP {}: {}", reply.status, reply.text());
    let found = faces::lines(&mut loki, "{app=\"cart\"}", time - 10, time + 10)?;
    let texts: Vec<&str> = found.iter().map(|(_, line, _)| line.as_str()).collect();
    assert_eq!(texts, ["line one", "line two"]);
    assert_eq!(found[1].2["trace_id"], "ab");
    assert_eq!(found[0].2["service_name"], "cart", "taken from the label `app`");
    Ok(())
}

#[test]
fn samples_of_both_protocols_come_back() -> Result<()> {
    let fixture = Fixture::start()?;
    let second = now_nanos() / 1_000_000_000 - 60;
    let labels = [("__name__", "requests_total"), ("code", "200"), ("job", "api")];
    let samples = [(second as i64 * 1000, 1.5), ((second + 15) as i64 * 1000, f64::INFINITY)];
    let raw = otlp::remote_write(&[Series { labels: &labels, samples: &samples }]);
    let packed = snap::raw::Encoder::new().compress_vec(&raw)?;
    let mut mimir = fixture.server.http("mimir")?;
    let headers = [("content-type", "application/x-protobuf"), ("content-encoding", "snappy")];
    let reply = mimir.send("POST", "/api/v1/push", &headers, &packed)?;
    ensure!((200..300).contains(&reply.status), "HTTP {}: {}", reply.status, reply.text());
    let resource = attributes([("service.name", "api".into()), ("service.instance.id", "i1".into())]);
    let points = [(attributes([("room.name", "hall".into())]), second * 1_000_000_000, 21.25)];
    post(&fixture, "/v1/metrics", "application/x-protobuf", &otlp::gauge(&resource, "room.temperature", &points))?;
    for round in ["from memory", "from a block"] {
        let found = faces::samples(&mut mimir, "requests_total{code=\"200\"}", second, second + 15, 15)?;
        assert_eq!(found, [(second as f64, "1.5".to_owned()), ((second + 15) as f64, "+Inf".to_owned())], "{round}");
        let found = faces::instant(&mut mimir, "room_temperature", second + 1)?;
        ensure!(found.len() == 1, "{round}: {found:?}");
        assert_eq!(found[0].1, "21.25", "{round}");
        let labels = json!({"__name__": "room_temperature", "job": "api", "instance": "i1", "room_name": "hall",
            "service_name": "api", "service_instance_id": "i1"});
        assert_eq!(found[0].0, labels, "{round}");
        fixture.server.flush(std::time::Duration::from_secs(30))?;
    }
    let names = mimir.get("/prometheus/api/v1/label/__name__/values")?.ok()?.json()?;
    assert!(faces::list(&names["data"]).contains(&json!("requests_total")), "{names}");
    Ok(())
}

#[test]
fn tenants_do_not_see_each_other() -> Result<()> {
    let fixture = Fixture::start()?;
    let (resource, spans) = sample_trace(4);
    let headers = [("content-type", "application/x-protobuf"), ("x-scope-orgid", "team-a")];
    let body = otlp::traces(&resource, &spans);
    fixture.server.http("otlp-http")?.send("POST", "/v1/traces", &headers, &body)?.ok()?;
    let mut tempo = fixture.server.http("tempo")?;
    let path = format!("/api/traces/{}", faces::hex(&spans[0].trace_id));
    assert_eq!(tempo.get(&path)?.status, 404, "the default tenant must not see it");
    assert_eq!(tempo.send("GET", &path, &[("x-scope-orgid", "team-b")], b"")?.status, 404);
    assert_eq!(tempo.send("GET", &path, &[("x-scope-orgid", "team-a")], b"")?.status, 200);
    Ok(())
}

#[test]
fn compressed_requests_are_the_same_requests() -> Result<()> {
    use std::io::Write as _;
    let fixture = Fixture::start()?;
    let mut http = fixture.server.http("otlp-http")?;
    let grpc = BlockingGrpc::connect(fixture.server.address("otlp-grpc")?)?;
    for (number, encoding) in (10..).zip(["gzip", "zstd"]) {
        let (resource, spans) = sample_trace(number);
        let (more_resource, more) = sample_trace(number + 100);
        let pack = |body: &[u8]| -> Result<Vec<u8>> {
            if encoding == "zstd" {
                return Ok(zstd::encode_all(body, 3)?);
            }
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(body)?;
            Ok(gzip.finish()?)
        };
        let packed = pack(&otlp::traces(&resource, &spans))?;
        let headers = [("content-type", "application/x-protobuf"), ("content-encoding", encoding)];
        http.send("POST", "/v1/traces", &headers, &packed)?.ok().context(encoding)?;
        let packed = pack(&otlp::traces(&more_resource, &more))?;
        let reply = grpc.call_framed(grpc::TRACES, grpc::frame_compressed(&packed), &[("grpc-encoding", encoding)])?;
        assert_eq!(reply.status, Some(grpc::OK), "{encoding}: {}", reply.message);
        let mut tempo = fixture.server.http("tempo")?;
        assert_eq!(faces::trace(&mut tempo, &spans[0].trace_id)?, faces::sent_spans(&resource, &spans), "{encoding}");
        assert_eq!(
            faces::trace(&mut tempo, &more[0].trace_id)?,
            faces::sent_spans(&more_resource, &more),
            "{encoding}"
        );
    }
    Ok(())
}

#[test]
fn the_collector_counts_truly() -> Result<()> {
    let fixture = Fixture::start()?;
    let (resource, spans) = sample_trace(5);
    post(&fixture, "/v1/traces", "application/x-protobuf", &otlp::traces(&resource, &spans))?;
    let refused = fixture.server.http("otlp-http")?.post("/v1/traces", "application/x-protobuf", b"\xff\xff\xff")?;
    assert_eq!(refused.status, 400);
    let page = fixture.server.http("telemetry")?.get("/metrics")?.ok()?.text();
    let accepted: f64 = metric(&page, "otelcol_receiver_accepted_spans", "http")?;
    assert_eq!(accepted, spans.len() as f64, "{page}");
    Ok(())
}

/// The value of the line of `name` (with or without `_total`) whose labels hold `label`.
fn metric(page: &str, name: &str, label: &str) -> Result<f64> {
    let line = page.lines().find(|line| line.starts_with(name) && line.contains(label));
    let value =
        line.and_then(|line| line.rsplit(' ').next()).with_context(|| format!("no {name} with {label} in {page}"))?;
    Ok(value.parse()?)
}

fn post(fixture: &Fixture, path: &str, kind: &str, body: &[u8]) -> Result<testkit::http::Reply> {
    fixture.server.http("otlp-http")?.post(path, kind, body)?.ok()
}

/// A trace of two spans that uses each field and each type of value; `number` makes its ids.
fn sample_trace(number: u8) -> (Attributes, Vec<Span>) {
    let start = now_nanos();
    let resource =
        attributes([("service.name", "shop".into()), ("process.pid", 42.into()), ("edge", Any::Bool(false))]);
    let every_type = attributes([
        ("text", "täxt \"quoted\" \u{1F680}".into()),
        ("empty", "".into()),
        ("truth", Any::Bool(true)),
        ("negative", (-5).into()),
        ("zero", 0.into()),
        ("largest", i64::MAX.into()),
        ("smallest", i64::MIN.into()),
        ("double", Any::Double(-0.125)),
        ("bytes", Any::Bytes(vec![0, 255, 7])),
        ("list", Any::List(vec!["a".into(), 1.into(), Any::Double(2.5), Any::List(vec![Any::Bool(true)])])),
        (
            "map",
            Any::Map(vec![
                ("inner".to_owned(), "x".into()),
                ("deep".to_owned(), Any::Map(vec![("n".to_owned(), 1.into())])),
            ]),
        ),
        ("http.response.status_code", 200.into()),
    ]);
    let root = Span {
        trace_id: [number; 16],
        span_id: [1; 8],
        name: "GET /cart".to_owned(),
        kind: 2,
        start,
        end: start + 1_500_000_001,
        attributes: every_type,
        events: vec![
            (start + 10, "exception".to_owned(), attributes([("exception.type", "Boom".into()), ("line", 7.into())])),
            (start + 20, "retry".to_owned(), Attributes::new()),
        ],
        links: vec![([9; 16], [8; 8], attributes([("why", "follows".into())]))],
        status: Some((2, "it broke".to_owned())),
        trace_state: "vendor=1,other=2".to_owned(),
        ..Span::default()
    };
    // The same key with another type in the next span: types must not leak from one to the other.
    let child = Span {
        trace_id: [number; 16],
        span_id: [2; 8],
        parent: Some([1; 8]),
        name: "SELECT".to_owned(),
        kind: 3,
        start: start + 5,
        end: start + 6,
        attributes: attributes([
            ("text", 12.into()),
            ("truth", "true".into()),
            ("http.response.status_code", "200".into()),
        ]),
        status: Some((1, String::new())),
        ..Span::default()
    };
    (resource, vec![root, child])
}
