//! Why a request is refused as a whole.

use std::time::Duration;

use model::Kind;
use model::tenant::TenantIdError;
use store_api::StoreError;

/// A refused request. Variants are what a sender can do about it; the texts are answered to it.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// The body is over the limit, as sent or once decompressed. Sending it again will not help: send smaller batches.
    #[error(
        "request body is larger than the limit of {limit} bytes{}: send smaller batches or raise receivers.message_bytes_max",
        if *.decompressed { " once decompressed" } else { "" }
    )]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
        /// True when the body as sent was within the limit.
        decompressed: bool,
    },
    /// A `Content-Encoding` or `grpc-encoding` that nobody here reads.
    #[error("unsupported compression {encoding:?}: use one of {supported}")]
    UnknownEncoding {
        /// What the sender said.
        encoding: String,
        /// What we read.
        supported: &'static str,
    },
    /// A `Content-Type` that nobody here reads.
    #[error("unsupported content type {content_type:?}: use {supported}")]
    UnsupportedMediaType {
        /// What the sender said.
        content_type: String,
        /// What we read.
        supported: &'static str,
    },
    /// Another method than POST.
    #[error("method {0} is not allowed here: use POST")]
    MethodNotAllowed(String),
    /// No such path or service.
    #[error("{0}")]
    NotServed(String),
    /// `X-Scope-OrgID` is not a tenant id.
    #[error("invalid X-Scope-OrgID: {0}")]
    Tenant(#[from] TenantIdError),
    /// The body cannot be read: bad framing, bad compression, bad JSON.
    #[error("{0}")]
    Malformed(String),
    /// The connection broke before the body was complete.
    #[error("the request body ended early: {0}")]
    Disconnected(String),
    /// Requests under way hold all the memory that they may.
    #[error("too many requests in flight: {in_flight_bytes_max} bytes are taken (receivers.in_flight_bytes_max)")]
    Busy {
        /// The limit.
        in_flight_bytes_max: usize,
        /// When to come back.
        retry_after: Duration,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ReceiveError {
    /// What the sender can do about it.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Busy { .. } => Kind::Exhausted,
            Self::NotServed(_) => Kind::NotFound,
            Self::Disconnected(_) => Kind::Cancelled,
            // Nothing of the request is kept and the disk may recover: let the sender try again instead of dropping data.
            Self::Store(StoreError::Io { .. }) => Kind::Unavailable,
            Self::Store(error) => error.kind(),
            Self::TooLarge { .. }
            | Self::UnknownEncoding { .. }
            | Self::UnsupportedMediaType { .. }
            | Self::MethodNotAllowed(_)
            | Self::Tenant(_)
            | Self::Malformed(_) => Kind::InvalidInput,
        }
    }

    /// When to try again; set for every error for which that may help, never for the others.
    pub fn retry_after(&self) -> Option<Duration> {
        let told = match self {
            Self::Busy { retry_after, .. } => Some(*retry_after),
            Self::Store(error) => error.retry_after(),
            _ => None,
        };
        self.kind().retryable().then(|| told.unwrap_or(RETRY_AFTER_DEFAULT))
    }
}

/// For retryable errors that carry no time of their own. One second: long enough for a flush to free memory, short enough
/// that an SDK's queue (2,048 spans) does not overflow meanwhile.
pub const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(1);
