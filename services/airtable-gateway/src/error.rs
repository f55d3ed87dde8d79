//! What can go wrong with Airtable, and the problem that a caller sees.

use std::time::Duration;

use http::StatusCode;
use service_kit::Problem;

/// Why Airtable gave no answer that can be handed on. Cheap to clone, so that callers who wait for one call share it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum Error {
    /// Airtable refused.
    #[error("airtable answered {status}{}: {message}", kind.as_ref().map(|kind| format!(" {kind}")).unwrap_or_default())]
    Refused {
        status: u16,
        /// Airtable's error type; `None` when the body named none.
        kind: Option<String>,
        message: String,
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// An answer of success that is not what the API describes.
    #[error("airtable answered {status} with a body that cannot be read: {reason}")]
    Unreadable { status: u16, reason: String },
    /// No connection: nothing was sent.
    #[error("airtable cannot be reached")]
    Unreachable,
    /// The connection broke after the request was sent, so it may have been carried out.
    #[error("the connection to airtable broke")]
    Broken,
    /// No answer in time; the request may have been carried out.
    #[error("airtable did not answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// Too many calls wait for this base, or the wait would outlast the deadline.
    #[error("too many requests wait for this base; its turn would come in {} ms", .0.as_millis())]
    Busy(Duration),
    /// The gateway is at fault.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// Whether Airtable carried out nothing, so that a write may be sent again.
    pub(crate) fn untouched(&self) -> bool {
        matches!(self, Self::Unreachable | Self::Busy(_)) || self.status() == Some(429)
    }

    /// Whether a later try may succeed.
    pub(crate) fn passing(&self) -> bool {
        match self {
            Self::Refused { status: 429, kind, .. } => !quota(kind.as_deref()),
            Self::Refused { status, .. } => matches!(status, 500 | 502 | 503 | 504),
            Self::Unreachable | Self::Broken | Self::Timeout(_) => true,
            Self::Unreadable { .. } | Self::Busy(_) | Self::Internal(_) => false,
        }
    }

    /// Airtable's error type.
    pub(crate) fn kind(&self) -> Option<&str> {
        if let Self::Refused { kind, .. } = self { kind.as_deref() } else { None }
    }

    /// Airtable's status, when it refused.
    pub(crate) fn status(&self) -> Option<u16> {
        if let Self::Refused { status, .. } = self { Some(*status) } else { None }
    }
}

/// Whether a 429 of this type means that the month's calls are used up, which a minute does not change.
pub(crate) fn quota(kind: Option<&str>) -> bool {
    kind.is_some_and(|kind| kind.contains("BILLING"))
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let told = error.to_string();
        match error {
            Error::Refused { status, kind, message, retry_after } => {
                // A status that is no failure cannot come from `refusal`; 502 keeps the promise all the same.
                let code = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
                let mut problem = Self::new(code, "airtable", message).with("upstream_status", status);
                if let Some(kind) = kind {
                    problem = problem.with("upstream_type", kind);
                }
                match retry_after {
                    Some(wait) => problem.retry_after(wait),
                    None => problem,
                }
            }
            Error::Unreadable { status, .. } => Self::bad_gateway(told).with("upstream_status", status),
            Error::Unreachable | Error::Broken => Self::bad_gateway(told),
            Error::Timeout(_) => Self::timeout(told),
            Error::Busy(wait) => Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", told).retry_after(wait),
            Error::Internal(_) => Self::internal(&told),
        }
    }
}
