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
    let state = outgoing(context).map(|state| match state {
        State::Accept => "1",
        State::Deny => "0",
        State::Debug => "d",
    });
    match (ids.is_valid(), state) {
        (true, Some(state)) => injector.set(SINGLE, format!("{}-{}-{state}", ids.trace_id(), ids.span_id())),
        (true, None) => injector.set(SINGLE, format!("{}-{}", ids.trace_id(), ids.span_id())),
        (false, Some(state)) => injector.set(SINGLE, state.to_owned()),
        (false, None) => {}
    }
}

pub(super) fn inject_multi(context: &Context, injector: &mut dyn Injector) {
    let span = context.span();
    let ids = span.span_context();
    if ids.is_valid() {
        injector.set(TRACE_ID, ids.trace_id().to_string());
        injector.set(SPAN_ID, ids.span_id().to_string());
    }
    match outgoing(context) {
        // Debug implies the decision, which then must not be sent.
        Some(State::Debug) => injector.set(FLAGS, "1".to_owned()),
        Some(State::Accept) => injector.set(SAMPLED, "1".to_owned()),
        Some(State::Deny) => injector.set(SAMPLED, "0".to_owned()),
        None => {}
    }
}

/// The single header wins; a broken one is passed over.
pub(super) fn extract(extractor: &dyn Extractor) -> Found {
    let single = extract_single(extractor);
    if single.span.is_some() || single.verdict.is_some() { single } else { extract_multi(extractor) }
}

fn extract_single(extractor: &dyn Extractor) -> Found {
    let Some(header) = extractor.get(SINGLE) else { return NOTHING };
    let parts: Vec<&str> = header.trim().split('-').collect();
    let (ids, state) = match parts[..] {
        [state] => (None, state),
        [trace, span] => return found(trace, span, None),
        [trace, span, state] => (Some((trace, span)), state),
        [trace, span, state, parent] if is_id(parent, &[16]) => (Some((trace, span)), state),
        _ => return NOTHING,
    };
    let state = match state {
        "1" => State::Accept,
        "0" => State::Deny,
        "d" => State::Debug,
        _ => return NOTHING,
    };
    match ids {
        Some((trace, span)) => found(trace, span, Some(state)),
        None => Found { span: None, verdict: Some(without_ids(state)) },
    }
}

fn extract_multi(extractor: &dyn Extractor) -> Found {
    let state = match (extractor.get(FLAGS), extractor.get(SAMPLED)) {
        (Some("1"), _) => Some(State::Debug),
        // Old senders say `true` and `false`.
        (_, Some("1" | "true")) => Some(State::Accept),
        (_, Some("0" | "false")) => Some(State::Deny),
        (_, Some(_)) => return NOTHING,
        (_, None) => None,
    };
    match (extractor.get(TRACE_ID), extractor.get(SPAN_ID)) {
        (Some(trace), Some(span)) => found(trace, span, state),
        (None, None) => Found { span: None, verdict: state.map(without_ids) },
        _ => NOTHING,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Accept,
    Deny,
    Debug,
}

fn without_ids(state: State) -> Verdict {
    match state {
        State::Accept => Verdict::Accept,
        State::Deny => Verdict::Deny,
        State::Debug => Verdict::Debug,
    }
}

/// What to tell whom we call; `None` leaves it to them.
fn outgoing(context: &Context) -> Option<State> {
    let span = context.span();
    let ids = span.span_context();
    match (context.get::<Verdict>(), ids.is_valid()) {
        (Some(Verdict::Debug), _) => Some(State::Debug),
        (Some(Verdict::Accept), false) => Some(State::Accept),
        (Some(Verdict::Deny), false) => Some(State::Deny),
        // Passing on what came, without a span of ours in between.
        (Some(Verdict::Deferred), true) if ids.is_remote() => None,
        (_, true) => Some(if ids.is_sampled() { State::Accept } else { State::Deny }),
        (_, false) => None,
    }
}

fn is_id(text: &str, lengths: &[usize]) -> bool {
    lengths.contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn found(trace: &str, span: &str, state: Option<State>) -> Found {
    if !is_id(trace, &[16, 32]) || !is_id(span, &[16]) {
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
