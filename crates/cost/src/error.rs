//! What can be wrong with a number, a price book or a usage object.

/// A decimal text that is not an amount of money, or too large or too fine for one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Not of the form `12`, `0.5` or `2.5e-07`.
    #[error("`{0}` is not a decimal number")]
    NotDecimal(String),
    /// More digits after the point than the unit has.
    #[error("`{0}` is finer than the smallest unit")]
    TooFine(String),
    /// Outside what the type or the rule allows.
    #[error("`{0}` is out of range")]
    OutOfRange(String),
}

/// Why a price book is refused. A book is taken whole or not at all.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// Not JSON, or not the layout that `data/README.md` describes.
    #[error("price book: {0}")]
    Layout(#[from] serde_json::Error),
    /// A layout version that this build does not read.
    #[error("price book: layout {0} is not known, expected 1")]
    Version(u32),
    /// A rate, fee or multiplier that is not a usable number.
    #[error("price book: {model}: {field}: {source}")]
    Number {
        /// Model of the row.
        model: String,
        /// Which value.
        field: String,
        /// What is wrong with it.
        #[source]
        source: NumberError,
    },
    /// Anything else that makes a row ambiguous: overlapping dates, missing base rate, unknown bucket, name twice.
    #[error("price book: {model}: {reason}")]
    Row {
        /// Model of the row.
        model: String,
        /// What is ambiguous.
        reason: String,
    },
}

/// Why a usage object cannot be counted. The call must then be kept as unknown, not as free.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// The payload has no usage object.
    #[error("no usage in the payload")]
    Missing,
    /// A counter is not a whole number of 0 or more.
    #[error("usage field `{0}` is not a count")]
    NotACount(&'static str),
}
