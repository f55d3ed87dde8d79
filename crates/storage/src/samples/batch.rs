//! A decoded request: samples that point into a list of series.

use std::sync::Arc;

use model::{Exemplar, NativeHistogram};

use super::series::{Family, SeriesRef};

/// One request's records.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// What the other lists point into; a series may stand here more than once.
    pub(super) series: Vec<SeriesRef>,
    /// Float samples in the sender's order.
    pub(super) floats: Vec<Float>,
    /// Native histograms in the sender's order.
    pub(super) histograms: Vec<HistogramPoint>,
    /// Exemplars with the series they belong to.
    pub(super) exemplars: Vec<(u32, Exemplar)>,
    /// Metadata that came without series (remote write 1.0).
    pub(super) families: Vec<Arc<Family>>,
}

/// A float sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct Float {
    /// Position in [`Batch::series`].
    pub series: u32,
    /// True when the value is what was added since the last point.
    pub delta: bool,
    /// ms since 1970.
    pub time: i64,
    /// When the counter began, ms; 0 when unknown.
    pub start: i64,
    /// The value.
    pub value: f64,
}

/// A native histogram sample.
#[derive(Clone, Debug)]
pub(super) struct HistogramPoint {
    /// Position in [`Batch::series`].
    pub series: u32,
    /// True when the counts are what was added since the last point.
    pub delta: bool,
    /// When the histogram began, ms; 0 when unknown.
    pub start: i64,
    /// The histogram with its time.
    pub histogram: NativeHistogram,
}

impl Batch {
    /// True when there is nothing to keep.
    pub(super) fn is_empty(&self) -> bool {
        self.floats.is_empty() && self.histograms.is_empty() && self.exemplars.is_empty() && self.families.is_empty()
    }

    /// Adds a series; gives its position.
    #[inline]
    pub(super) fn add(&mut self, series: SeriesRef) -> u32 {
        self.series.push(series);
        (self.series.len() - 1) as u32
    }
}
