//! Broken requests get the protocol's own error or a partial success; the good part is kept and the server lives.

use anyhow::{Context, Result, ensure};
use quartet_tests::faces;
use quartet_tests::fixture::{Fixture, now_nanos};
use serde_json::json;
use testkit::grpc::{self, BlockingGrpc};
use testkit::http::Reply;
use testkit::otlp::{self, Any, Attributes, Record, Series, Span, attributes};
use testkit::rng::Rng;

const PROTOBUF: &str = "application/x-protobuf";
/// gRPC's INVALID_ARGUMENT.
const INVALID: u32 = 3;

fn span(id: u8) -> Span {
    let start = now_nanos();
    Span {
        trace_id: [id; 16],
        span_id: [id; 8],
        name: "s".to_owned(),
        kind: 1,
        start,
        end: start + 1,
        ..Span::default()
    }
}

fn service() -> Attributes {
    attributes([("service.name", "bad".into())])
}

/// After anything bad a good request must still work and nothing may have panicked.
fn check_alive(fixture: &mut Fixture) -> Result<()> {
    ensure!(fixture.server.alive()?, "the server ended: {}", fixture.server.log_tail());
    ensure!(!fixture.server.panicked(), "panic: {}", fixture.server.log_tail());
    let good = span(0x77);
    fixture.server.http("otlp-http")?.post("/v1/traces", PROTOBUF, &otlp::traces(&service(), &[good]))?.ok()?;
    let found = faces::trace(&mut fixture.server.http("tempo")?, &[0x77; 16])?;
    ensure!(found.len() == 1, "a good span after the bad ones is not found");
    Ok(())
}

fn statuses_in(reply: &Reply, allowed: &[u16], what: &str) -> Result<()> {
    ensure!(allowed.contains(&reply.status), "{what}: HTTP {}: {}", reply.status, reply.text());
    Ok(())
}

#[test]
fn truncated_and_bit_flipped_requests_never_hurt() -> Result<()> {
    let mut fixture = Fixture::start()?;
    let mut rng = Rng::new(11);
    let mut http = fixture.server.http("otlp-http")?;
    let mut mimir = fixture.server.http("mimir")?;
    let mut loki = fixture.server.http("loki")?;
    let record = Record { time: now_nanos(), body: Some("line".into()), attributes: service(), ..Record::default() };
    let labels = [("__name__", "m"), ("job", "x")];
    let samples = [(now_nanos() as i64 / 1_000_000, 1.0)];
    let write = otlp::remote_write(&[Series { labels: &labels, samples: &samples }]);
    let bodies = [
        ("/v1/traces", otlp::traces(&service(), &[span(1), span(2)])),
        ("/v1/logs", otlp::logs(&service(), &[record])),
        ("/v1/metrics", otlp::gauge(&service(), "g", &[(service(), now_nanos(), 1.0)])),
    ];
    for round in 0..150 {
        for (path, body) in &bodies {
            let broken = break_body(&mut rng, body, round);
            let reply = http.post(path, PROTOBUF, &broken)?;
            statuses_in(&reply, &[200, 400], path)?;
        }
        let broken = break_body(&mut rng, &write, round);
        let packed = snap::raw::Encoder::new().compress_vec(&broken)?;
        let packed = if round % 3 == 0 { break_body(&mut rng, &packed, round) } else { packed };
        let headers = [("content-type", PROTOBUF), ("content-encoding", "snappy")];
        statuses_in(&mimir.send("POST", "/api/v1/push", &headers, &packed)?, &[200, 204, 400], "remote write")?;
        statuses_in(&loki.post("/loki/api/v1/push", PROTOBUF, &packed)?, &[204, 400], "loki push")?;
    }
    check_alive(&mut fixture)
}

fn break_body(rng: &mut Rng, body: &[u8], round: usize) -> Vec<u8> {
    let mut broken = body.to_vec();
    if round.is_multiple_of(2) {
        broken.truncate(rng.below(body.len() as u64) as usize);
    } else {
        for _ in 0..rng.range(1, 6) {
            let position = rng.below(broken.len() as u64) as usize;
            broken[position] ^= 1 << rng.below(8);
        }
    }
    broken
}

#[test]
fn an_undecodable_request_gets_a_status_in_its_own_encoding() -> Result<()> {
    let mut fixture = Fixture::start()?;
    let mut http = fixture.server.http("otlp-http")?;
    let reply = http.post("/v1/traces", PROTOBUF, b"\x0a\xff\xff\xff\xff\x0f")?;
    statuses_in(&reply, &[400], "protobuf")?;
    assert_eq!(reply.header("content-type"), Some(PROTOBUF));
    for body in [
        "{",
        "[]",
        "nonsense",
        r#"{"resourceSpans": 7}"#,
        r#"{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "xyz"}]}]}]}"#,
    ] {
        let reply = http.post("/v1/traces", "application/json", body.as_bytes())?;
        statuses_in(&reply, &[400, 200], body)?;
        if reply.status == 400 {
            let status = reply.json().context(body)?;
            ensure!(status["message"].as_str().is_some_and(|text| !text.is_empty()), "{body}: {status}");
        } else {
            ensure!(reply.json()?["partialSuccess"]["rejectedSpans"] == "1", "{body}: {}", reply.text());
        }
    }
    let client = BlockingGrpc::connect(fixture.server.address("otlp-grpc")?)?;
    let reply = client.call(grpc::TRACES, b"\x0a\xff\xff\xff\xff\x0f", &[])?;
    assert_eq!(reply.status, Some(INVALID), "{}", reply.message);
    check_alive(&mut fixture)
}

#[test]
fn wrong_types_methods_and_paths_get_their_statuses() -> Result<()> {
    let mut fixture = Fixture::start()?;
    let mut http = fixture.server.http("otlp-http")?;
    statuses_in(&http.post("/v1/traces", "text/plain", b"x")?, &[415], "content type")?;
    statuses_in(&http.get("/v1/traces")?, &[405], "method")?;
    statuses_in(&http.post("/v1/nothing", PROTOBUF, b"")?, &[404], "path")?;
    let headers = [("content-type", PROTOBUF), ("content-encoding", "brotli")];
    statuses_in(&http.send("POST", "/v1/traces", &headers, b"x")?, &[400, 415], "encoding")?;
    let headers = [("content-type", PROTOBUF), ("content-encoding", "gzip")];
    statuses_in(&http.send("POST", "/v1/traces", &headers, b"not gzip")?, &[400], "not gzip")?;
    statuses_in(&http.post("/v1/traces", PROTOBUF, b"")?, &[200], "an empty request is a success")?;
    let mut mimir = fixture.server.http("mimir")?;
    statuses_in(&mimir.get("/api/v1/push")?, &[405], "remote write by GET")?;
    statuses_in(&mimir.post("/api/v1/push", "text/plain", b"x")?, &[415], "remote write as text")?;
    let mut loki = fixture.server.http("loki")?;
    for body in ["{", r#"{"streams": [{"stream": {}, "values": [["abc", "x"]]}]}"#, r#"{"streams": []}"#] {
        statuses_in(&loki.post("/loki/api/v1/push", "application/json", body.as_bytes())?, &[400], body)?;
    }
    for (listener, path) in [
        ("loki", "/loki/api/v1/query_range?query=%7B"),
        ("loki", "/loki/api/v1/query_range"),
        ("loki", "/loki/api/v1/query_range?query=%7Ba%3D%22b%22%7D&start=yesterday"),
        ("mimir", "/prometheus/api/v1/query?query=%7B"),
        ("mimir", "/prometheus/api/v1/series"),
        ("mimir", "/prometheus/api/v1/query_range?query=up&start=2&end=1&step=1"),
        ("tempo", "/api/traces/zz"),
    ] {
        statuses_in(&fixture.server.http(listener)?.get(path)?, &[400], path)?;
    }
    check_alive(&mut fixture)
}

#[test]
fn the_good_part_of_a_batch_is_kept() -> Result<()> {
    let mut fixture = Fixture::start()?;
    let mut http = fixture.server.http("otlp-http")?;
    let id = |digit: &str, length: usize| digit.repeat(length);
    let spans: Vec<_> = [("4", 32, 16), ("5", 30, 16), ("6", 32, 14), ("0", 32, 16)]
        .into_iter()
        .map(|(digit, trace, span)| {
            json!({"traceId": id(digit, trace), "spanId": id(digit, span), "name": "n", "kind": 1,
                   "startTimeUnixNano": now_nanos().to_string(), "endTimeUnixNano": now_nanos().to_string()})
        })
        .collect();
    let body = json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).to_string();
    let reply = http.post("/v1/traces", "application/json", body.as_bytes())?.ok()?;
    let partial = &reply.json()?["partialSuccess"];
    assert_eq!(partial["rejectedSpans"], "3", "two with ids of a wrong length, one with zeros: {partial}");
    ensure!(partial["errorMessage"].as_str().is_some_and(|text| text.contains("id")), "{partial}");
    assert_eq!(faces::trace(&mut fixture.server.http("tempo")?, &[0x44; 16])?.len(), 1);

    let labels = [("__name__", "good"), ("job", "x")];
    let unnamed = [("job", "x")];
    let now = now_nanos() as i64 / 1_000_000;
    let raw = otlp::remote_write(&[
        Series { labels: &labels, samples: &[(now, 5.0)] },
        Series { labels: &unnamed, samples: &[(now, 6.0)] },
    ]);
    let packed = snap::raw::Encoder::new().compress_vec(&raw)?;
    let mut mimir = fixture.server.http("mimir")?;
    let reply =
        mimir.send("POST", "/api/v1/push", &[("content-type", PROTOBUF), ("content-encoding", "snappy")], &packed)?;
    statuses_in(&reply, &[400], "remote write answers 400 when a part was invalid")?;
    let found = faces::instant(&mut mimir, "good", now as u64 / 1000 + 1)?;
    ensure!(found.len() == 1 && found[0].1 == "5", "the good series is kept: {found:?}");
    check_alive(&mut fixture)
}

#[test]
fn odd_but_valid_records_are_kept_as_they_are() -> Result<()> {
    let mut fixture = Fixture::start()?;
    let mut http = fixture.server.http("otlp-http")?;
    let many: Attributes = (0..10_000).map(|number| (format!("key.{number:05}"), Any::Int(number))).collect();
    let mut deep = Any::Int(1);
    for _ in 0..12 {
        deep = Any::List(vec![Any::Map(vec![("x".to_owned(), deep)])]);
    }
    let long = "x".repeat(100_000);
    let year = 31_557_600_000_000_000;
    let odd = [
        Span { attributes: many, ..span(1) },
        Span { attributes: attributes([("deep", deep)]), ..span(2) },
        Span { attributes: attributes([("long", long.as_str().into())]), name: long.clone(), ..span(3) },
        Span { start: 1, end: 2, ..span(4) },
        Span { start: 130 * year, end: 130 * year + 1, ..span(5) },
        Span { start: 1_000, end: 10, ..span(6) },
        Span { name: String::new(), ..span(7) },
        Span { attributes: attributes([("", "empty key".into())]), ..span(8) },
    ];
    for span in &odd {
        let body = otlp::traces(&service(), std::slice::from_ref(span));
        let reply = http.post("/v1/traces", PROTOBUF, &body)?;
        ensure!(reply.status == 200 && reply.body.is_empty(), "span {}: {}", span.span_id[0], reply.text());
    }
    for round in ["from memory", "from a block", "after a restart"] {
        let mut tempo = fixture.server.http("tempo")?;
        for span in &odd {
            let found = faces::trace(&mut tempo, &span.trace_id)?;
            let sent = faces::sent_spans(&service(), std::slice::from_ref(span));
            ensure!(found == sent, "{round}: span {} is not as sent", span.span_id[0]);
        }
        match round {
            "from memory" => fixture.server.flush(std::time::Duration::from_secs(30))?,
            "from a block" => fixture.crash_and_restart()?,
            _ => {}
        }
    }
    check_alive(&mut fixture)
}

#[test]
fn very_deep_nesting_is_refused_and_not_recursed_into() -> Result<()> {
    let mut fixture = Fixture::start()?;
    let mut http = fixture.server.http("otlp-http")?;
    // Deep enough to end any parser that recurses without a limit.
    let depth = 100_000;
    let json = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"{}","spanId":"{}","name":"n","attributes":[{{"key":"k","value":{}1{}}}]}}]}}]}}]}}"#,
        "a".repeat(32),
        "b".repeat(16),
        r#"{"arrayValue":{"values":["#.repeat(depth),
        "]}}".repeat(depth)
    );
    statuses_in(&http.post("/v1/traces", "application/json", json.as_bytes())?, &[400, 200], "deep JSON")?;
    statuses_in(&http.post("/v1/traces", "application/json", "[".repeat(1 << 20).as_bytes())?, &[400], "deep list")?;
    let mut nested = vec![];
    // Length-delimited field 5 (arrayValue) around field 1 (values), over and over: lengths stay valid.
    for _ in 0..2_000 {
        for field in [0x0a, 0x2a] {
            let mut outer = vec![field];
            varint(&mut outer, nested.len() as u64);
            outer.extend_from_slice(&nested);
            nested = outer;
        }
    }
    let mut out = vec![0x0a];
    for field in [0x4a, 0x12, 0x12, 0x0a] {
        let mut outer = vec![field];
        varint(&mut outer, nested.len() as u64);
        outer.extend_from_slice(&nested);
        nested = outer;
    }
    out.clear();
    out.extend_from_slice(&nested);
    statuses_in(&http.post("/v1/traces", PROTOBUF, &out)?, &[400, 200], "deep protobuf")?;
    check_alive(&mut fixture)
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[test]
fn invalid_utf8_is_refused_or_repaired_but_never_stored_raw() -> Result<()> {
    let mut fixture = Fixture::start()?;
    let mut body = otlp::traces(&service(), &[Span { name: "NAME".to_owned(), ..span(0x31) }]);
    let position = body.windows(4).position(|window| window == b"NAME").context("the name is in the request")?;
    body[position] = 0xff;
    let reply = fixture.server.http("otlp-http")?.post("/v1/traces", PROTOBUF, &body)?;
    statuses_in(&reply, &[200, 400], "invalid UTF-8")?;
    // Whatever was decided, the answer of the face must be valid JSON.
    let reply = fixture.server.http("tempo")?.get(&format!("/api/traces/{}", "31".repeat(16)))?;
    statuses_in(&reply, &[200, 404], "trace")?;
    ensure!(std::str::from_utf8(&reply.body).is_ok(), "the answer is not UTF-8");
    check_alive(&mut fixture)
}

#[test]
fn log_records_of_1970_and_2100_are_kept() -> Result<()> {
    let mut fixture = Fixture::start()?;
    for (time, name) in [(1_000_000_000_000, "old"), (4_102_444_800_000_000_000, "future")] {
        let resource = attributes([("service.name", name.into())]);
        let record = Record { time, body: Some(name.into()), ..Record::default() };
        fixture.server.http("otlp-http")?.post("/v1/logs", PROTOBUF, &otlp::logs(&resource, &[record]))?.ok()?;
        let mut loki = fixture.server.http("loki")?;
        let found = faces::lines(&mut loki, &format!("{{service_name=\"{name}\"}}"), time - 1, time + 1)?;
        ensure!(found.len() == 1 && found[0].1 == name, "{name}: {found:?}");
    }
    check_alive(&mut fixture)
}

#[test]
fn the_wrong_protocol_on_a_port_gets_an_answer() -> Result<()> {
    let mut fixture = Fixture::start()?;
    // gRPC on the HTTP port: served, or told what is wrong.
    let client = BlockingGrpc::connect(fixture.server.address("otlp-http")?)?;
    let reply = client.call(grpc::TRACES, &otlp::traces(&service(), &[span(0x21)]), &[])?;
    let told =
        reply.http_status >= 400 || reply.status.is_some_and(|status| status != grpc::OK && !reply.message.is_empty());
    ensure!(reply.status == Some(grpc::OK) || told, "gRPC on the HTTP port: {reply:?}");
    // HTTP/1.1 on the gRPC port.
    let mut http = fixture.server.http("otlp-grpc")?;
    let reply = http.post("/v1/traces", PROTOBUF, &otlp::traces(&service(), &[span(0x22)]));
    let reply = reply.context("HTTP on the gRPC port must get an HTTP answer")?;
    ensure!(
        reply.status == 200 || reply.text().contains("4318") || reply.text().to_lowercase().contains("grpc"),
        "HTTP on the gRPC port: {} {}",
        reply.status,
        reply.text()
    );
    check_alive(&mut fixture)
}
