//! The walk over metrics reads what prost reads, and never panics.

#![no_main]

#[path = "../../tests/differential/rebuild.rs"]
mod rebuild;

use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;

fuzz_target!(|bytes: &[u8]| rebuild::compare::<ExportMetricsServiceRequest>(bytes));
