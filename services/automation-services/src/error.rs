//! What can go wrong with a request, and the answer that it gets.

use crate::extract::ExtractError;
use service_kit::Problem;
use service_kit::problem::FieldError;
use std::time::Duration;

/// An error of this service.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fields with wrong values: correct them.
    #[error("{}", told(.0))]
    Invalid(Vec<FieldError>),
    /// There is no such thing.
    #[error("{what} `{id}` not found")]
    NotFound {
        /// Its kind.
        what: &'static str,
        /// The id that was given.
        id: String,
    },
    /// The thing's state forbids it.
    #[error("{0}")]
    Conflict(String),
    /// Too much waits already: come back later.
    #[error("{0}")]
    Busy(&'static str),
    /// The file has no text.
    #[error(transparent)]
    Extract(#[from] ExtractError),
    /// A row says what it cannot say: damaged, or written by a newer version.
    #[error("the database holds a {what} that cannot be read: {reason}")]
    Corrupt {
        /// The column.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] service_kit::database::Error),
    /// The folder of files failed.
    #[error("the file store failed")]
    Disk(#[from] std::io::Error),
}

fn told(errors: &[FieldError]) -> String {
    let all: Vec<String> = errors.iter().map(|error| format!("{}: {}", error.field, error.reason)).collect();
    all.join("; ")
}

impl Error {
    /// One field with a wrong value.
    pub fn invalid(field: &str, reason: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError { field: field.to_owned(), reason: reason.into() }])
    }

    /// The error with its causes, for logs.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(fields) => Self::validation(fields),
            Error::NotFound { .. } => Self::not_found(error.to_string()),
            Error::Conflict(detail) => Self::conflict(detail),
            Error::Busy(detail) => Self::unavailable(detail).retry_after(Duration::from_secs(5)),
            Error::Extract(ref cause) => {
                Self::new(http::StatusCode::UNPROCESSABLE_ENTITY, "extraction-failed", cause.to_string())
            }
            Error::Database(cause) => Self::from(cause),
            Error::Disk(_) | Error::Corrupt { .. } => Self::internal(&error.chain()),
        }
    }
}
