//! Check 3: a call with a trace of ours to each service is found in Tempo by its id, whole and with the right parents.

use std::collections::{BTreeMap, BTreeSet};

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::probe::{Probe, Root, now_nanos};
use super::report::Item;
use super::stack::{Service, Stack};
use crate::client::http::{self as client, Ask};
use crate::client::trace::{SpanRow, read_spans};

/// A call that was made, and the services whose spans its trace must have, each the child of one before.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) what: String,
    pub(super) root: Root,
    pub(super) chain: Vec<&'static str>,
    /// `Err` when the service did not answer as it should.
    pub(super) outcome: Result<(), String>,
    /// False when nobody has our own root span, because it had nowhere to go.
    pub(super) rooted: bool,
}

/// Calls `/api/v1/info` of each service, and one tool of mcp-server that needs airtable-gateway.
pub(super) async fn call_all(probe: &Probe, stack: &Stack, services: &[Service]) -> Vec<Call> {
    let mut calls = Vec::new();
    for service in services {
        let Some(url) = &service.url else { continue };
        calls.push(call(probe, stack, service.name, url, "/api/v1/info", None, vec![service.name]).await);
    }
    let url_of = |name: &str| services.iter().find(|service| service.name == name).and_then(|found| found.url.clone());
    if let (Some(mcp), Some(_)) = (url_of("mcp-server"), url_of("airtable-gateway")) {
        let path = "/api/v1/mcp/tools/airtable_list_bases/execute";
        let body = json!({"arguments": {}});
        let chain = vec!["mcp-server", "airtable-gateway"];
        calls.push(call(probe, stack, "mcp-server → airtable-gateway", &mcp, path, Some(&body), chain).await);
    }
    calls
}

async fn call(
    probe: &Probe,
    stack: &Stack,
    what: &str,
    url: &str,
    path: &str,
    body: Option<&Value>,
    chain: Vec<&'static str>,
) -> Call {
    let root = Root::new();
    let start = now_nanos();
    let outcome = match probe.call(url, path, vec![("traceparent", root.traceparent())], body).await {
        Ok(answer) => check_answer(&root, url, path, answer),
        Err(reason) => Err(reason),
    };
    let rooted = send_root(stack, &root, &format!("verify {path}"), start).await;
    Call { what: what.to_owned(), root, chain, outcome, rooted }
}

fn check_answer(root: &Root, url: &str, path: &str, answer: client::Answer) -> Result<(), String> {
    let answer = super::probe::ok(url, path, answer)?;
    match answer.headers.get("x-trace-id").map(|value| value.to_str().unwrap_or_default()) {
        Some(id) if id == root.trace_id => Ok(()),
        Some(id) => Err(format!("X-Trace-ID is {id}, our trace {}: the context was not taken over", root.trace_id)),
        None => Err("the answer has no X-Trace-ID".into()),
    }
}

/// Sends our own span, so that the trace has its root; false when there is nowhere to send it or it was refused.
pub(super) async fn send_root(stack: &Stack, root: &Root, name: &str, start: u64) -> bool {
    let Some(url) = &stack.otlp else { return false };
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let body = json!({"resourceSpans": [{
        "resource": {"attributes": [text("service.name", "quartet-verify"), text("service.namespace", "pyairtable")]},
        "scopeSpans": [{"scope": {"name": "quartet.verify"}, "spans": [{
            "traceId": root.trace_id, "spanId": root.span_id, "name": name, "kind": 3,
            "startTimeUnixNano": start.to_string(), "endTimeUnixNano": now_nanos().to_string(),
        }]}],
    }]});
    let ask = Ask { method: Method::POST, body: body.to_string().into(), ..Ask::default() };
    client::send(url, "/v1/traces", &ask).await.is_ok_and(|answer| answer.status == StatusCode::OK)
}

/// Looks for the trace of each call. Gives the number of spans in all of them too.
pub(super) async fn look(probe: &Probe, stack: &Stack, calls: &[Call]) -> (Vec<Item>, u64) {
    let Some(tempo) = &stack.tempo else { return (vec![Item::skipped("Tempo")], 0) };
    let (mut items, mut spans) = (Vec::new(), 0);
    for call in calls {
        if let Err(reason) = &call.outcome {
            items.push(Item::of(&call.what, Err(reason.clone())));
            continue;
        }
        let found = probe
            .until(async || {
                let found = fetch(probe, tempo, &call.root.trace_id).await?;
                check(&found, &call.root, &call.chain, call.rooted)?;
                Ok(found)
            })
            .await;
        let seen = found.map(|found| {
            spans += found.len() as u64;
            format!("{} spans in trace {}", found.len(), call.root.trace_id)
        });
        items.push(Item::of(&call.what, seen));
    }
    (items, spans)
}

/// The spans of a trace; an empty list is an error too.
pub(super) async fn fetch(probe: &Probe, tempo: &str, trace_id: &str) -> Result<Vec<SpanRow>, String> {
    let answer = probe.store_json(tempo, &format!("/api/traces/{trace_id}")).await?;
    let spans = read_spans(&answer);
    if spans.is_empty() { Err(format!("trace {trace_id} is not there")) } else { Ok(spans) }
}

/// Whether `spans` are one tree below our root in which each service of `chain` serves a call of the one before it.
fn check(spans: &[SpanRow], root: &Root, chain: &[&str], rooted: bool) -> Result<(), String> {
    let by_id: BTreeMap<&str, &SpanRow> = spans.iter().map(|span| (span.id.as_str(), span)).collect();
    for span in spans {
        let is_root = span.id == root.span_id;
        if !is_root && span.parent != root.span_id && !by_id.contains_key(span.parent.as_str()) {
            let (service, name, parent) = (&span.service, &span.name, &span.parent);
            return Err(format!("{service}: the parent {parent:?} of span {name:?} is not in the trace"));
        }
    }
    if rooted && !by_id.contains_key(root.span_id.as_str()) {
        return Err("our own root span is not in the trace yet".into());
    }
    let mut above: BTreeSet<&str> = BTreeSet::from([root.span_id.as_str()]);
    for service in chain {
        let serves = |span: &&SpanRow| span.service == *service && span.kind == "server";
        let entry = spans.iter().filter(serves).find(|span| above.contains(span.parent.as_str()));
        let Some(entry) = entry else {
            return Err(format!("no server span of {service} below the caller's"));
        };
        above = below(spans, &entry.id);
    }
    Ok(())
}

/// Ids of a span and all below it.
fn below<'a>(spans: &'a [SpanRow], top: &'a str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::from([top]);
    loop {
        let more: Vec<&str> = spans
            .iter()
            .filter(|span| found.contains(span.parent.as_str()) && !found.contains(span.id.as_str()))
            .map(|span| span.id.as_str())
            .collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(service: &str, id: &str, parent: &str, kind: &str) -> SpanRow {
        let text = str::to_owned;
        SpanRow { id: text(id), parent: text(parent), service: text(service), kind: text(kind), ..SpanRow::default() }
    }

    #[test]
    fn a_chain_needs_each_hop_below_the_one_before() {
        let root = Root { trace_id: "t".into(), span_id: "r".into() };
        let mut spans = vec![
            span("verify", "r", "", "client"),
            span("mcp-server", "a", "r", "server"),
            span("mcp-server", "b", "a", "internal"),
            span("mcp-server", "c", "b", "client"),
            span("airtable-gateway", "d", "c", "server"),
        ];
        let chain = ["mcp-server", "airtable-gateway"];
        assert_eq!(check(&spans, &root, &chain, true), Ok(()));
        spans[4].parent = "r".into();
        assert_eq!(
            check(&spans, &root, &chain, true),
            Err("no server span of airtable-gateway below the caller's".into())
        );
        spans[4].parent = "lost".into();
        assert!(check(&spans, &root, &chain, true).is_err_and(|reason| reason.contains("lost")));
        assert!(check(&spans[1..2], &root, &chain[..1], true).is_err());
        assert_eq!(check(&spans[1..2], &root, &chain[..1], false), Ok(()));
    }
}
