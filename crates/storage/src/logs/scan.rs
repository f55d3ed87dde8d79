//! Finding records in one part of the data: a batch of a head, or a row group of a block.

use std::collections::BinaryHeap;
use std::ops::Range;
use std::sync::Arc;

use memchr::memmem::Finder;
use model::{Labels, TimeRange};
use store_api::{Direction, LineFilter, LineFilterOp, LogSelect, Matcher, StoreError};

use super::batch::LogBatch;
use super::open::LogBlock;
use super::tables::{PAGE_ROWS, Run};
use super::trigrams::{Needles, WINDOW_ROWS};
use crate::table::Dict;

/// A part of the data. Records of a part are found by their row.
#[derive(Clone)]
pub(crate) enum Part {
    /// A batch of a head.
    Batch(Arc<LogBatch>),
    /// A row group of a block.
    Group(Arc<LogBlock>, u32),
}

/// A record that was found. Ordered as the answer is: by time in the direction of the select, equal times by arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hit {
    /// Rises in the direction of the select.
    key: u64,
    /// Number of the part, in order of arrival.
    pub part: u32,
    /// Row in the part.
    pub row: u32,
}

/// The best hits so far.
pub(crate) struct Hits {
    direction: Direction,
    limit: usize,
    /// The worst one on top; used with a limit only.
    heap: BinaryHeap<Hit>,
    all: Vec<Hit>,
}

impl Hits {
    /// Keeps the best `limit` hits, all of them when it is 0.
    pub(crate) fn new(direction: Direction, limit: usize) -> Self {
        Self { direction, limit, heap: BinaryHeap::new(), all: Vec::new() }
    }

    /// Place of a time in the direction of the select.
    pub(crate) fn key(&self, time: i64) -> u64 {
        let time = time.max(0) as u64;
        if self.direction == Direction::Forward { time } else { u64::MAX - time }
    }

    /// The key of the first record of a stretch of time.
    pub(crate) fn best_key(&self, min_time: i64, max_time: i64) -> u64 {
        self.key(if self.direction == Direction::Forward { min_time } else { max_time })
    }

    /// False when a record of this key cannot be among the best any more.
    pub(crate) fn wants(&self, key: u64) -> bool {
        self.limit == 0 || self.heap.len() < self.limit || self.heap.peek().is_some_and(|worst| key <= worst.key)
    }

    fn add(&mut self, time: i64, part: u32, row: u32) {
        let hit = Hit { key: self.key(time), part, row };
        if self.limit == 0 {
            self.all.push(hit);
        } else if self.heap.len() < self.limit {
            self.heap.push(hit);
        } else if let Some(mut worst) = self.heap.peek_mut()
            && hit < *worst
        {
            *worst = hit;
        }
    }

    /// The hits in the order of the answer.
    pub(crate) fn into_sorted(mut self) -> Vec<Hit> {
        self.all.extend(self.heap);
        self.all.sort_unstable();
        self.all
    }
}

/// What is searched for, prepared once for all parts.
pub(crate) struct Query<'q> {
    matchers: &'q [Matcher],
    filters: &'q [LineFilter],
    /// A text that every line has that passes.
    needle: Option<Finder<'q>>,
    /// Proves that no line of a window passes.
    needles: Needles,
    range: TimeRange,
}

/// What a search looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Looked {
    /// Records.
    pub rows: u64,
    /// Bytes of their lines.
    pub line_bytes: u64,
    /// Bytes decoded.
    pub bytes: u64,
}

impl<'q> Query<'q> {
    /// Prepares `select`.
    pub(crate) fn new(select: &'q LogSelect) -> Self {
        let needle = |filter: &'q LineFilter| match filter.any.as_slice() {
            [LineFilterOp::Contains(text)] if !text.is_empty() => Some(text.as_str()),
            _ => None,
        };
        // The longest text is the rarest.
        let needle = select.line_filters.iter().filter_map(needle).max_by_key(|text| text.len());
        Self {
            matchers: &select.matchers,
            filters: &select.line_filters,
            needle: needle.map(|text| Finder::new(text.as_bytes())),
            needles: Needles::new(&select.line_filters),
            range: select.range,
        }
    }

    fn passes(&self, line: &[u8]) -> bool {
        let line = std::str::from_utf8(line).unwrap_or_default();
        self.filters.iter().all(|filter| filter.passes(line))
    }

    fn in_range(&self, time: i64) -> bool {
        let time = time as u64;
        self.range.start.0 <= time && time <= self.range.end.0
    }

    /// Whether a stretch of time touches the range.
    pub(crate) fn overlaps(&self, min_time: i64, max_time: i64) -> bool {
        min_time as u64 <= self.range.end.0 && max_time as u64 >= self.range.start.0
    }

    /// Adds what `part` has to `hits`.
    pub(crate) fn scan(
        &self,
        number: u32,
        part: &Part,
        hits: &mut Hits,
        looked: &mut Looked,
    ) -> Result<(), StoreError> {
        match part {
            Part::Batch(batch) => self.scan_batch(number, batch, hits, looked),
            Part::Group(block, row_group) => self.scan_group(number, block, *row_group, hits, looked)?,
        }
        Ok(())
    }

    fn scan_batch(&self, number: u32, batch: &LogBatch, hits: &mut Hits, looked: &mut Looked) {
        let wanted: Vec<bool> = batch.streams.iter().map(|stream| matches(self.matchers, &stream.value)).collect();
        if !wanted.contains(&true) {
            return;
        }
        for (row, (&time, &stream)) in batch.time.iter().zip(&batch.stream).enumerate() {
            if !wanted[stream as usize] || !self.in_range(time) || !hits.wants(hits.key(time)) {
                continue;
            }
            looked.rows += 1;
            if !self.filters.is_empty() {
                let line = batch.lines.get(row as u32);
                looked.line_bytes += line.len() as u64;
                if !self.passes(line) {
                    continue;
                }
            }
            hits.add(time, number, row as u32);
        }
    }

    fn scan_group(
        &self,
        number: u32,
        block: &LogBlock,
        row_group: u32,
        hits: &mut Hits,
        looked: &mut Looked,
    ) -> Result<(), StoreError> {
        let wanted = |run: &&Run| {
            self.overlaps(run.min_time, run.max_time)
                && hits.wants(hits.best_key(run.min_time, run.max_time))
                && matches(self.matchers, &block.streams[run.stream as usize].value)
        };
        let mut stretches: Vec<Range<usize>> = block.runs_of(row_group).iter().filter(wanted).flat_map(pages).collect();
        if !self.needles.is_empty() && !stretches.is_empty() {
            let (ids, windows) = block.windows(row_group)?;
            looked.bytes += windows.bytes.len() as u64;
            let may = |window: usize| ids.get(window).is_none_or(|&id| self.needles.may_be_in(windows.get(id)));
            let may: Vec<bool> = (0..=stretches[stretches.len() - 1].start / WINDOW_ROWS).map(may).collect();
            stretches.retain(|stretch| may[stretch.start / WINDOW_ROWS]);
        }
        let times = block.times(row_group, &joined(&stretches))?;
        looked.bytes += times.len() as u64 * 8;
        let mut rest = times.as_slice();
        let mut timed: Vec<(&[i64], Range<usize>)> = Vec::with_capacity(stretches.len());
        for stretch in stretches {
            let (times, behind) = rest.split_at(stretch.len());
            rest = behind;
            timed.push((times, stretch));
        }
        // Best first, so that with a limit the rest need not be read.
        let key = |times: &[i64], hits: &Hits| hits.best_key(times[0], times[times.len() - 1]);
        timed.sort_by_cached_key(|(times, _)| key(times, hits));
        for (times, stretch) in timed {
            if !hits.wants(key(times, hits)) {
                break;
            }
            self.scan_stretch(number, (block, row_group), stretch, times, hits, looked)?;
        }
        Ok(())
    }

    fn scan_stretch(
        &self,
        number: u32,
        (block, row_group): (&LogBlock, u32),
        rows: Range<usize>,
        times: &[i64],
        hits: &mut Hits,
        looked: &mut Looked,
    ) -> Result<(), StoreError> {
        looked.rows += rows.len() as u64;
        let wants = |hits: &Hits, time: i64| self.in_range(time) && hits.wants(hits.key(time));
        if self.filters.is_empty() {
            for (&time, row) in times.iter().zip(rows) {
                if wants(hits, time) {
                    hits.add(time, number, row as u32);
                }
            }
            return Ok(());
        }
        let (ids, lines) = block.lines(row_group, rows.clone())?;
        looked.bytes += lines.bytes.len() as u64;
        looked.line_bytes += lines.bytes.len() as u64;
        let Some(passing) = self.passing(&lines) else { return Ok(()) };
        for ((&time, &id), row) in times.iter().zip(&ids).zip(rows) {
            if passing[id as usize] && wants(hits, time) {
                hits.add(time, number, row as u32);
            }
        }
        Ok(())
    }

    /// Which of `lines` pass the filters; `None` when none does.
    fn passing(&self, lines: &Dict) -> Option<Vec<bool>> {
        let mut passing = vec![false; lines.len()];
        let Some(needle) = &self.needle else {
            for (id, passes) in passing.iter_mut().enumerate() {
                *passes = self.passes(lines.get(id as u32));
            }
            return Some(passing);
        };
        // All lines lie side by side: one search over them is many times faster than one for each.
        let (mut from, mut found) = (0, false);
        while let Some(at) = needle.find(&lines.bytes[from..]) {
            let id = lines.ends.partition_point(|&end| end as usize <= from + at);
            let line = lines.get(id as u32);
            let line_end = lines.ends[id] as usize;
            // A find across the end of a line is none; then the search goes on one byte further.
            let inside = from + at + needle.needle().len() <= line_end;
            if inside && self.passes(line) {
                (passing[id], found) = (true, true);
            }
            from = if inside { line_end } else { from + at + 1 };
        }
        found.then_some(passing)
    }
}

/// True when all of `matchers` hold; an absent label counts as the empty text.
pub(crate) fn matches(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|matcher| matcher.matches(labels.get(matcher.name()).unwrap_or_default()))
}

/// A run cut at the bounds of pages, so that each piece costs one page of lines.
fn pages(run: &Run) -> impl Iterator<Item = Range<usize>> + use<> {
    let (mut start, end) = (run.first_row as usize, (run.first_row + run.rows) as usize);
    std::iter::from_fn(move || {
        let piece = start..end.min((start / PAGE_ROWS + 1) * PAGE_ROWS);
        start = piece.end;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Ranges with neighbours made one.
fn joined(ranges: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut out: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match out.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => out.push(range.clone()),
        }
    }
    out
}
