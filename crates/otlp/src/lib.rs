//! OTLP without generated types: walks over protobuf bytes, a JSON transcoder, encoders for answers.
//!
//! | module | owns |
//! |---|---|
//! | [`view`], [`sink`] | what the walkers hand out, and to whom |
//! | [`traces`], [`logs`], [`metrics`] | one walk over a request's bytes for each signal |
//! | `envelope` | what the three have in common: resource, scope, records |
//! | `attributes` | key-values and nested values: checks, reuse of the previous record's texts |
//! | [`value`] | single values: to and from [`model::Value`], protobuf, JSON |
//! | [`encode`] | spans as `TracesData` |
//! | [`response`] | `Export*ServiceResponse` |
//! | [`json`] | OTLP/JSON requests as protobuf |
//! | [`error`] | [`DecodeError`] |
//!
//! Differences from a strict protobuf parser, all harmless to real senders. Refused although well formed: an attribute value that
//! holds two arrays or two lists ([`DecodeError::Twice`]), values nested more than [`NESTING_MAX`] deep, records with more than
//! [`PARTS_MAX`] attributes, events, links, buckets. Taken although malformed: errors inside parts that nobody reads (entity references,
//! a metric's own metadata). Unknown numbers of span kinds, status codes and temporalities read as 0. Deliberately not here: what
//! makes a span valid beyond its encoding (lengths of ids, empty names): that is the store's business.

mod attributes;
pub mod encode;
mod envelope;
pub mod error;
pub mod json;
pub mod logs;
pub mod metrics;
pub mod response;
pub mod sink;
pub mod traces;
pub mod value;
pub mod view;

pub use error::DecodeError;
pub use logs::decode_logs;
pub use metrics::decode_metrics;
pub use sink::{LogSink, MetricSink, SpanSink};
pub use traces::decode_traces;

/// Deepest nesting of arrays and lists in an attribute value. Real senders stay below 5; the limit keeps recursion bounded.
pub const NESTING_MAX: usize = 32;

/// Most attributes, events, links, exemplars, buckets or quantiles of one record. SDKs stop at 128 attributes; the limit keeps a
/// hostile message of two-byte attributes from growing twentyfold in memory.
pub const PARTS_MAX: usize = 65_536;
