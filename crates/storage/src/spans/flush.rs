//! A head's batches as a block.

use std::sync::Arc;

use store_api::StoreError;

use super::batch::SpanBatch;
use super::tables::{Layouts, SpanTables};
use crate::engine::block::BlockWriter;
use crate::engine::signal::BlockSummary;

/// Spans of a row group: enough for dictionaries to pay, few enough that the dense columns of one (some 10 bytes a span and
/// attribute) stay below 40 MB.
pub(crate) const GROUP_ROWS: usize = 100_000;

/// Writes `batches` as a block. They come in order of arrival, which is nearly the order of time, so row groups are slices of time.
pub(crate) fn flush(batches: &[Arc<SpanBatch>], writer: &mut BlockWriter) -> Result<BlockSummary, StoreError> {
    let mut tables = SpanTables::create(writer, Layouts::plan(batches.iter().map(|batch| &**batch)))?;
    write_groups(&mut tables, batches)?;
    tables.finish([&[], &[], &[]])
}

/// Writes `batches` in row groups of about [`GROUP_ROWS`].
pub(crate) fn write_groups(tables: &mut SpanTables<'_>, batches: &[Arc<SpanBatch>]) -> Result<(), StoreError> {
    let rows: usize = batches.iter().map(|batch| batch.len()).sum();
    // Groups of equal size: a short last one would be rewritten at each compaction.
    let groups = rows.div_ceil(GROUP_ROWS).max(1);
    let mut rest = batches;
    let mut written = 0;
    for group in 1..=groups {
        let wanted = rows * group / groups;
        let mut taken = 0;
        while taken < rest.len() && (written < wanted || group == groups) {
            written += rest[taken].len();
            taken += 1;
        }
        let (now, later) = rest.split_at(taken);
        tables.write_group(now)?;
        rest = later;
    }
    Ok(())
}
