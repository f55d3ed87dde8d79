//! Zstandard with one context for all pages of a table.

use store_api::StoreError;

/// See the module.
pub(super) struct Compressor {
    zstd: zstd::bulk::Compressor<'static>,
    frame: Vec<u8>,
}

impl Compressor {
    pub(super) fn new(level: i32) -> Result<Self, StoreError> {
        let zstd = zstd::bulk::Compressor::new(level)
            .map_err(|source| StoreError::Io { context: "cannot start zstd".into(), source })?;
        Ok(Self { zstd, frame: Vec::new() })
    }

    /// `body` as one frame.
    pub(super) fn compress(&mut self, body: &[u8]) -> Result<&[u8], StoreError> {
        self.frame.clear();
        self.frame.reserve(zstd::zstd_safe::compress_bound(body.len()));
        self.zstd
            .compress_to_buffer(body, &mut self.frame)
            .map_err(|source| StoreError::Io { context: "cannot compress a page".into(), source })?;
        Ok(&self.frame)
    }

    /// Bytes that `body` takes compressed, or as it is where that is less: to compare encodings of a sample.
    pub(super) fn size_of(&mut self, body: &[u8]) -> usize {
        self.compress(body).map_or(body.len(), |frame| frame.len().min(body.len()))
    }
}
