//! The tenant a record belongs to (`X-Scope-OrgID`), with the rules of dskit's `tenant` package.

use std::fmt;
use std::sync::Arc;

/// Longest id in bytes (dskit).
pub const TENANT_ID_BYTES_MAX: usize = 150;

/// A checked tenant id: 1 to 150 bytes of `A-Za-z0-9!-_.*'()`, never `.` or `..`, so it is safe as a folder name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(Arc<str>);

/// Why a text is not a tenant id. The text fits an HTTP 400 body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TenantIdError {
    /// No characters at all.
    #[error("tenant ID is empty")]
    Empty,
    /// More than [`TENANT_ID_BYTES_MAX`] bytes.
    #[error("tenant ID is too long: max {TENANT_ID_BYTES_MAX} bytes")]
    TooLong,
    /// `.` or `..`, or a character outside the allowed set.
    #[error("tenant ID contains unsupported character or is a path: {0:?}")]
    Unsupported(String),
}

impl TenantId {
    /// The tenant of requests without `X-Scope-OrgID`.
    pub const DEFAULT: &'static str = "anonymous";

    /// Checks `text`.
    pub fn new(text: &str) -> Result<Self, TenantIdError> {
        if text.is_empty() {
            return Err(TenantIdError::Empty);
        }
        if text.len() > TENANT_ID_BYTES_MAX {
            return Err(TenantIdError::TooLong);
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || "!-_.*'()".contains(c);
        if text == "." || text == ".." || !text.chars().all(allowed) {
            return Err(TenantIdError::Unsupported(text.to_owned()));
        }
        Ok(Self(text.into()))
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for TenantId {
    fn default() -> Self {
        Self(Self::DEFAULT.into())
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_safe_texts_pass() {
        assert!(TenantId::new("team-a_1.(x)").is_ok());
        for bad in ["", ".", "..", "a/b", "a|b", "a b", "ä"] {
            assert!(TenantId::new(bad).is_err(), "{bad}");
        }
        assert_eq!(TenantId::new(&"a".repeat(151)), Err(TenantIdError::TooLong));
    }
}
