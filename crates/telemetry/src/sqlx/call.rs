//! The span and the metrics of one statement.

use std::sync::Arc;
use std::time::{Duration, Instant};

use opentelemetry::trace::SpanKind;
use opentelemetry::{Context, KeyValue};
use sqlx::Pool;
use sqlx::pool::PoolConnection;

use super::metrics::{Database, Observers};
use super::shape::{Shape, Shapes};
use super::system::{System, Target, classify};
use crate::operation::Operation;
use crate::providers::{Instruments, Providers};
use crate::semconv::{self, Names, old};

/// What the statements of one pool have in common.
#[derive(Debug)]
pub(super) struct Source<DB: System> {
    pub(super) pool: Arc<Pool<DB>>,
    pub(super) providers: Providers,
    pub(super) names: Names,
    pub(super) name: String,
    shapes: Shapes,
    target: Target,
    instruments: Instruments<(Database, Observers)>,
}

impl<DB: System> Source<DB> {
    pub(super) fn new(
        pool: Arc<Pool<DB>>,
        providers: Providers,
        names: Names,
        name: Option<String>,
        keep_text: bool,
    ) -> Self {
        let target = DB::target(&pool.connect_options());
        let name = name.unwrap_or_else(|| match &target.namespace {
            Some(namespace) => format!("{}:{namespace}", DB::SYSTEM_NAME),
            None => DB::SYSTEM_NAME.to_owned(),
        });
        let (observed, label) = (Arc::downgrade(&pool), pool_label(&name));
        let build = move |meter: &opentelemetry::metrics::Meter| {
            (Database::new(meter), Observers::new(meter, &observed, label.clone(), names))
        };
        let instruments = Instruments::new(providers.clone(), build);
        Self { pool, providers, names, name, shapes: Shapes::new(keep_text), target, instruments }
    }

    pub(super) fn keeps_text(&self) -> bool {
        self.shapes.keep_text
    }

    /// A connection out of the pool; waiting for it is measured.
    pub(super) async fn acquire(&self) -> Result<(PoolConnection<DB>, Lease), sqlx::Error> {
        self.wait(self.pool.acquire()).await
    }

    /// Measures how long it takes to get something out of the pool.
    pub(super) async fn wait<T>(
        &self,
        getting: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<(T, Lease), sqlx::Error> {
        let instruments = self.instruments.get();
        let label = pool_label(&self.name);
        let pending = Pending::new(&instruments, &label);
        let since = Instant::now();
        let got = getting.await;
        drop(pending);
        instruments.0.wait.record(since.elapsed().as_secs_f64(), std::slice::from_ref(&label));
        if matches!(got, Err(sqlx::Error::PoolTimedOut)) {
            instruments.0.timeouts.add(1, std::slice::from_ref(&label));
        }
        Ok((got?, Lease { instruments, label, since: Instant::now() }))
    }
}

fn pool_label(name: &str) -> KeyValue {
    KeyValue::new(semconv::DB_CLIENT_CONNECTION_POOL_NAME, name.to_owned())
}

/// Counts a request for a connection as pending while it is one.
struct Pending<'a> {
    instruments: &'a (Database, Observers),
    label: &'a KeyValue,
}

impl<'a> Pending<'a> {
    fn new(instruments: &'a (Database, Observers), label: &'a KeyValue) -> Self {
        instruments.0.pending.add(1, std::slice::from_ref(label));
        Self { instruments, label }
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.instruments.0.pending.add(-1, std::slice::from_ref(self.label));
    }
}

/// The time for which a connection is out of its pool.
#[derive(Debug)]
pub(super) struct Lease {
    instruments: Arc<(Database, Observers)>,
    label: KeyValue,
    since: Instant,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.instruments.0.used.record(self.since.elapsed().as_secs_f64(), std::slice::from_ref(&self.label));
    }
}

/// A running statement; its span ends when this is dropped.
#[derive(Debug)]
pub(super) struct Call {
    operation: Operation,
    instruments: Arc<(Database, Observers)>,
    shape: Arc<Shape>,
    labels: Vec<KeyValue>,
    waited: Duration,
    returned: u64,
    affected: Option<u64>,
}

impl Call {
    /// Begins the span of a statement with this text below the current one.
    pub(super) fn begin<DB: System>(source: &Source<DB>, text: &str) -> Self {
        let shape = source.shapes.of(text);
        let name = if shape.summary.is_empty() { DB::SYSTEM_NAME.to_owned() } else { shape.summary.clone() };
        let mut labels = vec![KeyValue::new(semconv::DB_SYSTEM_NAME, DB::SYSTEM_NAME)];
        let mut label = |name: &'static str, value: Option<&String>| {
            labels.extend(value.map(|value| KeyValue::new(name, value.clone())));
        };
        label(semconv::DB_NAMESPACE, source.target.namespace.as_ref());
        label(semconv::DB_OPERATION_NAME, shape.operation.as_ref());
        label(semconv::DB_COLLECTION_NAME, shape.table.as_ref());
        label(semconv::DB_QUERY_SUMMARY, Some(&shape.summary).filter(|summary| !summary.is_empty()));
        if let Some((address, port)) = &source.target.server {
            labels.push(KeyValue::new(semconv::SERVER_ADDRESS, address.clone()));
            labels.push(KeyValue::new(semconv::SERVER_PORT, i64::from(*port)));
        }
        let operation = Operation::start(&source.providers, name, SpanKind::Client, &Context::current(), || {
            let mut set = labels.clone();
            set.extend(shape.text.as_ref().map(|text| KeyValue::new(semconv::DB_QUERY_TEXT, text.clone())));
            if source.names.old() {
                let old = [
                    (old::DB_NAME, source.target.namespace.as_ref()),
                    (old::DB_OPERATION, shape.operation.as_ref()),
                    (old::DB_SQL_TABLE, shape.table.as_ref()),
                    (old::DB_STATEMENT, shape.text.as_ref()),
                ];
                set.push(KeyValue::new(old::DB_SYSTEM, DB::SYSTEM_NAME));
                set.extend(
                    old.into_iter().filter_map(|(name, value)| value.map(|value| KeyValue::new(name, value.clone()))),
                );
            }
            set
        });
        let instruments = source.instruments.get();
        let (waited, returned, affected) = (Duration::ZERO, 0, None);
        Self { operation, instruments, shape, labels, waited, returned, affected }
    }

    pub(super) fn context(&self) -> Context {
        self.operation.context().clone()
    }

    /// The statement has its connection: what went by until now is the pool's time, not the database's.
    pub(super) fn connected(&mut self) {
        self.waited = self.operation.elapsed();
    }

    /// A row came back.
    pub(super) fn row(&mut self) {
        self.returned += 1;
    }

    /// The database says how many rows changed.
    pub(super) fn changed(&mut self, rows: u64) {
        self.affected = Some(self.affected.unwrap_or(0).saturating_add(rows));
    }

    /// The statement failed. The message stays out: databases repeat values in it.
    pub(super) fn failed(&mut self, error: &sqlx::Error) {
        let (kind, code) = classify(error);
        if let Some(code) = code {
            let code = KeyValue::new(semconv::DB_RESPONSE_STATUS_CODE, code.into_owned());
            self.labels.push(code.clone());
            self.operation.set(code);
        }
        self.labels.push(KeyValue::new(semconv::ERROR_TYPE, kind));
        self.operation.fail(kind, kind);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let elapsed = self.operation.elapsed().saturating_sub(self.waited);
        let reads = self.returned > 0 || self.shape.operation.as_deref() == Some("SELECT");
        let count = |rows: u64| i64::try_from(rows).unwrap_or(i64::MAX);
        if reads {
            self.operation.set(KeyValue::new(semconv::DB_RESPONSE_RETURNED_ROWS, count(self.returned)));
        }
        // PostgreSQL counts the rows of a SELECT as affected.
        if let Some(rows) = self.affected.filter(|_| self.shape.operation.as_deref() != Some("SELECT")) {
            self.operation.set(KeyValue::new(semconv::DB_ROWS_AFFECTED, count(rows)));
        }
        let _scope = self.operation.context().clone().attach();
        self.instruments.0.duration.record(elapsed.as_secs_f64(), &self.labels);
        if reads {
            self.instruments.0.rows.record(self.returned, &self.labels);
        }
        self.operation.end();
    }
}
