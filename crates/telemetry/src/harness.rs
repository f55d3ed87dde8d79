//! For the layers' tests: providers of a test's own, and ways to ask what they got.

use std::sync::{Arc, Mutex};

use opentelemetry::trace::{SpanId, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData};

use crate::providers::Providers;
use crate::spans::SpanSink;

/// Telemetry of one test.
pub(crate) struct Recorded {
    spans: Arc<Mutex<Vec<SpanData>>>,
    tracers: SdkTracerProvider,
    meters: SdkMeterProvider,
    metrics: InMemoryMetricExporter,
}

impl Recorded {
    pub(crate) fn new() -> Self {
        let spans = Arc::default();
        let tracers = SdkTracerProvider::builder().with_span_processor(SpanSink::Memory(Arc::clone(&spans))).build();
        let metrics = InMemoryMetricExporter::default();
        let meters = SdkMeterProvider::builder().with_periodic_exporter(metrics.clone()).build();
        Self { spans, tracers, meters, metrics }
    }

    pub(crate) fn providers(&self) -> Providers {
        Providers::given(&self.tracers, &self.meters)
    }

    /// A span to put others below.
    pub(crate) fn parent(&self) -> Context {
        let span = self.tracers.tracer("test").start("parent");
        Context::new().with_span(span)
    }

    pub(crate) fn spans(&self) -> Vec<SpanData> {
        self.spans.lock().expect("not poisoned").clone()
    }

    /// The only span of this name.
    pub(crate) fn span(&self, name: &str) -> SpanData {
        let spans = self.spans();
        let mut found = spans.iter().filter(|span| span.name == name);
        let span = found.next().unwrap_or_else(|| panic!("no `{name}` in {:?}", names(&spans)));
        assert!(found.next().is_none(), "more than one `{name}`");
        span.clone()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        names(&self.spans())
    }

    /// Points of a metric: labels as `key=value` in order, and what was counted (for histograms the number of records).
    pub(crate) fn points(&self, metric: &str) -> Vec<(String, f64)> {
        self.meters.force_flush().expect("flushed");
        let mut found = Vec::new();
        let collected = self.metrics.get_finished_metrics().expect("collected");
        let Some(last) = collected.last() else { return found };
        for data in last.scope_metrics().flat_map(|scope| scope.metrics()).filter(|data| data.name() == metric) {
            match data.data() {
                AggregatedMetrics::F64(MetricData::Histogram(data)) => {
                    found.extend(data.data_points().map(|point| (labels(point.attributes()), point.count() as f64)));
                }
                AggregatedMetrics::U64(MetricData::Histogram(data)) => {
                    found.extend(data.data_points().map(|point| (labels(point.attributes()), point.sum() as f64)));
                }
                AggregatedMetrics::I64(MetricData::Sum(data)) => {
                    found.extend(data.data_points().map(|point| (labels(point.attributes()), point.value() as f64)));
                }
                AggregatedMetrics::U64(MetricData::Sum(data)) => {
                    found.extend(data.data_points().map(|point| (labels(point.attributes()), point.value() as f64)));
                }
                other => panic!("unexpected {other:?}"),
            }
        }
        found.sort_by(|left, right| left.0.cmp(&right.0));
        found
    }
}

fn names(spans: &[SpanData]) -> Vec<String> {
    spans.iter().map(|span| span.name.to_string()).collect()
}

fn labels<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> String {
    let mut pairs: Vec<String> = attributes.map(|pair| format!("{}={}", pair.key, pair.value)).collect();
    pairs.sort();
    pairs.join(" ")
}

/// The value of an attribute as text; panics when it is there twice, since the SDK does not sort that out.
pub(crate) fn attribute(span: &SpanData, key: &str) -> Option<String> {
    let mut found = span.attributes.iter().filter(|pair| pair.key.as_str() == key);
    let value = found.next().map(|pair| pair.value.to_string());
    assert!(found.next().is_none(), "`{key}` is there twice");
    value
}

/// Everything that a span says, as one text to search for what must not be in it.
pub(crate) fn everything(span: &SpanData) -> String {
    format!("{span:?}")
}

pub(crate) fn assert_child(child: &SpanData, parent: &SpanData) {
    assert_eq!(child.span_context.trace_id(), parent.span_context.trace_id(), "{} and {}", child.name, parent.name);
    assert_eq!(child.parent_span_id, parent.span_context.span_id(), "{} below {}", child.name, parent.name);
}

pub(crate) fn assert_root(span: &SpanData) {
    assert_eq!(span.parent_span_id, SpanId::INVALID, "{}", span.name);
}
