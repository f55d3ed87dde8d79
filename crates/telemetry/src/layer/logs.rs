//! `tracing` events as log lines and as OTLP log records: one record, two ways out.

use std::borrow::Cow;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{SpanContext, Status, TraceContextExt};
use opentelemetry::{Context as Otel, KeyValue, StringValue, Value};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue as Pair};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::fields::EventFields;
use super::line::Line;
use super::spans;
use crate::config::LogFormat;
use crate::export::{MASK, Queue, ScopedLog};
use crate::process::Process;

/// Where log lines are written.
#[derive(Clone, Debug)]
pub(crate) enum Console {
    Stdout,
    /// For programs whose stdout is a protocol.
    Stderr,
    Off,
    /// For tests.
    Memory(Arc<Mutex<Vec<String>>>),
}

impl Console {
    fn write(&self, line: &str) {
        // A closed stdout must not end a service.
        let _ = match self {
            Self::Stdout => std::io::stdout().lock().write_all(line.as_bytes()),
            Self::Stderr => std::io::stderr().lock().write_all(line.as_bytes()),
            Self::Off => Ok(()),
            Self::Memory(lines) => {
                lines.lock().unwrap_or_else(PoisonError::into_inner).push(line.trim_end().to_owned());
                Ok(())
            }
        };
    }
}

/// Where log records go.
#[derive(Clone, Debug)]
pub(crate) enum LogSink {
    /// To the exporter.
    Queue(Arc<Queue<ScopedLog>>),
    /// For tests.
    Memory(Arc<Mutex<Vec<LogRecord>>>),
    /// Nowhere.
    Nothing,
}

pub(super) fn event<S>(event: &Event<'_>, context: &Context<'_, S>)
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let mut fields = EventFields::default();
    event.record(&mut fields);
    let mut with = |current: &Otel| {
        let span = current.span();
        // `#[instrument(err)]` and `error!(error = …)`: the span that the error happened in has failed.
        if *event.metadata().level() == Level::ERROR
            && let Some((_, error)) = fields.fields.iter().find(|(key, _)| *key == "error")
        {
            let message = error.as_str().into_owned();
            span.add_event("exception", vec![KeyValue::new("exception.message", message.clone())]);
            span.set_status(Status::error(message));
        }
        crate::process::with(|process| emit(process, event, &mut fields, span.span_context()));
    };
    match event.parent().and_then(|parent| spans::of(parent, context)) {
        Some(parent) => with(&parent),
        None => Otel::map_current(with),
    }
}

fn emit(process: &Process, event: &Event<'_>, fields: &mut EventFields, span: &SpanContext) {
    let time = SystemTime::now();
    let (level, severity) = severity(event.metadata().level());
    mask(process, fields);
    let ids = span.is_valid().then(|| (span.trace_id().to_string(), span.span_id().to_string()));
    let line = Line {
        time,
        level,
        service: &process.service,
        version: &process.version,
        message: &fields.message,
        ids: ids.as_ref().map(|(trace, span)| (trace.as_str(), span.as_str())),
        fields: &fields.fields,
    };
    match (&process.console, process.config.log_format) {
        (Console::Off, _) => {}
        (console, LogFormat::Json) => console.write(&line.json()),
        (console, LogFormat::Text) => console.write(&line.text()),
    }
    if matches!(process.logs, LogSink::Nothing) {
        return;
    }
    let nanos = time.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX));
    let attributes = std::mem::take(&mut fields.fields);
    let record = LogRecord {
        time_unix_nano: nanos,
        observed_time_unix_nano: nanos,
        severity_number: severity,
        severity_text: level.to_owned(),
        body: Some(AnyValue { value: Some(Any::StringValue(std::mem::take(&mut fields.message))) }),
        attributes: attributes.into_iter().map(pair).collect(),
        flags: u32::from(span.trace_flags().to_u8()),
        trace_id: if span.is_valid() { span.trace_id().to_bytes().to_vec() } else { Vec::new() },
        span_id: if span.is_valid() { span.span_id().to_bytes().to_vec() } else { Vec::new() },
        ..LogRecord::default()
    };
    match &process.logs {
        LogSink::Queue(queue) => queue.push(ScopedLog { scope: Cow::Borrowed(event.metadata().target()), record }),
        LogSink::Memory(records) => records.lock().unwrap_or_else(PoisonError::into_inner).push(record),
        LogSink::Nothing => {}
    }
}

/// The line leaves the process here, so this is where its secrets are masked. The record is masked again before it is sent.
fn mask(process: &Process, fields: &mut EventFields) {
    let redactor = &process.redactor;
    if let Cow::Owned(masked) = redactor.text(&fields.message) {
        fields.message = masked;
    }
    for (key, value) in &mut fields.fields {
        if redactor.key_is_secret(key) {
            *value = Value::from(MASK);
        } else if let Value::String(text) = value
            && let Cow::Owned(masked) = redactor.text(text.as_str())
        {
            *text = StringValue::from(masked);
        }
    }
}

/// The seed's names, and OpenTelemetry's numbers.
fn severity(level: &Level) -> (&'static str, i32) {
    match *level {
        Level::TRACE => ("TRACE", 1),
        Level::DEBUG => ("DEBUG", 5),
        Level::INFO => ("INFO", 9),
        Level::WARN => ("WARN", 13),
        Level::ERROR => ("ERROR", 17),
    }
}

fn pair((key, value): (&'static str, Value)) -> Pair {
    Pair { key: key.to_owned(), value: Some(value.into()), ..Pair::default() }
}
