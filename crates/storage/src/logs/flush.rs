//! A head as a block: row groups by time, within them records by stream and time.
//!
//! Sorting by stream puts similar lines side by side, which is what makes them small; cutting by time first is what lets a reader
//! of the newest hundred lines stop after one row group.

use std::io::Write;
use std::sync::Arc;

use model::{TimeRange, UnixNanos};
use store_api::StoreError;

use super::batch::LogBatch;
use super::slice::{Input, Place, Slice, Sources, by_time};
use super::tables::{self, LOGS_FILE, Run};
use crate::attributes::AttributeLayout;
use crate::engine::block::BlockWriter;
use crate::engine::signal::BlockSummary;
use crate::table::writer::TableWriter;

/// Rows of a row group: enough that footers and dictionaries weigh little, few enough that one fits in some 30 MiB to be written
/// or merged.
pub(crate) const GROUP_ROWS_MAX: usize = 128 * 1024;
/// Bytes of lines in a row group, for lines far longer than usual.
pub(crate) const GROUP_LINE_BYTES_MAX: usize = 32 << 20;

/// Writes the records of a head, given in order of arrival.
pub(crate) fn flush(batches: &[Arc<LogBatch>], writer: &mut BlockWriter) -> Result<BlockSummary, StoreError> {
    let mut sources = Sources::default();
    let inputs: Vec<Input> = batches.iter().map(|batch| Input::new(batch.clone(), &mut sources)).collect();
    let rows = batches.iter().map(|batch| batch.rows() as u64).sum();
    let attributes = AttributeLayout::plan(batches.iter().map(|batch| &batch.attributes), rows);
    let mut table = tables::log_writer(writer.create(LOGS_FILE)?, &attributes)?;
    let mut runs = Vec::new();
    for (row_group, places) in cut(&inputs, &by_time(&inputs)).into_iter().enumerate() {
        write_slice(&mut table, &Slice::new(&inputs, places, &sources), row_group as u32, &attributes, &mut runs)?;
    }
    table.finish(&[])?;
    tables::write_side_tables(writer, &sources.streams, &sources.resources, &sources.scopes, &runs)?;
    Ok(summary(&runs))
}

/// Writes one row group and notes its runs.
pub(crate) fn write_slice<W: Write + Send>(
    table: &mut TableWriter<W>,
    slice: &Slice<'_>,
    row_group: u32,
    attributes: &AttributeLayout,
    runs: &mut Vec<Run>,
) -> Result<(), StoreError> {
    tables::write_group(table, slice.rows(), &slice.columns(attributes))?;
    runs.extend(slice.runs(row_group));
    Ok(())
}

/// What the runs of a block say of it.
pub(crate) fn summary(runs: &[Run]) -> BlockSummary {
    let nanos = |time: i64| UnixNanos(time as u64);
    let start = runs.iter().map(|run| run.min_time).min().unwrap_or(0);
    let end = runs.iter().map(|run| run.max_time).max().unwrap_or(0);
    let rows = runs.iter().map(|run| u64::from(run.rows)).sum();
    BlockSummary { rows, range: TimeRange::new(nanos(start), nanos(end)) }
}

/// Cuts records into row groups of about equal size.
fn cut<'p>(inputs: &[Input], places: &'p [Place]) -> Vec<&'p [Place]> {
    let groups = places.len().div_ceil(GROUP_ROWS_MAX).max(1);
    let rows_max = places.len().div_ceil(groups).max(1);
    let (mut out, mut first, mut bytes) = (Vec::with_capacity(groups), 0, 0);
    for (at, &(number, row)) in places.iter().enumerate() {
        let length = inputs[number as usize].batch.lines.get(row).len();
        if at - first == rows_max || (bytes + length > GROUP_LINE_BYTES_MAX && at > first) {
            out.push(&places[first..at]);
            (first, bytes) = (at, 0);
        }
        bytes += length;
    }
    out.push(&places[first..]);
    out
}
