//! The seam between those who write and read telemetry and the engine that keeps it.
//!
//! | module | owns |
//! |---|---|
//! | [`append`] | [`Appender`]: one request in, durable and queryable when the future ends |
//! | [`spans`] | [`SpanSource`]: trace by id, tag names and values |
//! | [`logs`] | [`LogSource`]: entries of streams, label names and values |
//! | [`samples`] | [`SampleSource`]: samples of series, label names and values, metadata, exemplars |
//! | [`matcher`] | [`Matcher`]: one condition on a label |
//! | [`status`] | [`StoreStatus`]: what the store holds and does, for status pages and metrics |
//! | [`error`] | [`StoreError`] |
//!
//! The readers are synchronous: whoever serves them from an async runtime moves the call to a pool of threads. Deliberately
//! not here: any implementation, any runtime, any wire format but the names of those that an [`Appender`] takes.

pub mod append;
pub mod error;
pub mod logs;
pub mod matcher;
pub mod samples;
pub mod spans;
pub mod status;

pub use append::{Appended, Appender, BodyEncoding, EncodedBody, Payload, WireFormat};
pub use error::StoreError;
pub use logs::{Direction, LineFilter, LineFilterOp, LogSelect, LogSelection, LogSource, LogStream};
pub use matcher::{MatchOp, Matcher};
pub use samples::{ExemplarSeries, SampleSource, SeriesSamples};
pub use spans::{Intrinsic, ReadStats, SpanSource, Tag, TagNames, TagScope, TagValue};
pub use status::{Flush, SignalStatus, StatusSource, StoreStatus};
