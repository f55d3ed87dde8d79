//! Several blocks to one, series by series: memory holds the labels of all inputs and a window of rows of each.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use model::{Exemplar, Labels};
use store_api::StoreError;

use super::Samples;
use super::block::open::{Opened, read_totals};
use super::block::scan::{self, Scanned, Wanted};
use super::block::write::{BlockBuilder, SeriesRows};
use super::merge::{histograms_win, join_parts};
use crate::engine::block::{Block, BlockWriter};
use crate::engine::signal::BlockSummary;

/// Rows that are read ahead of each input: 1.5 MB.
const WINDOW_ROWS: u64 = 1 << 16;

/// All rows with their starts.
const ALL: Wanted = Wanted { first: i64::MIN, last: i64::MAX, starts: true };

/// Exemplars that a series keeps in one block; the newest stay.
const EXEMPLARS_MAX: usize = 256;

/// Merges `inputs`. Where two of them have a sample at the same time, the one that was written later wins.
pub(super) fn compact(
    signal: &Samples,
    inputs: &[Arc<Block<Samples>>],
    writer: &mut BlockWriter,
) -> Result<BlockSummary, StoreError> {
    let mut inputs = inputs.to_vec();
    inputs.sort_by_key(|block| super::age(block));
    let opened = inputs.iter().map(|block| block.opened(signal)).collect::<Result<Vec<_>, _>>()?;
    let mut deltas: HashSet<Labels> = HashSet::new();
    for block in &inputs {
        let (mut floats, mut histograms) = (Vec::new(), Vec::new());
        read_totals(
            &block.files,
            |labels, _| floats.push(labels.clone()),
            |labels, _| histograms.push(labels.clone()),
        )?;
        deltas.extend(floats.into_iter().chain(histograms));
    }
    let mut block = BlockBuilder::new(writer);
    let mut cursors = opened.iter().map(|opened| Cursor::new(opened)).collect::<Result<Vec<_>, StoreError>>()?;
    for opened in &opened {
        opened.families.iter().for_each(|family| block.family(family));
    }
    while let Some(labels) = cursors.iter().filter_map(Cursor::labels).min().cloned() {
        let mut rows = SeriesRows { is_delta: deltas.contains(&labels), labels, ..SeriesRows::default() };
        let (mut floats, mut histograms) = (Vec::new(), Vec::new());
        for cursor in cursors.iter_mut().filter(|cursor| cursor.labels() == Some(&rows.labels)) {
            let taken = cursor.take()?;
            floats.push(taken.scanned.floats);
            histograms.push(taken.histograms);
            rows.starts.extend(taken.scanned.starts);
            rows.exemplars.extend(taken.exemplars);
        }
        rows.floats = join_parts(floats);
        rows.histograms = join_parts(histograms);
        histograms_win(&mut rows.floats, &rows.histograms);
        tidy_starts(&mut rows.starts);
        tidy_exemplars(&mut rows.exemplars);
        block.series(&rows)?;
    }
    block.finish()
}

/// Sorted, without entries that repeat the start before.
fn tidy_starts(starts: &mut Vec<(i64, i64)>) {
    starts.sort_unstable();
    starts.dedup_by_key(|entry| entry.1);
}

fn tidy_exemplars(exemplars: &mut Vec<Exemplar>) {
    exemplars.sort_by(|left, right| left.time.cmp(&right.time).then_with(|| left.labels.cmp(&right.labels)));
    exemplars.dedup();
    let spare = exemplars.len().saturating_sub(EXEMPLARS_MAX);
    exemplars.drain(..spare);
}

/// Walks over one block's series.
struct Cursor<'b> {
    block: &'b Opened,
    next: u32,
    /// Series that were read ahead, with their ids.
    ahead: VecDeque<(u32, Scanned)>,
    read_until: u32,
    exemplars: std::iter::Peekable<std::vec::IntoIter<(u32, Exemplar)>>,
}

/// One series of one block.
struct Taken {
    scanned: Scanned,
    histograms: Vec<model::NativeHistogram>,
    exemplars: Vec<Exemplar>,
}

impl<'b> Cursor<'b> {
    fn new(block: &'b Opened) -> Result<Self, StoreError> {
        let exemplars = block.exemplars()?.into_iter().peekable();
        Ok(Self { block, next: 0, ahead: VecDeque::new(), read_until: 0, exemplars })
    }

    fn labels(&self) -> Option<&Labels> {
        self.block.series.get(self.next as usize).map(|series| &series.labels)
    }

    /// The rows of the series at hand; goes on to the next.
    fn take(&mut self) -> Result<Taken, StoreError> {
        let id = self.next;
        self.next += 1;
        if id >= self.read_until {
            self.read_ahead()?;
        }
        let mut scanned = match self.ahead.front() {
            Some(&(front, _)) if front == id => self.ahead.pop_front().map(|entry| entry.1).unwrap_or_default(),
            _ => Scanned::default(),
        };
        let (histograms, starts) = scan::histograms(self.block, id, ALL)?;
        scanned.starts.extend(starts);
        let exemplars = std::iter::from_fn(|| self.exemplars.next_if(|entry| entry.0 == id).map(|entry| entry.1));
        Ok(Taken { scanned, histograms, exemplars: exemplars.collect() })
    }

    fn read_ahead(&mut self) -> Result<(), StoreError> {
        let (start, mut rows) = (self.read_until, 0);
        while rows < WINDOW_ROWS
            && let Some(series) = self.block.series.get(self.read_until as usize)
        {
            rows += series.extent.rows;
            self.read_until += 1;
        }
        let ids: Vec<u32> = (start..self.read_until).collect();
        scan::floats(self.block, &ids, ALL, |id, scanned| self.ahead.push_back((id, scanned))).map(drop)
    }
}
