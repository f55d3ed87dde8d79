//! A histogram of whole numbers with fixed buckets, written without locks.

use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds for counts of records: the collector's own for batch sizes.
pub const RECORD_BOUNDS: &[u64] = &[
    10, 25, 50, 75, 100, 250, 500, 750, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 7_000, 8_000, 9_000, 10_000, 20_000,
    30_000, 50_000, 100_000,
];

/// Upper bounds for sizes in bytes, up to the default limit of a message.
pub const BYTE_BOUNDS: &[u64] = &[
    100, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000, 5_000_000,
    10_000_000, 16_777_216,
];

/// Counts by bucket, and the sum.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// One more than `bounds`: the last is `+Inf`.
    counts: Vec<AtomicU64>,
    sum: AtomicU64,
}

/// A histogram as it stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistogramSnapshot {
    /// Upper bound of each bucket (`None` for infinity) with the count up to it.
    pub cumulative: Vec<(Option<u64>, u64)>,
    /// Sum of what was observed.
    pub sum: u64,
}

impl HistogramSnapshot {
    /// How many numbers were observed.
    pub fn count(&self) -> u64 {
        self.cumulative.last().map_or(0, |(_, count)| *count)
    }
}

impl Histogram {
    /// An empty histogram; `bounds` rise.
    pub fn new(bounds: &'static [u64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0) }
    }

    /// Adds one number.
    pub fn observe(&self, number: u64) {
        let bucket = self.bounds.partition_point(|bound| *bound < number);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(number, Ordering::Relaxed);
    }

    /// The histogram now.
    pub fn snapshot(&self) -> HistogramSnapshot {
        let mut total = 0;
        let bounds = self.bounds.iter().copied().map(Some).chain([None]);
        let cumulative = bounds
            .zip(&self.counts)
            .map(|(bound, count)| {
                total += count.load(Ordering::Relaxed);
                (bound, total)
            })
            .collect();
        HistogramSnapshot { cumulative, sum: self.sum.load(Ordering::Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_inclusive_and_counts_cumulative() {
        let histogram = Histogram::new(RECORD_BOUNDS);
        for number in [0, 10, 11, 100_000, 100_001] {
            histogram.observe(number);
        }
        let snapshot = histogram.snapshot();
        assert_eq!(snapshot.cumulative.first(), Some(&(Some(10), 2)));
        assert_eq!(snapshot.cumulative[1], (Some(25), 3));
        assert_eq!(snapshot.cumulative.last(), Some(&(None, 5)));
        assert_eq!((snapshot.count(), snapshot.sum), (5, 200_022));
    }
}
