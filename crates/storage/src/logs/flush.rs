//! A head as a block: row groups by time, within them records by stream and time.
//!
//! Sorting by stream puts similar lines side by side, which is what makes them small; cutting by time first is what lets a reader
//! of the newest hundred lines stop after one row group.

use std::fs::File;
use std::io::BufWriter;
use std::sync::Arc;

use model::{TimeRange, UnixNanos};
use store_api::StoreError;

use super::batch::LogBatch;
use super::slice::{Input, LINES_COLUMN, Place, Slice, Sources, by_time};
use super::tables::{self, LOGS_FILE, Run, TRIGRAMS_FILE};
use super::trigrams;
use crate::attributes::AttributeLayout;
use crate::engine::block::BlockWriter;
use crate::engine::signal::BlockSummary;
use crate::table::Column;
use crate::table::writer::TableWriter;

/// Rows of a row group: enough that footers and dictionaries weigh little, few enough that one takes some 30 MiB while it is
/// written or merged.
pub(crate) const GROUP_ROWS_MAX: usize = 64 * 1024;
/// Bytes of lines in a row group, for lines far longer than usual.
pub(crate) const GROUP_LINE_BYTES_MAX: usize = 32 << 20;

/// Writes the records of a head, given in order of arrival.
pub(crate) fn flush(batches: &[Arc<LogBatch>], writer: &mut BlockWriter) -> Result<BlockSummary, StoreError> {
    let mut sources = Sources::default();
    let inputs: Vec<Input> = batches.iter().map(|batch| Input::new(batch.clone(), &mut sources)).collect();
    let rows = batches.iter().map(|batch| batch.rows() as u64).sum();
    let attributes = AttributeLayout::plan(batches.iter().map(|batch| &batch.attributes), rows);
    let mut output = Output::create(writer, attributes)?;
    for places in cut(&inputs, &by_time(&inputs)) {
        output.write(&Slice::new(&inputs, places, &sources))?;
    }
    output.finish(writer, &sources)
}

/// A block that is being written.
pub(crate) struct Output {
    /// `logs.parquet`.
    pub table: TableWriter<BufWriter<File>>,
    /// `trigrams.parquet`.
    pub trigrams: TableWriter<BufWriter<File>>,
    /// The attributes' columns.
    pub attributes: AttributeLayout,
    /// Runs of what is written.
    pub runs: Vec<Run>,
    /// Row groups that are written.
    pub row_groups: u32,
}

impl Output {
    /// Starts the files of records.
    pub(crate) fn create(writer: &mut BlockWriter, attributes: AttributeLayout) -> Result<Self, StoreError> {
        let table = tables::log_writer(writer.create(LOGS_FILE)?, &attributes)?;
        let trigrams = tables::trigram_writer(writer.create(TRIGRAMS_FILE)?)?;
        Ok(Self { table, trigrams, attributes, runs: Vec::new(), row_groups: 0 })
    }

    /// Writes one row group.
    pub(crate) fn write(&mut self, slice: &Slice<'_>) -> Result<(), StoreError> {
        if slice.rows() == 0 {
            return Ok(());
        }
        let columns = slice.columns(&self.attributes);
        if let Column::Dict { ids, dict } = &columns[LINES_COLUMN] {
            let dict = trigrams::build(ids, dict);
            let ids = (0..dict.len() as u32).collect();
            tables::write_group(&mut self.trigrams, dict.len(), &[Column::Dict { ids, dict }])?;
        }
        tables::write_group(&mut self.table, slice.rows(), &columns)?;
        self.runs.extend(slice.runs(self.row_groups));
        self.row_groups += 1;
        Ok(())
    }

    /// Ends the files of records and writes the others.
    pub(crate) fn finish(self, writer: &mut BlockWriter, sources: &Sources) -> Result<BlockSummary, StoreError> {
        self.table.finish(&[])?;
        self.trigrams.finish(&[])?;
        tables::write_side_tables(writer, &sources.streams, &sources.resources, &sources.scopes, &self.runs)?;
        Ok(summary(&self.runs))
    }
}

/// What the runs of a block say of it.
fn summary(runs: &[Run]) -> BlockSummary {
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
