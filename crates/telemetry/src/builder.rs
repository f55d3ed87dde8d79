//! Start of telemetry.

use std::sync::Arc;

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer};
use opentelemetry::{Context, Value, global};
use tracing_subscriber::layer::SubscriberExt;

use crate::config::TelemetryConfig;
use crate::guard::Ownership;
use crate::layer::{Console, TelemetryLayer};
use crate::process::{self, Process};
use crate::propagation::ContractPropagator;
use crate::resource::Declared;
use crate::{Error, Guard, ending, providers, stderr, system};

/// What a service says about itself in code; variables of the environment win over it.
#[derive(Clone, Debug)]
pub struct Builder {
    declared: Declared,
    signals: bool,
    console: Console,
}

impl Builder {
    /// For the service of this name (`OTEL_SERVICE_NAME` wins).
    pub fn new(service: impl Into<String>) -> Self {
        let declared = Declared { service: service.into(), attributes: Vec::new() };
        Self { declared, signals: true, console: Console::Stdout }
    }

    /// `service.version` (`SERVICE_VERSION` wins).
    pub fn service_version(self, version: impl Into<String>) -> Self {
        self.resource("service.version", version)
    }

    /// `service.port`
    pub fn service_port(mut self, port: u16) -> Self {
        self.declared.attributes.push(("service.port".to_owned(), Value::I64(i64::from(port))));
        self
    }

    /// `service.type`
    pub fn service_type(self, kind: impl Into<String>) -> Self {
        self.resource("service.type", kind)
    }

    /// `service.layer`
    pub fn service_layer(self, layer: impl Into<String>) -> Self {
        self.resource("service.layer", layer)
    }

    /// `service.tier` (`SERVICE_TIER` wins).
    pub fn service_tier(self, tier: impl Into<String>) -> Self {
        self.resource("service.tier", tier)
    }

    /// Any other attribute of the resource (`OTEL_RESOURCE_ATTRIBUTES` wins).
    pub fn resource(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.declared.attributes.push((key.into(), Value::from(value.into())));
        self
    }

    /// Whether SIGTERM and SIGINT flush and end the process (default: yes, unless the host handles them already).
    /// Turn off in a program that handles them itself and drops the guard at its end.
    pub fn signals(mut self, handle: bool) -> Self {
        self.signals = handle;
        self
    }

    /// Writes log lines to stderr: for programs whose stdout is a protocol.
    pub fn logs_to_stderr(mut self) -> Self {
        self.console = Console::Stderr;
        self
    }

    /// Writes no log lines; they are exported all the same.
    pub fn logs_to_nowhere(mut self) -> Self {
        self.console = Console::Off;
        self
    }

    /// Reads the environment and starts. Never fails for a collector that is not there.
    ///
    /// # Errors
    /// A variable with a value that means nothing, an unreadable certificate, or telemetry that runs already.
    pub fn init(self) -> Result<Guard, Error> {
        self.init_with(TelemetryConfig::from_env()?)
    }

    /// As [`Self::init`], with a configuration that the caller has read, and perhaps changed.
    ///
    /// # Errors
    /// As [`Self::init`].
    pub fn init_with(self, config: TelemetryConfig) -> Result<Guard, Error> {
        if process::is_installed() {
            return Err(Error::AlreadyInitialised);
        }
        // Both transports take rustls' default provider; an error means that the host has chosen one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let process = Arc::new(Process::start(config, &self.declared, self.console)?);
        process::install(Arc::clone(&process))?;
        system::observe(&process);
        let ownership = take_places(&process);
        providers::changed();
        ending::watch_panics(&process);
        if self.signals {
            ending::watch_signals(&process)?;
        }
        Ok(Guard::new(process, ownership))
    }
}

/// Starts telemetry for `service` from the environment alone.
///
/// # Errors
/// As [`Builder::init`].
pub fn init(service: impl Into<String>) -> Result<Guard, Error> {
    Builder::new(service).init()
}

/// Takes the global places that are free. What somebody else has installed stays: their spans go where they want them to, ours go
/// where we want them to.
fn take_places(process: &Process) -> Ownership {
    let layer = TelemetryLayer::new(&process.config.log_filter, false);
    let subscriber = tracing_subscriber::registry().with(layer);
    let ownership = Ownership {
        subscriber: tracing::subscriber::set_global_default(subscriber).is_ok(),
        tracers: is_tracer_place_free(),
        meters: is_meter_place_free(),
    };
    if ownership.tracers {
        global::set_tracer_provider(process.tracers.clone());
        global::set_text_map_propagator(ContractPropagator::new(process.config.propagators.clone()));
    }
    if ownership.meters {
        global::set_meter_provider(process.meters.clone());
    }
    let taken = [
        (ownership.subscriber, "a tracing subscriber is installed already: add telemetry::layer() to it"),
        (
            ownership.tracers,
            "a tracer provider is installed already and stays; spans made through it go where it sends them",
        ),
        (
            ownership.meters,
            "a meter provider is installed already and stays; instruments made through it go where it sends them",
        ),
    ];
    for (_, what) in taken.iter().filter(|(is_ours, _)| !is_ours) {
        stderr::line(&format!("telemetry: {what}"));
    }
    ownership
}

/// The API does not tell whether a provider was set. Without one, a span repeats the ids of its parent; with one, it does not, and in a
/// suppressed context nothing is recorded by asking.
fn is_tracer_place_free() -> bool {
    let parent =
        SpanContext::new(TraceId::from(1), SpanId::from(1), TraceFlags::default(), true, TraceState::default());
    let context = Context::new().with_remote_span_context(parent.clone()).with_telemetry_suppressed();
    let span = global::tracer("telemetry").start_with_context("probe", &context);
    opentelemetry::trace::Span::span_context(&span) == &parent
}

/// The API's own provider, which does nothing, has no fields.
fn is_meter_place_free() -> bool {
    size_of_val(&*global::meter_provider()) == 0
}
