//! Names of metrics, and what is recorded under them.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram};
use telemetry::semconv::{CACHE_RESULT, metric::CACHE_REQUESTS};

/// The instruments of this service.
#[derive(Debug, Clone)]
pub(crate) struct Measures {
    cache: Counter<u64>,
    waits: Histogram<f64>,
    refusals: Counter<u64>,
    retries: Counter<u64>,
}

impl Measures {
    pub(crate) fn new() -> Self {
        let meter = telemetry::meter("airtable-gateway");
        Self {
            cache: meter
                .u64_counter(CACHE_REQUESTS)
                .with_unit("{request}")
                .with_description("Look-ups of the cache of answers, by result and kind of answer.")
                .build(),
            waits: meter
                .f64_histogram("airtable.rate_limit.wait")
                .with_unit("s")
                .with_description("Time that a call waited for its turn at its base.")
                .with_boundaries(vec![0.0, 0.01, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0])
                .build(),
            refusals: meter
                .u64_counter("airtable.rate_limit.refusals")
                .with_unit("{request}")
                .with_description("Calls that found no turn before their deadline, or a full queue.")
                .build(),
            retries: meter
                .u64_counter("airtable.retries")
                .with_unit("{request}")
                .with_description("Calls sent again, by the reason of the try before.")
                .build(),
        }
    }

    /// A look-up; `what` is `bases`, `schema`, `records` or `record`.
    pub(crate) fn cache(&self, what: &'static str, hit: bool) {
        let result = if hit { "hit" } else { "miss" };
        self.cache.add(1, &[KeyValue::new(CACHE_RESULT, result), KeyValue::new("cache.content", what)]);
    }

    pub(crate) fn waited(&self, wait: Duration) {
        self.waits.record(wait.as_secs_f64(), &[]);
    }

    pub(crate) fn refused(&self) {
        self.refusals.add(1, &[]);
    }

    pub(crate) fn retried(&self, reason: &'static str) {
        self.retries.add(1, &[KeyValue::new("reason", reason)]);
    }
}
