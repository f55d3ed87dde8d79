//! Why bytes are not OTLP.

use protowire::WireError;

/// A decoding error. The text fits a `google.rpc.Status` message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not protobuf, or a field of the wrong type.
    #[error("invalid OTLP: {0}")]
    Wire(#[from] WireError),
    /// A value nested deeper than [`crate::NESTING_MAX`].
    #[error("invalid OTLP: attribute values are nested more than {max} deep", max = crate::NESTING_MAX)]
    TooDeep,
    /// A record with more attributes, events, links, exemplars, buckets or quantiles than [`crate::PARTS_MAX`].
    #[error("invalid OTLP: a record has more than {max} {what}", max = crate::PARTS_MAX)]
    TooMany {
        /// Of what, in the plural.
        what: &'static str,
    },
    /// A value that holds its array or list twice. Protobuf would join the two; nobody writes this on purpose.
    #[error("invalid OTLP: an attribute value holds two arrays or two lists")]
    Twice,
    /// JSON that does not parse, or a field of the wrong type; with line and column.
    #[error("invalid OTLP/JSON: {0}")]
    Json(String),
}
