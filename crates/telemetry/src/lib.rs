//! The SDK that services use: one line to start, traces, metrics and logs over OTLP, and layers for axum, reqwest, sqlx, redis and tonic.

mod attributes;
#[cfg(feature = "axum")]
pub mod axum;
mod builder;
mod business;
pub mod config;
mod ending;
mod error;
mod export;
mod guard;
#[cfg(all(test, any(feature = "axum", feature = "reqwest", feature = "sqlx", feature = "redis", feature = "tonic")))]
mod harness;
mod hex;
#[cfg(any(feature = "axum", feature = "reqwest", feature = "tonic"))]
mod http_facts;
mod layer;
mod observe;
#[cfg(any(feature = "axum", feature = "reqwest", feature = "sqlx", feature = "redis", feature = "tonic"))]
mod operation;
mod process;
mod propagation;
#[cfg_attr(
    not(any(feature = "axum", feature = "reqwest", feature = "sqlx", feature = "redis", feature = "tonic")),
    allow(dead_code, reason = "the layers use it")
)]
mod providers;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "reqwest")]
pub mod reqwest;
mod resource;
mod sampler;
pub mod semconv;
mod span;
mod spans;
#[cfg(feature = "sqlx")]
pub mod sqlx;
mod stderr;
mod system;
pub mod testing;
#[cfg(feature = "tonic")]
pub mod tonic;
mod untraced;

pub use attributes::{
    Ai, Business, Database, Workflow, add_ai_attributes, add_business_attributes, add_database_attributes,
    add_workflow_attributes, hash_api_key, performance_bucket,
};
pub use builder::{Builder, init};
pub use business::{scope, with_business};
pub use config::TelemetryConfig;
pub use error::Error;
pub use guard::{FlushReport, Guard, LossReport, Ownership, Tally};
pub use layer::{TelemetryLayer, layer};
pub use observe::{CacheMetrics, PoolUse, observe_pool};
pub use propagation::{extract, extract_map, inject, inject_context, inject_map};
pub use providers::Providers;
pub use span::{SpanExt, TraceContext, current_ids, record_error, spawn, traced};
pub use tracing::instrument;
pub use untraced::untraced;

use opentelemetry::metrics::MeterProvider as _;

/// The process's tracer, for spans that need a kind or a parent of their own.
pub fn tracer() -> opentelemetry_sdk::trace::SdkTracer {
    process::with(|process| process.tracer.clone())
}

/// A meter of the process's provider.
pub fn meter(name: &'static str) -> opentelemetry::metrics::Meter {
    process::with(|process| process.meters.meter(name))
}

/// The variables of the contract, as they were read at start; defaults before.
pub fn config() -> TelemetryConfig {
    process::with(|process| process.config.clone())
}

/// Whether health checks and the like are traced too (`OTEL_DEBUG`).
pub fn is_debug() -> bool {
    process::with(|process| process.config.debug)
}

/// The process's redactor.
pub fn redactor() -> &'static redact::Redactor {
    &process::of_process().redactor
}

/// Whether prompts and completions may be recorded.
pub fn capture_content() -> redact::Content {
    process::with(|process| process.config.capture_content)
}
