//! Jaeger: `uber-trace-id: {trace}:{span}:{parent}:{flags}` and one `uberctx-{key}` per baggage entry.
//!
//! Ids may lack leading zeros, and the header may be percent-encoded (`%3A`). Flags are hexadecimal: 1 sampled, 2 debug.
//! `jaeger-debug-id` asks for a trace without naming one. Source: Jaeger client documentation, "Propagation Format".

use opentelemetry::Context;
use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};

use super::carrier::decoded;
use super::{Found, Verdict};

const HEADER: &str = "uber-trace-id";
const BAGGAGE: &str = "uberctx-";
const DEBUG_ID: &str = "jaeger-debug-id";
const SAMPLED: u8 = 1;
const DEBUG: u8 = 2;

pub(super) fn inject(context: &Context, injector: &mut dyn Injector) {
    for (key, (value, _)) in context.baggage() {
        injector.set(&format!("{BAGGAGE}{key}"), encoded(value.as_str()));
    }
    let span = context.span();
    let ids = span.span_context();
    if !ids.is_valid() {
        return;
    }
    let is_debug = context.get::<Verdict>() == Some(&Verdict::Debug);
    let flags = match (is_debug, ids.is_sampled()) {
        (true, _) => SAMPLED | DEBUG,
        (false, true) => SAMPLED,
        (false, false) => 0,
    };
    // The parent's place is deprecated and always 0.
    injector.set(HEADER, format!("{}:{}:0:{flags}", ids.trace_id(), ids.span_id()));
}

pub(super) fn extract(extractor: &dyn Extractor) -> Found {
    let nothing = Found { span: None, verdict: extractor.get(DEBUG_ID).map(|_| Verdict::Debug) };
    let Some(header) = extractor.get(HEADER) else { return nothing };
    let header = decoded(header.trim());
    let parts: Vec<&str> = header.split(':').collect();
    let [trace, span, _parent, flags] = parts[..] else { return nothing };
    let is_id = |text: &str, digits: usize| {
        (1..=digits).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    // Senders may pad with zeros, which the number's type takes; a sign is not a digit.
    let is_number = !flags.is_empty() && flags.bytes().all(|byte| byte.is_ascii_hexdigit());
    let Some(flags) = u8::from_str_radix(flags, 16).ok().filter(|_| is_number) else { return nothing };
    if !is_id(trace, 32) || !is_id(span, 16) {
        return nothing;
    }
    let (Ok(trace), Ok(span)) = (TraceId::from_hex(trace), SpanId::from_hex(span)) else { return nothing };
    let is_debug = flags & DEBUG != 0;
    let sampled = TraceFlags::default().with_sampled(is_debug || flags & SAMPLED != 0);
    let span = SpanContext::new(trace, span, sampled, true, TraceState::default());
    Found { span: Some(span), verdict: is_debug.then_some(Verdict::Debug) }
}

/// Entries of `uberctx-*`.
pub(super) fn baggage(extractor: &dyn Extractor) -> Baggage {
    let mut baggage = Baggage::new();
    for name in extractor.keys() {
        let is_entry = name.get(..BAGGAGE.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(BAGGAGE));
        // Looked up only when it is one: this runs over all headers of each request.
        if let Some(value) = is_entry.then(|| extractor.get(name)).flatten() {
            baggage.insert(name[BAGGAGE.len()..].to_owned(), decoded(value).into_owned());
        }
    }
    baggage
}

/// Percent-encodes what a header may not hold, and the percent sign.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' || byte == b' ' {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
