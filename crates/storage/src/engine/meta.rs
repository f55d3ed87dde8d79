//! `meta.json`: what a block holds and where it came from.

use serde::{Deserialize, Serialize};

/// Version of the block layout that this code writes.
pub(crate) const BLOCK_VERSION: u32 = 1;

/// Contents of `meta.json`. The presence of the folder with this file makes a block exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BlockMeta {
    /// Layout version.
    pub version: u32,
    /// Unique and rising with time of creation; also the folder's name.
    pub ulid: String,
    /// Owner.
    pub tenant: String,
    /// `spans`, `logs` or `samples`.
    pub signal: String,
    /// Spans, log records or samples.
    pub rows: u64,
    /// Oldest row, ns.
    pub min_time_ns: u64,
    /// Newest row, ns.
    pub max_time_ns: u64,
    /// 0 for a flushed block, one more than its highest input for a compacted one.
    pub level: u32,
    /// WAL generations whose records it holds: replay skips them for this tenant and signal.
    pub wal_generations: Vec<u64>,
    /// Blocks that it replaces: they are deleted when it is seen.
    pub replaces: Vec<String>,
    /// Its files, `meta.json` left out.
    pub files: Vec<FileMeta>,
}

/// One file of a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileMeta {
    /// Name within the folder.
    pub name: String,
    /// Size.
    pub bytes: u64,
}

impl BlockMeta {
    /// Size of all files.
    pub(crate) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}
