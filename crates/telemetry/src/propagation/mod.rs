//! Trace context and baggage in and out of headers and maps, in the formats of `OTEL_PROPAGATORS`.
//!
//! Writing: all formats. Reading: the first format of the list that has a valid span wins; baggage is read by every format that has any.

mod b3;
mod carrier;
#[cfg(test)]
mod conformance;
mod jaeger;
#[cfg(test)]
mod tests;
mod w3c;

use std::collections::HashMap;

use http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry_sdk::propagation::BaggagePropagator;

use crate::business;
use crate::config::Propagator;
use carrier::{HeaderReader, HeaderWriter, MapReader, MapWriter};

/// What a caller said about sampling beyond W3C's flag. A value of the context that [`extract`] returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// "Keep this", without ids.
    Accept,
    /// "Drop this", without ids.
    Deny,
    /// Ids, and the decision left to us.
    Deferred,
    /// Keep at all cost, and tell everyone.
    Debug,
}

/// What a format found.
struct Found {
    span: Option<SpanContext>,
    verdict: Option<Verdict>,
}

/// Writes the current context into `headers` in every format of `OTEL_PROPAGATORS`.
pub fn inject(headers: &mut HeaderMap) {
    Context::map_current(|context| inject_context(context, headers));
}

/// Writes `context` into `headers` in every format of `OTEL_PROPAGATORS`.
pub fn inject_context(context: &Context, headers: &mut HeaderMap) {
    crate::process::with(|process| write(&process.config.propagators, context, &mut HeaderWriter(headers)));
}

/// The context that `headers` carry, empty when they carry none; headers that mean nothing are passed over.
pub fn extract(headers: &HeaderMap) -> Context {
    crate::process::with(|process| read(&process.config.propagators, &HeaderReader::new(headers)))
}

/// As [`inject`], for MCP's `_meta` and messages: keys in lower case.
pub fn inject_map(map: &mut HashMap<String, String>) {
    crate::process::with(|process| {
        Context::map_current(|context| write(&process.config.propagators, context, &mut MapWriter(map)));
    });
}

/// As [`extract`], for maps.
pub fn extract_map(map: &HashMap<String, String>) -> Context {
    crate::process::with(|process| read(&process.config.propagators, &MapReader(map)))
}

fn write(propagators: &[Propagator], context: &Context, injector: &mut dyn Injector) {
    let merged = business::merged_baggage(context);
    let context = merged.as_ref().unwrap_or(context);
    for propagator in propagators {
        match propagator {
            Propagator::TraceContext => w3c::inject(context, injector),
            Propagator::Baggage => BaggagePropagator::new().inject_context(context, injector),
            Propagator::B3Single => b3::inject_single(context, injector),
            Propagator::B3Multi => b3::inject_multi(context, injector),
            Propagator::Jaeger => jaeger::inject(context, injector),
        }
    }
}

fn read(propagators: &[Propagator], extractor: &dyn Extractor) -> Context {
    let mut context = Context::new();
    let mut settled = false;
    for propagator in propagators {
        if *propagator == Propagator::Baggage {
            let with_baggage = BaggagePropagator::new().extract_with_context(&Context::new(), extractor);
            context = with_more_baggage(&context, with_baggage.baggage());
            continue;
        }
        if *propagator == Propagator::Jaeger {
            context = with_more_baggage(&context, &jaeger::baggage(extractor));
        }
        if settled {
            continue;
        }
        let found = match propagator {
            Propagator::TraceContext => {
                let (found, opaque) = w3c::extract(extractor);
                if let Some(opaque) = opaque {
                    context = context.with_value(opaque);
                }
                found
            }
            // Whichever of the two is written, both are understood.
            Propagator::B3Single | Propagator::B3Multi => b3::extract(extractor),
            Propagator::Jaeger => jaeger::extract(extractor),
            Propagator::Baggage => continue,
        };
        let span = found.span.filter(SpanContext::is_valid);
        settled = span.is_some() || found.verdict.is_some();
        if let Some(verdict) = found.verdict {
            context = context.with_value(verdict);
        }
        if let Some(span) = span {
            context = context.with_remote_span_context(span);
        }
    }
    context
}

/// Entries that are there already stay: formats earlier in the list win.
fn with_more_baggage(context: &Context, more: &opentelemetry::baggage::Baggage) -> Context {
    if more.is_empty() {
        return context.clone();
    }
    let known = context.baggage();
    let entries = more.iter().chain(known.iter());
    let all: Vec<_> = entries
        .map(|(key, (value, metadata))| {
            opentelemetry::baggage::KeyValueMetadata::new(key.clone(), value.clone(), metadata.clone())
        })
        .collect();
    context.with_baggage(all)
}

/// The formats of the contract as OpenTelemetry's global propagator, for libraries that ask for that one.
#[derive(Debug)]
pub(crate) struct ContractPropagator {
    propagators: Vec<Propagator>,
    fields: Vec<String>,
}

impl ContractPropagator {
    pub(crate) fn new(propagators: Vec<Propagator>) -> Self {
        let of = |propagator: &Propagator| match propagator {
            Propagator::TraceContext => &["traceparent", "tracestate"][..],
            Propagator::Baggage => &["baggage"],
            Propagator::B3Single => &["b3"],
            Propagator::B3Multi => &["x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags"],
            Propagator::Jaeger => &["uber-trace-id"],
        };
        let fields = propagators.iter().flat_map(of).map(|name| (*name).to_owned()).collect();
        Self { propagators, fields }
    }
}

impl TextMapPropagator for ContractPropagator {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        write(&self.propagators, context, injector);
    }

    /// `context` is kept where the carrier says nothing.
    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        let read = read(&self.propagators, extractor);
        let mut merged = context.clone();
        if let Some(verdict) = read.get::<Verdict>() {
            merged = merged.with_value(*verdict);
        }
        let span = read.span().span_context().clone();
        if span.is_valid() {
            merged = merged.with_remote_span_context(span);
        }
        with_more_baggage(&merged, read.baggage())
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.fields)
    }
}
