//! Log records: decoded requests in columns, in memory and in blocks, read as Loki streams.
//!
//! | file | owns |
//! |---|---|
//! | `mod.rs` | [`Logs`]: the [`Signal`] |
//! | [`mapping`], [`level`], [`text`] | what OTLP records look like to Loki: labels, metadata, level, line. Pure |
//! | [`source`] | resources, scopes and streams, kept once and named by a stable hash |
//! | [`batch`] | [`LogBatch`]: records in columns |
//! | [`builder`] | the sink of the OTLP and Loki push walkers: one request into a batch |
//! | [`join`], [`head`] | batches into larger ones; a tenant's records that are in no block |
//! | [`slice`], [`tables`] | records in the order of a row group, and the Parquet files of a block |
//! | [`flush`], [`compact`], [`open`] | heads to blocks, blocks to larger ones, blocks to memory |
//! | [`read`], [`scan`], [`trigrams`] | answers: entries of streams, labels; one row group or batch of them; which windows of rows cannot hold a text |
//!
//! Loki drops a record that equals another in stream, time and line; here all of them are kept, because the records may
//! differ in what Loki does not look at (attributes, ids), and a sender's retry after a lost answer is rare.

pub(crate) mod batch;
pub(crate) mod builder;
pub(crate) mod compact;
pub(crate) mod flush;
pub(crate) mod head;
pub(crate) mod join;
pub(crate) mod level;
pub(crate) mod mapping;
#[cfg(test)]
mod measure;
pub(crate) mod open;
pub(crate) mod read;
pub(crate) mod scan;
pub(crate) mod slice;
pub(crate) mod source;
pub(crate) mod tables;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub(crate) mod text;
pub(crate) mod trigrams;

use std::sync::Arc;

use model::TenantId;
use store_api::{Appended, Payload, StoreError, WireFormat};

use crate::engine::block::{Block, BlockFiles, BlockWriter};
use crate::engine::signal::{BlockSummary, Decoded, HeadSize, Signal};
use batch::LogBatch;
use builder::LogBuilder;
use head::LogHead;
use open::LogBlock;
use source::SourceCache;

/// The logs signal.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    sources: SourceCache,
}

impl Signal for Logs {
    const NAME: &'static str = "logs";
    type Batch = LogBatch;
    type Head = LogHead;
    type Opened = LogBlock;

    fn decode(&self, payload: &Payload) -> Result<Decoded<LogBatch>, StoreError> {
        let mut builder = LogBuilder::new(payload.received, payload.body.len(), &self.sources);
        match payload.format {
            WireFormat::OtlpLogs => otlp::decode_logs(&payload.body, &mut builder).map_err(invalid)?,
            WireFormat::LokiPush => push::decode_loki_push(&payload.body, &mut builder).map_err(invalid)?,
            other => return Err(StoreError::InvalidInput(format!("{other:?} does not hold logs"))),
        }
        let (batch, rejected, reason) = builder.finish();
        let appended = Appended { accepted: batch.rows() as u64, rejected, reason, ..Appended::default() };
        Ok(Decoded { batch: (batch.rows() > 0).then_some(batch), appended })
    }

    fn new_head(&self, _tenant: &TenantId) -> LogHead {
        LogHead::default()
    }

    fn attach(&self, head: &LogHead, batch: LogBatch) {
        head.attach(batch);
    }

    fn size(&self, head: &LogHead) -> HeadSize {
        head.size()
    }

    fn flush(&self, head: &LogHead, writer: &mut BlockWriter) -> Result<BlockSummary, StoreError> {
        flush::flush(&head.batches(), writer)
    }

    fn compact(&self, inputs: &[Arc<Block<Self>>], writer: &mut BlockWriter) -> Result<BlockSummary, StoreError> {
        let opened = inputs.iter().map(|block| block.opened(self)).collect::<Result<Vec<_>, _>>()?;
        compact::compact(&opened, writer)
    }

    fn open(&self, files: &BlockFiles) -> Result<LogBlock, StoreError> {
        LogBlock::open(files)
    }
}

fn invalid(error: impl std::fmt::Display) -> StoreError {
    StoreError::InvalidInput(error.to_string())
}
