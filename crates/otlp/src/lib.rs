//! OTLP without generated types: walks over protobuf bytes, a JSON transcoder, encoders for answers.

pub mod error;
pub mod sink;
pub mod view;

pub use error::DecodeError;
pub use sink::{LogSink, MetricSink, SpanSink};

/// Deepest nesting of arrays and lists in an attribute value. Real senders stay below 5; the limit keeps recursion bounded.
pub const NESTING_MAX: usize = 32;

/// Walks an `ExportTraceServiceRequest` (or `TracesData`, which is the same on the wire). An error means that the message's outer
/// structure is broken; the sink may already have been given records, which the caller then throws away.
pub fn decode_traces(_request: &[u8], _sink: &mut impl SpanSink) -> Result<(), DecodeError> {
    Ok(())
}

/// Walks an `ExportLogsServiceRequest`.
pub fn decode_logs(_request: &[u8], _sink: &mut impl LogSink) -> Result<(), DecodeError> {
    Ok(())
}

/// Walks an `ExportMetricsServiceRequest`.
pub fn decode_metrics(_request: &[u8], _sink: &mut impl MetricSink) -> Result<(), DecodeError> {
    Ok(())
}
