//! OTLP over gRPC.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use collector::ReceiverSettings;
use store_api::{Appended, BodyEncoding, StoreError, WireFormat};
use testkit::grpc::{self, LOGS, METRICS, TRACES, frame, frame_compressed};

use crate::fake::{Headers, MakeError, Server, gzip, snappy, spans, zstd};

#[test]
fn each_signal_arrives_byte_for_byte() {
    let server = Server::start();
    let client = server.grpc();
    for (path, format) in
        [(TRACES, WireFormat::OtlpTraces), (METRICS, WireFormat::OtlpMetrics), (LOGS, WireFormat::OtlpLogs)]
    {
        let message = spans(50);
        let reply = client.call(path, &message, &[("x-scope-orgid", "team-a")]).expect("answered");
        assert_eq!((reply.status, reply.body.as_slice()), (Some(grpc::OK), &b""[..]));
        let (tenant, payload) = server.last();
        assert_eq!((tenant.as_str(), payload.format), ("team-a", format));
        assert_eq!(payload.body, message);
        assert!(payload.encoded.is_none());
    }
    assert_eq!(server.metric("otelcol_receiver_accepted_spans_total{receiver=\"otlp\",transport=\"grpc\"}"), 50.0);
    assert_eq!(server.metric("otelcol_exporter_sent_spans_total{exporter=\"quartet_store\"}"), 50.0);
}

#[test]
fn compressed_messages_arrive_plain_and_as_sent() {
    let server = Server::start();
    let client = server.grpc();
    let message = spans(200);
    for (name, packed, encoding) in [
        ("gzip", gzip(&message), BodyEncoding::Gzip),
        ("zstd", zstd(&message), BodyEncoding::Zstd),
        ("snappy", snappy(&message), BodyEncoding::Snappy),
    ] {
        let framed = frame_compressed(&packed);
        let reply = client.call_framed(TRACES, framed, &[("grpc-encoding", name)]).expect("answered");
        assert_eq!(reply.status, Some(grpc::OK), "{name}: {}", reply.message);
        let payload = server.last().1;
        assert_eq!(payload.body, message, "{name}");
        let encoded = payload.encoded.expect("kept");
        assert_eq!((encoded.encoding, &encoded.bytes[..]), (encoding, &packed[..]));
    }
    let plain = client.call_framed(TRACES, frame(&message), &[("grpc-encoding", "gzip")]).expect("answered");
    assert_eq!(plain.status, Some(grpc::OK), "the flag of each message decides");
}

#[test]
fn large_messages_of_many_frames_arrive_whole() {
    let server = Server::start();
    let message = spans(60_000);
    assert!(message.len() > 3 << 20, "{}", message.len());
    let reply = server.grpc().call(TRACES, &message, &[]).expect("answered");
    assert_eq!(reply.status, Some(grpc::OK), "{}", reply.message);
    assert_eq!(server.last().1.body, message);
}

#[test]
fn partial_success_and_warnings_are_told() {
    let server = Server::start();
    server.answer(|| {
        Ok(Appended { accepted: 8, rejected: 2, reason: Some("trace id is zero".into()), ..Appended::default() })
    });
    let reply = server.grpc().call(TRACES, &spans(10), &[]).expect("answered");
    assert_eq!(reply.status, Some(grpc::OK));
    assert_eq!(reply.body, b"\x0a\x14\x08\x02\x12\x10trace id is zero");
    let refused = "otelcol_receiver_refused_spans_total{receiver=\"otlp\",transport=\"grpc\"}";
    assert_eq!(server.metric(refused), 2.0);
    assert_eq!(server.metric("otelcol_processor_batch_batch_send_size_sum{processor=\"batch\"}"), 10.0);
    assert_eq!(server.telemetry.snapshot().refusals[0].reason, "trace id is zero");
}

#[test]
fn retryable_errors_carry_retry_info_and_final_ones_do_not() {
    let server = Server::start();
    let client = server.grpc();
    let cases: [(MakeError, u32, bool); 5] = [
        (
            || StoreError::Exhausted { reason: "memory is short".into(), retry_after: Duration::from_millis(2500) },
            8,
            true,
        ),
        (|| StoreError::Unavailable { reason: "disk is full".into(), retry_after: Duration::from_secs(5) }, 14, true),
        (|| StoreError::Io { context: "wal".into(), source: std::io::Error::other("x") }, 14, true),
        (|| StoreError::InvalidInput("invalid OTLP: 100 % \u{e4}".into()), 3, false),
        (|| StoreError::Corrupt("block".into()), 13, false),
    ];
    for (error, status, retry) in cases {
        server.answer(move || Err(error()));
        let reply = client.call(TRACES, &spans(3), &[]).expect("answered");
        assert_eq!(reply.status, Some(status), "{}", reply.message);
        let details = reply.trailers.get("grpc-status-details-bin");
        assert_eq!(details.is_some(), retry, "{status}");
        if let Some(details) = details {
            let details = STANDARD_NO_PAD.decode(details).expect("base64");
            let text = String::from_utf8_lossy(&details);
            assert!(text.contains("type.googleapis.com/google.rpc.RetryInfo"), "{text}");
        }
        if status == 3 {
            assert_eq!(reply.message, "invalid OTLP: 100 %25 %C3%A4");
        }
    }
    assert_eq!(server.metric("otelcol_receiver_refused_spans{receiver=\"otlp\",transport=\"grpc\"}"), 15.0);
    assert_eq!(server.metric("otelcol_exporter_send_failed_spans{exporter=\"quartet_store\"}"), 9.0);
    assert_eq!(server.metric("otelcol_exporter_enqueue_failed_spans{exporter=\"quartet_store\"}"), 3.0);
}

#[test]
fn limits_hold_before_and_after_decompression() {
    let server = Server::with(ReceiverSettings { message_bytes_max: 100_000, ..ReceiverSettings::default() });
    let client = server.grpc();
    let reply = client.call(TRACES, &vec![0; 100_001], &[]).expect("answered");
    assert_eq!(reply.status, Some(8), "{}", reply.message);
    assert!(reply.trailers.get("grpc-status-details-bin").is_none(), "too large is final");
    for (name, packed) in [("gzip", gzip(&vec![0; 10 << 20])), ("zstd", zstd(&vec![0; 10 << 20]))] {
        let reply =
            client.call_framed(TRACES, frame_compressed(&packed), &[("grpc-encoding", name)]).expect("answered");
        assert_eq!(reply.status, Some(8), "{name}: {}", reply.message);
        assert!(reply.message.contains("once decompressed"), "{}", reply.message);
    }
    assert_eq!(server.taken(), 0);
    assert_eq!(client.call(TRACES, &spans(1), &[]).expect("still open").status, Some(grpc::OK));
}

#[test]
fn broken_calls_get_their_own_statuses() {
    let server = Server::start();
    let client = server.grpc();
    let good = frame(&spans(1));
    let cases: [(&str, bytes::Bytes, Headers<'_>, u32, &str); 7] = [
        (TRACES, good.clone(), &[("grpc-encoding", "br")], 12, "unsupported compression"),
        (TRACES, frame_compressed(b"x"), &[], 3, "without a grpc-encoding"),
        (TRACES, frame_compressed(b"not gzip"), &[("grpc-encoding", "gzip")], 3, "cannot decompress"),
        (TRACES, good.slice(..good.len() - 1), &[], 3, "ends early"),
        (TRACES, [good.clone(), good.clone()].concat().into(), &[], 3, "more than one message"),
        (TRACES, good.clone(), &[("x-scope-orgid", "a|b")], 3, "X-Scope-OrgID"),
        ("/no.such.Service/Export", good, &[], 12, "unknown method"),
    ];
    for (path, framed, headers, status, hint) in cases {
        let reply = client.call_framed(path, framed, headers).expect("answered");
        assert_eq!(reply.status, Some(status), "{hint}: {}", reply.message);
        assert!(reply.message.contains(hint), "{}", reply.message);
        if status == 12 && path == TRACES {
            assert!(reply.trailers.get("grpc-accept-encoding").is_some());
        }
    }
    assert_eq!(server.taken(), 0);
}

#[test]
fn the_health_service_says_serving() {
    let server = Server::start();
    let reply = server.grpc().call("/grpc.health.v1.Health/Check", b"", &[]).expect("answered");
    assert_eq!((reply.status, reply.body), (Some(grpc::OK), vec![8, 1]));
}
