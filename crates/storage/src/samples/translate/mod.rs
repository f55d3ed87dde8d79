//! OTLP metrics to Prometheus series and samples.
//!
//! | module | owns |
//! |---|---|
//! | [`settings`] | [`TranslateSettings`]: naming, promoted attributes |
//! | [`context`] | what a resource, a scope and a metric give to all their points, cached |
//! | [`labels`] | label sets from attributes |
//! | [`points`] | samples of each kind of point |
//!
//! A point finds its series by a key made of the contexts' keys and the hash of its attributes' bytes; labels are built only when
//! the key is new. Rules: OpenTelemetry's "Prometheus and OpenMetrics compatibility", as Prometheus' OTLP endpoint reads it.

mod context;
mod labels;
mod points;
pub(crate) mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use model::UnixNanos;
use otlp::view::{
    ExponentialHistogramView, HistogramView, MetricView, NumberView, PointView, ResourceView, ScopeView, SummaryView,
};
use otlp::{DecodeError, MetricSink};

use self::context::{MetricContext, ResourceContext, ScopeContext};
use self::settings::TranslateSettings;
use super::batch::{Batch, Float};
use super::cache::{Cache, CacheReader};
use super::key::Key;
use super::series::{SeriesMaker, SeriesRef};

/// Distance of `target_info` samples within one request: half of PromQL's lookback, as Prometheus writes them.
const TARGET_INFO_STEP_MS: i64 = 150_000;

/// What the points of one kind and one set of attributes feed.
#[derive(Clone, Debug)]
enum Target {
    /// Numbers and exponential histograms.
    One(SeriesRef),
    /// Histograms and summaries: count, sum, then buckets or quantiles.
    Many(Arc<[SeriesRef]>),
}

/// Caches and settings that all requests share.
pub(super) struct Translator {
    settings: TranslateSettings,
    maker: SeriesMaker,
    targets: Cache<Target>,
    resources: Cache<Arc<ResourceContext>>,
    metrics: Cache<Arc<MetricContext>>,
}

impl Translator {
    /// Remembers `targets_max` sets of series.
    pub(super) fn new(settings: TranslateSettings, targets_max: usize) -> Self {
        Self {
            settings,
            maker: SeriesMaker::default(),
            targets: Cache::new(targets_max),
            // A thousand resources and ten thousand metrics are far beyond forty services.
            resources: Cache::new(1 << 10),
            metrics: Cache::new(1 << 14),
        }
    }
}

/// Takes one request's metrics.
pub(super) struct TranslateSink<'t> {
    settings: &'t TranslateSettings,
    maker: &'t SeriesMaker,
    targets: CacheReader<'t, Target>,
    resources: CacheReader<'t, Arc<ResourceContext>>,
    metrics: CacheReader<'t, Arc<MetricContext>>,
    received: UnixNanos,
    /// What was translated so far.
    pub batch: Batch,
    /// Points taken and refused.
    pub accepted: u64,
    pub rejected: u64,
    /// Why the first one was refused.
    pub reason: Option<String>,
    resource: Arc<ResourceContext>,
    scope: ScopeContext,
    metric: Arc<MetricContext>,
    /// Key of resource, scope and metric together.
    context: Key,
    /// Times of the resource's points, ms.
    times: Option<(i64, i64)>,
}

impl<'t> TranslateSink<'t> {
    /// `received` is the time of points that have none.
    pub(super) fn new(translator: &'t Translator, received: UnixNanos) -> Self {
        Self {
            settings: &translator.settings,
            maker: &translator.maker,
            targets: translator.targets.reader(),
            resources: translator.resources.reader(),
            metrics: translator.metrics.reader(),
            received,
            batch: Batch::default(),
            accepted: 0,
            rejected: 0,
            reason: None,
            resource: Arc::default(),
            scope: ScopeContext::default(),
            metric: Arc::default(),
            context: 0,
            times: None,
        }
    }

    /// Ends the last resource.
    pub(super) fn finish(&mut self) {
        let Some((first, last)) = self.times.take() else { return };
        let Some(info) = &self.resource.info else { return };
        let series = self.batch.add(info.clone());
        let mut times: Vec<i64> = (first..last).step_by(TARGET_INFO_STEP_MS as usize).take(INFO_SAMPLES_MAX).collect();
        // One request mostly holds one moment: then this is one sample.
        times.push(last);
        let sample = |time| Float { series, delta: false, time, start: 0, value: 1.0 };
        self.batch.floats.extend(times.into_iter().map(sample));
    }

    fn reject(&mut self, points: u64, reason: impl FnOnce() -> String) {
        self.rejected += points;
        self.reason.get_or_insert_with(reason);
    }

    /// Counts a point as taken or refused.
    fn settle(&mut self, outcome: Result<i64, String>) {
        match outcome {
            Ok(time) => {
                self.accepted += 1;
                let (first, last) = self.times.unwrap_or((time, time));
                self.times = Some((first.min(time), last.max(time)));
            }
            Err(reason) => self.reject(1, || reason),
        }
    }
}

impl Drop for TranslateSink<'_> {
    fn drop(&mut self) {
        self.targets.release();
        self.resources.release();
        self.metrics.release();
    }
}

/// Samples of `target_info` per request, so that one bad time stamp cannot ask for a million.
const INFO_SAMPLES_MAX: usize = 64;

impl MetricSink for TranslateSink<'_> {
    fn resource(&mut self, resource: &ResourceView<'_, '_>) {
        self.finish();
        self.resource = context::resource(self.settings, self.maker, &mut self.resources, resource);
        self.scope = ScopeContext::default();
    }

    fn scope(&mut self, scope: &ScopeView<'_, '_>) {
        self.scope = context::scope(self.settings, scope);
    }

    fn metric(&mut self, metric: &MetricView<'_>) {
        self.metric = context::metric(self.settings, &mut self.metrics, metric);
        self.context = self.metric.key_with(self.resource.key, self.scope.key);
    }

    fn number(&mut self, point: &PointView<'_, '_>, value: NumberView) {
        let outcome = self.take_number(point, value);
        self.settle(outcome);
    }

    fn histogram(&mut self, point: &PointView<'_, '_>, histogram: &HistogramView<'_>) {
        let outcome = self.take_histogram(point, histogram);
        self.settle(outcome);
    }

    fn exponential_histogram(&mut self, point: &PointView<'_, '_>, histogram: &ExponentialHistogramView<'_>) {
        let outcome = self.take_exponential(point, histogram);
        self.settle(outcome);
    }

    fn summary(&mut self, point: &PointView<'_, '_>, summary: &SummaryView<'_>) {
        let outcome = self.take_summary(point, summary);
        self.settle(outcome);
    }

    fn malformed(&mut self, points: u64, error: DecodeError) {
        self.reject(points, || error.to_string());
    }
}
