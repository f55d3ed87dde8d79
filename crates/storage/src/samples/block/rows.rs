//! Writes `samples.parquet`: series after series, row group after row group.

use std::io::Write;

use model::Sample;
use store_api::StoreError;

use super::columns::spec;
use super::scale;
use crate::table::writer::{TableSettings, TableWriter};
use crate::table::{ColumnData, ColumnSpec, ColumnType};

/// Rows of a row group: 11 MB of buffers.
const GROUP_ROWS: usize = 1 << 18;

/// Rows of a page. Larger pages find more equal time stamps to compress away; a read of one series decodes at least one page
/// (16 Ki rows: 60 µs).
const PAGE_ROWS: usize = 1 << 14;

/// Where the rows of a series are and how its values are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::samples) struct Extent {
    /// First row, counted over all row groups.
    pub first_row: u64,
    /// Rows.
    pub rows: u64,
    /// Rows whose value is in column `value`; the others are in `value_int`.
    pub doubles: u64,
    /// See [`scale`].
    pub base: i64,
    /// See [`scale`].
    pub divisor: f64,
}

/// See the module.
pub(in crate::samples) struct RowWriter<W> {
    table: TableWriter<W>,
    written: u64,
    series: Vec<i64>,
    times: Vec<i64>,
    values: Vec<f64>,
    value_present: Vec<bool>,
    ints: Vec<i64>,
    int_present: Vec<bool>,
    starts: Vec<i64>,
    start_present: Vec<bool>,
    /// The last integer of the series before.
    chain: i64,
}

fn specs() -> Vec<ColumnSpec> {
    vec![
        spec("series_id", ColumnType::Int32, false),
        spec("timestamp_ms", ColumnType::TimestampMillis, false),
        spec("value", ColumnType::Double, true),
        spec("value_int", ColumnType::Int64, true),
        spec("start_ms", ColumnType::TimestampMillis, true),
    ]
}

impl<W: Write + Send> RowWriter<W> {
    /// Starts the file.
    pub(in crate::samples) fn new(out: W) -> Result<Self, StoreError> {
        let settings = TableSettings { page_rows: PAGE_ROWS, ..TableSettings::default() };
        Ok(Self {
            table: TableWriter::with_settings(out, specs(), settings)?,
            written: 0,
            series: Vec::new(),
            times: Vec::new(),
            values: Vec::new(),
            value_present: Vec::new(),
            ints: Vec::new(),
            int_present: Vec::new(),
            starts: Vec::new(),
            start_present: Vec::new(),
            chain: 0,
        })
    }

    /// Writes a series, whose samples must be in order of time. `starts` holds `(time, start)`: from `time` on, counters began
    /// at `start`; 0 is unknown.
    pub(in crate::samples) fn push(
        &mut self,
        series: u32,
        samples: &[Sample],
        starts: &[(i64, i64)],
    ) -> Result<Extent, StoreError> {
        let divisor = scale::divisor(samples);
        let first_row = self.written + self.times.len() as u64;
        let mut extent =
            Extent { first_row, rows: samples.len() as u64, doubles: 0, base: 0, divisor: divisor.unwrap_or(1.0) };
        let mut base = None;
        let mut starts = starts.iter().peekable();
        let mut start = 0;
        for (position, sample) in samples.iter().enumerate() {
            while let Some(entry) = starts.next_if(|entry| entry.0 <= sample.time.0) {
                start = entry.1;
            }
            self.series.push(series.into());
            self.times.push(sample.time.0);
            self.starts.push(start);
            self.start_present.push(start != 0);
            match divisor.and_then(|divisor| scale::to_int(sample.value, divisor)) {
                Some(int) => {
                    let base = *base.get_or_insert_with(|| self.base(int, &samples[position + 1..], extent.divisor));
                    self.put_int(int - base);
                }
                None => {
                    extent.doubles += 1;
                    self.values.push(sample.value);
                    self.value_present.push(true);
                    self.ints.push(0);
                    self.int_present.push(false);
                }
            }
            if self.times.len() >= GROUP_ROWS {
                self.write_group()?;
            }
        }
        extent.base = base.unwrap_or_default();
        Ok(extent)
    }

    fn put_int(&mut self, int: i64) {
        self.chain = int;
        self.ints.push(int);
        self.int_present.push(true);
        self.values.push(0.0);
        self.value_present.push(false);
    }

    /// The base that lets the series go on where the one before ended, with its own first difference between the two.
    fn base(&self, first: i64, rest: &[Sample], divisor: f64) -> i64 {
        let second = rest.iter().find_map(|sample| scale::to_int(sample.value, divisor));
        let step = second.unwrap_or(first) - first;
        let next = self.chain.saturating_add(step);
        // Far from zero the sums might overflow: begin anew. A series moves by 2^62 at most.
        if next.unsigned_abs() < 1 << 61 { first - next } else { first }
    }

    fn write_group(&mut self) -> Result<(), StoreError> {
        let columns = [
            ColumnData::Int { values: &self.series, present: &[] },
            ColumnData::Int { values: &self.times, present: &[] },
            ColumnData::Double { values: &self.values, present: &self.value_present },
            ColumnData::Int { values: &self.ints, present: &self.int_present },
            ColumnData::Int { values: &self.starts, present: &self.start_present },
        ];
        self.table.write_row_group(self.times.len(), &columns)?;
        self.written += self.times.len() as u64;
        self.series.clear();
        self.times.clear();
        self.values.clear();
        self.value_present.clear();
        self.ints.clear();
        self.int_present.clear();
        self.starts.clear();
        self.start_present.clear();
        Ok(())
    }

    /// Ends the file; gives its rows.
    pub(in crate::samples) fn finish(mut self) -> Result<u64, StoreError> {
        if !self.times.is_empty() {
            self.write_group()?;
        }
        self.table.finish(&[])?;
        Ok(self.written)
    }
}
