//! Writes a block, series by series in order of labels. Flush and compaction both end here.

use std::fs::File;
use std::io::BufWriter;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashSet;
use model::{Exemplar, Labels, NativeHistogram, Sample, TimeRange, UnixMillis, UnixNanos};
use store_api::StoreError;

use super::columns::{Texts, labels_to_json, spec};
use super::rows::{Extent, RowWriter};
use super::{DELTA, EXEMPLARS, HISTOGRAMS, METADATA, SAMPLES, SERIES};
use crate::engine::block::BlockWriter;
use crate::engine::signal::BlockSummary;
use crate::samples::histogram::to_json;
use crate::samples::series::Family;
use crate::table::writer::{TableSettings, TableWriter};
use crate::table::{ColumnData, ColumnType};

/// Histograms and exemplars of a row group: bounds the JSON that is held.
const GROUP_ROWS: usize = 1 << 14;

/// Level for the table of labels: a few hundred kilobytes that stay for long and repeat themselves a lot. 9 saves 5 % and takes twice
/// the time.
const SERIES_LEVEL: i32 = 5;

/// One series of a block.
#[derive(Clone, Debug, Default)]
pub(in crate::samples) struct SeriesRows {
    pub labels: Labels,
    /// In order of time, each time once.
    pub floats: Vec<Sample>,
    /// In order of time, each time once.
    pub histograms: Vec<NativeHistogram>,
    /// `(time, start)`: from `time` on, counters began at `start`, until the next entry. ms; 0 is unknown.
    pub starts: Vec<(i64, i64)>,
    pub exemplars: Vec<Exemplar>,
    /// True when the values are sums of deltas: the block then keeps the last of them for the next start.
    pub is_delta: bool,
}

/// See the module.
pub(in crate::samples) struct BlockBuilder<'w> {
    writer: &'w mut BlockWriter,
    rows: Option<RowWriter<BufWriter<File>>>,
    histograms: Option<Table>,
    exemplars: Option<Table>,
    delta: Option<Table>,
    series: SeriesTable,
    families: HashSet<Arc<Family>, RandomState>,
    json: Vec<u8>,
    histogram_rows: u64,
    times: Option<(i64, i64)>,
}

/// Columns of `series.parquet`, held until the end: 100 bytes a series beside its labels.
#[derive(Default)]
struct SeriesTable {
    names: Texts,
    labels: Texts,
    /// first row, rows, doubles, base, oldest, newest, first histogram, histograms
    numbers: [Vec<i64>; 8],
    divisors: Vec<f64>,
}

impl<'w> BlockBuilder<'w> {
    /// Starts a block.
    pub(in crate::samples) fn new(writer: &'w mut BlockWriter) -> Self {
        Self {
            writer,
            rows: None,
            histograms: None,
            exemplars: None,
            delta: None,
            series: SeriesTable::default(),
            families: HashSet::default(),
            json: Vec::new(),
            histogram_rows: 0,
            times: None,
        }
    }

    /// Adds a family.
    pub(in crate::samples) fn family(&mut self, family: &Arc<Family>) {
        self.families.get_or_insert_with(family, Arc::clone);
    }

    /// Writes the next series in order of labels. One without rows is left out.
    pub(in crate::samples) fn series(&mut self, rows: &SeriesRows) -> Result<(), StoreError> {
        if rows.floats.is_empty() && rows.histograms.is_empty() && rows.exemplars.is_empty() {
            return Ok(());
        }
        let id = self.series.divisors.len() as u32;
        let mut extent = Extent { divisor: 1.0, ..Extent::default() };
        if !rows.floats.is_empty() {
            if self.rows.is_none() {
                self.rows = Some(RowWriter::new(self.writer.create(SAMPLES)?)?);
            }
            let writer = self.rows.as_mut().expect("it was just made");
            extent = writer.push(id, &rows.floats, &rows.starts)?;
        }
        let first_histogram = self.histogram_rows;
        for histogram in &rows.histograms {
            self.histogram(id, histogram, start_at(&rows.starts, histogram.time.0))?;
        }
        for exemplar in &rows.exemplars {
            self.exemplar(id, exemplar)?;
        }
        labels_to_json(&rows.labels, &mut self.json);
        let (oldest, newest) = bounds(rows);
        if rows.is_delta {
            self.delta(rows)?;
        }
        if !rows.floats.is_empty() || !rows.histograms.is_empty() {
            let (low, high) = self.times.unwrap_or((oldest, newest));
            self.times = Some((low.min(oldest), high.max(newest)));
        }
        let numbers = [
            extent.first_row as i64,
            extent.rows as i64,
            extent.doubles as i64,
            extent.base,
            oldest,
            newest,
            first_histogram as i64,
            (self.histogram_rows - first_histogram) as i64,
        ];
        self.series.numbers.iter_mut().zip(numbers).for_each(|(column, number)| column.push(number));
        self.series.divisors.push(extent.divisor);
        self.series.names.push(rows.labels.get("__name__").unwrap_or_default().as_bytes());
        self.series.labels.push(&self.json);
        Ok(())
    }

    fn histogram(&mut self, id: u32, histogram: &NativeHistogram, start: i64) -> Result<(), StoreError> {
        let table = self.histograms.get_or_insert_with(|| Table::new(HISTOGRAMS, HISTOGRAM_COLUMNS));
        table.ints[0].push(id.into());
        table.ints[1].push(histogram.time.0);
        table.ints[2].push(start);
        table.doubles[0].push(histogram.count);
        table.doubles[1].push(histogram.sum);
        table.texts[0].push(&to_json(histogram));
        self.histogram_rows += 1;
        table.end_row(self.writer)
    }

    fn exemplar(&mut self, id: u32, exemplar: &Exemplar) -> Result<(), StoreError> {
        let table = self.exemplars.get_or_insert_with(|| Table::new(EXEMPLARS, EXEMPLAR_COLUMNS));
        table.ints[0].push(id.into());
        table.ints[1].push(exemplar.time.0);
        table.doubles[0].push(exemplar.value);
        labels_to_json(&exemplar.labels, &mut self.json);
        table.texts[0].push(&self.json);
        table.end_row(self.writer)
    }

    /// The last total of a delta series. `self.json` holds its labels.
    fn delta(&mut self, rows: &SeriesRows) -> Result<(), StoreError> {
        // A stale marker is no total.
        let float = rows.floats.iter().rev().find(|sample| !sample.value.is_nan());
        let histogram = rows.histograms.iter().rev().find(|histogram| !histogram.sum.is_nan());
        let Some(time) = float.map(|sample| sample.time).max(histogram.map(|histogram| histogram.time)) else {
            return Ok(());
        };
        let histogram = histogram.filter(|histogram| histogram.time == time);
        let table = self.delta.get_or_insert_with(|| Table::new(DELTA, DELTA_COLUMNS));
        table.texts[0].push(&self.json);
        table.ints[0].push(time.0);
        table.ints[1].push(start_at(&rows.starts, time.0));
        table.doubles[0].push(histogram.map_or_else(|| float.map_or(0.0, |sample| sample.value), |entry| entry.count));
        table.doubles[1].push(histogram.map_or(0.0, |entry| entry.sum));
        match histogram {
            Some(histogram) => table.texts[1].push(&to_json(histogram)),
            None => table.texts[1].push_null(),
        }
        table.end_row(self.writer)
    }

    /// Ends the block.
    pub(in crate::samples) fn finish(mut self) -> Result<BlockSummary, StoreError> {
        let floats = self.rows.map_or(Ok(0), RowWriter::finish)?;
        for table in [self.histograms, self.exemplars, self.delta].into_iter().flatten() {
            table.finish(self.writer)?;
        }
        self.series.write(self.writer)?;
        let mut families: Vec<Arc<Family>> = self.families.drain().collect();
        families.sort_by(|left, right| (&left.name, &left.metadata.help).cmp(&(&right.name, &right.metadata.help)));
        if !families.is_empty() {
            let mut table = Table::new(METADATA, METADATA_COLUMNS);
            for family in families {
                let metadata = &family.metadata;
                let texts = [&*family.name, metadata.metric_type.name(), &metadata.help, &metadata.unit];
                table.texts.iter_mut().zip(texts).for_each(|(column, text)| column.push(text.as_bytes()));
                table.end_row(self.writer)?;
            }
            table.finish(self.writer)?;
        }
        let (oldest, newest) = self.times.unwrap_or((0, 0));
        let nanos = |time: i64| UnixMillis(time).nanos();
        // A sample's time is a whole millisecond, its range all of it.
        let end = UnixNanos(nanos(newest).0.saturating_add(999_999));
        Ok(BlockSummary { rows: floats + self.histogram_rows, range: TimeRange::new(nanos(oldest), end) })
    }
}

/// The start that holds at `time`.
fn start_at(starts: &[(i64, i64)], time: i64) -> i64 {
    starts.iter().take_while(|entry| entry.0 <= time).last().map_or(0, |entry| entry.1)
}

/// Times of the first and last row; of the exemplars when there is nothing else.
fn bounds(rows: &SeriesRows) -> (i64, i64) {
    let floats = rows.floats.first().into_iter().chain(rows.floats.last()).map(|sample| sample.time.0);
    let histograms = rows.histograms.first().into_iter().chain(rows.histograms.last()).map(|entry| entry.time.0);
    let times: Vec<i64> = floats.chain(histograms).collect();
    let exemplars = || rows.exemplars.iter().map(|exemplar| exemplar.time.0);
    let least = times.iter().copied().min().or_else(|| exemplars().min()).unwrap_or_default();
    (least, times.iter().copied().max().or_else(|| exemplars().max()).unwrap_or_default())
}

impl SeriesTable {
    fn write(&self, writer: &mut BlockWriter) -> Result<(), StoreError> {
        let mut specs = vec![
            spec("series_id", ColumnType::Int32, false),
            spec("name", ColumnType::Utf8, false),
            spec("labels", ColumnType::Json, false),
        ];
        specs.extend(SERIES_NUMBERS.map(|(name, column_type)| spec(name, column_type, false)));
        specs.push(spec("divisor", ColumnType::Double, false));
        let settings = TableSettings { level: SERIES_LEVEL, ..TableSettings::default() };
        let mut table = TableWriter::with_settings(writer.create(SERIES)?, specs, settings)?;
        let ids: Vec<i64> = (0..self.divisors.len() as i64).collect();
        let mut columns = vec![
            ColumnData::Int { values: &ids, present: &[] },
            ColumnData::Dict { ids: &self.names.ids, dict: &self.names.dict },
            ColumnData::Dict { ids: &self.labels.ids, dict: &self.labels.dict },
        ];
        columns.extend(self.numbers.iter().map(|values| ColumnData::Int { values, present: &[] }));
        columns.push(ColumnData::Double { values: &self.divisors, present: &[] });
        table.write_row_group(ids.len(), &columns)?;
        table.finish(&[]).map(drop)
    }
}

/// The integer columns of `series.parquet`.
pub(super) const SERIES_NUMBERS: [(&str, ColumnType); 8] = [
    ("first_row", ColumnType::Int64),
    ("rows", ColumnType::Int64),
    ("doubles", ColumnType::Int64),
    ("base", ColumnType::Int64),
    ("oldest", ColumnType::TimestampMillis),
    ("newest", ColumnType::TimestampMillis),
    ("first_histogram", ColumnType::Int64),
    ("histograms", ColumnType::Int64),
];

type Columns = &'static [(&'static str, ColumnType, bool)];

const HISTOGRAM_COLUMNS: Columns = &[
    ("series_id", ColumnType::Int32, false),
    ("timestamp_ms", ColumnType::TimestampMillis, false),
    ("start_ms", ColumnType::TimestampMillis, false),
    ("count", ColumnType::Double, false),
    ("sum", ColumnType::Double, false),
    ("histogram", ColumnType::Json, false),
];

const EXEMPLAR_COLUMNS: Columns = &[
    ("series_id", ColumnType::Int32, false),
    ("timestamp_ms", ColumnType::TimestampMillis, false),
    ("value", ColumnType::Double, false),
    ("labels", ColumnType::Json, false),
];

const DELTA_COLUMNS: Columns = &[
    ("timestamp_ms", ColumnType::TimestampMillis, false),
    ("start_ms", ColumnType::TimestampMillis, false),
    ("value", ColumnType::Double, false),
    ("sum", ColumnType::Double, false),
    ("labels", ColumnType::Json, false),
    ("histogram", ColumnType::Json, true),
];

const METADATA_COLUMNS: Columns = &[
    ("family", ColumnType::Utf8, false),
    ("type", ColumnType::Utf8, false),
    ("help", ColumnType::Utf8, false),
    ("unit", ColumnType::Utf8, false),
];

/// A small table: integer columns first, then doubles, then texts.
struct Table {
    name: &'static str,
    columns: Columns,
    writer: Option<TableWriter<BufWriter<File>>>,
    ints: Vec<Vec<i64>>,
    doubles: Vec<Vec<f64>>,
    texts: Vec<Texts>,
    rows: usize,
}

impl Table {
    fn new(name: &'static str, columns: Columns) -> Self {
        let count = |is: fn(ColumnType) -> bool| columns.iter().filter(|column| is(column.1)).count();
        let texts = count(|kind| matches!(kind, ColumnType::Utf8 | ColumnType::Json));
        let doubles = count(|kind| kind == ColumnType::Double);
        Self {
            name,
            columns,
            writer: None,
            ints: vec![Vec::new(); columns.len() - texts - doubles],
            doubles: vec![Vec::new(); doubles],
            texts: std::iter::repeat_with(Texts::default).take(texts).collect(),
            rows: 0,
        }
    }

    fn end_row(&mut self, block: &mut BlockWriter) -> Result<(), StoreError> {
        self.rows += 1;
        if self.rows < GROUP_ROWS { Ok(()) } else { self.write_group(block) }
    }

    fn write_group(&mut self, block: &mut BlockWriter) -> Result<(), StoreError> {
        if self.writer.is_none() {
            let specs = self.columns.iter().map(|&(name, column_type, optional)| spec(name, column_type, optional));
            self.writer = Some(TableWriter::new(block.create(self.name)?, specs.collect())?);
        }
        let ints = self.ints.iter().map(|values| ColumnData::Int { values, present: &[] });
        let doubles = self.doubles.iter().map(|values| ColumnData::Double { values, present: &[] });
        let texts = self.texts.iter().map(|texts| ColumnData::Dict { ids: &texts.ids, dict: &texts.dict });
        let columns: Vec<ColumnData<'_>> = ints.chain(doubles).chain(texts).collect();
        self.writer.as_mut().expect("it was just made").write_row_group(self.rows, &columns)?;
        self.rows = 0;
        self.ints.iter_mut().for_each(Vec::clear);
        self.doubles.iter_mut().for_each(Vec::clear);
        self.texts.iter_mut().for_each(|texts| *texts = Texts::default());
        Ok(())
    }

    fn finish(mut self, block: &mut BlockWriter) -> Result<(), StoreError> {
        if self.rows > 0 || self.writer.is_none() {
            self.write_group(block)?;
        }
        let writer = self.writer.expect("a group was written");
        writer.finish(&[]).map(drop)
    }
}
