//! The walk over traces reads what prost reads, and never panics.

#![no_main]

#[path = "../../tests/differential/rebuild.rs"]
mod rebuild;

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;

fuzz_target!(|bytes: &[u8]| rebuild::compare::<ExportTraceServiceRequest>(bytes));
