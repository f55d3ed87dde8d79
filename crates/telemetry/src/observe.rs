//! Instruments for what services have and no layer sees: in-process caches and pools.

use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;

use crate::semconv;

/// The name of the cache, on its metrics.
const CACHE_NAME: &str = "cache.name";

/// Look-ups of one cache, by result: the hit rate is `rate(hit) / rate(all)`.
#[derive(Clone, Debug)]
pub struct CacheMetrics {
    requests: Counter<u64>,
    hit: [KeyValue; 2],
    miss: [KeyValue; 2],
}

impl CacheMetrics {
    /// For the cache called `name`. Make it after [`crate::init`].
    pub fn new(name: &'static str) -> Self {
        let requests = crate::meter("telemetry.cache")
            .u64_counter(semconv::metric::CACHE_REQUESTS)
            .with_unit("{request}")
            .with_description("Look-ups by result")
            .build();
        let pair =
            |result: &'static str| [KeyValue::new(CACHE_NAME, name), KeyValue::new(semconv::CACHE_RESULT, result)];
        Self { requests, hit: pair("hit"), miss: pair("miss") }
    }

    /// The cache held what was asked for.
    pub fn hit(&self) {
        self.requests.add(1, &self.hit);
    }

    /// It did not.
    pub fn miss(&self) {
        self.requests.add(1, &self.miss);
    }
}

/// Connections of a pool at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolUse {
    /// Lent out.
    pub used: u32,
    /// Ready to be lent.
    pub idle: u32,
    /// The pool's limit.
    pub max: u32,
}

/// Reports the use of the pool called `name` with every collection, as `db.client.connection.*`. Make it after [`crate::init`];
/// `read` returns `None` once the pool is gone.
pub fn observe_pool(name: &'static str, read: impl Fn() -> Option<PoolUse> + Clone + Send + Sync + 'static) {
    let meter = crate::meter("telemetry.pool");
    let pool = KeyValue::new(semconv::DB_CLIENT_CONNECTION_POOL_NAME, name);
    let (count, of_pool) = (read.clone(), pool.clone());
    meter
        .i64_observable_up_down_counter(semconv::metric::DB_CLIENT_CONNECTION_COUNT)
        .with_unit("{connection}")
        .with_description("Connections by state")
        .with_callback(move |out| {
            let Some(pool) = count() else { return };
            for (state, connections) in [("used", pool.used), ("idle", pool.idle)] {
                let state = KeyValue::new(semconv::DB_CLIENT_CONNECTION_STATE, state);
                out.observe(i64::from(connections), &[of_pool.clone(), state]);
            }
        })
        .build();
    meter
        .i64_observable_up_down_counter(semconv::metric::DB_CLIENT_CONNECTION_MAX)
        .with_unit("{connection}")
        .with_description("The pool's limit")
        .with_callback(move |out| {
            if let Some(state) = read() {
                out.observe(i64::from(state.max), std::slice::from_ref(&pool));
            }
        })
        .build();
}
