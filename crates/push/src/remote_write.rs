//! Walks over remote write messages.

use crate::error::DecodeError;
use crate::sink::SeriesSink;

/// Walks a `prometheus.WriteRequest` (remote write 1.0), already decompressed.
pub fn decode_remote_write_v1(_request: &[u8], _sink: &mut impl SeriesSink) -> Result<(), DecodeError> {
    Ok(())
}

/// Walks an `io.prometheus.write.v2.Request` (remote write 2.0), already decompressed.
pub fn decode_remote_write_v2(_request: &[u8], _sink: &mut impl SeriesSink) -> Result<(), DecodeError> {
    Ok(())
}
