//! The samples of one series in a head.
//!
//! Samples in order of time go to the end of a growing list; one at the time of the last takes its place (the last write wins);
//! an older one goes to a list of late ones, which is merged when somebody reads, and for good when it grows.

use std::collections::VecDeque;

use model::{Exemplar, NativeHistogram, Sample, UnixMillis};

use super::histogram::histogram_bytes;
use super::merge::merge_parts;
use super::series::SeriesRef;

/// Exemplars that a series keeps in one head. Prometheus keeps 100,000 over all series; a busy histogram bucket needs few.
const EXEMPLARS_MAX: usize = 64;

/// Late samples that may wait for a read before they are merged, if they are also a quarter of the others.
const LATE_MAX: usize = 256;

/// What a push changed, for the head's account.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Growth {
    /// Rows that came.
    pub rows: i64,
    /// Bytes that came.
    pub bytes: i64,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Slot {
    /// Which series.
    pub series: SeriesRef,
    /// True when the values are sums of deltas.
    pub is_delta: bool,
    /// Time of the last of `samples`: beside the list's head, since a look at its tail would wait for memory.
    newest: i64,
    /// The last of `starts`; 0 for none.
    start: i64,
    samples: Vec<Sample>,
    /// `(time, start)`: from `time` on, counters began at `start`, until the next entry. ms.
    starts: Vec<(i64, i64)>,
    rare: Option<Box<Rare>>,
}

/// What few series have.
#[derive(Debug, Default)]
struct Rare {
    late: Vec<Sample>,
    histograms: Vec<NativeHistogram>,
    /// True when `histograms` is out of order.
    mixed: bool,
    exemplars: VecDeque<Exemplar>,
}

impl Slot {
    pub(super) fn new(series: SeriesRef) -> Self {
        Self {
            series,
            is_delta: false,
            newest: i64::MIN,
            start: 0,
            samples: Vec::new(),
            starts: Vec::new(),
            rare: None,
        }
    }

    fn rare(&mut self, growth: &mut Growth) -> &mut Rare {
        self.rare.get_or_insert_with(|| {
            growth.bytes += size_of::<Rare>() as i64;
            Box::default()
        })
    }

    /// Adds a sample. Nothing here looks at memory that was not just touched: the tail of the list is only written.
    #[inline]
    pub(super) fn push(&mut self, sample: Sample, start: i64) -> Growth {
        let time = sample.time.0;
        let mut growth = Growth::default();
        if time > self.newest {
            if self.samples.len() == self.samples.capacity() {
                growth.bytes = self.grow();
            }
            self.samples.push(sample);
            self.newest = time;
            growth.rows = 1;
        } else if time == self.newest
            && let Some(last) = self.samples.last_mut()
        {
            *last = sample;
        } else {
            return self.push_late(sample);
        }
        if start != self.start {
            growth.bytes += self.note_start(time, start);
        }
        growth
    }

    /// Makes room by half: a doubled list would be a third empty on average.
    #[cold]
    fn grow(&mut self) -> i64 {
        let more = (self.samples.len() / 2).max(4);
        self.samples.reserve_exact(more);
        (more * size_of::<Sample>()) as i64
    }

    #[cold]
    fn note_start(&mut self, time: i64, start: i64) -> i64 {
        self.start = start;
        self.starts.push((time, start));
        24
    }

    #[cold]
    fn push_late(&mut self, sample: Sample) -> Growth {
        let mut growth = Growth { rows: 1, bytes: 2 * size_of::<Sample>() as i64 };
        let in_order = self.samples.len();
        let rare = self.rare(&mut growth);
        rare.late.push(sample);
        if rare.late.len() > LATE_MAX && rare.late.len() > in_order / 4 {
            let late = std::mem::take(&mut rare.late);
            let before = (late.len() + in_order, 2 * late.len() + self.samples.capacity());
            self.samples = merge_parts(vec![std::mem::take(&mut self.samples), late]);
            growth.rows += self.samples.len() as i64 - before.0 as i64;
            growth.bytes += (self.samples.capacity() as i64 - before.1 as i64) * size_of::<Sample>() as i64;
        }
        growth
    }

    /// Adds a native histogram.
    pub(super) fn push_histogram(&mut self, histogram: NativeHistogram, start: i64) -> Growth {
        let mut growth = Growth { rows: 1, bytes: histogram_bytes(&histogram) as i64 };
        let time = histogram.time;
        let rare = self.rare(&mut growth);
        match rare.histograms.last_mut() {
            Some(last) if last.time == time && !rare.mixed => {
                growth = Growth { rows: 0, bytes: growth.bytes - histogram_bytes(last) as i64 };
                *last = histogram;
                return growth;
            }
            Some(last) => rare.mixed |= time < last.time,
            None => {}
        }
        let is_newest = !rare.mixed;
        rare.histograms.push(histogram);
        if is_newest && start != self.start {
            growth.bytes += self.note_start(time.0, start);
        }
        growth
    }

    /// Adds an exemplar, unless it is there already: senders repeat the last one with every export.
    pub(super) fn push_exemplar(&mut self, exemplar: Exemplar) -> Growth {
        let mut growth = Growth::default();
        let bytes = |exemplar: &Exemplar| (size_of::<Exemplar>() + exemplar.labels.memory()) as i64;
        let rare = self.rare(&mut growth);
        if rare.exemplars.contains(&exemplar) {
            return growth;
        }
        growth.bytes += bytes(&exemplar);
        if rare.exemplars.len() == EXEMPLARS_MAX {
            growth.bytes -= rare.exemplars.pop_front().map_or(0, |oldest| bytes(&oldest));
        }
        rare.exemplars.push_back(exemplar);
        growth
    }

    /// Samples with times in `first..=last`, ordered, each time once.
    pub(super) fn floats(&self, first: i64, last: i64) -> Vec<Sample> {
        let in_order = cut(&self.samples, first, last);
        let late = self.rare.as_ref().map_or(&[][..], |rare| &rare.late);
        if late.is_empty() {
            return in_order.to_vec();
        }
        let late = late.iter().copied().filter(|sample| (first..=last).contains(&sample.time.0)).collect();
        merge_parts(vec![in_order.to_vec(), late])
    }

    /// Histograms with times in `first..=last`, ordered, each time once.
    pub(super) fn histograms(&self, first: i64, last: i64) -> Vec<NativeHistogram> {
        let Some(rare) = &self.rare else { return Vec::new() };
        let hits =
            rare.histograms.iter().filter(|histogram| (first..=last).contains(&histogram.time.0)).cloned().collect();
        if rare.mixed { merge_parts(vec![hits]) } else { hits }
    }

    /// Exemplars with times in `first..=last`, in order of arrival.
    pub(super) fn exemplars(&self, first: i64, last: i64) -> impl Iterator<Item = &Exemplar> {
        let exemplars = self.rare.as_ref().map(|rare| rare.exemplars.iter());
        exemplars.into_iter().flatten().filter(move |exemplar| (first..=last).contains(&exemplar.time.0))
    }

    /// When the counter began that `time` belongs to; 0 when unknown.
    pub(super) fn starts(&self) -> &[(i64, i64)] {
        &self.starts
    }

    /// True when a sample may lie in `first..=last`.
    pub(super) fn overlaps(&self, first: i64, last: i64) -> bool {
        let ends = |low: UnixMillis, high: UnixMillis| low.0 <= last && first <= high.0;
        if let (Some(low), Some(high)) = (self.samples.first(), self.samples.last())
            && ends(low.time, high.time)
        {
            return true;
        }
        let inside = |time: UnixMillis| (first..=last).contains(&time.0);
        self.rare.as_ref().is_some_and(|rare| {
            rare.late.iter().any(|sample| inside(sample.time)) || rare.histograms.iter().any(|entry| inside(entry.time))
        })
    }
}

/// The part of ordered samples with times in `first..=last`.
pub(super) fn cut(samples: &[Sample], first: i64, last: i64) -> &[Sample] {
    let start = samples.partition_point(|sample| sample.time.0 < first);
    let end = samples.partition_point(|sample| sample.time.0 <= last);
    &samples[start..end.max(start)]
}
