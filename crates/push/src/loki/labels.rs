//! The text of a stream's labels.

use model::Labels;

use crate::error::LabelError;

/// Parses `{a="b", c="d"}`; at least one label is needed.
pub fn parse_stream_labels(_text: &str) -> Result<Labels, LabelError> {
    Err(LabelError::NoLabels)
}
