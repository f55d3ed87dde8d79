//! Instruments of database clients, as the database metrics conventions describe them, and the observers of a pool.

use std::sync::Weak;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter, ObservableUpDownCounter, UpDownCounter};
use sqlx::Pool;

use super::system::System;
use crate::semconv::{self, Names, metric, old};

/// One set per pool.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) duration: Histogram<f64>,
    pub(super) rows: Histogram<u64>,
    pub(super) wait: Histogram<f64>,
    pub(super) used: Histogram<f64>,
    pub(super) pending: UpDownCounter<i64>,
    pub(super) timeouts: Counter<u64>,
}

impl Database {
    pub(super) fn new(meter: &Meter) -> Self {
        let seconds = |name: &'static str, description: &'static str| {
            meter
                .f64_histogram(name)
                .with_unit("s")
                .with_description(description)
                .with_boundaries(semconv::DB_SECONDS.to_vec())
                .build()
        };
        Self {
            duration: seconds(metric::DB_CLIENT_OPERATION_DURATION, "Duration of database client operations."),
            wait: seconds(
                metric::DB_CLIENT_CONNECTION_WAIT_TIME,
                "The time it took to obtain an open connection from the pool.",
            ),
            used: seconds(
                metric::DB_CLIENT_CONNECTION_USE_TIME,
                "The time between borrowing a connection and returning it to the pool.",
            ),
            rows: meter
                .u64_histogram(metric::DB_CLIENT_RESPONSE_RETURNED_ROWS)
                .with_unit("{row}")
                .with_description("The actual number of records returned by the database operation.")
                .with_boundaries(semconv::ROWS.to_vec())
                .build(),
            pending: meter
                .i64_up_down_counter(metric::DB_CLIENT_CONNECTION_PENDING_REQUESTS)
                .with_unit("{request}")
                .with_description("The number of current pending requests for an open connection.")
                .build(),
            timeouts: meter
                .u64_counter(metric::DB_CLIENT_CONNECTION_TIMEOUTS)
                .with_unit("{timeout}")
                .with_description(
                    "The number of connection timeouts that have occurred trying to obtain a connection from the pool.",
                )
                .build(),
        }
    }
}

/// What is read off the pool at each collection. The observers end with this value.
#[derive(Debug)]
pub(super) struct Observers {
    _count: ObservableUpDownCounter<i64>,
    _max: ObservableUpDownCounter<i64>,
    _old: Option<ObservableUpDownCounter<i64>>,
}

impl Observers {
    /// They do not keep the pool alive.
    pub(super) fn new<DB: System>(meter: &Meter, pool: &Weak<Pool<DB>>, name: KeyValue, names: Names) -> Self {
        let count = |metric: &'static str, state: &'static str, name: KeyValue| {
            let pool = Weak::clone(pool);
            let labels = |which: &'static str| [name.clone(), KeyValue::new(state, which)];
            let (idle, used) = (labels("idle"), labels("used"));
            meter
                .i64_observable_up_down_counter(metric)
                .with_unit("{connection}")
                .with_description(
                    "The number of connections that are currently in the state described by the state attribute.",
                )
                .with_callback(move |observer| {
                    if let Some(pool) = pool.upgrade().filter(|pool| !pool.is_closed()) {
                        let free = i64::try_from(pool.num_idle()).unwrap_or(i64::MAX);
                        observer.observe(free, &idle);
                        observer.observe(i64::from(pool.size()).saturating_sub(free).max(0), &used);
                    }
                })
                .build()
        };
        let of_pool = [name.clone()];
        let limited = Weak::clone(pool);
        Self {
            _old: names.old().then(|| count(old::DB_CLIENT_CONNECTIONS_USAGE, "state", name.clone())),
            _count: count(metric::DB_CLIENT_CONNECTION_COUNT, semconv::DB_CLIENT_CONNECTION_STATE, name),
            _max: meter
                .i64_observable_up_down_counter(metric::DB_CLIENT_CONNECTION_MAX)
                .with_unit("{connection}")
                .with_description("The maximum number of open connections allowed.")
                .with_callback(move |observer| {
                    if let Some(pool) = limited.upgrade().filter(|pool| !pool.is_closed()) {
                        observer.observe(i64::from(pool.options().get_max_connections()), &of_pool);
                    }
                })
                .build(),
        }
    }
}
