//! Where the walkers put what they read. A sink sees a resource, then a scope, then the records below it; a record that is
//! malformed inside its own bounds is reported through `malformed` and the walk goes on behind it.

use crate::error::DecodeError;
use crate::view::{
    ExponentialHistogramView, HistogramView, LogView, MetricView, NumberView, PointView, ResourceView, ScopeView,
    SpanView, SummaryView,
};

/// Takes spans.
pub trait SpanSink {
    /// A new `ResourceSpans` begins.
    fn resource(&mut self, resource: &ResourceView<'_, '_>);
    /// A new `ScopeSpans` begins.
    fn scope(&mut self, scope: &ScopeView<'_, '_>);
    /// One span.
    fn span(&mut self, span: &SpanView<'_, '_>);
    /// A span that could not be read.
    fn malformed(&mut self, error: DecodeError);
}

/// Takes log records.
pub trait LogSink {
    /// A new `ResourceLogs` begins.
    fn resource(&mut self, resource: &ResourceView<'_, '_>);
    /// A new `ScopeLogs` begins.
    fn scope(&mut self, scope: &ScopeView<'_, '_>);
    /// One record.
    fn log(&mut self, log: &LogView<'_, '_>);
    /// A record that could not be read.
    fn malformed(&mut self, error: DecodeError);
}

/// Takes metrics.
pub trait MetricSink {
    /// A new `ResourceMetrics` begins.
    fn resource(&mut self, resource: &ResourceView<'_, '_>);
    /// A new `ScopeMetrics` begins.
    fn scope(&mut self, scope: &ScopeView<'_, '_>);
    /// A new `Metric` begins; its points follow.
    fn metric(&mut self, metric: &MetricView<'_>);
    /// A point of a gauge or sum.
    fn number(&mut self, point: &PointView<'_, '_>, value: NumberView);
    /// A point of a histogram.
    fn histogram(&mut self, point: &PointView<'_, '_>, histogram: &HistogramView<'_>);
    /// A point of an exponential histogram.
    fn exponential_histogram(&mut self, point: &PointView<'_, '_>, histogram: &ExponentialHistogramView<'_>);
    /// A point of a summary.
    fn summary(&mut self, point: &PointView<'_, '_>, summary: &SummaryView<'_>);
    /// `points` data points that could not be read (a malformed metric counts its points as far as they can be counted, at least 1).
    fn malformed(&mut self, points: u64, error: DecodeError);
}
