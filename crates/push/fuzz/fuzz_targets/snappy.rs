//! Decompression never panics and never gives more than the limit.

#![no_main]

use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 1 << 16;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(body) = push::snappy::decompress(bytes, LIMIT) {
        assert!(body.len() <= LIMIT && body.len() <= 32 * (bytes.len() + 1));
    }
});
