//! W3C Trace Context, level 2: `traceparent` and `tracestate`. Source: w3.org/TR/trace-context-2.
//!
//! The SDK's own propagator is not used: it takes malformed versions and ids of wrong lengths, and drops a `tracestate` with keys that
//! level 2 allows. A list that breaks a rule is dropped as a whole, as the specification asks; of members with one key the first stays.

use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};

use super::Found;

const PARENT: &str = "traceparent";
const STATE: &str = "tracestate";
/// `00-`, 32 digits, `-`, 16 digits, `-01`.
const PARENT_BYTES: usize = 55;
const MEMBERS_MAX: usize = 32;
const TEXT_MAX: usize = 256;

/// A `tracestate` that is right but that OpenTelemetry's type, which knows level 1, cannot hold. It is handed on as it came.
#[derive(Clone, Debug)]
pub(super) struct Opaque(String);

pub(super) fn inject(context: &Context, injector: &mut dyn Injector) {
    let span = context.span();
    let ids = span.span_context();
    if !ids.is_valid() {
        return;
    }
    let flags = u8::from(ids.is_sampled());
    injector.set(PARENT, format!("00-{}-{}-{flags:02x}", ids.trace_id(), ids.span_id()));
    let state = ids.trace_state().header();
    match context.get::<Opaque>() {
        Some(Opaque(opaque)) if state.is_empty() => injector.set(STATE, opaque.clone()),
        _ => injector.set(STATE, state),
    }
}

/// What was found, and a list for the context that the span's own type cannot hold.
pub(super) fn extract(extractor: &dyn Extractor) -> (Found, Option<Opaque>) {
    let nothing = (Found { span: None, verdict: None }, None);
    let Some((trace, span, flags)) = extractor.get(PARENT).and_then(parent) else { return nothing };
    let members = extractor.get(STATE).and_then(members).unwrap_or_default();
    let (state, opaque) = match TraceState::from_key_value(members.iter().copied()) {
        Ok(state) => (state, None),
        Err(_) => {
            let members: Vec<String> = members.iter().map(|(key, value)| format!("{key}={value}")).collect();
            (TraceState::default(), Some(Opaque(members.join(","))))
        }
    };
    (Found { span: Some(SpanContext::new(trace, span, flags, true, state)), verdict: None }, opaque)
}

/// `{version}-{trace}-{span}-{flags}`; later versions may have more after another dash.
fn parent(header: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    // All fields have their lengths; versions to come may go on after another dash.
    let (fields, rest) = header.trim_matches([' ', '\t']).as_bytes().split_at_checked(PARENT_BYTES)?;
    if [2, 35, 52].iter().any(|at| fields[*at] != b'-') {
        return None;
    }
    let version = number(&fields[..2])?;
    let trace = TraceId::from(number(&fields[3..35])?);
    let span = SpanId::from(u64::try_from(number(&fields[36..52])?).ok()?);
    let flags = number(&fields[53..])?;
    let is_known = version != 0xff && (rest.is_empty() || version != 0 && rest[0] == b'-');
    let is_valid = trace != TraceId::INVALID && span != SpanId::INVALID;
    (is_known && is_valid).then(|| (trace, span, TraceFlags::default().with_sampled(flags & 1 == 1)))
}

/// At most 32 lower-case hexadecimal digits.
fn number(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| match digit {
        b'0'..=b'9' => Some(number << 4 | u128::from(digit - b'0')),
        b'a'..=b'f' => Some(number << 4 | u128::from(digit - b'a' + 10)),
        _ => None,
    })
}

/// The members of a list; `None` when it breaks a rule.
pub(super) fn members(header: &str) -> Option<Vec<(&str, &str)>> {
    let mut members: Vec<(&str, &str)> = Vec::new();
    // Empty members are allowed: several header lines make one list, and a line may be empty.
    for member in header.split(',').map(|member| member.trim_matches([' ', '\t'])).filter(|member| !member.is_empty()) {
        let (key, value) = member.split_once('=')?;
        if !is_key(key) || !is_value(value) {
            return None;
        }
        if !members.iter().any(|(known, _)| *known == key) {
            members.push((key, value));
        }
    }
    (members.len() <= MEMBERS_MAX).then_some(members)
}

/// Level 2: lower-case letters, digits and `_-*/@`; the first is a letter or digit.
pub(super) fn is_key(key: &str) -> bool {
    let is_first = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_other = |byte: u8| is_first(&byte) || matches!(byte, b'_' | b'-' | b'*' | b'/' | b'@');
    key.len() <= TEXT_MAX && key.as_bytes().first().is_some_and(is_first) && key.bytes().all(is_other)
}

/// Printable ASCII without comma and equals sign, not empty, without a space at the end.
pub(super) fn is_value(value: &str) -> bool {
    let is_inner = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b',' | b'=');
    (1..=TEXT_MAX).contains(&value.len()) && value.bytes().all(is_inner) && !value.ends_with(' ')
}
