//! Answers questions over a tenant's heads and blocks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{Labels, MetricMetadata, TimeRange};
use store_api::{ExemplarSeries, Matcher, ReadStats, SeriesSamples, StoreError};

use super::block::open::Opened;
use super::block::scan::{self, Wanted};
use super::head::{Head, Inner};
use super::key::{Key, KeyMap};
use super::merge::{histograms_win, join_parts};
use super::postings::Postings;
use super::{Samples, age};
use crate::engine::block::Block;

/// Series that are copied out of a head before writers get the lock again: 100 µs.
const LOCK_SERIES: usize = 256;

/// What there is to read: parts that are written later come later.
pub(crate) struct Source<'a> {
    signal: &'a Samples,
    heads: &'a [Arc<Head>],
    blocks: Vec<Arc<Block<Samples>>>,
}

/// First and last millisecond of a range.
fn millis(range: TimeRange) -> (i64, i64) {
    (range.start.0.div_ceil(1_000_000) as i64, range.end.millis().0)
}

/// The parts of one series, oldest writer first.
struct Parts {
    labels: Labels,
    floats: Vec<Vec<model::Sample>>,
    histograms: Vec<Vec<model::NativeHistogram>>,
}

impl<'a> Source<'a> {
    /// Over all `heads` (oldest first) and `blocks` of a tenant.
    pub(crate) fn new(signal: &'a Samples, heads: &'a [Arc<Head>], blocks: &[Arc<Block<Samples>>]) -> Self {
        let mut blocks = blocks.to_vec();
        blocks.sort_by_key(|block| age(block));
        Self { signal, heads, blocks }
    }

    /// The blocks that touch `range`.
    fn blocks_in(&self, range: TimeRange) -> impl Iterator<Item = Result<Arc<Opened>, StoreError>> + '_ {
        let touches = move |block: &&Arc<Block<Samples>>| {
            let meta = &block.files.meta;
            meta.min_time_ns <= range.end.0 && range.start.0 <= meta.max_time_ns
        };
        self.blocks.iter().filter(touches).map(|block| block.opened(self.signal))
    }

    /// Series that match with their samples in `range`, in order of their labels.
    pub(crate) fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<(Vec<SeriesSamples>, ReadStats), StoreError> {
        let (first, last) = millis(range);
        let wanted = Wanted { first, last, starts: false };
        let mut stats = ReadStats { total_blocks: self.blocks.len() as u64, ..ReadStats::default() };
        let mut found = Found::default();
        for block in self.blocks_in(range) {
            let block = block?;
            stats.inspected_blocks += 1;
            let before = bytes_read(&block);
            let ids = block.postings.select(matchers, |id| &block.series[id as usize].labels);
            stats.inspected_rows += scan::floats(&block, &ids, wanted, |id, scanned| {
                let series = &block.series[id as usize];
                found.part(series.key, &series.labels).floats.push(scanned.floats);
            })?;
            for id in ids.into_iter().filter(|&id| block.series[id as usize].histograms > 0) {
                let (histograms, _) = scan::histograms(&block, id, wanted)?;
                stats.inspected_rows += histograms.len() as u64;
                if !histograms.is_empty() {
                    let series = &block.series[id as usize];
                    found.part(series.key, &series.labels).histograms.push(histograms);
                }
            }
            stats.inspected_bytes += bytes_read(&block) - before;
        }
        for head in self.heads {
            stats.inspected_rows += select_head(head, matchers, (first, last), &mut found);
        }
        Ok((found.finish(), stats))
    }

    /// Calls `take` with the labels of each series that matches any of `selectors` and has samples in `range`. A series may
    /// come once a block and head.
    fn each_series(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        mut take: impl FnMut(Key, &Labels),
    ) -> Result<(), StoreError> {
        let (first, last) = millis(range);
        let all = [Vec::new()];
        let selectors = if selectors.is_empty() { &all } else { selectors };
        for block in self.blocks_in(range) {
            let block = block?;
            for matchers in selectors {
                for id in block.postings.select(matchers, |id| &block.series[id as usize].labels) {
                    let series = &block.series[id as usize];
                    if series.oldest <= last && first <= series.newest {
                        take(series.key, &series.labels);
                    }
                }
            }
        }
        for head in self.heads {
            let inner = head.lock();
            for matchers in selectors {
                for slot in select_slots(&inner, matchers) {
                    let slot = &inner.slots[slot as usize];
                    if slot.overlaps(first, last) {
                        take(slot.series.key, &slot.series.labels);
                    }
                }
            }
        }
        Ok(())
    }

    /// Without selectors and with a range that holds all there is, the postings answer: gives each to `take` and returns true.
    fn each_postings(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        mut take: impl FnMut(&Postings),
    ) -> Result<bool, StoreError> {
        let inside = |oldest: u64, newest: u64| range.start.0 <= oldest && newest <= range.end.0;
        let block_inside = |block: &Arc<Block<Samples>>| {
            let meta = &block.files.meta;
            inside(meta.min_time_ns, meta.max_time_ns)
        };
        let head_inside = |head: &Arc<Head>| {
            let size = head.size();
            size.oldest.zip(size.newest).is_none_or(|(oldest, newest)| inside(oldest.0, newest.0))
        };
        if !selectors.is_empty() || !self.blocks.iter().all(block_inside) || !self.heads.iter().all(head_inside) {
            return Ok(false);
        }
        for block in &self.blocks {
            take(&block.opened(self.signal)?.postings);
        }
        self.heads.iter().for_each(|head| take(&head.lock().postings));
        Ok(true)
    }

    /// Names of labels.
    pub(crate) fn label_names(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Result<BTreeSet<String>, StoreError> {
        let mut names = BTreeSet::new();
        if self.each_postings(selectors, range, |postings| postings.names(&mut names))? {
            return Ok(names);
        }
        self.each_series(selectors, range, |_, labels| {
            for (name, _) in labels.iter() {
                if !names.contains(name) {
                    names.insert(name.to_owned());
                }
            }
        })?;
        Ok(names)
    }

    /// Values of one label.
    pub(crate) fn label_values(
        &self,
        name: &str,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Result<BTreeSet<String>, StoreError> {
        let mut values = BTreeSet::new();
        if self.each_postings(selectors, range, |postings| postings.values(name, &mut values))? {
            return Ok(values);
        }
        self.each_series(selectors, range, |_, labels| {
            if let Some(value) = labels.get(name).filter(|value| !values.contains(*value)) {
                values.insert(value.to_owned());
            }
        })?;
        Ok(values)
    }

    /// Label sets, sorted.
    pub(crate) fn series(&self, selectors: &[Vec<Matcher>], range: TimeRange) -> Result<Vec<Labels>, StoreError> {
        let mut found = KeyMap::default();
        self.each_series(selectors, range, |key, labels| {
            found.entry(key).or_insert_with(|| labels.clone());
        })?;
        let mut series: Vec<Labels> = found.into_values().collect();
        series.sort_unstable();
        Ok(series)
    }

    /// Type, help and unit by family.
    pub(crate) fn metadata(&self) -> Result<BTreeMap<String, Vec<MetricMetadata>>, StoreError> {
        let mut all: BTreeMap<String, Vec<MetricMetadata>> = BTreeMap::new();
        let mut note = |family: &super::series::Family| {
            let known = all.entry(family.name.clone()).or_default();
            if !known.contains(&family.metadata) {
                known.push(family.metadata.clone());
            }
        };
        for block in self.blocks_in(TimeRange::ALL) {
            block?.families.iter().for_each(|family| note(family));
        }
        for head in self.heads {
            head.lock().families.iter().for_each(|family| note(family));
        }
        Ok(all)
    }

    /// Exemplars of the series that match any of `selectors`.
    pub(crate) fn exemplars(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Result<Vec<ExemplarSeries>, StoreError> {
        let (first, last) = millis(range);
        let mut found: KeyMap<ExemplarSeries> = KeyMap::default();
        let matches = |labels: &Labels| {
            let holds = |matcher: &Matcher| matcher.matches(labels.get(matcher.name()).unwrap_or(""));
            selectors.is_empty() || selectors.iter().any(|matchers| matchers.iter().all(holds))
        };
        let mut note = |key: Key, labels: &Labels, exemplar: &model::Exemplar| {
            let empty = || ExemplarSeries { labels: labels.clone(), exemplars: Vec::new() };
            let series = found.entry(key).or_insert_with(empty);
            if !series.exemplars.contains(exemplar) {
                series.exemplars.push(exemplar.clone());
            }
        };
        // An exemplar may be older than the sample that it came with, so blocks are not left out by time.
        for block in self.blocks_in(TimeRange::ALL) {
            let block = block?;
            for (id, exemplar) in block.exemplars()? {
                let series = block.series.get(id as usize).filter(|series| matches(&series.labels));
                if let Some(series) = series.filter(|_| (first..=last).contains(&exemplar.time.0)) {
                    note(series.key, &series.labels, &exemplar);
                }
            }
        }
        for head in self.heads {
            let inner = head.lock();
            for slot in &inner.slots {
                let mut exemplars = slot.exemplars(first, last).peekable();
                if exemplars.peek().is_some() && matches(&slot.series.labels) {
                    exemplars.for_each(|exemplar| note(slot.series.key, &slot.series.labels, exemplar));
                }
            }
        }
        let mut series: Vec<ExemplarSeries> = found.into_values().collect();
        series.iter_mut().for_each(|series| series.exemplars.sort_by_key(|exemplar| exemplar.time));
        series.sort_by(|left, right| left.labels.cmp(&right.labels));
        Ok(series)
    }
}

fn bytes_read(block: &Opened) -> u64 {
    [&block.samples, &block.histograms].into_iter().flatten().map(|table| table.bytes_read()).sum()
}

fn select_slots(inner: &Inner, matchers: &[Matcher]) -> Vec<u32> {
    inner.postings.select(matchers, |slot| &inner.slots[slot as usize].series.labels)
}

/// Copies the samples of matching series; gives how many.
fn select_head(head: &Head, matchers: &[Matcher], (first, last): (i64, i64), found: &mut Found) -> u64 {
    let slots = select_slots(&head.lock(), matchers);
    let mut rows = 0;
    for some in slots.chunks(LOCK_SERIES) {
        let inner = head.lock();
        for &slot in some {
            let slot = &inner.slots[slot as usize];
            let (floats, histograms) = (slot.floats(first, last), slot.histograms(first, last));
            if floats.is_empty() && histograms.is_empty() {
                continue;
            }
            rows += (floats.len() + histograms.len()) as u64;
            let parts = found.part(slot.series.key, &slot.series.labels);
            parts.floats.push(floats);
            parts.histograms.push(histograms);
        }
    }
    rows
}

/// Series under construction.
#[derive(Default)]
struct Found {
    positions: KeyMap<u32>,
    series: Vec<Parts>,
}

impl Found {
    fn part(&mut self, key: Key, labels: &Labels) -> &mut Parts {
        let position = *self.positions.entry(key).or_insert_with(|| {
            self.series.push(Parts { labels: labels.clone(), floats: Vec::new(), histograms: Vec::new() });
            (self.series.len() - 1) as u32
        });
        &mut self.series[position as usize]
    }

    fn finish(self) -> Vec<SeriesSamples> {
        let mut series: Vec<SeriesSamples> = self
            .series
            .into_iter()
            .map(|parts| {
                let mut floats = join_parts(parts.floats);
                let histograms = join_parts(parts.histograms);
                histograms_win(&mut floats, &histograms);
                SeriesSamples { labels: parts.labels, floats, histograms }
            })
            .collect();
        // One block alone gives them in order already.
        series.sort_by(|left, right| left.labels.cmp(&right.labels));
        series
    }
}

/// [`Source::select`] over a snapshot.
pub(crate) fn select(
    signal: &Samples,
    heads: &[Arc<Head>],
    blocks: &[Arc<Block<Samples>>],
    matchers: &[Matcher],
    range: TimeRange,
) -> Result<(Vec<SeriesSamples>, ReadStats), StoreError> {
    Source::new(signal, heads, blocks).select(matchers, range)
}

/// [`Source::label_names`] over a snapshot.
pub(crate) fn label_names(
    signal: &Samples,
    heads: &[Arc<Head>],
    blocks: &[Arc<Block<Samples>>],
    selectors: &[Vec<Matcher>],
    range: TimeRange,
) -> Result<BTreeSet<String>, StoreError> {
    Source::new(signal, heads, blocks).label_names(selectors, range)
}

/// [`Source::label_values`] over a snapshot.
pub(crate) fn label_values(
    signal: &Samples,
    heads: &[Arc<Head>],
    blocks: &[Arc<Block<Samples>>],
    name: &str,
    selectors: &[Vec<Matcher>],
    range: TimeRange,
) -> Result<BTreeSet<String>, StoreError> {
    Source::new(signal, heads, blocks).label_values(name, selectors, range)
}

/// [`Source::series`] over a snapshot.
pub(crate) fn series(
    signal: &Samples,
    heads: &[Arc<Head>],
    blocks: &[Arc<Block<Samples>>],
    selectors: &[Vec<Matcher>],
    range: TimeRange,
) -> Result<Vec<Labels>, StoreError> {
    Source::new(signal, heads, blocks).series(selectors, range)
}

/// [`Source::metadata`] over a snapshot.
pub(crate) fn metadata(
    signal: &Samples,
    heads: &[Arc<Head>],
    blocks: &[Arc<Block<Samples>>],
) -> Result<BTreeMap<String, Vec<MetricMetadata>>, StoreError> {
    Source::new(signal, heads, blocks).metadata()
}

/// [`Source::exemplars`] over a snapshot.
pub(crate) fn exemplars(
    signal: &Samples,
    heads: &[Arc<Head>],
    blocks: &[Arc<Block<Samples>>],
    selectors: &[Vec<Matcher>],
    range: TimeRange,
) -> Result<Vec<ExemplarSeries>, StoreError> {
    Source::new(signal, heads, blocks).exemplars(selectors, range)
}
