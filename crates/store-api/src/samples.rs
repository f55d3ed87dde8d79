//! Reading metrics.

use std::collections::{BTreeMap, BTreeSet};

use model::{Exemplar, Labels, MetricMetadata, NativeHistogram, Sample, TenantId, TimeRange};

use crate::{Matcher, ReadStats, StoreError};

/// Samples of one series. A time holds either a float or a histogram; both lists are in order of time, each time once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesSamples {
    /// The series, `__name__` included.
    pub labels: Labels,
    /// Float samples, stale markers included.
    pub floats: Vec<Sample>,
    /// Native histograms.
    pub histograms: Vec<NativeHistogram>,
}

/// Exemplars of one series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExemplarSeries {
    /// The series, `__name__` included.
    pub labels: Labels,
    /// Exemplars in order of time.
    pub exemplars: Vec<Exemplar>,
}

/// Reads metrics. Every sample whose append ended before a call began is seen by it. Ranges are cut to milliseconds.
pub trait SampleSource: Send + Sync {
    /// Series that match with their samples in `range`, in order of their labels; series without samples there are left out.
    fn select(
        &self,
        tenant: &TenantId,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<(Vec<SeriesSamples>, ReadStats), StoreError>;

    /// Names of labels on series that match any of `selectors` (all series when there is none).
    fn label_names(
        &self,
        tenant: &TenantId,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Result<BTreeSet<String>, StoreError>;

    /// Values of one label.
    fn label_values(
        &self,
        tenant: &TenantId,
        name: &str,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Result<BTreeSet<String>, StoreError>;

    /// Label sets of the series that match any of `selectors`, sorted.
    fn series(
        &self,
        tenant: &TenantId,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Result<Vec<Labels>, StoreError>;

    /// Type, help and unit by metric family name; a family has several when senders disagree.
    fn metadata(&self, tenant: &TenantId) -> Result<BTreeMap<String, Vec<MetricMetadata>>, StoreError>;

    /// Exemplars of the series that match any of `selectors`.
    fn exemplars(
        &self,
        tenant: &TenantId,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Result<Vec<ExemplarSeries>, StoreError>;
}
