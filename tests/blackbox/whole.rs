//! The whole installation: the demo, its verification, and one workflow as one trace through everything.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use quartet_tests::installation::Installation;
use serde_json::{Value, json};
use testkit::servers::{Postgres, Redis};
use testkit::wait;

/// Telemetry of a debug build on a busy machine.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(60);

fn verified(environment: &[(&str, &str)]) -> Result<()> {
    let demo = Installation::start(&["--seconds", "15", "--day-seconds", "60", "--verify"], environment)?;
    let (status, rest, log) = demo.finish()?;
    let report: Value = serde_json::from_str(rest.trim()).with_context(|| format!("no report: {rest}\n{log}"))?;
    ensure!(report["passed"] == true, "{report:#}\n{log}");
    ensure!(report["checks"].as_array().is_some_and(|checks| checks.len() == 7), "{report:#}");
    ensure!(status.success(), "the demo ended with {status}: {log}");
    ensure!(log.contains(" 0 failed, "), "calls failed that should not have: {log}");
    Ok(())
}

#[test]
fn the_demo_passes_its_verification() -> Result<()> {
    verified(&[])
}

#[test]
fn the_demo_passes_its_verification_on_postgresql_and_redis() -> Result<()> {
    let test = "the_demo_passes_its_verification_on_postgresql_and_redis";
    let (Some(postgres), Some(redis)) = (Postgres::shared(test)?, Redis::shared(test)?) else { return Ok(()) };
    let (database, cache) = (postgres.database()?, redis.url());
    verified(&[("DATABASE_URL", &database), ("REDIS_URL", &cache)])
}

/// A span of a trace as Tempo's JSON has it, with its service.
#[derive(Clone, Debug)]
struct Span {
    id: String,
    parent: String,
    service: String,
    name: String,
    kind: String,
    attributes: BTreeMap<String, Value>,
}

fn spans(trace: &Value) -> Vec<Span> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let attributes = |pairs: &Value| -> BTreeMap<String, Value> {
        let read = |pair: &Value| {
            let value = pair["value"].as_object()?.values().next()?.clone();
            Some((pair["key"].as_str()?.to_owned(), value))
        };
        list(pairs).iter().filter_map(read).collect()
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut spans = Vec::new();
    for resource in list(&trace["batches"]) {
        let service = attributes(&resource["resource"]["attributes"]).remove("service.name").unwrap_or_default();
        for scope in list(&resource["scopeSpans"]) {
            spans.extend(list(&scope["spans"]).iter().map(|span| Span {
                id: text(&span["spanId"]),
                parent: text(&span["parentSpanId"]),
                service: text(&service),
                name: text(&span["name"]),
                kind: text(&span["kind"]),
                attributes: attributes(&span["attributes"]),
            }));
        }
    }
    spans
}

/// Services from a span up to the root, each once in a row.
fn path_up<'a>(spans: &'a [Span], from: &'a Span) -> Vec<&'a str> {
    let mut path = vec![from.service.as_str()];
    let mut at = from;
    while let Some(parent) = spans.iter().find(|span| span.id == at.parent) {
        if path.last() != Some(&parent.service.as_str()) {
            path.push(&parent.service);
        }
        at = parent;
    }
    path
}

fn make_workflow(demo: &Installation) -> Result<String> {
    let mut gateway = demo.http("airtable-gateway")?;
    let bases = gateway.get("/api/v1/airtable/bases")?.ok()?.json()?;
    let base = bases["bases"][0]["id"].as_str().or(bases[0]["id"].as_str()).context("no base")?.to_owned();
    let tables = gateway.get(&format!("/api/v1/airtable/bases/{base}/tables"))?.ok()?.json()?;
    let table = if tables["tables"].is_array() { tables["tables"][0].clone() } else { tables[0].clone() };
    let fields = table["fields"].as_array().context("no fields")?;
    let field = fields.iter().find(|field| field["type"] == "singleLineText").context("no text field")?;
    let body = json!({
        "name": "One trace through everything", "description": "",
        "config": {"base_id": base, "steps": [
            {"type": "log", "message": "begin"},
            {"type": "airtable_create", "base_id": base, "table": table["id"],
             "fields": {(field["name"].as_str().unwrap_or_default()): "from {workflow_id}"}},
            {"type": "llm", "prompt": "Use airtable_list_bases and name our bases.", "tool_choice": "auto"},
        ]},
        "triggers": ["manual"], "status": "active", "is_enabled": true,
    });
    let body = body.to_string();
    let made = demo.http("automation-services")?.post("/workflows", "application/json", body.as_bytes())?;
    ensure!((200..300).contains(&made.status), "HTTP {}: {}", made.status, made.text());
    let id = made.json()?["id"].clone();
    Ok(id.as_str().map_or_else(|| id.to_string(), str::to_owned))
}

/// Runs the workflow below the parent that `headers` name and checks the trace `id`.
fn trigger_and_check(
    demo: &Installation,
    workflow: &str,
    headers: &[(&str, &str)],
    id: &str,
    parent: &str,
) -> Result<()> {
    let mut all = vec![
        ("content-type", "application/json"),
        ("x-tenant-id", "acme-retail"),
        ("x-user-id", "ana.lopez"),
        ("x-cost-center", "support"),
    ];
    all.extend_from_slice(headers);
    let path = format!("/workflows/{workflow}/trigger");
    let reply = demo.http("automation-services")?.send("POST", &path, &all, br#"{"trigger_data":{}}"#)?;
    ensure!((200..300).contains(&reply.status), "HTTP {}: {}", reply.status, reply.text());
    ensure!(reply.header("x-trace-id") == Some(id), "the answer's trace is {:?}", reply.header("x-trace-id"));
    let look = || {
        let reply = demo.http("tempo")?.get(&format!("/api/traces/{id}"))?;
        if reply.status != 200 {
            return Ok(None);
        }
        let spans = spans(&reply.json()?);
        Ok(check(&spans, parent).is_ok().then_some(spans))
    };
    match wait::until("whole trace", ARRIVAL_LIMIT, look) {
        Ok(_) => Ok(()),
        Err(late) => {
            let spans = spans(&demo.http("tempo")?.get(&format!("/api/traces/{id}"))?.json()?);
            let lines: Vec<String> = spans
                .iter()
                .map(|span| format!("{} {} {} ({}) < {}", span.service, span.kind, span.name, span.id, span.parent))
                .collect();
            let reason = check(&spans, parent).err().map(|error| error.to_string());
            bail!("{late}: {reason:?}\n{}\n{}", lines.join("\n"), demo.log())
        }
    }
}

/// The contract: every hop's parent right, business attributes everywhere, database, cache and HTTP client spans inside.
fn check(spans: &[Span], parent: &str) -> Result<()> {
    use base64::Engine as _;
    let digits = |at: usize| u8::from_str_radix(&parent[at * 2..at * 2 + 2], 16).expect("hexadecimal");
    let outside = base64::engine::general_purpose::STANDARD.encode((0..8).map(digits).collect::<Vec<u8>>());
    let roots: Vec<&Span> = spans.iter().filter(|span| span.parent == outside).collect();
    ensure!(roots.len() == 1 && roots[0].service == "automation-services", "{} spans below the caller", roots.len());
    for span in spans {
        let known = span.parent == outside || spans.iter().any(|other| other.id == span.parent);
        ensure!(known, "{} of {} has a parent that is not there", span.name, span.service);
    }
    let served = |service: &str, path: &[&str]| {
        let is_one = |span: &&Span| span.service == service && span.kind == "SPAN_KIND_SERVER";
        let found = spans.iter().filter(is_one).any(|span| path_up(spans, span) == path);
        ensure!(found, "no call of {service} on the way {path:?}");
        Ok(())
    };
    served("airtable-gateway", &["airtable-gateway", "automation-services"])?;
    served("llm-orchestrator", &["llm-orchestrator", "automation-services"])?;
    served("mcp-server", &["mcp-server", "llm-orchestrator", "automation-services"])?;
    let gateway_below_mcp = ["airtable-gateway", "mcp-server", "llm-orchestrator", "automation-services"];
    served("airtable-gateway", &gateway_below_mcp)?;
    for span in spans {
        for (key, value) in [("tenant.id", "acme-retail"), ("user.id", "ana.lopez"), ("cost.center", "support")] {
            let found = span.attributes.get(key).and_then(Value::as_str);
            ensure!(found == Some(value), "{} of {} has {key} {found:?}", span.name, span.service);
        }
    }
    let has = |what: &str, is: &dyn Fn(&Span) -> bool| {
        ensure!(spans.iter().any(is), "no {what} span");
        Ok(())
    };
    has("database", &|span| span.service == "automation-services" && span.attributes.contains_key("db.system.name"))?;
    has("chat", &|span| span.name.starts_with("chat ") && span.kind == "SPAN_KIND_CLIENT")?;
    has("tool", &|span| span.name == "execute_tool airtable_list_bases")?;
    has("upstream", &|span| {
        span.service == "airtable-gateway"
            && span.kind == "SPAN_KIND_CLIENT"
            && span.attributes.contains_key("url.full")
    })?;
    has("workflow", &|span| span.attributes.contains_key("workflow.id") && span.service == "llm-orchestrator")?;
    Ok(())
}

#[test]
fn one_workflow_run_is_one_trace_under_each_header() -> Result<()> {
    let demo = Installation::start(&["--quiet"], &[])?;
    let workflow = make_workflow(&demo)?;
    let parent = "00f067aa0ba902b7";
    let trace = |last: char| format!("4bf92f3577b34da6a3ce929d0e0e473{last}");
    let (w3c, b3, single, jaeger) = (trace('1'), trace('2'), trace('3'), trace('4'));
    let traceparent = format!("00-{w3c}-{parent}-01");
    trigger_and_check(&demo, &workflow, &[("traceparent", &traceparent)], &w3c, parent)?;
    let multi = [("x-b3-traceid", b3.as_str()), ("x-b3-spanid", parent), ("x-b3-sampled", "1")];
    trigger_and_check(&demo, &workflow, &multi, &b3, parent)?;
    let b3_single = format!("{single}-{parent}-1");
    trigger_and_check(&demo, &workflow, &[("b3", &b3_single)], &single, parent)?;
    let uber = format!("{jaeger}:{parent}:0:1");
    trigger_and_check(&demo, &workflow, &[("uber-trace-id", &uber)], &jaeger, parent)
}

#[test]
fn ctrl_c_ends_everything_in_order() -> Result<()> {
    let mut demo = Installation::start(&["--quiet"], &[])?;
    let tempo = demo.url("tempo")?;
    let status = demo.stop()?;
    ensure!(status.success(), "ended with {status}: {}", demo.log());
    ensure!(!demo.log().contains("was killed"), "{}", demo.log());
    let address = tempo.trim_start_matches("http://").to_owned();
    ensure!(std::net::TcpStream::connect(&address).is_err(), "something still listens on {address}");
    Ok(())
}
