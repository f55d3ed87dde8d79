//! The metrics of model calls, each declared once.

use opentelemetry::metrics::{Counter, Histogram, Meter};

/// Boundaries of the GenAI conventions for numbers of tokens: powers of four.
const TOKEN_BOUNDS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];
/// Boundaries of the GenAI conventions for seconds: powers of two of 10 ms.
const SECOND_BOUNDS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];

/// All instruments. The first four are of the GenAI conventions, the counters are our own: the conventions have no cost.
#[derive(Debug)]
pub(crate) struct Instruments {
    pub(crate) token_usage: Histogram<u64>,
    pub(crate) duration: Histogram<f64>,
    pub(crate) time_to_first_chunk: Histogram<f64>,
    pub(crate) time_per_output_chunk: Histogram<f64>,
    /// `gen_ai_cost_usd_total` in Prometheus: a unit without braces would be appended to the name.
    pub(crate) cost: Counter<f64>,
    /// `gen_ai_tokens_total`
    pub(crate) tokens: Counter<u64>,
    /// `gen_ai_unpriced_calls_total`: calls that the cost counter does not know.
    pub(crate) unpriced: Counter<u64>,
}

impl Instruments {
    pub(crate) fn new(meter: &Meter) -> Self {
        let seconds = |name: &'static str, description: &'static str| {
            let histogram = meter.f64_histogram(name).with_unit("s").with_description(description);
            histogram.with_boundaries(SECOND_BOUNDS.to_vec()).build()
        };
        Self {
            token_usage: meter
                .u64_histogram("gen_ai.client.token.usage")
                .with_unit("{token}")
                .with_description("Tokens of a call, by type")
                .with_boundaries(TOKEN_BOUNDS.to_vec())
                .build(),
            duration: seconds("gen_ai.client.operation.duration", "Time of a call of a model"),
            time_to_first_chunk: seconds(
                "gen_ai.client.operation.time_to_first_chunk",
                "Time to the first chunk of a stream",
            ),
            time_per_output_chunk: seconds(
                "gen_ai.client.operation.time_per_output_chunk",
                "Time between chunks of a stream",
            ),
            cost: meter
                .f64_counter("gen_ai.cost.usd")
                .with_unit("{USD}")
                .with_description("Cost of calls whose price is known")
                .build(),
            tokens: meter.u64_counter("gen_ai.tokens").with_unit("{token}").with_description("Tokens of calls").build(),
            unpriced: meter
                .u64_counter("gen_ai.unpriced.calls")
                .with_unit("{call}")
                .with_description("Calls whose cost is not known")
                .build(),
        }
    }
}
