//! Refusals in the real server's words: HTTP status, `type`, `message`.

use serde_json::{Value as Json, json};

use crate::formula::FormulaError;

/// Why a request is refused; the texts are Airtable's.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ApiError {
    /// 401: no token, or one that is not known.
    #[error("Authentication required")]
    Unauthenticated,
    /// 403: no such base or table, or the token may not see it.
    #[error(
        "Invalid permissions, or the requested model was not found. Check that both your user and your token have the \
         required permissions, and that the model names and/or ids are correct."
    )]
    NoModel,
    /// 403: the token may read only.
    #[error("You are not permitted to perform this operation")]
    Forbidden,
    /// 404, whose body is the string form of an error.
    #[error("NOT_FOUND")]
    NotFound,
    /// 413: the body is over the limit.
    #[error("Request body is too large")]
    TooLarge,
    /// 422 of the given type.
    #[error("{message}")]
    Invalid {
        /// The upstream error type, like `UNKNOWN_FIELD_NAME`.
        kind: &'static str,
        /// The sentence for people.
        message: String,
    },
    /// 429, whose body is the array form of an error.
    #[error("Rate limit exceeded. Please try again later")]
    RateLimited,
}

impl ApiError {
    pub(crate) fn invalid(kind: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { kind, message: message.into() }
    }

    /// The general 422.
    pub(crate) fn bad_request() -> Self {
        Self::invalid(
            "INVALID_REQUEST_UNKNOWN",
            "Invalid request: parameter validation failed. Check your request data.",
        )
    }

    pub(crate) fn unknown_field(name: &str) -> Self {
        Self::invalid("UNKNOWN_FIELD_NAME", format!("Unknown field name: \"{name}\""))
    }

    pub(crate) fn bad_value(field: &str) -> Self {
        Self::invalid("INVALID_VALUE_FOR_COLUMN", format!("Field \"{field}\" cannot accept the provided value"))
    }

    pub(crate) fn no_row(id: &str) -> Self {
        Self::invalid("ROW_DOES_NOT_EXIST", format!("Record ID {id} does not exist in this table"))
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::Unauthenticated => 401,
            Self::NoModel | Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::TooLarge => 413,
            Self::Invalid { .. } => 422,
            Self::RateLimited => 429,
        }
    }

    /// The body; each of its three forms appears, since the real server uses all of them.
    pub fn body(&self) -> Json {
        let kind = match self {
            Self::NotFound => return json!({"error": "NOT_FOUND"}),
            Self::RateLimited => {
                return json!({"errors": [{"error": "RATE_LIMIT_REACHED", "message": self.to_string()}]});
            }
            Self::Unauthenticated => "AUTHENTICATION_REQUIRED",
            Self::NoModel => "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND",
            Self::Forbidden => "INVALID_PERMISSIONS",
            Self::TooLarge => "REQUEST_TOO_LARGE",
            Self::Invalid { kind, .. } => kind,
        };
        json!({"error": {"type": kind, "message": self.to_string()}})
    }
}

impl From<FormulaError> for ApiError {
    fn from(error: FormulaError) -> Self {
        Self::invalid("INVALID_FILTER_BY_FORMULA", format!("The formula for filtering records is invalid: {error}"))
    }
}
