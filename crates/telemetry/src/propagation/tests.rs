//! Each format read and written, alone and together.

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanId, TraceFlags, TraceId, TraceState};

use super::*;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";
const ALL: &[Propagator] =
    &[Propagator::TraceContext, Propagator::Baggage, Propagator::B3Single, Propagator::B3Multi, Propagator::Jaeger];

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

fn read_all(pairs: &[(&'static str, &str)]) -> Context {
    read(ALL, &HeaderReader::new(&headers(pairs)))
}

fn written(propagators: &[Propagator], context: &Context) -> HeaderMap {
    let mut headers = HeaderMap::new();
    write(propagators, context, &mut HeaderWriter(&mut headers));
    headers
}

fn ids(context: &Context) -> Option<(String, String, bool)> {
    let span = context.span();
    let ids = span.span_context();
    ids.is_valid().then(|| (ids.trace_id().to_string(), ids.span_id().to_string(), ids.is_sampled()))
}

fn local(sampled: bool) -> Context {
    let (trace, span) = (TraceId::from_hex(TRACE).unwrap(), SpanId::from_hex(SPAN).unwrap());
    let flags = TraceFlags::default().with_sampled(sampled);
    Context::new().with_remote_span_context(SpanContext::new(trace, span, flags, false, TraceState::default()))
}

#[test]
fn reads_each_format() {
    let own = |sampled| Some((TRACE.to_owned(), SPAN.to_owned(), sampled));
    let multi = |state: &'static str, value: &'static str| {
        read_all(&[("x-b3-traceid", TRACE), ("X-B3-SpanId", SPAN), (state, value)])
    };
    let single = |state: &str| read_all(&[("b3", &format!("{TRACE}-{SPAN}{state}"))]);
    let uber = |flags: &str| read_all(&[("uber-trace-id", &format!("{TRACE}:{SPAN}:0:{flags}"))]);
    let verdict = |context: &Context| context.get::<Verdict>().copied();
    assert_eq!(ids(&read_all(&[("traceparent", &format!("00-{TRACE}-{SPAN}-01"))])), own(true));
    assert_eq!(ids(&multi("x-b3-sampled", "1")), own(true));
    assert_eq!(ids(&multi("x-b3-sampled", "true")), own(true));
    assert_eq!(ids(&multi("x-b3-sampled", "0")), own(false));
    assert_eq!(verdict(&multi("x-b3-sampled", "0")), None);
    assert_eq!(verdict(&multi("x-other", "0")), Some(Verdict::Deferred));
    assert_eq!(verdict(&multi("x-b3-flags", "1")), Some(Verdict::Debug));
    assert_eq!(ids(&multi("x-b3-flags", "1")), own(true));
    assert_eq!(ids(&single("-1")), own(true));
    assert_eq!(ids(&single("-0-05e3ac9a4f6e3b90")), own(false));
    assert_eq!(verdict(&single("-d")), Some(Verdict::Debug));
    assert_eq!(verdict(&single("")), Some(Verdict::Deferred));
    assert_eq!(ids(&uber("1")), own(true));
    assert_eq!(ids(&uber("0")), own(false));
    assert_eq!(verdict(&uber("3")), Some(Verdict::Debug));
    assert_eq!(ids(&read_all(&[("uber-trace-id", &format!("{TRACE}%3A{SPAN}%3A0%3A1"))])), own(true));
}

#[test]
fn short_ids_are_widened() {
    let expected = Some((format!("{}a3ce929d0e0e4736", "0".repeat(16)), SPAN.to_owned(), true));
    assert_eq!(ids(&read_all(&[("b3", &format!("a3ce929d0e0e4736-{SPAN}-1"))])), expected);
    assert_eq!(ids(&read_all(&[("uber-trace-id", "a3ce929d0e0e4736:f067aa0ba902b7:0:1")])), expected);
}

#[test]
fn decisions_without_ids() {
    let verdict = |pairs: &[(&'static str, &str)]| read_all(pairs).get::<Verdict>().copied();
    assert_eq!(verdict(&[("b3", "0")]), Some(Verdict::Deny));
    assert_eq!(verdict(&[("x-b3-sampled", "1")]), Some(Verdict::Accept));
    assert_eq!(verdict(&[("jaeger-debug-id", "why")]), Some(Verdict::Debug));
}

#[test]
fn nonsense_is_passed_over() {
    let zeros = "0".repeat(32);
    let cases = [
        ("traceparent", "00-xyz"),
        ("traceparent", ""),
        ("b3", "x"),
        ("b3", "1-2-3-4-5"),
        ("b3", "zzf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1"),
        ("b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-9"),
        ("uber-trace-id", "1:2:3"),
        ("uber-trace-id", ":::"),
        ("uber-trace-id", "+1:+2:0:1"),
        ("uber-trace-id", "%"),
    ];
    for (name, value) in cases {
        assert_eq!(ids(&read_all(&[(name, value)])), None, "{name}: {value}");
    }
    assert_eq!(ids(&read_all(&[("b3", &format!("{zeros}-{SPAN}-1"))])), None);
}

#[test]
fn the_first_valid_format_wins() {
    let other = "11111111111111111111111111111111";
    let context = read_all(&[
        ("traceparent", "broken"),
        ("b3", &format!("{TRACE}-{SPAN}-1")),
        ("uber-trace-id", &format!("{other}:{SPAN}:0:1")),
    ]);
    assert_eq!(ids(&context).unwrap().0, TRACE);
}

#[test]
fn writes_every_format() {
    let headers = written(ALL, &local(true));
    let value = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(value("traceparent").unwrap(), format!("00-{TRACE}-{SPAN}-01"));
    assert_eq!(value("b3").unwrap(), format!("{TRACE}-{SPAN}-1"));
    assert_eq!(value("x-b3-traceid").unwrap(), TRACE);
    assert_eq!(value("x-b3-sampled").unwrap(), "1");
    assert_eq!(value("uber-trace-id").unwrap(), format!("{TRACE}:{SPAN}:0:1"));
    let headers = written(ALL, &local(false));
    assert_eq!(headers["b3"], format!("{TRACE}-{SPAN}-0"));
    assert_eq!(headers["uber-trace-id"], format!("{TRACE}:{SPAN}:0:0"));
    let debug = written(ALL, &local(true).with_value(Verdict::Debug));
    assert_eq!(debug["x-b3-flags"], "1");
    assert!(!debug.contains_key("x-b3-sampled"));
    assert_eq!(debug["uber-trace-id"], format!("{TRACE}:{SPAN}:0:3"));
    assert!(written(ALL, &Context::new()).is_empty());
}

#[test]
fn baggage_of_both_kinds_travels() {
    let context = local(true).with_baggage([KeyValue::new("tenant.id", "Å b"), KeyValue::new("user.id", "7")]);
    let headers = written(ALL, &context);
    assert_eq!(headers["uberctx-user.id"], "7");
    let back = read(ALL, &HeaderReader::new(&headers));
    assert_eq!(back.baggage().get("tenant.id").unwrap().as_str(), "Å b");
    let only_jaeger = read(&[Propagator::Jaeger], &HeaderReader::new(&headers));
    assert_eq!(only_jaeger.baggage().get("tenant.id").unwrap().as_str(), "Å b");
    let lines = read_all(&[("baggage", "a=1"), ("baggage", "b=2"), ("uberctx-a", "3")]);
    assert_eq!(lines.baggage().get("a").unwrap().as_str(), "1");
    assert_eq!(lines.baggage().get("b").unwrap().as_str(), "2");
}

#[test]
fn maps_in_any_case() {
    let map = HashMap::from([("B3".to_owned(), format!("{TRACE}-{SPAN}-1"))]);
    assert_eq!(ids(&read(ALL, &MapReader(&map))).unwrap().0, TRACE);
    let mut map = HashMap::new();
    write(ALL, &local(true), &mut MapWriter(&mut map));
    assert!(map.contains_key("traceparent"));
}
