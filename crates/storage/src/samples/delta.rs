//! Deltas to running totals, one state a series and tenant.
//!
//! Rules of the collector's `deltatocumulative`: the first point of a series starts its total; a point that is not newer than the
//! last one is dropped, as is one whose interval begins before the total's; gaps are taken as no change. Where the collector
//! forgets a series after five silent minutes, we keep it until [`STATES_MAX`] are held, so a slow sender's total does not fall.
//!
//! Points are added when they are attached to a head, in that order, so that replay of the log gives the same totals. When a head
//! is flushed, the block keeps each total as of its last point (`delta.parquet`), and [`Deltas::restore`] takes it up after a restart.

use hashbrown::hash_map::Entry;
use model::NativeHistogram;

use super::batch::{Float, HistogramPoint};
use super::histogram::add_histograms;
use super::key::{Key, KeyMap};

/// Totals per tenant and kind: 100 bytes each. Beyond it, the half that was silent longest is forgotten.
const STATES_MAX: usize = 1 << 20;

/// A float total.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Total {
    /// Since `start`.
    pub value: f64,
    /// Time of the last point, ms.
    pub time: i64,
    /// Begin of the first point's interval, ms; 0 when unknown.
    pub start: i64,
}

/// A histogram total.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HistogramTotal {
    /// The counts, with the time of the last point.
    pub histogram: NativeHistogram,
    /// Begin of the first point's interval, ms; 0 when unknown.
    pub start: i64,
}

/// One tenant's totals.
#[derive(Debug, Default)]
pub(super) struct Deltas {
    floats: KeyMap<Total>,
    histograms: KeyMap<HistogramTotal>,
    /// Points that came too late, since start.
    pub dropped: u64,
}

fn is_late(total_time: i64, total_start: i64, time: i64, start: i64) -> bool {
    time <= total_time || (start != 0 && start < total_start)
}

impl Deltas {
    /// Adds a point; gives the total, `None` when the point is dropped.
    pub(super) fn add(&mut self, key: Key, point: &Float) -> Option<Total> {
        make_room(&mut self.floats, |total| total.time);
        match self.floats.entry(key) {
            Entry::Vacant(vacant) => {
                Some(*vacant.insert(Total { value: point.value, time: point.time, start: point.start }))
            }
            Entry::Occupied(mut occupied) => {
                let total = occupied.get_mut();
                if is_late(total.time, total.start, point.time, point.start) {
                    self.dropped += 1;
                    return None;
                }
                total.value += point.value;
                total.time = point.time;
                Some(*total)
            }
        }
    }

    /// Adds a histogram; gives the total, `None` when the point is dropped.
    pub(super) fn add_histogram(&mut self, key: Key, point: &HistogramPoint) -> Option<HistogramTotal> {
        make_room(&mut self.histograms, |total| total.histogram.time.0);
        match self.histograms.entry(key) {
            Entry::Vacant(vacant) => {
                Some(vacant.insert(HistogramTotal { histogram: point.histogram.clone(), start: point.start }).clone())
            }
            Entry::Occupied(mut occupied) => {
                let total = occupied.get_mut();
                if is_late(total.histogram.time.0, total.start, point.histogram.time.0, point.start) {
                    self.dropped += 1;
                    return None;
                }
                total.histogram = add_histograms(&total.histogram, &point.histogram);
                Some(total.clone())
            }
        }
    }

    /// Takes up a total from a block, unless a newer one is known.
    pub(super) fn restore(&mut self, key: Key, total: Total) {
        let known = self.floats.entry(key).or_insert(total);
        if known.time < total.time {
            *known = total;
        }
    }

    /// Takes up a histogram total from a block, unless a newer one is known.
    pub(super) fn restore_histogram(&mut self, key: Key, total: HistogramTotal) {
        match self.histograms.get(&key) {
            Some(known) if known.histogram.time >= total.histogram.time => {}
            _ => drop(self.histograms.insert(key, total)),
        }
    }
}

fn make_room<T>(states: &mut KeyMap<T>, time: impl Fn(&T) -> i64) {
    if states.len() < STATES_MAX {
        return;
    }
    let mut times: Vec<i64> = states.values().map(&time).collect();
    let middle = times.len() / 2;
    let median = *times.select_nth_unstable(middle).1;
    states.retain(|_, state| time(state) > median);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_rise_and_late_points_are_dropped() {
        let mut deltas = Deltas::default();
        let mut add = |time, start, value| {
            let total = deltas.add(1, &Float { series: 0, delta: true, time, start, value });
            total.map(|total| (total.value, total.start))
        };
        assert_eq!(add(10, 5, 3.0), Some((3.0, 5)));
        assert_eq!(add(20, 10, 4.0), Some((7.0, 5)));
        assert_eq!(add(20, 10, 4.0), None, "repeated");
        assert_eq!(add(15, 10, 4.0), None, "out of order");
        assert_eq!(add(30, 1, 4.0), None, "begins before the total");
        assert_eq!(add(60, 50, 1.0), Some((8.0, 5)), "a gap is no change");
        assert_eq!(add(70, 0, 1.0), Some((9.0, 5)), "unknown start");
        assert_eq!(deltas.dropped, 3);
    }

    #[test]
    fn a_restart_goes_on_from_the_newest_block() {
        let mut deltas = Deltas::default();
        let point = Float { series: 0, delta: true, time: 30, start: 20, value: 1.0 };
        deltas.restore(1, Total { value: 7.0, time: 20, start: 5 });
        deltas.restore(1, Total { value: 3.0, time: 10, start: 5 });
        assert_eq!(deltas.add(1, &point), Some(Total { value: 8.0, time: 30, start: 5 }));
    }
}
