//! The facts in `conformance/propagation`: headers of B3, Jaeger and W3C and what they mean, from the formats' own test suites.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use opentelemetry::trace::{SpanId, TraceFlags, TraceId, TraceState, Tracer};
use serde::Deserialize;
use serde_norway::Value;

use super::*;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    extract: Vec<Case>,
    #[serde(default)]
    extract_invalid: Vec<Case>,
    #[serde(default)]
    inject: Vec<Case>,
    #[serde(default)]
    inject_invalid: Vec<Case>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Case {
    name: String,
    headers: BTreeMap<String, String>,
    expect: Option<Ids>,
    debug: bool,
    deferred: bool,
    encoding: Option<String>,
    span_context: Ids,
    want_headers: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
struct Ids {
    trace_id: Option<String>,
    span_id: Option<String>,
    #[serde(default)]
    sampled: bool,
}

#[derive(Deserialize)]
struct W3cFile {
    behaviour: Vec<Behaviour>,
    parse: Vec<Parse>,
}

#[derive(Deserialize)]
struct Behaviour {
    name: String,
    headers: Vec<(String, String)>,
    expect: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Parse {
    kind: String,
    value: String,
    valid: bool,
    canonical: Option<String>,
}

/// The file's text; `None`, loudly, when the conformance data is not there.
fn conformance(name: &str) -> Option<String> {
    let folder = std::env::var_os("CONFORMANCE_DIR").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance")),
        PathBuf::from,
    );
    let path = folder.join("propagation").join(name);
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        crate::stderr::line(&format!("SKIPPED: {} is not there; set CONFORMANCE_DIR", path.display()));
    }
    text
}

fn finish(suite: &str, total: usize, failures: &[String]) {
    crate::stderr::line(&format!("propagation/{suite} {}/{total}", total - failures.len()));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn headers<'a>(pairs: impl Iterator<Item = (&'a String, &'a String)>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name = http::HeaderName::try_from(name.as_str()).unwrap();
        // Values with tabs are what the suite is about.
        headers.append(name, http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

fn written(propagators: &[Propagator], context: &Context) -> HeaderMap {
    let mut headers = HeaderMap::new();
    write(propagators, context, &mut HeaderWriter(&mut headers));
    headers
}

fn ids(context: &Context) -> Option<Ids> {
    let span = context.span();
    let ids = span.span_context();
    ids.is_valid().then(|| Ids {
        trace_id: Some(ids.trace_id().to_string()),
        span_id: Some(ids.span_id().to_string()),
        sampled: ids.is_sampled(),
    })
}

/// A context as the suites describe it.
fn context(case: &Case) -> Context {
    let ids = &case.span_context;
    let verdict = match (case.debug, case.deferred, &ids.trace_id, &ids.span_id) {
        (true, ..) => Some(Verdict::Debug),
        (_, true, ..) => Some(Verdict::Deferred),
        (_, _, None, None) if ids.sampled => Some(Verdict::Accept),
        _ => None,
    };
    let trace = ids.trace_id.as_ref().map_or(TraceId::INVALID, |id| TraceId::from_hex(id).unwrap());
    let span = ids.span_id.as_ref().map_or(SpanId::INVALID, |id| SpanId::from_hex(id).unwrap());
    let flags = TraceFlags::default().with_sampled(ids.sampled);
    let context =
        Context::new().with_remote_span_context(SpanContext::new(trace, span, flags, true, TraceState::default()));
    verdict.map_or(context.clone(), |verdict| context.with_value(verdict))
}

fn check(suite: &str, propagators: &dyn Fn(Option<&str>) -> Vec<Propagator>) {
    let Some(text) = conformance(&format!("{suite}.yaml")) else { return };
    let file: File = serde_norway::from_str(&text).unwrap();
    let (mut failures, mut total) = (Vec::new(), 0);
    let mut judge = |name: &str, right: bool, found: String| {
        total += 1;
        if !right {
            failures.push(format!("{suite}: {name}: {found}"));
        }
    };
    for case in file.extract.iter().chain(&file.extract_invalid) {
        let found = read(&propagators(None), &HeaderReader::new(&headers(case.headers.iter())));
        let verdict = found.get::<Verdict>().copied();
        let flags = (verdict == Some(Verdict::Debug), verdict == Some(Verdict::Deferred));
        let right = ids(&found) == case.expect && flags == (case.debug, case.deferred);
        judge(&case.name, right, format!("{:?} {verdict:?}", ids(&found)));
    }
    for case in &file.inject {
        let found = written(&propagators(case.encoding.as_deref()), &context(case));
        let right = found.len() == case.want_headers.len()
            && case.want_headers.iter().all(|(name, value)| found.get(name).is_some_and(|found| found == value));
        judge(&case.name, right, format!("{found:?}"));
    }
    for case in file
        .inject_invalid
        .iter()
        .filter(|case| case.span_context.trace_id.is_some() != case.span_context.span_id.is_some())
    {
        let found = written(&propagators(Some("single+multiple")), &context(case));
        judge(&case.name, found.is_empty(), format!("{found:?}"));
    }
    finish(suite, total, &failures);
}

#[test]
fn b3() {
    check("b3", &|encoding| match encoding {
        Some("multiple") => vec![Propagator::B3Multi],
        Some("single+multiple") => vec![Propagator::B3Single, Propagator::B3Multi],
        _ => vec![Propagator::B3Single],
    });
}

#[test]
fn jaeger() {
    check("jaeger", &|_| vec![Propagator::Jaeger]);
}

#[test]
fn w3c() {
    let Some(text) = conformance("w3c_trace_context.yaml") else { return };
    let file: W3cFile = serde_norway::from_str(&text).unwrap();
    let telemetry = crate::testing::InMemory::install();
    let mut failures = Vec::new();
    for case in &file.behaviour {
        if let Err(fault) = behaves(case) {
            failures.push(format!("{}: {fault}", case.name));
        }
    }
    for case in &file.parse {
        let (valid, canonical) = parsed(case);
        if valid != case.valid || case.canonical.is_some() && case.canonical != canonical {
            failures.push(format!("{} `{}`: {valid} {canonical:?}", case.kind, case.value));
        }
    }
    drop(telemetry);
    finish("w3c_trace_context", file.behaviour.len() + file.parse.len(), &failures);
}

/// What a service does that calls another one: take the headers, start a span, write headers.
fn outgoing(case: &Behaviour) -> HeaderMap {
    let parent =
        read(&[Propagator::TraceContext], &HeaderReader::new(&headers(case.headers.iter().map(|(k, v)| (k, v)))));
    let span = crate::tracer().start_with_context("call", &parent);
    written(&[Propagator::TraceContext], &parent.with_span(span))
}

fn behaves(case: &Behaviour) -> Result<(), String> {
    let found = outgoing(case);
    let text = |name: &str| found.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let (parent, state) = (text("traceparent"), text("tracestate"));
    let members: Vec<(String, String)> =
        w3c::members(&state).unwrap_or_default().into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let listed: Vec<String> = members.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let parts: Vec<&str> = parent.split('-').collect();
    let strings = |value: &Value| -> Vec<String> { serde_norway::from_value(value.clone()).unwrap_or_default() };
    for (what, expected) in &case.expect {
        let right = match what.as_str() {
            "outgoing_traceparent" => parts.len() == 4 && parts[1].len() == 32 && parts[2].len() == 16,
            "trace_id_equals" => Some(parts[1]) == expected.as_str(),
            "trace_id_not" => Some(parts[1]) != expected.as_str() && !strings(expected).iter().any(|id| id == parts[1]),
            "parent_id_not" => {
                Some(parts[2]) != expected.as_str() && !strings(expected).iter().any(|id| id == parts[2])
            }
            "tracestate" if expected.as_str() == Some("discarded") => state.is_empty(),
            "tracestate" => {
                let wanted: HashMap<String, String> = serde_norway::from_value(expected.clone()).unwrap();
                wanted.iter().all(|pair| members.iter().any(|(key, value)| (key, value) == pair))
            }
            "tracestate_absent_keys" => {
                strings(expected).iter().all(|key| members.iter().all(|(known, _)| known != key))
            }
            "tracestate_members" | "tracestate_order" => strings(expected) == listed,
            "tracestate_count" => expected.as_u64() == Some(members.len() as u64),
            "tracestate_any_of" => listed.len() == 1 && strings(expected).contains(&listed[0]),
            "distinct_parent_ids" => text_of(&outgoing(case)) != parent,
            "distinct_trace_ids" => text_of(&outgoing(case)).contains(parts[1]),
            other => return Err(format!("unknown expectation {other}")),
        };
        if !right {
            return Err(format!("{what}: wanted {expected:?}, found {parent} / {state}"));
        }
    }
    Ok(())
}

fn text_of(headers: &HeaderMap) -> String {
    headers["traceparent"].to_str().unwrap().to_owned()
}

/// Whether the value is right, and how it is written again.
fn parsed(case: &Parse) -> (bool, Option<String>) {
    let value = case.value.as_str();
    match case.kind.as_str() {
        "tracestate_key" => (w3c::is_key(value), None),
        "tracestate_value" => (w3c::is_value(value), None),
        "tracestate" => {
            let members = w3c::members(value);
            let text = members.as_ref().map(|members| {
                members.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
            });
            (members.is_some(), text)
        }
        _ => {
            let map = HashMap::from([("traceparent".to_owned(), value.to_owned())]);
            (ids(&read(&[Propagator::TraceContext], &MapReader(&map))).is_some(), None)
        }
    }
}
