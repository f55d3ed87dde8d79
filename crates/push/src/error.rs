//! Why a push request is refused, as a whole or in part.

use model::Kind;
use protowire::WireError;

/// A decoding error. The texts fit an HTTP 400 body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not protobuf, or a field of the wrong type.
    #[error("invalid request: {0}")]
    Wire(#[from] WireError),
    /// Not a snappy block.
    #[error("snappy: corrupt input: {0}")]
    Snappy(#[source] snap::Error),
    /// The snappy header announces more bytes than allowed.
    #[error("decompressed body of {bytes} bytes is larger than the limit of {limit} bytes")]
    TooLarge {
        /// Bytes that the header announces.
        bytes: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// A remote write 2.0 reference outside the symbol table, an odd number of them, or too large a table.
    #[error("invalid symbols: {0}")]
    Symbols(&'static str),
    /// A series with too many samples, histograms, exemplars or labels, or an entry with too much metadata.
    #[error("invalid request: more than {max} parts of one series or entry")]
    TooMany {
        /// The limit.
        max: usize,
    },
    /// Labels that break the rules of [`crate::check_labels`].
    #[error(transparent)]
    Labels(#[from] LabelError),
    /// A native histogram that breaks the rules of [`crate::check_histogram`].
    #[error("invalid histogram: {0}")]
    Histogram(&'static str),
    /// JSON that does not parse or has the wrong shape; with line and column.
    #[error("{0}")]
    Json(String),
}

impl DecodeError {
    /// What a caller can do about it. [`Kind::Exhausted`] stands for a body that is too large (HTTP 413); all else is 400.
    pub fn kind(&self) -> Kind {
        match self {
            Self::TooLarge { .. } => Kind::Exhausted,
            _ => Kind::InvalidInput,
        }
    }
}

/// Why a label set is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// Remote write: no `__name__`.
    #[error("missing metric name")]
    NoName,
    /// A label name of no characters.
    #[error("label name is empty")]
    EmptyName,
    /// A label without value, which remote write forbids.
    #[error("label {0:?} has an empty value")]
    EmptyValue(String),
    /// Names do not rise.
    #[error("labels are not sorted: {0:?} comes after {1:?}")]
    Unsorted(String, String),
    /// A name twice.
    #[error("duplicate label name {0:?}")]
    Duplicate(String),
    /// The text of a Loki stream's labels does not parse.
    #[error("error parsing labels '{text}' with error: {reason}")]
    Syntax {
        /// The text, cut at 200 bytes.
        text: String,
        /// What was expected, and at which byte.
        reason: String,
    },
    /// A Loki stream without labels.
    #[error("error at least one label pair is required per stream")]
    NoLabels,
}
