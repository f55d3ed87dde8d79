//! What the engine needs to know of a signal: how to decode a request, keep it in memory, and write it as a block.
//!
//! The engine owns everything that is the same for spans, logs and samples: WAL, generations of heads, flush, catalogue,
//! compaction, retention, limits. A signal owns its columns.

use std::sync::Arc;

use model::{TenantId, TimeRange, UnixNanos};
use store_api::{Appended, Payload, StoreError};

use super::block::{Block, BlockWriter};

/// A decoded request: not yet durable, not yet visible.
#[derive(Debug)]
pub(crate) struct Decoded<B> {
    /// The records; `None` when there is nothing to keep (an empty request, or all of it rejected).
    pub batch: Option<B>,
    /// The answer to the sender.
    pub appended: Appended,
}

/// What a block holds, for its `meta.json`.
#[derive(Clone, Debug)]
pub(crate) struct BlockSummary {
    /// Rows (spans, log records, samples).
    pub rows: u64,
    /// Times of the rows, both ends inside.
    pub range: TimeRange,
}

/// One signal's way to keep records.
pub(crate) trait Signal: Send + Sync + 'static {
    /// `spans`, `logs` or `samples`: folder name and label value.
    const NAME: &'static str;
    /// One decoded request.
    type Batch: Send + 'static;
    /// One tenant's records that are in no block yet. Shared by writers and readers, so it locks inside.
    type Head: Send + Sync + 'static;
    /// What a reader keeps of an open block (footers, side tables), made once by [`Signal::open`] and cached.
    type Opened: Send + Sync + 'static;

    /// Decodes and checks a request. Pure: the same payload gives the same records again at replay of the WAL.
    fn decode(&self, payload: &Payload) -> Result<Decoded<Self::Batch>, StoreError>;

    /// An empty head.
    fn new_head(&self, tenant: &TenantId) -> Self::Head;

    /// Makes a durable batch visible.
    fn attach(&self, head: &Self::Head, batch: Self::Batch);

    /// Rows and bytes of memory of a head (bytes are an honest estimate, capacity included). Called after each attach: O(1).
    fn size(&self, head: &Self::Head) -> HeadSize;

    /// Writes all rows of a head as one block. The head is sealed: nobody attaches any more, readers still read.
    fn flush(&self, head: &Self::Head, writer: &mut BlockWriter) -> Result<BlockSummary, StoreError>;

    /// Merges blocks of one tenant into one. Memory stays bounded however large the inputs are.
    fn compact(&self, inputs: &[Arc<Block<Self>>], writer: &mut BlockWriter) -> Result<BlockSummary, StoreError>
    where
        Self: Sized;

    /// Opens a block for reading.
    fn open(&self, files: &super::block::BlockFiles) -> Result<Self::Opened, StoreError>;

    /// Takes up what outlives a head from a tenant's blocks. Called once per tenant at start, before the log is replayed.
    fn restore(&self, _tenant: &TenantId, _blocks: &[Arc<Block<Self>>]) -> Result<(), StoreError>
    where
        Self: Sized,
    {
        Ok(())
    }

    /// Rows that were accepted and dropped when they were attached, since start.
    fn late(&self) -> u64 {
        0
    }
}

/// Size of a head.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HeadSize {
    /// Rows.
    pub rows: u64,
    /// Bytes of memory.
    pub bytes: u64,
    /// Time of the oldest row; `None` when empty.
    pub oldest: Option<UnixNanos>,
    /// Time of the newest row; `None` when empty.
    pub newest: Option<UnixNanos>,
}
