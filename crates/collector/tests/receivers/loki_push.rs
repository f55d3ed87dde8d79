//! Loki push.

use protowire::Writer;
use store_api::{Appended, BodyEncoding, StoreError, WireFormat};
use testkit::http::{HttpClient, Reply};

use crate::fake::{Headers, Server, gzip, snappy};

const JSON: (&str, &str) = ("content-type", "application/json");
const BODY: &str = r#"{"streams":[{"stream":{"app":"cart"},"values":[["1795363200000000000","one"],["1795363200000000001","two",{"trace_id":"ab"}]]}]}"#;

fn message() -> Vec<u8> {
    let mut writer = Writer::new();
    writer.message(1, |stream| {
        stream.str(1, "{app=\"cart\"}");
        stream.message(2, |entry| {
            entry.message(1, |time| _ = time.varint(1, 1_795_363_200));
            entry.str(2, "one");
        });
    });
    writer.into_bytes()
}

fn send(server: &Server, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    HttpClient::new(server.loki).send("POST", path, headers, body).expect("answered")
}

#[test]
fn protobuf_is_snappy_unless_told_otherwise() {
    let server = Server::start();
    let packed = snappy(&message());
    let zipped = gzip(&message());
    let cases: [(Headers<'_>, &[u8], BodyEncoding); 4] = [
        (&[("content-type", "application/x-protobuf")], &packed, BodyEncoding::Snappy),
        (&[], &packed, BodyEncoding::Snappy),
        (&[("content-encoding", "snappy")], &packed, BodyEncoding::Snappy),
        (&[("content-encoding", "gzip")], &zipped, BodyEncoding::Gzip),
    ];
    for (headers, body, kept) in cases {
        let reply = send(&server, "/loki/api/v1/push", headers, body);
        assert_eq!((reply.status, reply.body.len()), (204, 0), "{headers:?}: {}", reply.text());
        let payload = server.last().1;
        assert_eq!((payload.format, &payload.body[..]), (WireFormat::LokiPush, &message()[..]));
        assert_eq!(payload.encoded.map(|encoded| encoded.encoding), Some(kept));
    }
}

#[test]
fn json_becomes_protobuf() {
    let server = Server::start();
    for (path, headers, body) in [
        ("/loki/api/v1/push", vec![JSON, ("x-scope-orgid", "t2")], BODY.as_bytes().to_vec()),
        ("/api/prom/push", vec![JSON, ("x-scope-orgid", "t2"), ("content-encoding", "gzip")], gzip(BODY.as_bytes())),
    ] {
        let reply = send(&server, path, &headers, &body);
        assert_eq!(reply.status, 204, "{}", reply.text());
        let (tenant, payload) = server.last();
        assert_eq!((tenant.as_str(), payload.format), ("t2", WireFormat::LokiPush));
        assert_eq!(collector::count::records(payload.format, &payload.body), 2);
        assert!(payload.encoded.is_none());
    }
    assert_eq!(server.metric("otelcol_receiver_accepted_log_records{receiver=\"loki\",transport=\"http\"}"), 4.0);
}

#[test]
fn refusals_are_plain_text() {
    let server = Server::start();
    for (headers, body) in [(vec![JSON], &b"{\"streams\": 1}"[..]), (vec![], b"not snappy")] {
        let reply = send(&server, "/loki/api/v1/push", &headers, body);
        assert_eq!((reply.status, reply.header("content-type")), (400, Some("text/plain; charset=utf-8")));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert!(!reply.body.is_empty());
    }
    server.answer(|| Ok(Appended { accepted: 1, rejected: 1, reason: Some("too old".into()), ..Appended::default() }));
    let partial = send(&server, "/loki/api/v1/push", &[JSON], BODY.as_bytes());
    assert_eq!((partial.status, partial.text().as_str()), (400, "too old\n"));
    server.answer(|| Err(StoreError::Unavailable { reason: "disk".into(), retry_after: Default::default() }));
    assert_eq!(send(&server, "/loki/api/v1/push", &[JSON], BODY.as_bytes()).status, 503);
    assert_eq!(HttpClient::new(server.loki).get("/loki/api/v1/push").expect("answered").status, 405);
}
