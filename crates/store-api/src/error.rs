//! What can go wrong in a store.

use std::time::Duration;

use model::Kind;

/// Why a request to the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The request's bytes are wrong as a whole.
    #[error("{0}")]
    InvalidInput(String),
    /// A limit is reached; the sender should come back after `retry_after`.
    #[error("{reason}")]
    Exhausted {
        /// Which limit.
        reason: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// The store cannot do it now; the sender should come back after `retry_after`.
    #[error("{reason}")]
    Unavailable {
        /// What is in the way.
        reason: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// Stored data is damaged.
    #[error("stored data is damaged: {0}")]
    Corrupt(String),
    /// Reading or writing failed.
    #[error("{context}")]
    Io {
        /// What was being done, with the path.
        context: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The caller went away or the deadline passed.
    #[error("the request was cancelled")]
    Cancelled,
}

impl StoreError {
    /// What a caller can do about it.
    pub fn kind(&self) -> Kind {
        match self {
            Self::InvalidInput(_) => Kind::InvalidInput,
            Self::Exhausted { .. } => Kind::Exhausted,
            Self::Unavailable { .. } => Kind::Unavailable,
            Self::Corrupt(_) => Kind::Corrupt,
            Self::Io { .. } => Kind::Internal,
            Self::Cancelled => Kind::Cancelled,
        }
    }

    /// When to try again, where that may help.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Exhausted { retry_after, .. } | Self::Unavailable { retry_after, .. } => Some(*retry_after),
            _ => None,
        }
    }
}
