//! Borrowed forms of what the walkers hand to a sink, pointing into the request's bytes.

use model::{MetricType, NativeHistogram, UnixMillis};

use crate::labels::LabelsView;

/// One series of a remote write request with all that the request says of it.
#[derive(Clone, Copy, Debug)]
pub struct SeriesView<'v, 'a> {
    /// Hash of the labels as they came: the same bytes (1.0) or texts (2.0) give the same hash within one process, so a store can
    /// look a series up by it. Labels need to be decoded and checked only when the hash is new; one series may have several.
    pub labels_hash: u64,
    /// The labels, not decoded and **not checked** yet: see [`LabelsView::decode`] and [`crate::check_labels`].
    pub labels: LabelsView<'v, 'a>,
    /// Float samples in the sender's order.
    pub samples: &'v [SampleView],
    /// Native histograms in the sender's order, **not checked** yet: see [`crate::check_histogram`].
    pub histograms: &'v [HistogramView],
    /// Exemplars in the sender's order.
    pub exemplars: &'v [ExemplarView<'v, 'a>],
    /// Remote write 2.0: metadata of the series' family; the family's name is empty here (it follows from `__name__`).
    pub metadata: Option<MetadataView<'a>>,
}

/// A float sample.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SampleView {
    /// When.
    pub time: UnixMillis,
    /// What; stale markers keep their bits.
    pub value: f64,
    /// Remote write 2.0: when the counter began; 0 when unknown.
    pub start_time: UnixMillis,
}

/// A native histogram sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistogramView {
    /// The histogram with absolute counts, and its time.
    pub histogram: NativeHistogram,
    /// Remote write 2.0: when the histogram began; 0 when unknown.
    pub start_time: UnixMillis,
}

/// An exemplar.
#[derive(Clone, Copy, Debug)]
pub struct ExemplarView<'v, 'a> {
    /// Its own labels, not decoded and not checked yet. They need no `__name__` and may be empty.
    pub labels: LabelsView<'v, 'a>,
    /// Observed value.
    pub value: f64,
    /// When.
    pub time: UnixMillis,
}

/// Metadata of a metric family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MetadataView<'a> {
    /// Family; empty in remote write 2.0, where it belongs to a series.
    pub family: &'a str,
    /// Counter, gauge and so on.
    pub metric_type: MetricType,
    /// Help text.
    pub help: &'a str,
    /// Unit.
    pub unit: &'a str,
}

/// A Loki stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamView<'a> {
    /// The label text as it came, e.g. `{app="cart"}`; not parsed yet: see [`crate::parse_stream_labels`].
    pub labels: &'a str,
    /// Hash of that text: equal texts give equal hashes within one process.
    pub labels_hash: u64,
}

/// An entry of a Loki stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntryView<'v, 'a> {
    /// When, ns since 1970; saturates at the ends of i64. 0 when the sender did not say.
    pub time: i64,
    /// The line.
    pub line: &'a str,
    /// Structured metadata `(name, value)` in the sender's order.
    pub metadata: &'v [(&'a str, &'a str)],
}
