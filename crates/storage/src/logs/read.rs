//! Answers over heads and blocks: entries of streams, names and values of labels, series.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;
use model::{Labels, LogEntry, TimeRange, UnixNanos};
use store_api::{LogSelect, LogSelection, LogStream, Matcher, ReadStats, StoreError};

use super::Logs;
use super::batch::LogBatch;
use super::head::LogHead;
use super::mapping;
use super::scan::{Hit, Hits, Looked, Part, Query, matches};
use super::tables::PAGE_ROWS;
use crate::engine::block::Block;

/// Entries of the streams that match. Blocks and heads are given in order of arrival.
pub(crate) fn select(
    logs: &Logs,
    heads: &[Arc<LogHead>],
    blocks: &[Arc<Block<Logs>>],
    select: &LogSelect,
) -> Result<LogSelection, StoreError> {
    let query = Query::new(select);
    let mut hits = Hits::new(select.direction, select.limit);
    let (parts, inspected_blocks) = parts(logs, heads, blocks, &query)?;
    // The parts whose first record comes first: with a limit, the others are often not touched at all.
    let mut order: Vec<(u64, u32)> = (0..).zip(&parts).map(|(number, part)| (part.best_key(&hits), number)).collect();
    order.sort_unstable();
    let mut looked = Looked::default();
    for (key, number) in order {
        if !hits.wants(key) {
            break;
        }
        query.scan(number, &parts[number as usize].part, &mut hits, &mut looked)?;
    }
    let streams = Answer::new(&parts).fill(&hits.into_sorted(), &mut looked)?;
    let stats = ReadStats {
        inspected_bytes: looked.bytes,
        inspected_blocks,
        inspected_rows: looked.rows,
        total_blocks: blocks.len() as u64,
    };
    Ok(LogSelection { streams, stats, line_bytes: looked.line_bytes })
}

/// A part with the times of its records, both ends inside.
struct TimedPart {
    part: Part,
    min_time: i64,
    max_time: i64,
}

impl TimedPart {
    fn best_key(&self, hits: &Hits) -> u64 {
        hits.best_key(self.min_time, self.max_time)
    }
}

/// The parts that touch the query's range, in order of arrival, and how many blocks they are from.
fn parts(
    logs: &Logs,
    heads: &[Arc<LogHead>],
    blocks: &[Arc<Block<Logs>>],
    query: &Query<'_>,
) -> Result<(Vec<TimedPart>, u64), StoreError> {
    let (mut parts, mut opened) = (Vec::new(), 0);
    for block in blocks {
        let block = block.opened(logs)?;
        opened += 1;
        for runs in block.runs.chunk_by(|a, b| a.row_group == b.row_group) {
            let min_time = runs.iter().map(|run| run.min_time).min().unwrap_or(i64::MAX);
            let max_time = runs.iter().map(|run| run.max_time).max().unwrap_or(i64::MIN);
            if query.overlaps(min_time, max_time) {
                parts.push(TimedPart { part: Part::Group(block.clone(), runs[0].row_group), min_time, max_time });
            }
        }
    }
    for batch in heads.iter().flat_map(|head| head.batches()) {
        let Some(TimeRange { start, end }) = batch.range() else { continue };
        let (min_time, max_time) = (start.0 as i64, end.0 as i64);
        if query.overlaps(min_time, max_time) {
            parts.push(TimedPart { part: Part::Batch(batch), min_time, max_time });
        }
    }
    Ok((parts, opened))
}

/// Turns hits into streams of entries.
struct Answer<'p> {
    parts: &'p [TimedPart],
    /// Entries with their place in the answer, by stream.
    streams: HashMap<Labels, Vec<(usize, LogEntry)>>,
}

/// Metadata that records of one resource and scope share.
type SharedMetadata = HashMap<(u32, u32), Vec<(String, String)>>;

impl<'p> Answer<'p> {
    fn new(parts: &'p [TimedPart]) -> Self {
        Self { parts, streams: HashMap::new() }
    }

    fn fill(mut self, hits: &[Hit], looked: &mut Looked) -> Result<Vec<LogStream>, StoreError> {
        let mut by_part: BTreeMap<u32, Vec<(u32, usize)>> = BTreeMap::new();
        for (place, hit) in hits.iter().enumerate() {
            by_part.entry(hit.part).or_default().push((hit.row, place));
        }
        for (part, mut rows) in by_part {
            rows.sort_unstable();
            match &self.parts[part as usize].part {
                Part::Batch(batch) => self.add(batch, rows.iter().map(|&(row, place)| (row as usize, place))),
                Part::Group(block, row_group) => {
                    let (ranges, rows) = stretches(&rows);
                    let batch = block.batch(*row_group, &ranges)?;
                    looked.bytes += batch.heap_bytes() as u64;
                    self.add(&batch, rows.into_iter());
                }
            }
        }
        Ok(self.into_streams())
    }

    /// Adds rows of `batch`, each with its place in the answer.
    fn add(&mut self, batch: &LogBatch, rows: impl Iterator<Item = (usize, usize)>) {
        let mut shared = SharedMetadata::new();
        for (row, place) in rows {
            let labels = &batch.streams[batch.stream[row] as usize].value;
            let entry = entry(batch, row, &mut shared);
            match self.streams.get_mut(labels) {
                Some(entries) => entries.push((place, entry)),
                None => drop(self.streams.insert(labels.clone(), vec![(place, entry)])),
            }
        }
    }

    fn into_streams(self) -> Vec<LogStream> {
        let streams = self.streams.into_iter().map(|(labels, mut entries)| {
            entries.sort_unstable_by_key(|entry| entry.0);
            (labels.to_string(), LogStream { labels, entries: entries.into_iter().map(|entry| entry.1).collect() })
        });
        let mut streams: Vec<(String, LogStream)> = streams.collect();
        streams.sort_by(|a, b| a.0.cmp(&b.0));
        streams.into_iter().map(|stream| stream.1).collect()
    }
}

/// The stretches of rows to read for some hits (row and place in the answer, by row), one for each page that holds any; and where
/// the hits are in what is read.
fn stretches(hits: &[(u32, usize)]) -> (Vec<Range<usize>>, Vec<(usize, usize)>) {
    let (mut ranges, mut rows, mut read) = (Vec::new(), Vec::with_capacity(hits.len()), 0);
    for of_page in hits.chunk_by(|a, b| a.0 as usize / PAGE_ROWS == b.0 as usize / PAGE_ROWS) {
        let start = of_page[0].0 as usize;
        let range = start..of_page[of_page.len() - 1].0 as usize + 1;
        rows.extend(of_page.iter().map(|&(row, place)| (read + row as usize - start, place)));
        read += range.len();
        ranges.push(range);
    }
    (ranges, rows)
}

fn entry(batch: &LogBatch, row: usize, shared: &mut SharedMetadata) -> LogEntry {
    let level = batch.level(row);
    let metadata = match (batch.resource_of(row), batch.scope_of(row)) {
        (None, _) => mapping::pushed_metadata(&batch.attributes.row(row as u32), level),
        (Some(resource), scope) => {
            let scope = scope.cloned().unwrap_or_default();
            let key = (batch.resource[row], batch.scope[row]);
            let shared = shared.entry(key).or_insert_with(|| mapping::shared_metadata(resource, &scope));
            mapping::record_metadata(&batch.record(row), level, shared)
        }
    };
    LogEntry { time: UnixNanos(batch.time[row] as u64), line: batch.line(row).to_owned(), metadata }
}

/// Label sets of the streams with records in `range`. In blocks a stream counts that has records before and behind a short range
/// but none inside: the index knows only the ends of each run of records.
fn streams_in(
    logs: &Logs,
    heads: &[Arc<LogHead>],
    blocks: &[Arc<Block<Logs>>],
    range: TimeRange,
    mut visit: impl FnMut(&Labels),
) -> Result<(), StoreError> {
    for block in blocks {
        let block = block.opened(logs)?;
        let mut seen = vec![false; block.streams.len()];
        for run in &block.runs {
            let of_run = TimeRange::new(UnixNanos(run.min_time as u64), UnixNanos(run.max_time as u64));
            if range.overlaps(&of_run) && !std::mem::replace(&mut seen[run.stream as usize], true) {
                visit(&block.streams[run.stream as usize].value);
            }
        }
    }
    for batch in heads.iter().flat_map(|head| head.batches()) {
        let mut seen = vec![false; batch.streams.len()];
        for (time, stream) in batch.time.iter().zip(&batch.stream) {
            if range.contains(UnixNanos(*time as u64)) && !std::mem::replace(&mut seen[*stream as usize], true) {
                visit(&batch.streams[*stream as usize].value);
            }
        }
    }
    Ok(())
}

/// Names of index labels on streams that match.
pub(crate) fn label_names(
    logs: &Logs,
    heads: &[Arc<LogHead>],
    blocks: &[Arc<Block<Logs>>],
    matchers: &[Matcher],
    range: TimeRange,
) -> Result<BTreeSet<String>, StoreError> {
    let mut names = BTreeSet::new();
    streams_in(logs, heads, blocks, range, |labels| {
        if matches(matchers, labels) {
            for (name, _) in labels.iter().filter(|(name, _)| !names.contains(*name)).collect::<Vec<_>>() {
                names.insert(name.to_owned());
            }
        }
    })?;
    Ok(names)
}

/// Values of one index label on streams that match.
pub(crate) fn label_values(
    logs: &Logs,
    heads: &[Arc<LogHead>],
    blocks: &[Arc<Block<Logs>>],
    name: &str,
    matchers: &[Matcher],
    range: TimeRange,
) -> Result<BTreeSet<String>, StoreError> {
    let mut values = BTreeSet::new();
    streams_in(logs, heads, blocks, range, |labels| {
        if let Some(value) = labels.get(name)
            && !values.contains(value)
            && matches(matchers, labels)
        {
            values.insert(value.to_owned());
        }
    })?;
    Ok(values)
}

/// Label sets of the streams that match any of `selectors`, all of them when there is none; sorted.
pub(crate) fn series(
    logs: &Logs,
    heads: &[Arc<LogHead>],
    blocks: &[Arc<Block<Logs>>],
    selectors: &[Vec<Matcher>],
    range: TimeRange,
) -> Result<Vec<Labels>, StoreError> {
    let mut found = BTreeSet::new();
    streams_in(logs, heads, blocks, range, |labels| {
        let wanted = selectors.is_empty() || selectors.iter().any(|matchers| matches(matchers, labels));
        if wanted && !found.contains(labels) {
            found.insert(labels.clone());
        }
    })?;
    Ok(found.into_iter().collect())
}
