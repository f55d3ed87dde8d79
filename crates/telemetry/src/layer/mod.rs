//! The `tracing` layer: spans become OpenTelemetry spans, events become log lines and log records.
//!
//! A span starts when `tracing` creates it, below the current OpenTelemetry context, and is made the current one whenever it is entered.
//! So spans of `tracing` and of the OpenTelemetry API nest in any order, and there is one answer to "which span is current".
//! `tracing-opentelemetry` is not used: it builds spans late, keeps them apart from the context and costs three times as much.

mod fields;
mod line;
mod logs;
mod spans;
#[cfg(test)]
mod tests;

pub(crate) use logs::{Console, LogSink};

use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// Libraries below the services, whose spans and chatter would bury what the service says. `LOG_LEVEL=h2=debug` brings logs back.
const TRANSPORT: &[&str] =
    &["h2", "hyper", "hyper_util", "reqwest", "rmcp", "rustls", "tonic", "tower", "tower_http", "opentelemetry"];

/// Lines of `sqlx` hold the statement as it is, literals included (`slow statement`, at WARN). Our spans tell the same without them, so
/// these lines appear only when asked for by this very name: `LOG_LEVEL=sqlx::query=warn`.
const RAW_SQL: &str = "sqlx::query";

/// Sends what `tracing` sees to the process's telemetry. [`crate::init`] installs it; a program with a subscriber of its own adds it.
#[derive(Clone, Debug)]
pub struct TelemetryLayer {
    logs: Targets,
    spans: Targets,
    /// In a subscriber of somebody else, "not interested" would silence the other layers too.
    is_guest: bool,
}

impl TelemetryLayer {
    /// Logs by `filter` (see [`crate::TelemetryConfig::log_filter`]).
    pub(crate) fn new(filter: &str, is_guest: bool) -> Self {
        let asked: Targets = filter.parse().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
        // The longest matching target decides, so that what was asked for a library by name wins over the default below.
        let quiet = TRANSPORT.iter().map(|target| (*target, LevelFilter::WARN));
        let named: Vec<_> = asked.iter().map(|(target, level)| (target.to_owned(), level)).collect();
        let default = asked.default_level().unwrap_or(LevelFilter::OFF);
        let quiet = quiet.map(|(target, level)| (target.to_owned(), level.min(default)));
        let logs = Targets::new().with_default(default).with_targets(quiet);
        let logs = logs.with_target(RAW_SQL, LevelFilter::OFF).with_targets(named);
        // A log level must not switch off traces: spans have a filter of their own.
        let spans = TRANSPORT.iter().map(|target| (*target, LevelFilter::OFF));
        let spans = Targets::new().with_default(LevelFilter::INFO).with_targets(spans);
        Self { logs, spans, is_guest }
    }

    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let filter = if metadata.is_span() { &self.spans } else { &self.logs };
        filter.would_enable(metadata.target(), metadata.level())
    }
}

/// The layer for a program that has a `tracing` subscriber of its own.
pub fn layer() -> TelemetryLayer {
    crate::process::with(|process| TelemetryLayer::new(&process.config.log_filter, true))
}

impl<S> Layer<S> for TelemetryLayer
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    /// Asked once per call site: at run time nothing is left to decide.
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.is_guest || self.wants(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _context: Context<'_, S>) -> bool {
        self.is_guest || self.wants(metadata)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if !self.is_guest || self.wants(attributes.metadata()) {
            spans::start(attributes, id, &context);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        spans::record(id, values, &context);
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        spans::link(id, follows, &context);
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        spans::enter(id, &context);
    }

    fn on_exit(&self, id: &Id, _context: Context<'_, S>) {
        spans::exit(id);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        spans::close(&id, &context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if !self.is_guest || self.wants(event.metadata()) {
            logs::event(event, &context);
        }
    }
}
