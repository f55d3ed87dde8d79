//! Prometheus remote write.

use std::time::Duration;

use collector::ReceiverSettings;
use store_api::{Appended, BodyEncoding, StoreError, WireFormat};
use testkit::http::{HttpClient, Reply};
use testkit::otlp::Series;

use crate::fake::{Server, gzip, snappy};

const V1: &str = "application/x-protobuf;proto=prometheus.WriteRequest";
const V2: &str = "application/x-protobuf;proto=io.prometheus.write.v2.Request";

fn message() -> Vec<u8> {
    let labels = [("__name__", "up"), ("job", "a")];
    testkit::otlp::remote_write(&[Series {
        labels: &labels,
        samples: &[(1_795_363_200_000, 1.0), (1_795_363_215_000, 0.0)],
    }])
}

fn send(server: &Server, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    HttpClient::new(server.mimir).send("POST", path, headers, body).expect("answered")
}

#[test]
fn both_versions_arrive_and_the_answer_counts() {
    let server = Server::start();
    let packed = snappy(&message());
    for (path, content_type, format) in [
        ("/api/v1/push", V1, WireFormat::RemoteWriteV1),
        ("/api/v1/write", V1, WireFormat::RemoteWriteV1),
        ("/api/v1/push", "application/x-protobuf", WireFormat::RemoteWriteV1),
        ("/api/v1/push", V2, WireFormat::RemoteWriteV2),
    ] {
        let headers = [("content-type", content_type), ("content-encoding", "snappy"), ("x-scope-orgid", "t1")];
        let reply = send(&server, path, &headers, &packed);
        assert_eq!((reply.status, reply.body.len()), (204, 0), "{content_type}");
        let (tenant, payload) = server.last();
        assert_eq!((tenant.as_str(), payload.format, &payload.body[..]), ("t1", format, &message()[..]));
        let encoded = payload.encoded.expect("kept");
        assert_eq!((encoded.encoding, &encoded.bytes[..]), (BodyEncoding::Snappy, &packed[..]));
    }
    let none = send(&server, "/api/v1/push", &[], &packed);
    assert_eq!(none.status, 204, "no headers at all mean 1.0 in snappy");
    server.answer(|| Ok(Appended { accepted: 9, samples: 4, histograms: 3, exemplars: 2, ..Appended::default() }));
    let reply = send(&server, "/api/v1/push", &[("content-type", V2)], &packed);
    for (name, count) in [("samples", "4"), ("histograms", "3"), ("exemplars", "2")] {
        assert_eq!(reply.header(&format!("x-prometheus-remote-write-{name}-written")), Some(count));
    }
    let accepted =
        "otelcol_receiver_accepted_metric_points_total{receiver=\"prometheusremotewrite\",transport=\"http\"}";
    assert_eq!(server.metric(accepted), 17.0, "two samples in each of four 1.0 messages, and the nine");
}

#[test]
fn what_cannot_be_read_is_415_so_that_senders_fall_back() {
    let server = Server::start();
    let packed = snappy(&message());
    for headers in [
        [("content-type", "application/json"), ("content-encoding", "snappy")],
        [("content-type", "application/x-protobuf;proto=no.such.Message"), ("content-encoding", "snappy")],
        [("content-type", V2), ("content-encoding", "gzip")],
    ] {
        assert_eq!(send(&server, "/api/v1/push", &headers, &packed).status, 415, "{headers:?}");
    }
    let get = HttpClient::new(server.mimir).get("/api/v1/push").expect("answered");
    assert_eq!((get.status, get.header("allow")), (405, Some("POST")));
    assert_eq!(server.taken(), 0);
}

#[test]
fn bad_data_is_400_and_full_stores_429_or_503() {
    let server = Server::with(ReceiverSettings { message_bytes_max: 100_000, ..ReceiverSettings::default() });
    assert_eq!(send(&server, "/api/v1/push", &[("content-type", V1)], b"not snappy").status, 400);
    assert_eq!(send(&server, "/api/v1/push", &[("content-type", V1)], &gzip(b"x")).status, 400);
    let bomb = snappy(&vec![0; 1 << 20]);
    assert_eq!(send(&server, "/api/v1/push", &[("content-type", V1)], &bomb).status, 413);
    let packed = snappy(&message());
    server.answer(|| {
        Ok(Appended {
            accepted: 1,
            samples: 1,
            rejected: 1,
            reason: Some("out of order".into()),
            ..Appended::default()
        })
    });
    let partial = send(&server, "/api/v1/push", &[("content-type", V2)], &packed);
    assert_eq!((partial.status, partial.text().as_str()), (400, "out of order\n"));
    assert_eq!(partial.header("x-prometheus-remote-write-samples-written"), Some("1"));
    server.answer(|| Err(StoreError::Exhausted { reason: "memory".into(), retry_after: Duration::from_secs(3) }));
    let full = send(&server, "/api/v1/push", &[("content-type", V1)], &packed);
    assert_eq!((full.status, full.header("retry-after")), (429, Some("3")));
    assert_eq!(full.header("x-prometheus-remote-write-samples-written"), Some("0"));
    server.answer(|| Err(StoreError::Unavailable { reason: "disk".into(), retry_after: Duration::from_secs(3) }));
    assert_eq!(send(&server, "/api/v1/push", &[("content-type", V1)], &packed).status, 503);
}
