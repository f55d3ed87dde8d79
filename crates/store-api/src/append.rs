//! Writing.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use model::{TenantId, UnixNanos};

use crate::StoreError;

/// Which message a [`Payload`] holds. The numbers are written into the WAL: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum WireFormat {
    /// OTLP `ExportTraceServiceRequest`.
    OtlpTraces = 1,
    /// OTLP `ExportLogsServiceRequest`.
    OtlpLogs = 2,
    /// OTLP `ExportMetricsServiceRequest`.
    OtlpMetrics = 3,
    /// Prometheus remote write 1.0 `prometheus.WriteRequest`.
    RemoteWriteV1 = 4,
    /// Prometheus remote write 2.0 `io.prometheus.write.v2.Request`.
    RemoteWriteV2 = 5,
    /// Loki `logproto.PushRequest`.
    LokiPush = 6,
}

/// How bytes were compressed by the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum BodyEncoding {
    /// Not at all.
    Identity = 0,
    /// gzip (RFC 1952).
    Gzip = 1,
    /// zstd frame (RFC 8878).
    Zstd = 2,
    /// Snappy block format.
    Snappy = 3,
}

/// A body as the sender compressed it, kept so that the WAL need not compress again.
#[derive(Clone, Debug)]
pub struct EncodedBody {
    /// The compression.
    pub encoding: BodyEncoding,
    /// The compressed bytes.
    pub bytes: Bytes,
}

/// One request to store: always protobuf (JSON is transcoded by the receiver), already decompressed and within the size limit.
#[derive(Clone, Debug)]
pub struct Payload {
    /// Which message.
    pub format: WireFormat,
    /// The message's bytes.
    pub body: Bytes,
    /// The same bytes as they came, when the sender compressed them.
    pub encoded: Option<EncodedBody>,
    /// When the request arrived: the time of records that carry none.
    pub received: UnixNanos,
}

/// What became of a request that was not refused as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// Spans, log records or data points stored.
    pub accepted: u64,
    /// Spans, log records or data points left out because they were invalid.
    pub rejected: u64,
    /// Why the first of the rejected ones was; also set with `rejected == 0` for a warning.
    pub reason: Option<String>,
    /// Remote write: float samples stored.
    pub samples: u64,
    /// Remote write: native histograms stored.
    pub histograms: u64,
    /// Remote write: exemplars stored.
    pub exemplars: u64,
}

/// The future of [`Appender::append`].
pub type AppendFuture<'a> = Pin<Box<dyn Future<Output = Result<Appended, StoreError>> + Send + 'a>>;

/// Takes requests in.
///
/// Promise: when the future ends with `Ok`, the accepted records survive kill -9 (and, with `durability: fsync`, power
/// loss), and every read that begins afterwards sees them. When it ends with `Err`, nothing of the request is kept, so a
/// sender may repeat it. Dropping the future before it ends leaves it open which of the two happened.
///
/// Errors: [`model::Kind::InvalidInput`] when the bytes are not the message that `format` says;
/// [`model::Kind::Exhausted`] when memory is short (with a time to wait); [`model::Kind::Unavailable`] when the disk is full
/// or the store is stopping.
pub trait Appender: Send + Sync {
    /// Stores one request for `tenant`.
    fn append<'a>(&'a self, tenant: &'a TenantId, payload: Payload) -> AppendFuture<'a>;
}
