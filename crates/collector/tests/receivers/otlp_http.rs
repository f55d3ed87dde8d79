//! OTLP over HTTP, on the same port.

use std::time::Duration;

use collector::ReceiverSettings;
use serde_json::json;
use store_api::{Appended, BodyEncoding, StoreError, WireFormat};
use testkit::http::HttpClient;

use crate::fake::{MakeError, Server, gzip, spans, zstd};

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");

#[test]
fn each_signal_has_its_path_and_answers_in_its_encoding() {
    let server = Server::start();
    let mut client = server.http();
    for (path, format) in [
        ("/v1/traces", WireFormat::OtlpTraces),
        ("/v1/metrics", WireFormat::OtlpMetrics),
        ("/v1/logs", WireFormat::OtlpLogs),
    ] {
        let reply = client.send("POST", path, &[PROTOBUF], &spans(3)).expect("answered");
        assert_eq!((reply.status, reply.body.as_slice()), (200, &b""[..]));
        assert_eq!(reply.header("content-type"), Some("application/x-protobuf"));
        assert_eq!((server.last().1.format, &server.last().1.body[..]), (format, &spans(3)[..]));
        let reply = client.send("POST", path, &[JSON], b"{}").expect("answered");
        assert_eq!((reply.status, reply.text().as_str()), (200, "{}"));
        assert_eq!(reply.header("content-type"), Some("application/json"));
    }
    assert_eq!(server.metric("otelcol_receiver_accepted_spans{receiver=\"otlp\",transport=\"http\"}"), 3.0);
}

#[test]
fn json_becomes_protobuf() {
    let server = Server::start();
    let body = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [{
        "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "eee19b7ec3c1b174", "name": "x", "kind": 2,
        "startTimeUnixNano": "1795363200000000000", "endTimeUnixNano": 1_795_363_201_000_000_000u64,
    }] }] }] });
    let reply = server.http().send("POST", "/v1/traces", &[JSON], body.to_string().as_bytes()).expect("answered");
    assert_eq!(reply.status, 200, "{}", reply.text());
    let payload = server.last().1;
    assert_eq!(collector::count::records(payload.format, &payload.body), 1);
    assert!(payload.body.windows(2).any(|bytes| bytes == [0x5b, 0x8e]), "the trace id is in the message");
    let broken = server.http().send("POST", "/v1/traces", &[JSON], b"{\"resourceSpans\": [").expect("answered");
    assert_eq!((broken.status, broken.json().expect("JSON")["code"].as_u64()), (400, Some(3)));
}

#[test]
fn compressed_bodies_arrive_plain_and_as_sent() {
    let server = Server::start();
    let mut client = server.http();
    let message = spans(100);
    for (name, packed, kept) in [
        ("gzip", gzip(&message), Some(BodyEncoding::Gzip)),
        ("zstd", zstd(&message), Some(BodyEncoding::Zstd)),
        ("identity", message.clone(), None),
    ] {
        let headers = [PROTOBUF, ("content-encoding", name)];
        assert_eq!(client.send("POST", "/v1/traces", &headers, &packed).expect("answered").status, 200, "{name}");
        let payload = server.last().1;
        assert_eq!((payload.body, payload.encoded.map(|encoded| encoded.encoding)), (message.clone().into(), kept));
    }
    let headers = [JSON, ("content-encoding", "gzip")];
    assert_eq!(client.send("POST", "/v1/logs", &headers, &gzip(b"{}")).expect("answered").status, 200);
    assert!(server.last().1.encoded.is_none(), "what was sent is not what is stored");
}

#[test]
fn refusals_have_their_statuses_and_bodies_in_the_request_encoding() {
    let server = Server::start();
    let mut client = server.http();
    let mut send = |method: &str, path: &str, headers: &[(&str, &str)]| {
        client.send(method, path, headers, b"\x00").expect("answered")
    };
    let unknown = send("POST", "/v1/traces", &[PROTOBUF, ("content-encoding", "br")]);
    assert_eq!((unknown.status, unknown.header("content-type")), (400, Some("application/x-protobuf")));
    assert!(unknown.text().contains("unsupported compression"), "{}", unknown.text());
    let other = send("POST", "/v1/traces", &[("content-type", "text/plain")]);
    assert_eq!(other.status, 415);
    assert!(other.text().contains("application/json"), "{}", other.text());
    assert_eq!(send("POST", "/v1/traces", &[]).status, 415);
    let get = send("GET", "/v1/traces", &[]);
    assert_eq!((get.status, get.header("allow")), (405, Some("POST, OPTIONS")));
    assert_eq!(send("PUT", "/v1/logs", &[PROTOBUF]).status, 405);
    assert_eq!(send("POST", "/v1/trace", &[PROTOBUF]).status, 404);
    assert_eq!(send("POST", "/v1/traces", &[PROTOBUF, ("x-scope-orgid", "../up")]).status, 400);
    assert_eq!(server.taken(), 0);
    let reasons: Vec<String> = server.telemetry.snapshot().refusals.into_iter().map(|refusal| refusal.reason).collect();
    assert!(reasons[0].contains("X-Scope-OrgID") && reasons.len() >= 6, "{reasons:?}");
}

#[test]
fn retryable_statuses_carry_retry_after() {
    let server = Server::start();
    let mut client = server.http();
    let cases: [(MakeError, u16, Option<&str>); 3] = [
        (
            || StoreError::Exhausted { reason: "memory".into(), retry_after: Duration::from_millis(1500) },
            429,
            Some("2"),
        ),
        (|| StoreError::Unavailable { reason: "disk is full".into(), retry_after: Duration::ZERO }, 503, Some("1")),
        (|| StoreError::InvalidInput("bad".into()), 400, None),
    ];
    for (error, status, retry_after) in cases {
        server.answer(move || Err(error()));
        let reply = client.send("POST", "/v1/traces", &[JSON], b"{}").expect("answered");
        assert_eq!((reply.status, reply.header("retry-after")), (status, retry_after));
        assert!(reply.json().expect("JSON")["message"].is_string());
    }
    server.answer(|| Ok(Appended { rejected: 4, reason: Some("old".into()), ..Appended::default() }));
    let partial = client.send("POST", "/v1/logs", &[JSON], b"{}").expect("answered");
    assert_eq!(partial.status, 200);
    assert_eq!(partial.json().expect("JSON")["partialSuccess"]["rejectedLogRecords"], "4");
}

#[test]
fn large_bodies_are_refused_and_the_connection_lives_on() {
    let server = Server::with(ReceiverSettings { message_bytes_max: 100_000, ..ReceiverSettings::default() });
    let mut client = server.http();
    let reply = client.send("POST", "/v1/traces", &[PROTOBUF], &vec![0; 8 << 20]).expect("answered before the end");
    assert_eq!(reply.status, 413, "{}", reply.text());
    let bomb = gzip(&vec![0; 64 << 20]);
    let reply = client.send("POST", "/v1/traces", &[JSON, ("content-encoding", "gzip")], &bomb).expect("answered");
    assert_eq!((reply.status, reply.json().expect("JSON")["code"].as_u64()), (413, Some(8)));
    assert_eq!(server.taken(), 0);
    assert_eq!(client.send("POST", "/v1/traces", &[PROTOBUF], &spans(1)).expect("answered").status, 200);
}

#[test]
fn browsers_of_this_machine_may_send_and_others_not() {
    let server = Server::start();
    let mut client = server.http();
    let ask = [
        ("origin", "http://localhost:5173"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,traceparent"),
    ];
    let allowed = client.send("OPTIONS", "/v1/traces", &ask, b"").expect("answered");
    assert_eq!(allowed.status, 200);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("http://localhost:5173"));
    assert_eq!(allowed.header("access-control-allow-headers"), Some("content-type,traceparent"));
    assert_eq!(allowed.header("access-control-allow-methods"), Some("POST"));
    let sent = client.send("POST", "/v1/traces", &[PROTOBUF, ask[0]], b"").expect("answered");
    assert_eq!((sent.status, sent.header("access-control-allow-origin")), (200, Some("http://localhost:5173")));
    let other =
        client.send("OPTIONS", "/v1/traces", &[("origin", "https://evil.example"), ask[1]], b"").expect("answered");
    assert_eq!(other.header("access-control-allow-origin"), None);
}

#[test]
fn grpc_over_http_1_is_told_what_is_wrong() {
    let server = Server::start();
    let path = testkit::grpc::TRACES;
    let reply = server.http().send("POST", path, &[("content-type", "application/grpc")], b"").expect("answered");
    assert_eq!(reply.status, 415);
    assert!(reply.text().contains("HTTP/2"), "{}", reply.text());
}

#[test]
fn the_paths_of_mimir_and_loki_take_otlp_too() {
    let server = Server::start();
    let mimir = HttpClient::new(server.mimir).send("POST", "/otlp/v1/metrics", &[JSON], b"{}").expect("answered");
    assert_eq!((mimir.status, mimir.text().as_str()), (200, "{}"));
    let mut loki = HttpClient::new(server.loki);
    let stored = loki.send("POST", "/otlp/v1/logs", &[PROTOBUF], &spans(2)).expect("answered");
    assert_eq!((stored.status, stored.body.len()), (204, 0));
    assert_eq!(server.last().1.format, WireFormat::OtlpLogs);
    assert_eq!(server.metric("otelcol_receiver_accepted_log_records{receiver=\"otlp/loki\",transport=\"http\"}"), 2.0);
    let broken = loki.send("POST", "/otlp/v1/logs", &[JSON], b"{").expect("answered");
    assert_eq!((broken.status, broken.header("content-type")), (400, Some("application/x-protobuf")));
}
