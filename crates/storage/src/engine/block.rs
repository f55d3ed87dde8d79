//! A block: a folder of Parquet files with a `meta.json`, written once and never changed.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use store_api::StoreError;

use super::meta::BlockMeta;
use super::signal::Signal;

/// Reads ranges of one file, wherever it lives. Cheap to clone through its `Arc`.
pub(crate) trait ReadAt: Send + Sync {
    /// Size in bytes.
    fn size(&self) -> u64;
    /// Exactly `length` bytes from `offset`.
    fn read_at(&self, offset: u64, length: usize) -> Result<Bytes, StoreError>;
}

/// Where blocks live: a local folder or a bucket. Paths are relative to its root.
pub(crate) trait BlockStore: Send + Sync {
    /// Opens `path`; the size is known from the block's meta.
    fn open(&self, path: &str, size: u64) -> Result<Arc<dyn ReadAt>, StoreError>;
    /// The path and `meta.json` of every block.
    fn list_metas(&self) -> Result<Vec<(String, Bytes)>, StoreError>;
    /// Makes `files` (with `meta.json` among them) of the local `folder` the block at `path`, durably and all at once: a crash leaves
    /// the whole block or none. The folder is gone afterwards.
    fn publish(&self, folder: &Path, files: &[String], path: &str) -> Result<(), StoreError>;
    /// Deletes a block; one that is gone already is no error.
    fn delete(&self, path: &str) -> Result<(), StoreError>;
}

/// The files of one committed block.
pub(crate) struct BlockFiles {
    /// What the block holds.
    pub meta: BlockMeta,
    /// Path of the folder below the data root.
    pub path: String,
    pub(super) store: Arc<dyn BlockStore>,
}

impl BlockFiles {
    /// Opens a file of the block by name, `None` when the block has no such file.
    pub(crate) fn open(&self, name: &str) -> Result<Option<Arc<dyn ReadAt>>, StoreError> {
        let Some(file) = self.meta.files.iter().find(|file| file.name == name) else { return Ok(None) };
        self.store.open(&format!("{}/{name}", self.path), file.bytes).map(Some)
    }
}

/// A committed block with what its signal keeps open of it.
pub(crate) struct Block<S: Signal> {
    /// Where and what.
    pub files: BlockFiles,
    opened: OnceLock<Arc<S::Opened>>,
}

impl<S: Signal> Block<S> {
    pub(super) fn new(files: BlockFiles) -> Self {
        Self { files, opened: OnceLock::new() }
    }

    /// The block opened for reading; the first call reads footers.
    pub(crate) fn opened(&self, signal: &S) -> Result<Arc<S::Opened>, StoreError> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened.clone());
        }
        let opened = Arc::new(signal.open(&self.files)?);
        Ok(self.opened.get_or_init(|| opened).clone())
    }
}

/// Writes the files of a new block into a temporary folder that the engine then publishes by one rename.
pub(crate) struct BlockWriter {
    pub(super) folder: PathBuf,
    pub(super) names: Vec<String>,
}

impl BlockWriter {
    /// Writes into `folder`, which exists; for tests of what a signal writes.
    #[cfg(test)]
    pub(crate) fn in_folder(folder: PathBuf) -> Self {
        Self { folder, names: Vec::new() }
    }

    /// Creates a file of the block. Errors name the path.
    pub(crate) fn create(&mut self, name: &str) -> Result<BufWriter<File>, StoreError> {
        let path = self.folder.join(name);
        let file = File::create(&path)
            .map_err(|source| StoreError::Io { context: format!("cannot create {}", path.display()), source })?;
        self.names.push(name.to_owned());
        Ok(BufWriter::with_capacity(1 << 16, file))
    }
}
