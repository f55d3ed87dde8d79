//! Instruments of HTTP servers, as the HTTP metrics conventions describe them.

use opentelemetry::metrics::{Histogram, Meter, UpDownCounter};

use crate::semconv::{self, metric, old};

/// One set per layer.
#[derive(Debug)]
pub(super) struct Http {
    pub(super) duration: Histogram<f64>,
    pub(super) active: UpDownCounter<i64>,
    pub(super) request_bytes: Histogram<u64>,
    pub(super) response_bytes: Histogram<u64>,
    /// Milliseconds under the old name; only recorded when old names are asked for.
    pub(super) old_duration: Histogram<f64>,
}

impl Http {
    pub(super) fn new(meter: &Meter) -> Self {
        Self {
            duration: meter
                .f64_histogram(metric::HTTP_SERVER_REQUEST_DURATION)
                .with_unit("s")
                .with_description("Duration of HTTP server requests.")
                .with_boundaries(semconv::SECONDS.to_vec())
                .build(),
            active: meter
                .i64_up_down_counter(metric::HTTP_SERVER_ACTIVE_REQUESTS)
                .with_unit("{request}")
                .with_description("Number of active HTTP server requests.")
                .build(),
            request_bytes: meter
                .u64_histogram(metric::HTTP_SERVER_REQUEST_BODY_SIZE)
                .with_unit("By")
                .with_description("Size of HTTP server request bodies.")
                .with_boundaries(semconv::BYTES.to_vec())
                .build(),
            response_bytes: meter
                .u64_histogram(metric::HTTP_SERVER_RESPONSE_BODY_SIZE)
                .with_unit("By")
                .with_description("Size of HTTP server response bodies.")
                .with_boundaries(semconv::BYTES.to_vec())
                .build(),
            old_duration: meter
                .f64_histogram(old::HTTP_SERVER_DURATION)
                .with_unit("ms")
                .with_description("Duration of HTTP server requests (old name).")
                .build(),
        }
    }
}
