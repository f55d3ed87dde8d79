//! The plain data that every other crate of Quartet speaks: ids, time, attribute values, spans, log records, samples.
//!
//! | module | owns |
//! |---|---|
//! | [`id`] | [`TraceId`], [`SpanId`] and their hexadecimal forms |
//! | [`time`] | [`UnixNanos`], [`UnixMillis`], [`TimeRange`] |
//! | [`tenant`] | [`TenantId`] and the rules for its text |
//! | [`value`] | [`Value`], [`KeyValue`]: OTLP's AnyValue and KeyValue as owned data |
//! | [`resource`] | [`Resource`], [`Scope`] |
//! | [`span`] | [`Span`] with events, links, status |
//! | [`log`] | [`LogRecord`] and Loki's [`LogEntry`] |
//! | [`labels`] | [`Labels`]: a sorted label set |
//! | [`sample`] | [`Sample`], [`NativeHistogram`], [`Exemplar`], [`MetricMetadata`] |
//! | [`kind`] | [`Kind`]: what a caller can do about an error |
//!
//! Deliberately not here: I/O, wire formats, query languages.

pub mod id;
pub mod kind;
pub mod labels;
pub mod log;
pub mod resource;
pub mod sample;
pub mod span;
pub mod tenant;
pub mod time;
pub mod value;

pub use id::{SpanId, TraceId};
pub use kind::Kind;
pub use labels::Labels;
pub use log::{LogEntry, LogRecord};
pub use resource::{Resource, Scope};
pub use sample::{BucketSpan, Exemplar, MetricMetadata, MetricType, NativeHistogram, Sample};
pub use span::{Span, SpanEvent, SpanKind, SpanLink, StatusCode};
pub use tenant::TenantId;
pub use time::{TimeRange, UnixMillis, UnixNanos};
pub use value::{KeyValue, Value};
