//! Blocks without an engine, for the signals' tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use store_api::StoreError;

use super::block::{Block, BlockFiles, BlockWriter};
use super::local::LocalBlocks;
use super::meta::{BLOCK_VERSION, BlockMeta, FileMeta};
use super::signal::{BlockSummary, Signal};

/// A folder in which blocks are written and opened.
pub(crate) struct TestBlocks {
    folder: tempfile::TempDir,
    written: std::cell::Cell<u32>,
}

impl TestBlocks {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), written: std::cell::Cell::new(0) }
    }

    /// Writes a block and opens it.
    pub(crate) fn write<S: Signal>(
        &self,
        write: impl FnOnce(&mut BlockWriter) -> Result<BlockSummary, StoreError>,
    ) -> Arc<Block<S>> {
        self.written.set(self.written.get() + 1);
        let path = format!("block-{}", self.written.get());
        let folder = self.folder.path().join(&path);
        std::fs::create_dir(&folder).expect("a folder for the block");
        let mut writer = BlockWriter { folder: folder.clone(), names: Vec::new() };
        let summary = write(&mut writer).expect("writes the block");
        Arc::new(Block::new(BlockFiles {
            meta: meta::<S>(&path, &summary, &folder, &writer.names),
            path,
            store: Arc::new(LocalBlocks::new(self.folder.path().to_owned())),
        }))
    }

    /// The folder of a block.
    pub(crate) fn path_of<S: Signal>(&self, block: &Block<S>) -> PathBuf {
        self.folder.path().join(&block.files.path)
    }
}

fn meta<S: Signal>(path: &str, summary: &BlockSummary, folder: &Path, names: &[String]) -> BlockMeta {
    let file = |name: &String| FileMeta {
        name: name.clone(),
        bytes: std::fs::metadata(folder.join(name)).expect("the file was written").len(),
    };
    BlockMeta {
        version: BLOCK_VERSION,
        ulid: path.to_owned(),
        tenant: "test".to_owned(),
        signal: S::NAME.to_owned(),
        rows: summary.rows,
        min_time_ns: summary.range.start.0,
        max_time_ns: summary.range.end.0,
        level: 0,
        wal_generations: Vec::new(),
        replaces: Vec::new(),
        files: names.iter().map(file).collect(),
    }
}
