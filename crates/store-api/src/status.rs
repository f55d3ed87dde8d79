//! What the store holds and does, for the status page and our own metrics.

use model::UnixNanos;

/// One signal's share, over all tenants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignalStatus {
    /// `spans`, `logs` or `samples`.
    pub signal: &'static str,
    /// Rows accepted since start.
    pub accepted: u64,
    /// Rows refused as invalid since start.
    pub rejected: u64,
    /// Delta points dropped since start (log replay included), because they came later than a newer point of their series.
    pub late: u64,
    /// Rows not yet in a block.
    pub head_rows: u64,
    /// Memory of those rows, in bytes.
    pub head_bytes: u64,
    /// Rows in blocks.
    pub block_rows: u64,
    /// Blocks.
    pub blocks: u64,
    /// Size of the blocks, in bytes.
    pub block_bytes: u64,
    /// Size of the write-ahead log, in bytes.
    pub wal_bytes: u64,
    /// Time of the oldest row; `None` when there is none.
    pub oldest: Option<UnixNanos>,
    /// Time of the newest row; `None` when there is none.
    pub newest: Option<UnixNanos>,
    /// Flushes done since start.
    pub flushes: u64,
    /// Compactions done since start.
    pub compactions: u64,
    /// Blocks that retention deleted since start.
    pub retention_deleted_blocks: u64,
}

/// The whole store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreStatus {
    /// Each signal's share.
    pub signals: Vec<SignalStatus>,
    /// How long rows are kept, in seconds; 0 for ever.
    pub retention_secs: u64,
    /// Where data lives.
    pub data_dir: String,
    /// `fsync` or `buffered`.
    pub durability: &'static str,
    /// The last thing that went wrong (a full disk, a failed flush), empty when all is well.
    pub last_error: String,
    /// Bytes of heads over which writes are refused.
    pub head_bytes_max: u64,
    /// True while writes are refused for lack of memory or disk.
    pub refusing: bool,
    /// Flushes and compactions that are under way or due now; 0 when the store is quiet.
    pub background_tasks: u64,
}

/// Tells the state of a store.
pub trait StatusSource: Send + Sync {
    /// The state now.
    fn status(&self) -> StoreStatus;
}

/// Writes what is in memory to blocks on demand (Loki's `POST /flush`).
pub trait Flush: Send + Sync {
    /// Writes every head to blocks and compacts what is due; `false` when that did not end within `patience`. Blocks the thread.
    fn flush(&self, patience: std::time::Duration) -> bool;
}
