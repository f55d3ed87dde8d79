//! Telemetry of the process: one value that everything else looks up.
//!
//! Looking up is a read of a thread-local flag and of a `OnceLock`. A test replaces the value for its thread (see [`crate::testing`]).
//! Before [`crate::init`] there is a value that records nothing, so that helpers work anywhere.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanLimits};
use redact::Redactor;
use ring::hmac;

use crate::Error;
use crate::config::TelemetryConfig;
use crate::export::{Exporter, Identity, Masks};
use crate::guard::LossReport;
use crate::layer::{Console, LogSink};
use crate::resource::{self, Declared};
use crate::sampler::Sampler;
use crate::spans::SpanSink;

/// The scope of spans that helpers and `tracing` make.
const SCOPE: &str = "telemetry";

static PROCESS: OnceLock<Arc<Process>> = OnceLock::new();

static NOTHING: LazyLock<Process> = LazyLock::new(|| {
    let config = TelemetryConfig::from_lookup(&|_| None).expect("the defaults are valid");
    let outlets = Outlets { spans: SpanSink::Nothing, logs: LogSink::Nothing, console: Console::Off };
    let meters = SdkMeterProvider::default();
    let resource = Resource::builder_empty().build();
    Process::new(config, &resource, outlets, meters, None)
});

thread_local! {
    static IS_REPLACED: Cell<bool> = const { Cell::new(false) };
    static REPLACEMENT: RefCell<Option<Arc<Process>>> = const { RefCell::new(None) };
}

/// Calls `work` with the telemetry of this thread.
pub(crate) fn with<T>(work: impl FnOnce(&Process) -> T) -> T {
    // A thread that is being torn down uses the process's.
    if IS_REPLACED.try_with(Cell::get).unwrap_or(false)
        && let Some(replacement) = REPLACEMENT.with_borrow(Clone::clone)
    {
        return work(&replacement);
    }
    work(of_process())
}

/// The telemetry of the process, whatever this thread has.
pub(crate) fn of_process() -> &'static Process {
    PROCESS.get().map_or_else(|| &*NOTHING, |process| &**process)
}

/// Replaces the telemetry of this thread; returns what was there.
pub(crate) fn replace(process: Option<Arc<Process>>) -> Option<Arc<Process>> {
    IS_REPLACED.set(process.is_some());
    REPLACEMENT.replace(process)
}

/// Makes `process` the process's; it stays so until the end.
pub(crate) fn install(process: Arc<Process>) -> Result<(), Error> {
    PROCESS.set(process).map_err(|_| Error::AlreadyInitialised)
}

pub(crate) fn is_installed() -> bool {
    PROCESS.get().is_some()
}

/// Where records go.
pub(crate) struct Outlets {
    pub(crate) spans: SpanSink,
    pub(crate) logs: LogSink,
    pub(crate) console: Console,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) config: TelemetryConfig,
    pub(crate) service: String,
    pub(crate) version: String,
    pub(crate) tracers: SdkTracerProvider,
    pub(crate) tracer: SdkTracer,
    pub(crate) meters: SdkMeterProvider,
    pub(crate) logs: LogSink,
    pub(crate) console: Console,
    pub(crate) redactor: Redactor,
    pub(crate) key: hmac::Key,
    exporter: Option<Exporter>,
    /// The report of the stop that has happened.
    stopped: Mutex<Option<LossReport>>,
}

impl Process {
    /// With an exporter, as `config` says.
    pub(crate) fn start(config: TelemetryConfig, declared: &Declared, console: Console) -> Result<Self, Error> {
        let resource = resource::detect(&config, declared);
        if config.disabled {
            let outlets = Outlets { spans: SpanSink::Nothing, logs: LogSink::Nothing, console };
            return Ok(Self::new(config, &resource, outlets, SdkMeterProvider::default(), None));
        }
        let masks = Masks::new(Redactor::new(config.redaction), config.attribute_length_max);
        let mut identity = Identity { resource: resource::otlp(&resource), masks };
        identity.masks.attributes(&mut identity.resource.attributes);
        let exporter = Exporter::start(&config, identity)?;
        let spans = exporter.spans.clone().map_or(SpanSink::Nothing, SpanSink::Queue);
        let logs = exporter.logs.clone().map_or(LogSink::Nothing, LogSink::Queue);
        let mut meters = SdkMeterProvider::builder().with_resource(resource.clone());
        if let Some(metrics) = &exporter.metrics {
            let reader = PeriodicReader::builder(metrics.clone()).with_interval(config.metric_interval).build();
            meters = meters.with_reader(reader);
        }
        let outlets = Outlets { spans, logs, console };
        Ok(Self::new(config, &resource, outlets, meters.build(), Some(exporter)))
    }

    /// From ready parts.
    pub(crate) fn new(
        config: TelemetryConfig,
        resource: &Resource,
        outlets: Outlets,
        meters: SdkMeterProvider,
        exporter: Option<Exporter>,
    ) -> Self {
        let limits = SpanLimits {
            max_attributes_per_span: config.span_attributes_max,
            max_events_per_span: config.span_events_max,
            max_links_per_span: config.span_links_max,
            ..SpanLimits::default()
        };
        let mut tracers = SdkTracerProvider::builder()
            .with_resource(resource.clone())
            .with_sampler(Box::new(Sampler::new(config.sampler)) as Box<dyn opentelemetry_sdk::trace::ShouldSample>)
            .with_span_limits(limits);
        if !matches!(outlets.spans, SpanSink::Nothing) {
            tracers = tracers.with_span_processor(outlets.spans);
        } else {
            // Ids are still made and handed on; nothing is recorded.
            tracers = tracers.with_sampler(opentelemetry_sdk::trace::Sampler::AlwaysOff);
        }
        let tracers = tracers.build();
        Self {
            service: resource::text(resource, "service.name"),
            version: resource::text(resource, "service.version"),
            tracer: tracers.tracer(SCOPE),
            tracers,
            meters,
            logs: outlets.logs,
            console: outlets.console,
            redactor: Redactor::new(config.redaction),
            key: key(&config),
            exporter,
            stopped: Mutex::new(None),
            config,
        }
    }

    pub(crate) fn exporter(&self) -> Option<&Exporter> {
        self.exporter.as_ref()
    }

    pub(crate) fn tallies(&self) -> LossReport {
        self.exporter.as_ref().map(Exporter::tallies).unwrap_or_default()
    }

    /// Sends what is queued; false when `within` has passed first.
    pub(crate) fn flush(&self, within: Duration) -> bool {
        let Some(exporter) = &self.exporter else { return true };
        let queues = exporter.flush(Instant::now() + within);
        // Metrics after spans, so that they say how spans fared. The exporter gives up at the same deadline.
        queues & self.meters.force_flush().is_ok()
    }

    /// Stops for good; the second caller gets the first one's report.
    pub(crate) fn stop(&self, within: Duration) -> LossReport {
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(report) = *stopped {
            return report;
        }
        let deadline = Instant::now() + within;
        if let Some(exporter) = &self.exporter {
            exporter.stop_queues(deadline);
            // Its result is in the tallies.
            let _ = self.meters.shutdown_with_timeout(deadline.saturating_duration_since(Instant::now()));
            exporter.join();
            exporter.write_off();
        }
        *stopped.insert(self.tallies())
    }
}

/// The key of `hash_api_key`. Without a salt of the deployment it is the machine's id, which is stable and not public; on machines
/// without one it is random, and hashes of two processes differ.
fn key(config: &TelemetryConfig) -> hmac::Key {
    let salt = config.key_salt.clone().or_else(|| std::fs::read_to_string("/etc/machine-id").ok());
    let salt = salt.map(|salt| salt.trim().to_owned()).filter(|salt| !salt.is_empty());
    let salt = salt.unwrap_or_else(|| format!("{:032x}", rand::random::<u128>()));
    hmac::Key::new(hmac::HMAC_SHA256, salt.as_bytes())
}
