//! Snappy block format (not framed), as remote write and Loki use it.

use crate::error::DecodeError;

/// Decompresses a snappy block of at most `limit` bytes. The announced size is checked before anything is allocated.
pub fn decompress(body: &[u8], limit: usize) -> Result<Vec<u8>, DecodeError> {
    let bytes = snap::raw::decompress_len(body).map_err(DecodeError::Snappy)?;
    if bytes > limit {
        return Err(DecodeError::TooLarge { bytes: bytes as u64, limit: limit as u64 });
    }
    // A copy of 64 bytes takes three on the wire, so an honest block grows at most 22-fold; a liar would cost the limit's worth
    // of memory for a few bytes sent.
    if bytes / 32 > body.len() {
        return Err(DecodeError::Snappy(snap::Error::HeaderMismatch { expected_len: bytes as u64, got_len: 0 }));
    }
    snap::raw::Decoder::new().decompress_vec(body).map_err(DecodeError::Snappy)
}

#[cfg(test)]
mod tests {
    use model::Kind;

    use super::*;

    #[test]
    fn round_trip_and_limit() {
        let text = vec![b'x'; 100_000];
        let block = snap::raw::Encoder::new().compress_vec(&text).expect("small");
        assert_eq!(decompress(&block, 100_000), Ok(text));
        let error = decompress(&block, 99_999).expect_err("too large");
        assert_eq!(error, DecodeError::TooLarge { bytes: 100_000, limit: 99_999 });
        assert_eq!(error.kind(), Kind::Exhausted);
    }

    #[test]
    fn lies_and_garbage_are_refused_before_memory_is_taken() {
        // Announces 4 GiB - 1, then 1 GiB within a limit that would allow it.
        assert!(matches!(decompress(&[0xff, 0xff, 0xff, 0xff, 0x0f], 1 << 20), Err(DecodeError::TooLarge { .. })));
        assert!(matches!(decompress(&[0x80, 0x80, 0x80, 0x80, 0x04, 0, 1], 1 << 31), Err(DecodeError::Snappy(_))));
        for garbage in [&b""[..], b"\xff", b"\x05\x00", b"\x05abc", b"{\"streams\":[]}"] {
            let error = decompress(garbage, 1 << 20).expect_err("garbage");
            assert_eq!(error.kind(), Kind::InvalidInput, "{error}");
        }
    }
}
