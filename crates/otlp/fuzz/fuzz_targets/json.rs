//! The JSON transcoder never panics, and what it writes is protobuf that prost and our walkers read alike.

#![no_main]

#[path = "../../tests/differential/rebuild.rs"]
mod rebuild;

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;

fn check<R: rebuild::Request>(result: Result<Vec<u8>, otlp::DecodeError>) {
    if let Ok(bytes) = result {
        R::decode(bytes.as_slice()).expect("the transcoder writes protobuf");
        rebuild::compare::<R>(&bytes);
    }
}

fuzz_target!(|body: &[u8]| {
    check::<ExportTraceServiceRequest>(otlp::json::traces_to_protobuf(body));
    check::<ExportLogsServiceRequest>(otlp::json::logs_to_protobuf(body));
    check::<ExportMetricsServiceRequest>(otlp::json::metrics_to_protobuf(body));
});
