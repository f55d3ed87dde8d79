//! Opens a block: labels and their index are held in memory, the rows stay in the file.

use std::sync::Arc;

use model::{Exemplar, Labels, MetricMetadata, MetricType, UnixMillis};
use store_api::StoreError;

use super::columns::{damaged, doubles, ints, labels_from_json, texts};
use super::rows::Extent;
use super::write::SERIES_NUMBERS;
use super::{DELTA, EXEMPLARS, HISTOGRAMS, METADATA, SAMPLES, SERIES};
use crate::engine::block::BlockFiles;
use crate::samples::delta::{HistogramTotal, Total};
use crate::samples::histogram::from_json;
use crate::samples::key::{Key, key_of};
use crate::samples::postings::Postings;
use crate::samples::series::Family;
use crate::table::Column;
use crate::table::reader::TableReader;

/// One series of an open block.
#[derive(Debug)]
pub(in crate::samples) struct BlockSeries {
    pub labels: Labels,
    pub key: Key,
    /// Its float samples.
    pub extent: Extent,
    /// Time of its first and last row, ms.
    pub oldest: i64,
    pub newest: i64,
    /// Its rows of `histograms.parquet`.
    pub first_histogram: u64,
    pub histograms: u64,
}

/// See the module.
pub(crate) struct Opened {
    /// Sorted by labels; the position is the id.
    pub(in crate::samples) series: Vec<BlockSeries>,
    pub(in crate::samples) postings: Postings,
    pub(in crate::samples) families: Vec<Arc<Family>>,
    pub(in crate::samples) samples: Option<TableReader>,
    pub(in crate::samples) histograms: Option<TableReader>,
    exemplars: Option<TableReader>,
}

fn table(files: &BlockFiles, name: &str) -> Result<Option<TableReader>, StoreError> {
    files.open(name)?.map(TableReader::open).transpose()
}

/// A column of the whole file.
fn whole(table: &TableReader, name: &str) -> Result<Vec<Column>, StoreError> {
    let groups = 0..table.row_groups();
    groups.map(|group| table.read(group, name, 0..table.row_group_rows(group))).collect()
}

fn all_ints(table: &TableReader, name: &str) -> Result<Vec<i64>, StoreError> {
    let mut all = Vec::with_capacity(table.rows() as usize);
    for column in whole(table, name)? {
        all.extend(ints(column)?.0);
    }
    Ok(all)
}

fn all_doubles(table: &TableReader, name: &str) -> Result<Vec<f64>, StoreError> {
    let mut all = Vec::with_capacity(table.rows() as usize);
    for column in whole(table, name)? {
        all.extend(doubles(column)?.0);
    }
    Ok(all)
}

/// Rows of a text column, each given to `take`.
fn each_text<T>(
    table: &TableReader,
    name: &str,
    mut take: impl FnMut(Option<&[u8]>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut all = Vec::with_capacity(table.rows() as usize);
    for column in whole(table, name)? {
        for text in texts(&column)? {
            all.push(take(text)?);
        }
    }
    Ok(all)
}

impl Opened {
    /// Reads footers and labels.
    pub(in crate::samples) fn open(files: &BlockFiles) -> Result<Self, StoreError> {
        let index = table(files, SERIES)?.ok_or_else(|| damaged("series.parquet is missing"))?;
        let series = read_series(&index)?;
        let mut postings = Postings::default();
        for (id, one) in series.iter().enumerate() {
            postings.add(id as u32, &one.labels);
        }
        let samples = table(files, SAMPLES)?;
        let rows = samples.as_ref().map_or(0, TableReader::rows);
        let histograms = table(files, HISTOGRAMS)?;
        let histogram_rows = histograms.as_ref().map_or(0, TableReader::rows);
        let inside = |first: u64, count: u64, rows: u64| first.checked_add(count).is_some_and(|end| end <= rows);
        let fits = |one: &BlockSeries| {
            inside(one.extent.first_row, one.extent.rows, rows)
                && inside(one.first_histogram, one.histograms, histogram_rows)
        };
        if !series.iter().all(fits) {
            return Err(damaged("a series points outside its file"));
        }
        Ok(Self {
            series,
            postings,
            families: read_families(files)?,
            samples,
            histograms,
            exemplars: table(files, EXEMPLARS)?,
        })
    }

    /// All exemplars with their series, in order of series.
    pub(in crate::samples) fn exemplars(&self) -> Result<Vec<(u32, Exemplar)>, StoreError> {
        let Some(table) = &self.exemplars else { return Ok(Vec::new()) };
        let labels = each_text(table, "labels", |text| labels_from_json(text.unwrap_or_default()))?;
        let numbers = all_ints(table, "series_id")?.into_iter().zip(all_ints(table, "timestamp_ms")?);
        let rows = numbers.zip(all_doubles(table, "value")?).zip(labels);
        Ok(rows
            .map(|(((id, time), value), labels)| (id as u32, Exemplar { labels, value, time: UnixMillis(time) }))
            .collect())
    }
}

fn read_series(index: &TableReader) -> Result<Vec<BlockSeries>, StoreError> {
    let numbers = SERIES_NUMBERS.map(|(name, _)| all_ints(index, name));
    let [first_row, rows, doubles, base, oldest, newest, first_histogram, histograms] = numbers;
    let (first_row, rows, doubles, base) = (first_row?, rows?, doubles?, base?);
    let (oldest, newest, first_histogram, histograms) = (oldest?, newest?, first_histogram?, histograms?);
    let divisors = all_doubles(index, "divisor")?;
    let mut id = 0;
    each_text(index, "labels", |text| {
        let labels = labels_from_json(text.unwrap_or_default())?;
        let at = id;
        id += 1;
        let extent = Extent {
            first_row: first_row[at] as u64,
            rows: rows[at] as u64,
            doubles: doubles[at] as u64,
            base: base[at],
            divisor: divisors[at],
        };
        Ok(BlockSeries {
            key: key_of(&labels),
            labels,
            extent,
            oldest: oldest[at],
            newest: newest[at],
            first_histogram: first_histogram[at] as u64,
            histograms: histograms[at] as u64,
        })
    })
}

fn read_families(files: &BlockFiles) -> Result<Vec<Arc<Family>>, StoreError> {
    let Some(table) = table(files, METADATA)? else { return Ok(Vec::new()) };
    let column =
        |name: &str| each_text(&table, name, |text| Ok(String::from_utf8_lossy(text.unwrap_or_default()).into_owned()));
    let rows = column("family")?.into_iter().zip(column("type")?).zip(column("help")?.into_iter().zip(column("unit")?));
    let family = |((name, type_name), (help, unit)): ((String, String), (String, String))| {
        let types = (0..=7).map(MetricType::from_number);
        let metric_type = types.into_iter().find(|kind| kind.name() == type_name).unwrap_or_default();
        Arc::new(Family { name, metadata: MetricMetadata { metric_type, help, unit } })
    };
    Ok(rows.map(family).collect())
}

/// The totals of delta series that a block keeps.
pub(in crate::samples) fn read_totals(
    files: &BlockFiles,
    mut float: impl FnMut(&Labels, Total),
    mut histogram: impl FnMut(&Labels, HistogramTotal),
) -> Result<(), StoreError> {
    let Some(table) = table(files, DELTA)? else { return Ok(()) };
    let (times, starts) = (all_ints(&table, "timestamp_ms")?, all_ints(&table, "start_ms")?);
    let (values, sums) = (all_doubles(&table, "value")?, all_doubles(&table, "sum")?);
    let labels = each_text(&table, "labels", |text| labels_from_json(text.unwrap_or_default()))?;
    let mut row = 0;
    each_text(&table, "histogram", |text| {
        let (time, start, value) = (times[row], starts[row], values[row]);
        match text {
            Some(json) => {
                let total =
                    from_json(json, time, value, sums[row]).ok_or_else(|| damaged("a histogram is not JSON"))?;
                histogram(&labels[row], HistogramTotal { histogram: total, start });
            }
            None => float(&labels[row], Total { value, time, start }),
        }
        row += 1;
        Ok(())
    })
    .map(drop)
}
