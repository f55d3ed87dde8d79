//! For tests: telemetry into memory, and assertions over it.
//!
//! [`InMemory`] redirects the telemetry of the thread that makes it, and so of a current-thread runtime on it (`#[tokio::test]` as it
//! comes): tests in parallel threads do not see each other. Code that moves to other threads reports to the process's telemetry.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::Context;
use opentelemetry::trace::{SpanId, Status};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::SpanData;
use tracing_subscriber::layer::SubscriberExt;

use crate::config::TelemetryConfig;
use crate::layer::{Console, LogSink, TelemetryLayer};
use crate::process::{self, Outlets, Process};
use crate::providers;
use crate::resource::{self, Declared};
use crate::spans::SpanSink;

/// Telemetry of this thread goes into memory until this is dropped.
#[must_use = "telemetry goes back to where it went when this is dropped"]
pub struct InMemory {
    spans: Arc<Mutex<Vec<SpanData>>>,
    records: Arc<Mutex<Vec<LogRecord>>>,
    lines: Arc<Mutex<Vec<String>>>,
    metrics: InMemoryMetricExporter,
    process: Arc<Process>,
    before: Option<Arc<Process>>,
    _subscriber: tracing::subscriber::DefaultGuard,
    _of_this_thread: PhantomData<*const ()>,
}

impl InMemory {
    /// Redirects this thread's telemetry, with the settings of development: everything is sampled.
    pub fn install() -> Self {
        Self::with_variables(&[])
    }

    /// As [`Self::install`], with these variables of the contract; the process's environment is not read.
    ///
    /// # Panics
    /// When a value means nothing; the message names the variable.
    pub fn with_variables(variables: &[(&str, &str)]) -> Self {
        let lookup = |name: &str| {
            let of_name = variables.iter().find(|(key, _)| *key == name);
            of_name.map(|(_, value)| (*value).to_owned())
        };
        let config = TelemetryConfig::from_lookup(&lookup).unwrap_or_else(|error| panic!("{error}"));
        let (spans, records, lines) = (Arc::default(), Arc::default(), Arc::default());
        let outlets = Outlets {
            spans: SpanSink::Memory(Arc::clone(&spans)),
            logs: LogSink::Memory(Arc::clone(&records)),
            console: Console::Memory(Arc::clone(&lines)),
        };
        let metrics = InMemoryMetricExporter::default();
        let meters = SdkMeterProvider::builder().with_reader(PeriodicReader::builder(metrics.clone()).build()).build();
        let declared = Declared { service: "test".to_owned(), attributes: Vec::new() };
        let resource = resource::detect(&config, &declared);
        let layer = TelemetryLayer::new(&config.log_filter, false);
        let process = Arc::new(Process::new(config, &resource, outlets, meters, None));
        let before = process::replace(Some(Arc::clone(&process)));
        let subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
        providers::changed();
        Self { spans, records, lines, metrics, process, before, _subscriber: subscriber, _of_this_thread: PhantomData }
    }

    /// Spans that ended so far, in order of their end.
    pub fn spans(&self) -> Vec<SpanData> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Log records so far, as they would be exported.
    pub fn logs(&self) -> Vec<LogRecord> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Log lines so far, as they would be on stdout.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All metrics, collected now; the last element is the newest collection.
    pub fn metrics(&self) -> Vec<ResourceMetrics> {
        // The reader's thread must not see this thread's suppression or span.
        let _context = Context::new().attach();
        self.process.meters.force_flush().expect("collecting into memory does not fail");
        self.metrics.get_finished_metrics().expect("the exporter's lock is held by nobody who panicked")
    }

    /// The sum of all points of the counter, or the count of all points of the histogram, called `name`; 0 when there is none.
    pub fn count(&self, name: &str) -> f64 {
        let collections = self.metrics();
        let Some(newest) = collections.last() else { return 0.0 };
        let metrics = newest.scope_metrics().flat_map(|scope| scope.metrics());
        metrics.filter(|metric| metric.name() == name).map(|metric| total(metric.data())).sum()
    }
}

impl Drop for InMemory {
    fn drop(&mut self) {
        process::replace(self.before.take());
        providers::changed();
        // An error means that it was stopped before.
        let _ = self.process.meters.shutdown();
    }
}

impl fmt::Debug for InMemory {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.spans().into_iter().map(|span| span.name).collect();
        out.debug_struct("InMemory").field("spans", &names).field("lines", &self.lines().len()).finish_non_exhaustive()
    }
}

fn total(data: &AggregatedMetrics) -> f64 {
    match data {
        AggregatedMetrics::F64(data) => of(data, |value| value),
        AggregatedMetrics::U64(data) => of(data, |value| value as f64),
        AggregatedMetrics::I64(data) => of(data, |value| value as f64),
    }
}

fn of<T: Copy>(data: &MetricData<T>, number: impl Fn(T) -> f64) -> f64 {
    match data {
        MetricData::Gauge(gauge) => gauge.data_points().map(|point| number(point.value())).sum(),
        MetricData::Sum(sum) => sum.data_points().map(|point| number(point.value())).sum(),
        MetricData::Histogram(histogram) => histogram.data_points().map(|point| point.count() as f64).sum(),
        MetricData::ExponentialHistogram(histogram) => histogram.data_points().map(|point| point.count() as f64).sum(),
    }
}

/// The only span of this name.
///
/// # Panics
/// When there is none or more than one; the message lists the names there are.
#[track_caller]
pub fn assert_span(telemetry: &InMemory, name: &str) -> SpanData {
    let spans = telemetry.spans();
    let names: Vec<String> = spans.iter().map(|span| span.name.to_string()).collect();
    let mut found: Vec<SpanData> = spans.into_iter().filter(|span| span.name == name).collect();
    assert_eq!(found.len(), 1, "spans named `{name}` among {names:?}");
    found.remove(0)
}

/// Asserts that `child` was started directly below `parent`.
///
/// # Panics
/// When it was not.
#[track_caller]
pub fn assert_child(parent: &SpanData, child: &SpanData) {
    assert_eq!(child.span_context.trace_id(), parent.span_context.trace_id(), "`{}` is in another trace", child.name);
    assert_eq!(
        child.parent_span_id,
        parent.span_context.span_id(),
        "the parent of `{}` is not `{}`",
        child.name,
        parent.name
    );
}

/// Asserts that `span` has no parent.
///
/// # Panics
/// When it has one.
#[track_caller]
pub fn assert_root(span: &SpanData) {
    assert_eq!(span.parent_span_id, SpanId::INVALID, "`{}` has a parent", span.name);
}

/// The last value of an attribute, as text.
pub fn attribute(span: &SpanData, key: &str) -> Option<String> {
    let found = span.attributes.iter().rev().find(|attribute| attribute.key.as_str() == key);
    found.map(|attribute| attribute.value.to_string())
}

/// The description of a span that failed.
pub fn error(span: &SpanData) -> Option<&str> {
    match &span.status {
        Status::Error { description } => Some(description),
        _ => None,
    }
}

/// The body of a log record, when it is text.
pub fn body(record: &LogRecord) -> &str {
    match record.body.as_ref().and_then(|body| body.value.as_ref()) {
        Some(Any::StringValue(text)) => text,
        _ => "",
    }
}
