//! Reads the rows of series from an open block.

use std::ops::Range;

use model::{NativeHistogram, Sample, UnixMillis};
use store_api::StoreError;

use super::columns::{damaged, doubles, ints, texts};
use super::open::{BlockSeries, Opened};
use super::scale::to_value;
use crate::samples::histogram::from_json;
use crate::table::Column;
use crate::table::reader::TableReader;

/// Rows between two wanted series that are rather decoded than skipped: less than a page, which would be decoded anyway.
const GAP_ROWS: u64 = 1 << 13;

/// Rows that are decoded at once: 6 MB.
const WINDOW_ROWS: u64 = 1 << 18;

/// The rows of one series.
#[derive(Debug, Default)]
pub(in crate::samples) struct Scanned {
    pub floats: Vec<Sample>,
    /// See `SeriesRows::starts`; empty unless asked for.
    pub starts: Vec<(i64, i64)>,
}

/// What is wanted of each series.
#[derive(Clone, Copy)]
pub(in crate::samples) struct Wanted {
    /// First and last time, ms.
    pub first: i64,
    pub last: i64,
    /// Starts too.
    pub starts: bool,
}

/// Decoded rows of several series.
#[derive(Default)]
struct Window {
    first_row: u64,
    times: Vec<i64>,
    ints: Vec<i64>,
    int_present: Vec<bool>,
    values: Vec<f64>,
    starts: Vec<i64>,
    start_present: Vec<bool>,
}

/// Gives `take` the float samples of the series `ids` (rising), one call a series that has some.
pub(in crate::samples) fn floats(
    block: &Opened,
    ids: &[u32],
    wanted: Wanted,
    mut take: impl FnMut(u32, Scanned),
) -> Result<u64, StoreError> {
    let Some(table) = &block.samples else { return Ok(0) };
    let touches =
        |series: &BlockSeries| series.extent.rows > 0 && series.oldest <= wanted.last && wanted.first <= series.newest;
    let ids: Vec<u32> = ids.iter().copied().filter(|&id| touches(&block.series[id as usize])).collect();
    let mut rows = 0;
    let mut rest = ids.as_slice();
    while !rest.is_empty() {
        let count = run_length(block, rest);
        let (run, after) = rest.split_at(count);
        let window = read_window(block, table, run, wanted)?;
        rows += window.times.len() as u64;
        for &id in run {
            let scanned = window.cut(&block.series[id as usize], wanted);
            if !scanned.floats.is_empty() {
                take(id, scanned);
            }
        }
        rest = after;
    }
    Ok(rows)
}

/// How many of the first `ids` are close enough to be decoded together.
fn run_length(block: &Opened, ids: &[u32]) -> usize {
    let extent = |id: u32| block.series[id as usize].extent;
    let first = extent(ids[0]).first_row;
    let mut end = first;
    let is_near = |&&id: &&u32| {
        let next = extent(id);
        let near =
            next.first_row - end.min(next.first_row) <= GAP_ROWS && next.first_row + next.rows - first <= WINDOW_ROWS;
        end = next.first_row + next.rows;
        near
    };
    // The first is always taken, however long it is.
    ids.iter().take_while(is_near).count().max(1)
}

/// The parts of the file's rows `range` in each row group.
fn parts(table: &TableReader, range: Range<u64>) -> Vec<(usize, Range<usize>)> {
    let mut parts = Vec::new();
    let mut start = 0;
    for group in 0..table.row_groups() {
        let end = start + table.row_group_rows(group) as u64;
        let (low, high) = (range.start.max(start), range.end.min(end));
        if low < high {
            parts.push((group, (low - start) as usize..(high - start) as usize));
        }
        start = end;
    }
    parts
}

fn read_window(block: &Opened, table: &TableReader, run: &[u32], wanted: Wanted) -> Result<Window, StoreError> {
    let extents = || run.iter().map(|&id| block.series[id as usize].extent);
    let first_row = extents().next().map_or(0, |extent| extent.first_row);
    let end = extents().next_back().map_or(0, |extent| extent.first_row + extent.rows);
    let mut window = Window { first_row, ..Window::default() };
    let has_ints = extents().any(|extent| extent.doubles < extent.rows);
    let has_values = extents().any(|extent| extent.doubles > 0);
    for (group, rows) in parts(table, first_row..end) {
        extend(&mut window.times, ints(table.read(group, "timestamp_ms", rows.clone())?)?.0);
        if has_ints {
            let (values, present) = ints(table.read(group, "value_int", rows.clone())?)?;
            extend_present(&mut window.int_present, present, window.ints.len(), values.len());
            extend(&mut window.ints, values);
        }
        if has_values {
            extend(&mut window.values, doubles(table.read(group, "value", rows.clone())?)?.0);
        }
        if wanted.starts {
            let (values, present) = ints(table.read(group, "start_ms", rows.clone())?)?;
            extend_present(&mut window.start_present, present, window.starts.len(), values.len());
            extend(&mut window.starts, values);
        }
    }
    if window.times.len() as u64 != end - first_row {
        return Err(damaged("rows are missing"));
    }
    Ok(window)
}

fn extend<T>(all: &mut Vec<T>, more: Vec<T>) {
    if all.is_empty() { *all = more } else { all.extend(more) }
}

/// Adds the presence of `more` rows to that of `before` rows; a list that is empty says that all are there.
fn extend_present(all: &mut Vec<bool>, part: Vec<bool>, before: usize, more: usize) {
    if all.is_empty() && part.is_empty() {
        return;
    }
    all.resize(before, true);
    if part.is_empty() { all.resize(before + more, true) } else { all.extend(part) }
}

impl Window {
    fn cut(&self, series: &BlockSeries, wanted: Wanted) -> Scanned {
        let extent = &series.extent;
        let start = (extent.first_row - self.first_row) as usize;
        let times = &self.times[start..start + extent.rows as usize];
        let (mut low, mut high) = (0, times.len());
        if series.oldest < wanted.first {
            low = times.partition_point(|&time| time < wanted.first);
        }
        if series.newest > wanted.last {
            high = low + times[low..].partition_point(|&time| time <= wanted.last);
        }
        let rows = start + low..start + high;
        let times = &self.times[rows.clone()];
        let value = |int: i64| to_value(extent.base.wrapping_add(int), extent.divisor);
        let sample = |time: i64, value: f64| Sample { time: UnixMillis(time), value };
        let floats: Vec<Sample> = if extent.doubles == 0 {
            times.iter().zip(&self.ints[rows.clone()]).map(|(&time, &int)| sample(time, value(int))).collect()
        } else if extent.doubles == extent.rows {
            times.iter().zip(&self.values[rows.clone()]).map(|(&time, &value)| sample(time, value)).collect()
        } else {
            let is_int = |row: usize| self.int_present.is_empty() || self.int_present[row];
            let at = |row: usize| if is_int(row) { value(self.ints[row]) } else { self.values[row] };
            rows.clone().zip(times).map(|(row, &time)| sample(time, at(row))).collect()
        };
        let starts = if wanted.starts { self.cut_starts(rows) } else { Vec::new() };
        Scanned { floats, starts }
    }

    fn cut_starts(&self, rows: Range<usize>) -> Vec<(i64, i64)> {
        let mut starts: Vec<(i64, i64)> = Vec::new();
        for row in rows {
            let present = self.start_present.is_empty() || self.start_present[row];
            let start = if present { self.starts[row] } else { 0 };
            if start != starts.last().map_or(0, |entry| entry.1) {
                starts.push((self.times[row], start));
            }
        }
        starts
    }
}

/// Histograms, and starts as in [`Scanned`].
pub(in crate::samples) type ScannedHistograms = (Vec<NativeHistogram>, Vec<(i64, i64)>);

/// The native histograms of one series, with their starts.
pub(in crate::samples) fn histograms(block: &Opened, id: u32, wanted: Wanted) -> Result<ScannedHistograms, StoreError> {
    let series = &block.series[id as usize];
    let (mut found, mut starts) = (Vec::new(), Vec::new());
    let Some(table) = block.histograms.as_ref().filter(|_| series.histograms > 0) else { return Ok((found, starts)) };
    for (group, rows) in parts(table, series.first_histogram..series.first_histogram + series.histograms) {
        let times = ints(table.read(group, "timestamp_ms", rows.clone())?)?.0;
        let begins = ints(table.read(group, "start_ms", rows.clone())?)?.0;
        let counts = doubles(table.read(group, "count", rows.clone())?)?.0;
        let sums = doubles(table.read(group, "sum", rows.clone())?)?.0;
        let column: Column = table.read(group, "histogram", rows)?;
        for (row, json) in texts(&column)?.enumerate() {
            let time = times[row];
            if !(wanted.first..=wanted.last).contains(&time) {
                continue;
            }
            let histogram = from_json(json.unwrap_or_default(), time, counts[row], sums[row]);
            found.push(histogram.ok_or_else(|| damaged("a histogram is not JSON"))?);
            if begins[row] != starts.last().map_or(0, |entry: &(i64, i64)| entry.1) {
                starts.push((time, begins[row]));
            }
        }
    }
    Ok((found, starts))
}
