//! Zipkin's B3: one header `b3: {trace}-{span}-{sampled}-{parent}`, or several `x-b3-*`. Source: openzipkin/b3-propagation.
//!
//! Ids of 64 bits are widened with zeros. A decision may come without ids, and ids without a decision (which leaves it to us).
//! `d` (single) or `x-b3-flags: 1` (multi) mean debug: sampled, and told to everyone called.

use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};

use super::{Found, Verdict};

const SINGLE: &str = "b3";
const TRACE_ID: &str = "x-b3-traceid";
const SPAN_ID: &str = "x-b3-spanid";
const SAMPLED: &str = "x-b3-sampled";
const FLAGS: &str = "x-b3-flags";

const NOTHING: Found = Found { span: None, verdict: None };

pub(super) fn inject_single(context: &Context, injector: &mut dyn Injector) {
    let span = context.span();
    let ids = span.span_context();
    if !ids.is_valid() {
        return;
    }
    let state = match (is_debug(context), ids.is_sampled()) {
        (true, _) => 'd',
        (false, true) => '1',
        (false, false) => '0',
    };
    injector.set(SINGLE, format!("{}-{}-{state}", ids.trace_id(), ids.span_id()));
}

pub(super) fn inject_multi(context: &Context, injector: &mut dyn Injector) {
    let span = context.span();
    let ids = span.span_context();
    if !ids.is_valid() {
        return;
    }
    injector.set(TRACE_ID, ids.trace_id().to_string());
    injector.set(SPAN_ID, ids.span_id().to_string());
    if is_debug(context) {
        // Debug implies the decision, which then must not be sent.
        injector.set(FLAGS, "1".to_owned());
    } else {
        injector.set(SAMPLED, if ids.is_sampled() { "1" } else { "0" }.to_owned());
    }
}

pub(super) fn extract_single(extractor: &dyn Extractor) -> Found {
    let Some(header) = extractor.get(SINGLE) else { return NOTHING };
    let parts: Vec<&str> = header.trim().split('-').collect();
    match parts[..] {
        [state] => Found { span: None, verdict: state_of(state).and_then(without_ids) },
        [trace, span] => found(trace, span, None),
        [trace, span, state] | [trace, span, state, _] => match state_of(state) {
            Some(state) => found(trace, span, Some(state)),
            None => NOTHING,
        },
        _ => NOTHING,
    }
}

pub(super) fn extract_multi(extractor: &dyn Extractor) -> Found {
    let state = match (extractor.get(FLAGS), extractor.get(SAMPLED)) {
        (Some("1"), _) => Some(State::Debug),
        (_, Some(sampled)) => state_of(sampled),
        _ => None,
    };
    match (extractor.get(TRACE_ID), extractor.get(SPAN_ID)) {
        (Some(trace), Some(span)) => found(trace, span, state),
        _ => Found { span: None, verdict: state.and_then(without_ids) },
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Accept,
    Deny,
    Debug,
}

/// Old senders say `true` and `false`.
fn state_of(text: &str) -> Option<State> {
    match text {
        "1" | "true" => Some(State::Accept),
        "0" | "false" => Some(State::Deny),
        "d" => Some(State::Debug),
        _ => None,
    }
}

fn without_ids(state: State) -> Option<Verdict> {
    Some(match state {
        State::Accept => Verdict::Accept,
        State::Deny => Verdict::Deny,
        State::Debug => Verdict::Debug,
    })
}

fn found(trace: &str, span: &str, state: Option<State>) -> Found {
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let lengths = matches!(trace.len(), 16 | 32) && span.len() == 16;
    if !lengths || !is_hex(trace) || !is_hex(span) {
        return NOTHING;
    }
    let (Ok(trace), Ok(span)) = (TraceId::from_hex(trace), SpanId::from_hex(span)) else { return NOTHING };
    let flags = match state {
        Some(State::Accept | State::Debug) => TraceFlags::SAMPLED,
        Some(State::Deny) | None => TraceFlags::default(),
    };
    let verdict = match state {
        Some(State::Debug) => Some(Verdict::Debug),
        Some(_) => None,
        None => Some(Verdict::Deferred),
    };
    Found { span: Some(SpanContext::new(trace, span, flags, true, TraceState::default())), verdict }
}

fn is_debug(context: &Context) -> bool {
    context.get::<Verdict>() == Some(&Verdict::Debug)
}
