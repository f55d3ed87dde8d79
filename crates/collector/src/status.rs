//! The one table from errors to statuses.
//!
//! | error | gRPC | HTTP |
//! |---|---|---|
//! | body too large | 8 without RetryInfo: final | 413 |
//! | unknown compression | 12 | 400 |
//! | unknown content type | 3 | 415 |
//! | other method than POST | 12 | 405 |
//! | kind: invalid input | 3 | 400 |
//! | kind: not found | 12 | 404 |
//! | kind: exhausted | 8 with RetryInfo | 429 with Retry-After |
//! | kind: unavailable | 14 with RetryInfo | 503 with Retry-After |
//! | kind: cancelled | 1 | 503 |
//! | kind: corrupt, internal | 13 | 500 |
//!
//! Sources: OTLP specification "Failures", and the collector's own mapping (opentelemetry-collector `internal/statusutil`).

use http::StatusCode;
use model::Kind;

use crate::ReceiveError;

/// gRPC status codes that we answer, as numbers of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum GrpcCode {
    /// OK
    Ok = 0,
    /// CANCELLED
    Cancelled = 1,
    /// INVALID_ARGUMENT
    InvalidArgument = 3,
    /// RESOURCE_EXHAUSTED
    ResourceExhausted = 8,
    /// UNIMPLEMENTED
    Unimplemented = 12,
    /// INTERNAL
    Internal = 13,
    /// UNAVAILABLE
    Unavailable = 14,
}

/// How an error looks in both protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Value of `grpc-status`, and `code` of a `google.rpc.Status` body.
    pub grpc: GrpcCode,
    /// Status of an HTTP response.
    pub http: StatusCode,
}

/// The status of `error`.
pub fn status_of(error: &ReceiveError) -> Status {
    let (grpc, http) = match error {
        ReceiveError::TooLarge { .. } => (GrpcCode::ResourceExhausted, StatusCode::PAYLOAD_TOO_LARGE),
        ReceiveError::UnknownEncoding { .. } => (GrpcCode::Unimplemented, StatusCode::BAD_REQUEST),
        ReceiveError::UnsupportedMediaType { .. } => (GrpcCode::InvalidArgument, StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ReceiveError::MethodNotAllowed(_) => (GrpcCode::Unimplemented, StatusCode::METHOD_NOT_ALLOWED),
        other => return status_of_kind(other.kind()),
    };
    Status { grpc, http }
}

fn status_of_kind(kind: Kind) -> Status {
    let (grpc, http) = match kind {
        Kind::InvalidInput => (GrpcCode::InvalidArgument, StatusCode::BAD_REQUEST),
        Kind::NotFound => (GrpcCode::Unimplemented, StatusCode::NOT_FOUND),
        Kind::Exhausted => (GrpcCode::ResourceExhausted, StatusCode::TOO_MANY_REQUESTS),
        Kind::Unavailable => (GrpcCode::Unavailable, StatusCode::SERVICE_UNAVAILABLE),
        Kind::Cancelled => (GrpcCode::Cancelled, StatusCode::SERVICE_UNAVAILABLE),
        Kind::Corrupt | Kind::Internal => (GrpcCode::Internal, StatusCode::INTERNAL_SERVER_ERROR),
    };
    Status { grpc, http }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use store_api::StoreError;

    use super::*;

    #[test]
    fn only_retryable_statuses_carry_a_time_and_all_of_them_do() {
        let busy = StoreError::Exhausted { reason: "memory".into(), retry_after: Duration::from_secs(2) };
        let io = StoreError::Io { context: "wal".into(), source: std::io::Error::other("disk") };
        let cases = [
            (ReceiveError::Store(busy), 8, 429, true),
            (ReceiveError::Store(io), 14, 503, true),
            (ReceiveError::Store(StoreError::Corrupt("x".into())), 13, 500, false),
            (ReceiveError::Store(StoreError::InvalidInput("x".into())), 3, 400, false),
            (ReceiveError::TooLarge { limit: 1, decompressed: true }, 8, 413, false),
            (ReceiveError::MethodNotAllowed("GET".into()), 12, 405, false),
        ];
        for (error, grpc, http, retry) in cases {
            let status = status_of(&error);
            assert_eq!((status.grpc as u8, status.http.as_u16()), (grpc, http), "{error}");
            assert_eq!(error.retry_after().is_some(), retry, "{error}");
        }
    }
}
