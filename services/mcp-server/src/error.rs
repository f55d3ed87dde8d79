//! Why a tool could not do what it was asked to, and how each protocol says so.
//!
//! | what | MCP | old RPC | `execute` |
//! |---|---|---|---|
//! | unknown tool, arguments of a wrong shape | JSON-RPC −32602 | −32602 | 404, 422 |
//! | everything else: the tool ran and failed | result with `isError: true` | the same | 400, 404, 429, 502, 503, 504 |

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use service_kit::Problem;

/// A failed call of a tool.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such tool.
    #[error("Unknown tool: {0}")]
    UnknownTool(String),
    /// The arguments do not have the shape of the tool's input schema.
    #[error("{field}: {reason}")]
    Arguments {
        /// Path of the argument; empty for all of them.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The arguments have the right shape and still make no sense: division by zero, a statement that writes.
    #[error("{0}")]
    Refused(String),
    /// What was asked for is not there.
    #[error("{0}")]
    NotFound(String),
    /// The gateway answered with a failure, or not at all.
    #[error("airtable-gateway: {0}")]
    Gateway(#[source] service_kit::http::Error),
    /// The database failed.
    #[error("database: {0}")]
    Database(#[source] sqlx::Error),
    /// It took longer than allowed.
    #[error("no result within {} ms", .0.as_millis())]
    Timeout(Duration),
}

impl Error {
    /// An argument that is wrong.
    pub(crate) fn argument(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Arguments { field: field.into(), reason: reason.into() }
    }

    /// Whether the call never reached the tool: a protocol error in MCP.
    pub(crate) fn is_protocol(&self) -> bool {
        matches!(self, Self::UnknownTool(_) | Self::Arguments { .. })
    }

    /// A word for it, in `error.kind` of a failed result and in the log.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::UnknownTool(_) => "unknown_tool",
            Self::Arguments { .. } => "invalid_arguments",
            Self::Refused(_) => "refused",
            Self::NotFound(_) => "not_found",
            Self::Gateway(error) => match error.status() {
                Some(StatusCode::NOT_FOUND) => "not_found",
                Some(StatusCode::TOO_MANY_REQUESTS) => "rate_limited",
                Some(status) if status.is_client_error() => "refused",
                _ => "unavailable",
            },
            Self::Database(_) => "unavailable",
            Self::Timeout(_) => "timeout",
        }
    }

    /// Whether the same call may succeed later.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Gateway(error) => error.retryable(),
            Self::Database(_) | Self::Timeout(_) => true,
            _ => false,
        }
    }

    /// What the caller may read: causes of a database stay in the log.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Database(_) => "the database failed".to_owned(),
            other => telemetry::redactor().text(&other.to_string()).into_owned(),
        }
    }

    /// What spans and log lines say: the reasons of refusals quote arguments, and quote them in pieces (a formula's or a statement's
    /// words, an expression in lower case) in which no mask recognises a secret. [`Error::kind`] stands beside it.
    pub(crate) fn logged(&self) -> String {
        match self {
            Self::UnknownTool(_) => "there is no such tool".to_owned(),
            Self::Arguments { .. } => "the arguments do not fit the tool's schema".to_owned(),
            Self::Refused(_) => "the tool refused its arguments".to_owned(),
            Self::NotFound(_) => "what was asked for is not there".to_owned(),
            Self::Gateway(error) => match error.status() {
                Some(status) => format!("airtable-gateway answered {}", status.as_u16()),
                None => self.told(),
            },
            Self::Database(error) => match error.as_database_error().map(|error| error.code()) {
                Some(code) => format!("the database failed with code {}", code.unwrap_or_default()),
                None => telemetry::redactor().text(&self.to_string()).into_owned(),
            },
            Self::Timeout(_) => self.to_string(),
        }
    }

    /// The structured part of a failed result.
    pub(crate) fn document(&self) -> Value {
        let mut error = json!({"kind": self.kind(), "message": self.told(), "retryable": self.retryable()});
        if let Self::Gateway(gateway) = self
            && let Some(status) = gateway.status()
        {
            error["status"] = json!(status.as_u16());
        }
        json!({"error": error})
    }
}

impl From<service_kit::http::Error> for Error {
    fn from(error: service_kit::http::Error) -> Self {
        match error {
            service_kit::http::Error::Timeout(limit) => Self::Timeout(limit),
            other => Self::Gateway(other),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let told = error.told();
        match error {
            Error::UnknownTool(_) | Error::NotFound(_) => Self::not_found(told),
            Error::Arguments { field, reason } => {
                Self::invalid(if field.is_empty() { "body".to_owned() } else { field }, reason)
            }
            Error::Refused(_) => Self::bad_request(told),
            Error::Gateway(error) => Self::from(error),
            Error::Database(_) => Self::unavailable(told),
            Error::Timeout(_) => Self::timeout(told),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telemetry_does_not_quote_arguments() {
        let piece = "JkuB1xcU0VdK7MtzhyM1fRS69WBun";
        let quoting = [
            Error::UnknownTool(piece.to_owned()),
            Error::argument(piece, piece),
            Error::Refused(format!("near \":{piece}\": syntax error")),
            Error::NotFound(format!("no record `{piece}`")),
        ];
        for error in quoting {
            assert!(error.told().contains(piece), "the caller is told: {error:?}");
            assert!(!error.logged().contains(piece), "{error:?}");
        }
    }
}
