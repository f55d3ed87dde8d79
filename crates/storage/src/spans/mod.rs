//! Spans: decoded requests in columns, in memory and in blocks, read as traces and tags.
//!
//! | file | owns |
//! |---|---|
//! | `mod.rs` | [`Spans`]: the [`Signal`] |
//! | [`builder`] | the sink of the OTLP walk: one request into a batch |
//! | [`batch`], [`row`] | [`SpanBatch`]: spans in columns, and one of them as a [`model::Span`] |
//! | [`origin`] | resources and scopes, shared and named by a stable hash |
//! | [`filter`] | which traces may be in a batch |
//! | [`head`], [`concat`] | a tenant's spans that are in no block; small batches joined |
//! | [`order`] | rows of several batches in the order of a row group |
//! | [`columns`], [`kinds`] | the tables of a block, their columns and the words in them |
//! | [`tables`], [`gather`], [`parents`] | writing them, row group by row group |
//! | [`side`] | the tables of resources and scopes |
//! | [`usage`] | which attribute columns a scope uses, so that a trace need not read all |
//! | [`flush`], [`compact`] | a head as a block; several blocks as one |
//! | [`open`], [`restore`] | a block opened for reading; its rows back into a batch |
//! | [`read`], [`tags`] | answers: traces; tag names and values |
//!
//! The files of a block are described in `docs/formats/spans.md`.

pub(crate) mod batch;
pub(crate) mod builder;
pub(crate) mod columns;
pub(crate) mod compact;
pub(crate) mod concat;
pub(crate) mod filter;
pub(crate) mod flush;
pub(crate) mod gather;
pub(crate) mod head;
pub(crate) mod kinds;
#[cfg(test)]
mod measure;
pub(crate) mod open;
pub(crate) mod order;
pub(crate) mod origin;
pub(crate) mod parents;
pub(crate) mod read;
pub(crate) mod restore;
pub(crate) mod row;
pub(crate) mod side;
pub(crate) mod tables;
pub(crate) mod tags;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub(crate) mod usage;

use std::sync::Arc;

use model::{TenantId, TimeRange, UnixNanos};
use store_api::{Payload, StoreError};

use batch::SpanBatch;
use builder::{ScratchPool, SpanBatchBuilder};
use head::Head;
use open::OpenedSpans;
use origin::OriginCache;

use crate::engine::block::{Block, BlockFiles, BlockWriter};
use crate::engine::signal::{BlockSummary, Decoded, HeadSize, Signal};

/// The span signal.
#[derive(Debug, Default)]
pub(crate) struct Spans {
    origins: OriginCache,
    scratches: ScratchPool,
}

impl Signal for Spans {
    const NAME: &'static str = "spans";
    type Batch = SpanBatch;
    type Head = Head;
    type Opened = OpenedSpans;

    fn decode(&self, payload: &Payload) -> Result<Decoded<SpanBatch>, StoreError> {
        let mut builder = SpanBatchBuilder::new(&self.origins, self.scratches.take());
        // A scratch of a request that fails is dropped: it may be in the middle of a row.
        otlp::decode_traces(&payload.body, &mut builder)
            .map_err(|error| StoreError::InvalidInput(error.to_string()))?;
        let (decoded, scratch) = builder.finish();
        self.scratches.give(scratch);
        Ok(decoded)
    }

    fn new_head(&self, _tenant: &TenantId) -> Head {
        Head::default()
    }

    fn attach(&self, head: &Head, batch: SpanBatch) {
        head.attach(batch);
    }

    fn size(&self, head: &Head) -> HeadSize {
        head.size()
    }

    fn flush(&self, head: &Head, writer: &mut BlockWriter) -> Result<BlockSummary, StoreError> {
        flush::flush(&head.batches(), writer)
    }

    fn compact(&self, inputs: &[Arc<Block<Self>>], writer: &mut BlockWriter) -> Result<BlockSummary, StoreError> {
        let opened = inputs.iter().map(|block| block.opened(self)).collect::<Result<Vec<_>, _>>()?;
        let metas = || inputs.iter().map(|block| &block.files.meta);
        let start = metas().map(|meta| meta.min_time_ns).min().unwrap_or_default();
        let end = metas().map(|meta| meta.max_time_ns).max().unwrap_or_default();
        let range = TimeRange::new(UnixNanos(start), UnixNanos(end));
        compact::compact(&opened, range, compact::COPY_ROWS, writer)
    }

    fn open(&self, files: &BlockFiles) -> Result<OpenedSpans, StoreError> {
        OpenedSpans::open(|name| files.open(name))
    }
}
