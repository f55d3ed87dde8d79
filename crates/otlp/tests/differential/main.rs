//! Our walkers and the JSON transcoder against the prost-generated types: what prost reads, we read the same.

#![expect(unreachable_pub, reason = "`rebuild` is shared with the fuzz targets by path, where it is a module too")]

mod rebuild;
mod strategies;

use std::path::PathBuf;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use prost::Message;
use rebuild::{Rebuilt, Request, compare};

/// Changes of random places: a byte replaced, cut out, or repeated.
type Mutations = Vec<(Index, u8, u8)>;

fn mutations() -> impl Strategy<Value = Mutations> {
    vec((any::<Index>(), 0u8..3, any::<u8>()), 1..6)
}

fn mutate(mut bytes: Vec<u8>, mutations: &Mutations) -> Vec<u8> {
    for (at, kind, byte) in mutations {
        if bytes.is_empty() {
            return vec![*byte];
        }
        let at = at.index(bytes.len());
        match kind {
            0 => bytes[at] = *byte,
            1 => drop(bytes.remove(at)),
            _ => bytes.insert(at, *byte),
        }
    }
    bytes
}

fn agrees<R: Request>(request: &R) {
    let mut ours = Rebuilt::<R>::default();
    R::walk(&request.encode_to_vec(), &mut ours).expect("valid");
    assert!(ours.malformed.is_empty(), "{:?}", ours.malformed);
    compare::<R>(&request.encode_to_vec());
}

proptest! {
    #[test]
    fn traces_agree(request in strategies::traces()) {
        agrees(&request);
    }

    #[test]
    fn logs_agree(request in strategies::logs()) {
        agrees(&request);
    }

    #[test]
    fn metrics_agree(request in strategies::metrics()) {
        agrees(&request);
    }

    #[test]
    fn mutated_traces_agree(request in strategies::traces(), mutations in mutations()) {
        compare::<ExportTraceServiceRequest>(&mutate(request.encode_to_vec(), &mutations));
    }

    #[test]
    fn mutated_logs_agree(request in strategies::logs(), mutations in mutations()) {
        compare::<ExportLogsServiceRequest>(&mutate(request.encode_to_vec(), &mutations));
    }

    #[test]
    fn mutated_metrics_agree(request in strategies::metrics(), mutations in mutations()) {
        compare::<ExportMetricsServiceRequest>(&mutate(request.encode_to_vec(), &mutations));
    }

    #[test]
    fn json_traces_agree(request in strategies::traces()) {
        json_agrees(&request, otlp::json::traces_to_protobuf);
    }

    #[test]
    fn json_logs_agree(request in strategies::logs()) {
        json_agrees(&request, otlp::json::logs_to_protobuf);
    }

    #[test]
    fn json_metrics_agree(request in strategies::metrics()) {
        json_agrees(&request, otlp::json::metrics_to_protobuf);
    }

    #[test]
    fn mutated_json_never_panics(request in strategies::traces(), mutations in mutations()) {
        let json = serde_json::to_vec(&request).expect("serialisable");
        let _ = otlp::json::traces_to_protobuf(&mutate(json, &mutations));
    }
}

type Transcode = fn(&[u8]) -> Result<Vec<u8>, otlp::DecodeError>;

/// Prost's own JSON of `request`, transcoded by us, is `request`.
fn json_agrees<R: Request + serde::Serialize>(request: &R, transcode: Transcode) {
    let json = serde_json::to_string(request).expect("serialisable");
    let bytes = transcode(json.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{json}"));
    let (mut ours, mut theirs) = (R::decode(bytes.as_slice()).expect("valid"), request.clone());
    ours.normalise();
    theirs.normalise();
    assert_eq!(format!("{ours:?}"), format!("{theirs:?}"), "{json}");
    compare::<R>(&bytes);
}

/// The examples of the OTLP repository, read by us and by prost's serde.
#[test]
fn conformance_files() {
    let folder = std::env::var_os("CONFORMANCE_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"), PathBuf::from);
    if !folder.join("otlp").is_dir() {
        use std::io::Write;
        writeln!(std::io::stderr(), "SKIPPED: no conformance data at {}", folder.display()).expect("stderr");
        return;
    }
    let read =
        |name: &str| std::fs::read(folder.join("otlp").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    fn check<R: Request + serde::de::DeserializeOwned>(json: &[u8], transcode: Transcode) {
        let bytes = transcode(json).expect("valid");
        let (mut ours, mut theirs) =
            (R::decode(bytes.as_slice()).expect("valid"), serde_json::from_slice::<R>(json).expect("valid"));
        ours.normalise();
        theirs.normalise();
        assert!(theirs.encoded_len() > 0);
        assert_eq!(format!("{ours:#?}"), format!("{theirs:#?}"));
        agrees(&ours);
    }
    check::<ExportTraceServiceRequest>(&read("trace.json"), otlp::json::traces_to_protobuf);
    check::<ExportLogsServiceRequest>(&read("logs.json"), otlp::json::logs_to_protobuf);
    check::<ExportLogsServiceRequest>(&read("events.json"), otlp::json::logs_to_protobuf);
    check::<ExportMetricsServiceRequest>(&read("metrics.json"), otlp::json::metrics_to_protobuf);
}
