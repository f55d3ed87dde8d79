//! Snappy block format (not framed), as remote write and Loki use it.

use crate::error::DecodeError;

/// Decompresses a snappy block of at most `limit` bytes. The announced size is checked before anything is allocated.
pub fn decompress(body: &[u8], limit: usize) -> Result<Vec<u8>, DecodeError> {
    let bytes = snap::raw::decompress_len(body).map_err(DecodeError::Snappy)?;
    if bytes > limit {
        return Err(DecodeError::TooLarge { bytes: bytes as u64, limit: limit as u64 });
    }
    snap::raw::Decoder::new().decompress_vec(body).map_err(DecodeError::Snappy)
}
