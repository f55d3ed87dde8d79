//! What the binary tells the store.

use std::path::PathBuf;
use std::time::Duration;

pub use crate::engine::wal::writer::Durability;

/// How to open a [`crate::Store`].
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// Local folder: WAL, temporary files and, without a bucket, blocks. Created when missing.
    pub data_dir: PathBuf,
    /// When an append counts as durable.
    pub durability: Durability,
    /// Memory of records that are in no block yet, over all signals, in bytes. Writers wait, then are refused, above it.
    pub head_bytes_max: u64,
    /// A signal's records are written to a block at the latest after this time.
    pub flush_age: Duration,
    /// How long rows are kept; `None` for ever.
    pub retention: Option<Duration>,
    /// Share of the file system (0 to 1) above which the oldest blocks are deleted; 1 switches that off.
    pub disk_used_max: f64,
    /// Where blocks live instead of `data_dir`.
    pub bucket: Option<BucketSettings>,
}

/// An object store for blocks.
#[derive(Clone, Debug)]
pub struct BucketSettings {
    /// `s3://bucket/prefix`, `file:///folder` or `memory:///`.
    pub url: String,
    /// Options by the names of the `object_store` crate, e.g. `aws_endpoint`, `aws_access_key_id`, `aws_allow_http`.
    pub options: Vec<(String, String)>,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("quartet-data"),
            durability: Durability::Fsync,
            // With two flushes in flight and decoding buffers this keeps the process below 256 MiB at full load.
            head_bytes_max: 112 << 20,
            flush_age: Duration::from_secs(300),
            retention: Some(Duration::from_secs(14 * 86_400)),
            disk_used_max: 0.9,
            bucket: None,
        }
    }
}
