//! A selector at points in time. An instant takes the newest sample of the last five minutes, the left end excluded, unless that
//! sample says that the series ended.

use model::sample::STALE_NAN_BITS;
use model::{Labels, NativeHistogram, TimeRange, UnixMillis};
use store_api::SeriesSamples;

use super::args::end_of_milli;
use super::promql::{At, Selector};

/// How far an instant looks back (Prometheus `--query.lookback-delta`).
pub(super) const LOOKBACK_MILLIS: i64 = 5 * 60 * 1000;

/// Most samples of one answer (Prometheus `--query.max-samples`).
pub(super) const SAMPLES_MAX: usize = 50_000_000;

/// Value of a series at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Point<'a> {
    Float(f64),
    Histogram(&'a NativeHistogram),
}

/// A series with its values: the times are those of evaluation, or of the samples themselves for a range vector.
#[derive(Debug)]
pub(super) struct Series<'a> {
    pub(super) labels: &'a Labels,
    pub(super) points: Vec<(i64, Point<'a>)>,
}

/// The evaluation times of a query: `start`, `start + step`, … up to `end`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steps {
    pub(super) start: i64,
    pub(super) end: i64,
    /// 0 for an instant query.
    pub(super) step: i64,
}

impl Steps {
    /// One time only.
    pub(super) fn instant(time: i64) -> Self {
        Self { start: time, end: time, step: 0 }
    }

    /// True for an instant query, whose answer is a vector, not a matrix.
    pub(super) fn is_instant(self) -> bool {
        self.step == 0
    }

    /// How many times there are.
    pub(super) fn count(self) -> usize {
        (self.end.saturating_sub(self.start) / self.step.max(1)) as usize + 1
    }

    fn times(self) -> impl Iterator<Item = i64> {
        (0..self.count() as i64).map(move |number| self.start + number * self.step)
    }
}

impl Selector {
    /// The time whose samples an evaluation at `time` looks at.
    fn reference(&self, time: i64, steps: Steps) -> i64 {
        let time = match self.at {
            None => time,
            Some(At::Millis(millis)) => millis,
            Some(At::Start) => steps.start,
            Some(At::End) => steps.end,
        };
        time.saturating_sub(self.offset)
    }

    /// What must be read for these times.
    pub(super) fn read_range(&self, steps: Steps, lookback: i64) -> TimeRange {
        let width = self.range.unwrap_or(lookback);
        let first = self.reference(steps.start, steps).saturating_sub(width).saturating_add(1);
        let last = self.reference(steps.end, steps);
        TimeRange::new(UnixMillis(first).nanos(), end_of_milli(last))
    }
}

/// Instant vectors at each of the times; series without a value at any of them are left out.
pub(super) fn instants<'a>(
    read: &'a [SeriesSamples],
    selector: &Selector,
    steps: Steps,
    lookback: i64,
) -> Vec<Series<'a>> {
    let series = read.iter().map(|series| {
        let mut floats = Newest::new(&series.floats, |sample: &model::Sample| sample.time);
        let mut histograms = Newest::new(&series.histograms, |sample: &NativeHistogram| sample.time);
        let points = steps.times().filter_map(|time| {
            let reference = selector.reference(time, steps);
            let float = floats.at(reference).map(|sample| (sample.time.0, Point::Float(sample.value)));
            let histogram = histograms.at(reference).map(|sample| (sample.time.0, Point::Histogram(sample)));
            let (sampled, point) = float.into_iter().chain(histogram).max_by_key(|(sampled, _)| *sampled)?;
            let is_fresh = sampled > reference.saturating_sub(lookback);
            (is_fresh && !is_stale(point)).then_some((time, point))
        });
        Series { labels: &series.labels, points: points.collect() }
    });
    series.filter(|series| !series.points.is_empty()).collect()
}

/// The samples of a range vector at one time, in order of time, without stale markers.
pub(super) fn ranges<'a>(read: &'a [SeriesSamples], selector: &Selector, steps: Steps, width: i64) -> Vec<Series<'a>> {
    let last = selector.reference(steps.start, steps);
    let first = last.saturating_sub(width);
    let series = read.iter().map(|series| {
        let floats = series.floats.iter().map(|sample| (sample.time.0, Point::Float(sample.value)));
        let histograms = series.histograms.iter().map(|sample| (sample.time.0, Point::Histogram(sample)));
        let mut points: Vec<_> = floats
            .chain(histograms)
            .filter(|(time, point)| *time > first && *time <= last && !is_stale(*point))
            .collect();
        points.sort_by_key(|(time, _)| *time);
        Series { labels: &series.labels, points }
    });
    series.filter(|series| !series.points.is_empty()).collect()
}

fn is_stale(point: Point<'_>) -> bool {
    let marker = match point {
        Point::Float(value) => value,
        Point::Histogram(histogram) => histogram.sum,
    };
    marker.to_bits() == STALE_NAN_BITS
}

/// Finds the newest sample at or before times that do not fall.
struct Newest<'a, T, F> {
    samples: &'a [T],
    time_of: F,
    next: usize,
}

impl<'a, T, F: Fn(&T) -> UnixMillis> Newest<'a, T, F> {
    fn new(samples: &'a [T], time_of: F) -> Self {
        Self { samples, time_of, next: 0 }
    }

    fn at(&mut self, time: i64) -> Option<&'a T> {
        while self.samples.get(self.next).is_some_and(|sample| (self.time_of)(sample).0 <= time) {
            self.next += 1;
        }
        self.samples.get(self.next.checked_sub(1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::promql::{Query, parse};
    use super::*;
    use model::Sample;

    fn select(query: &str) -> Selector {
        match parse(query) {
            Ok(Query::Selector(selector)) => selector,
            other => panic!("{query}: {other:?}"),
        }
    }

    fn series(samples: &[(i64, f64)]) -> Vec<SeriesSamples> {
        let floats = samples.iter().map(|(time, value)| Sample { time: UnixMillis(*time), value: *value }).collect();
        vec![SeriesSamples { floats, ..SeriesSamples::default() }]
    }

    fn times(read: &[SeriesSamples], query: &str, steps: Steps) -> Vec<(i64, f64)> {
        let evaluated = instants(read, &select(query), steps, LOOKBACK_MILLIS);
        let points = evaluated.iter().flat_map(|series| &series.points);
        points.map(|(time, point)| (*time, if let Point::Float(value) = point { *value } else { -1.0 })).collect()
    }

    #[test]
    fn lookback_is_open_on_the_left() {
        let read = series(&[(1000, 1.0)]);
        assert_eq!(times(&read, "up", Steps::instant(999)), []);
        assert_eq!(times(&read, "up", Steps::instant(1000)), [(1000, 1.0)]);
        assert_eq!(times(&read, "up", Steps::instant(1000 + LOOKBACK_MILLIS - 1)), [(1000 + LOOKBACK_MILLIS - 1, 1.0)]);
        assert_eq!(times(&read, "up", Steps::instant(1000 + LOOKBACK_MILLIS)), []);
    }

    #[test]
    fn a_stale_marker_ends_a_series_until_the_next_sample() {
        let read = series(&[(1000, 1.0), (2000, f64::from_bits(STALE_NAN_BITS)), (3000, f64::NAN), (4000, 4.0)]);
        let steps = Steps { start: 1000, end: 4000, step: 1000 };
        let found = times(&read, "up", steps);
        assert_eq!(found.len(), 3, "an ordinary NaN is a value");
        assert_eq!((found[0], found[1].0, found[2]), ((1000, 1.0), 3000, (4000, 4.0)));
    }

    #[test]
    fn offset_and_at_move_the_reference() {
        let read = series(&[(1000, 1.0), (2000, 2.0), (3000, 3.0)]);
        let steps = Steps { start: 2000, end: 3000, step: 1000 };
        assert_eq!(times(&read, "up offset 1s", steps), [(2000, 1.0), (3000, 2.0)]);
        assert_eq!(times(&read, "up @ 1", steps), [(2000, 1.0), (3000, 1.0)]);
        assert_eq!(times(&read, "up @ end()", steps), [(2000, 3.0), (3000, 3.0)]);
        let range = select("up offset 1s").read_range(steps, 500);
        assert_eq!((range.start.0, range.end.0), (501_000_000, 2_000_999_999));
    }

    #[test]
    fn a_range_vector_is_open_on_the_left() {
        let read = series(&[(1000, 1.0), (2000, f64::from_bits(STALE_NAN_BITS)), (3000, 3.0), (4000, 4.0)]);
        let found = ranges(&read, &select("up[2s]"), Steps::instant(3000), 2000);
        assert_eq!(found[0].points, [(3000, Point::Float(3.0))]);
    }
}
