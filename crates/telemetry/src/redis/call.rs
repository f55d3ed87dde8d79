//! The span and the metrics of one round trip.

use std::sync::Arc;

use opentelemetry::metrics::{Counter, Histogram, Meter};
use opentelemetry::trace::SpanKind;
use opentelemetry::{Context, KeyValue};
use redis::{Cmd, ErrorKind, Pipeline, RedisError, Value};

use super::command::{looked_up, name, pattern};
use super::connection::Source;
use crate::operation::Operation;
use crate::semconv::{self, metric, old};

const SYSTEM: &str = "redis";

/// One set per connection.
#[derive(Debug)]
pub(super) struct Redis {
    duration: Histogram<f64>,
    lookups: Counter<u64>,
}

impl Redis {
    pub(super) fn new(meter: &Meter) -> Self {
        Self {
            duration: meter
                .f64_histogram(metric::DB_CLIENT_OPERATION_DURATION)
                .with_unit("s")
                .with_description("Duration of database client operations.")
                .with_boundaries(semconv::DB_SECONDS.to_vec())
                .build(),
            lookups: meter
                .u64_counter(metric::CACHE_REQUESTS)
                .with_unit("{request}")
                .with_description("Look-ups by result")
                .build(),
        }
    }
}

/// A running command or pipeline; its span ends when this is dropped.
#[derive(Debug)]
pub(super) struct Call {
    operation: Operation,
    instruments: Arc<Redis>,
    labels: Vec<KeyValue>,
    pattern: Option<String>,
}

impl Call {
    pub(super) fn command(source: &Source, namespace: i64, command: &Cmd) -> Self {
        let name = name(command);
        let pattern = pattern(command, &name, &source.prefixes);
        Self::begin(source, namespace, name, pattern, None)
    }

    /// One span for all commands of a pipeline, named by what they have in common.
    pub(super) fn pipeline(source: &Source, namespace: i64, pipeline: &Pipeline) -> Self {
        let described = |command: &Cmd| {
            let name = name(command);
            let pattern = pattern(command, &name, &source.prefixes);
            (name, pattern)
        };
        let mut commands = pipeline.cmd_iter().map(described);
        let (mut first, mut shared) = commands.next().map_or((None, None), |(name, pattern)| (Some(name), pattern));
        for (name, pattern) in commands {
            first = first.filter(|first| *first == name);
            if shared.is_some() && pattern.is_some() && shared != pattern {
                shared = Some("*".to_owned());
            }
            shared = shared.or(pattern);
        }
        let kind = if pipeline.is_transaction() { "MULTI" } else { "PIPELINE" };
        let name = first.map_or_else(|| kind.to_owned(), |name| format!("{kind} {name}"));
        Self::begin(source, namespace, name, shared, Some(pipeline.len()))
    }

    fn begin(source: &Source, namespace: i64, name: String, pattern: Option<String>, size: Option<usize>) -> Self {
        let title = pattern.as_ref().map_or_else(|| name.clone(), |pattern| format!("{name} {pattern}"));
        let mut labels = vec![
            KeyValue::new(semconv::DB_SYSTEM_NAME, SYSTEM),
            KeyValue::new(semconv::DB_NAMESPACE, namespace.to_string()),
            KeyValue::new(semconv::DB_OPERATION_NAME, name.clone()),
        ];
        if let Some((address, port)) = &source.server {
            labels.push(KeyValue::new(semconv::SERVER_ADDRESS, address.clone()));
            labels.extend(port.map(|port| KeyValue::new(semconv::SERVER_PORT, i64::from(port))));
        }
        let operation = Operation::start(&source.providers, title, SpanKind::Client, &Context::current(), || {
            let mut set = labels.clone();
            set.extend(pattern.as_ref().map(|pattern| KeyValue::new(semconv::CACHE_KEY_PATTERN, pattern.clone())));
            // The conventions: a batch of one is no batch.
            let batch = size.filter(|size| *size > 1).and_then(|size| i64::try_from(size).ok());
            set.extend(batch.map(|size| KeyValue::new(semconv::DB_OPERATION_BATCH_SIZE, size)));
            if source.names.old() {
                set.push(KeyValue::new(old::DB_SYSTEM, SYSTEM));
                set.push(KeyValue::new(old::DB_OPERATION, name));
            }
            set
        });
        Self { operation, instruments: source.instruments.get(), labels, pattern }
    }

    pub(super) fn context(&self) -> Context {
        self.operation.context().clone()
    }

    /// Notes what came back for each command; an error among the answers fails the round trip.
    pub(super) fn answered<'a>(&mut self, answers: impl IntoIterator<Item = (&'a Cmd, &'a Value)>) {
        let (mut hits, mut misses) = (0, 0);
        for (command, value) in answers {
            if let Value::ServerError(error) = value {
                self.failed(&RedisError::from(error.clone()));
            } else if let Some((hit, miss)) = looked_up(&name(command), value) {
                hits += hit;
                misses += miss;
            }
        }
        if hits + misses == 0 {
            return;
        }
        self.operation.set(KeyValue::new(semconv::CACHE_HIT, misses == 0));
        for (result, count) in [("hit", hits), ("miss", misses)] {
            if count > 0 {
                let mut labels =
                    vec![KeyValue::new(semconv::DB_SYSTEM_NAME, SYSTEM), KeyValue::new(semconv::CACHE_RESULT, result)];
                labels.extend(
                    self.pattern.as_ref().map(|pattern| KeyValue::new(semconv::CACHE_KEY_PATTERN, pattern.clone())),
                );
                self.instruments.lookups.add(count, &labels);
            }
        }
    }

    /// The round trip failed. The message stays out: servers repeat arguments in it.
    pub(super) fn failed(&mut self, error: &RedisError) {
        // The first failure of a pipeline is the cause.
        if self.labels.iter().any(|label| label.key.as_str() == semconv::ERROR_TYPE) {
            return;
        }
        let code = error
            .code()
            .filter(|code| code.len() <= 32 && code.bytes().all(|byte| byte.is_ascii_uppercase()))
            .map(str::to_owned);
        if let Some(code) = &code {
            let code = KeyValue::new(semconv::DB_RESPONSE_STATUS_CODE, code.clone());
            self.labels.push(code.clone());
            self.operation.set(code);
        }
        let kind = code.unwrap_or_else(|| kind_of(error).to_owned());
        self.labels.push(KeyValue::new(semconv::ERROR_TYPE, kind.clone()));
        self.operation.fail(kind, kind_of(error));
    }
}

fn kind_of(error: &RedisError) -> &'static str {
    if error.is_timeout() {
        "timeout"
    } else if error.is_connection_refusal() {
        "connect"
    } else if error.is_connection_dropped() {
        "connection_lost"
    } else if error.is_io_error() {
        "io"
    } else {
        match error.kind() {
            ErrorKind::Server(_) => "server",
            ErrorKind::AuthenticationFailed => "authentication",
            ErrorKind::Parse => "parse",
            _ => "client",
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let elapsed = self.operation.elapsed();
        let _scope = self.operation.context().clone().attach();
        self.instruments.duration.record(elapsed.as_secs_f64(), &self.labels);
        self.operation.end();
    }
}
