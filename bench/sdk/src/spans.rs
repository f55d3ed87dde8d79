//! A child that makes spans with four attributes in bursts and tells what they cost the thread that made them.

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::ValueEnum;
use opentelemetry::KeyValue;
use opentelemetry::trace::{Span as _, TraceContextExt as _, Tracer as _, TracerProvider as _};
use serde::{Deserialize, Serialize};

use crate::plain;
use crate::usage::ThreadClock;

/// Smaller than the queues of all, which hold 2,048, so that nothing is dropped; larger than a batch, so that the exporter works
/// beside the caller.
const BURST: u64 = 1000;
/// Bursts before those that count: queues and allocators have grown by then.
const WARM_UP: u64 = 3;
const FLUSH_MAX: Duration = Duration::from_secs(20);

/// How a span is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Maker {
    Api,
    ApiCurrent,
    Bridge,
    TraceContext,
    Layer,
    Builder,
}

impl Maker {
    pub(crate) const ALL: [Self; 6] =
        [Self::Api, Self::ApiCurrent, Self::Bridge, Self::TraceContext, Self::Layer, Self::Builder];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Api => "plain: API, `start` and four `set_attribute`",
            Self::ApiCurrent => "plain: API, `in_span` (made current)",
            Self::Bridge => "plain: `info_span!` by tracing-opentelemetry",
            Self::TraceContext => "telemetry: `TraceContext` (made current)",
            Self::Layer => "telemetry: `info_span!` by its layer (made current)",
            Self::Builder => "telemetry: `tracer()` and `span_builder`",
        }
    }
}

/// Nanoseconds of CPU per span.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Cost {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) spans: u64,
}

/// Runs in the child.
pub(crate) fn run(maker: Maker, bursts: u64) -> Result<Cost> {
    match maker {
        Maker::Api | Maker::ApiCurrent | Maker::Bridge => with_plain(maker, bursts),
        Maker::TraceContext | Maker::Layer | Maker::Builder => with_telemetry(maker, bursts),
    }
}

fn with_plain(maker: Maker, bursts: u64) -> Result<Cost> {
    let tracers = plain::tracers()?;
    let tracer = tracers.tracer("bench");
    if maker == Maker::Bridge {
        plain::bridge(&tracers)?;
    }
    let flush = || Ok(tracers.force_flush()?);
    let cost = match maker {
        Maker::Api => measure(bursts, flush, || {
            let mut span = tracer.start("work");
            attributes().into_iter().for_each(|attribute| span.set_attribute(attribute));
        }),
        Maker::ApiCurrent => measure(bursts, flush, || {
            tracer.in_span("work", |context| {
                attributes().into_iter().for_each(|attribute| context.span().set_attribute(attribute));
            });
        }),
        _ => measure(bursts, flush, tracing_span),
    }?;
    tracers.shutdown()?;
    Ok(cost)
}

fn with_telemetry(maker: Maker, bursts: u64) -> Result<Cost> {
    let guard = telemetry::Builder::new("bench").signals(false).logs_to_nowhere().init()?;
    let flush = || {
        let report = guard.flush(FLUSH_MAX);
        ensure!(report.complete, "not flushed: {}", report.tallies);
        Ok(())
    };
    let cost = match maker {
        Maker::TraceContext => measure(bursts, flush, || {
            let span = telemetry::TraceContext::new("work");
            span.set("ai.provider", "google");
            span.set("ai.model", "gemini-2.0-flash-exp");
            span.set("ai.input_tokens", 1200);
            span.set("cache.hit", true);
        }),
        Maker::Builder => measure(bursts, flush, || {
            let tracer = telemetry::tracer();
            tracer.span_builder("work").with_attributes(attributes()).start(&tracer).end();
        }),
        _ => measure(bursts, flush, tracing_span),
    }?;
    let report = guard.shutdown(FLUSH_MAX);
    ensure!(!report.is_loss(), "lost: {report}");
    Ok(cost)
}

fn attributes() -> [KeyValue; 4] {
    [
        KeyValue::new("ai.provider", "google"),
        KeyValue::new("ai.model", "gemini-2.0-flash-exp"),
        KeyValue::new("ai.input_tokens", 1200),
        KeyValue::new("cache.hit", true),
    ]
}

fn tracing_span() {
    let span = tracing::info_span!(
        "work",
        ai.provider = "google",
        ai.model = "gemini-2.0-flash-exp",
        ai.input_tokens = 1200,
        cache.hit = true
    );
    let _entered = span.entered();
}

fn measure(bursts: u64, flush: impl Fn() -> Result<()>, make: impl Fn()) -> Result<Cost> {
    let clock = ThreadClock::new()?;
    let mut costs = Vec::new();
    for burst in 0..WARM_UP + bursts {
        let before = clock.nanos()?;
        (0..BURST).for_each(|_| make());
        let spent = clock.nanos()? - before;
        flush()?;
        if burst >= WARM_UP {
            costs.push(spent as f64 / BURST as f64);
        }
    }
    let spans = (WARM_UP + bursts) * BURST;
    Ok(Cost { median: crate::report::median(&mut costs), min: costs[0], spans })
}
