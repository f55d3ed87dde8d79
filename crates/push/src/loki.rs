//! Walks over Loki's `logproto.PushRequest`.

pub mod json;
pub mod labels;

use crate::error::DecodeError;
use crate::sink::StreamSink;

/// Walks a `logproto.PushRequest`, already decompressed.
pub fn decode_loki_push(_request: &[u8], _sink: &mut impl StreamSink) -> Result<(), DecodeError> {
    Ok(())
}
