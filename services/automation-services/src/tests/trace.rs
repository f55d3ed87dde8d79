//! One run, one trace: parents, attributes, headers, links.

use super::fakes::Fakes;
use super::harness::{Api, Harness, clock, environment, start};
use opentelemetry::trace::SpanId;
use opentelemetry_sdk::trace::SpanData;
use serde_json::json;
use std::time::Duration;
use telemetry::testing::InMemory;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn named<'a>(spans: &'a [SpanData], name: &str) -> &'a SpanData {
    let names: Vec<&str> = spans.iter().map(|span| &*span.name).collect();
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no span `{name}` in {names:?}"))
}

fn attribute(span: &SpanData, key: &str) -> Option<String> {
    span.attributes.iter().find(|attribute| attribute.key.as_str() == key).map(|attribute| attribute.value.to_string())
}

fn children(spans: &[SpanData], parent: &SpanData) -> Vec<String> {
    let parent = parent.span_context.span_id();
    spans.iter().filter(|span| span.parent_span_id == parent).map(|span| span.name.to_string()).collect()
}

#[tokio::test]
async fn a_trigger_is_one_trace_down_to_the_calls() {
    let memory = InMemory::install();
    let harness = Harness::new().await;
    let api = &harness.api;
    let steps = json!([{"type": "airtable_create", "table": "t", "fields": {"a": 1}}, {"type": "llm", "prompt": "p"}]);
    let workflow = api.workflow(steps, json!({})).await;
    let trigger = format!("/workflows/{workflow}/trigger");
    let request = api
        .request(&trigger)
        .header("traceparent", format!("00-{TRACE}-b7ad6b7169203331-01"))
        .header("x-tenant-id", "acme")
        .header("x-api-key", "pya_live_secret_1");
    let (_, execution) = api.send(request).await;
    let id = execution["id"].as_str().unwrap().to_owned();
    api.ended(&id).await;
    let seen = harness.fakes.seen();
    harness.stop().await;
    let spans: Vec<SpanData> =
        memory.spans().into_iter().filter(|span| span.span_context.trace_id().to_string() == TRACE).collect();
    let server = named(&spans, "POST /workflows/{id}/trigger");
    let run = named(&spans, "workflow.execution");
    assert_eq!(run.parent_span_id, server.span_context.span_id());
    for (key, value) in [
        ("workflow.id", workflow.as_str()),
        ("workflow.type", "manual"),
        ("workflow.execution_id", &id),
        ("workflow.status", "completed"),
        ("tenant.id", "acme"),
    ] {
        let found: Vec<_> = run.attributes.iter().filter(|attribute| attribute.key.as_str() == key).collect();
        assert_eq!(found.len(), 1, "{key} once");
        assert_eq!(found[0].value.to_string(), value, "{key}");
    }
    for (step, service) in [("workflow.step airtable_create", 0), ("workflow.step llm", 1)] {
        let step = named(&spans, step);
        assert_eq!(step.parent_span_id, run.span_context.span_id());
        assert_eq!(attribute(step, "workflow.step.status").as_deref(), Some("completed"));
        let call = spans
            .iter()
            .find(|span| span.parent_span_id == step.span_context.span_id() && span.name.starts_with("POST"))
            .expect("a client span");
        let sent = seen[service].headers["traceparent"].to_str().unwrap();
        assert_eq!(sent, format!("00-{TRACE}-{}-01", call.span_context.span_id()));
        assert_eq!(attribute(call, "workflow.execution_id"), Some(id.clone()));
        assert_eq!(attribute(call, "tenant.id").as_deref(), Some("acme"));
        let baggage = seen[service].headers["baggage"].to_str().unwrap();
        assert!(baggage.contains(&format!("workflow.id={workflow}")) && !baggage.contains("secret"), "{baggage}");
    }
    // The database's spans lie below the run as well.
    assert!(children(&spans, run).len() > 4, "{:?}", children(&spans, run));
    let lines = memory.lines().join("\n");
    let ended = lines.lines().find(|line| line.contains("workflow execution ended")).expect("a log line");
    assert!(ended.contains(TRACE), "{ended}");
}

#[tokio::test]
async fn a_scheduled_run_has_a_root_and_polling_leaves_no_trace() {
    let memory = InMemory::install();
    let harness = Harness::new().await;
    let api = &harness.api;
    let body = json!({"name": "n", "config": {"type": "report", "steps": [{"type": "log", "message": "x"}]}, "cron_expression": "* * * * *"});
    let (_, workflow) = api.send(api.request("/workflows").header("x-tenant-id", "acme").json(&body)).await;
    for _ in 0..50 {
        harness.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    harness.clock.advance(Duration::from_secs(10));
    let path = format!("/workflows/{}/executions", workflow["id"].as_str().unwrap());
    api.until(&path, |list| list["executions"][0]["status"] == "completed").await;
    harness.stop().await;
    let spans = memory.spans();
    let root = named(&spans, "workflow.schedule");
    let run = named(&spans, "workflow.execution");
    assert_eq!(root.parent_span_id, SpanId::INVALID);
    assert_eq!(run.parent_span_id, root.span_context.span_id());
    assert_eq!(
        (attribute(run, "workflow.type").as_deref(), attribute(run, "tenant.id").as_deref()),
        (Some("report"), Some("acme"))
    );
    let roots: Vec<_> =
        spans.iter().filter(|span| span.parent_span_id == SpanId::INVALID).map(|span| span.name.to_string()).collect();
    let known = ["workflow.schedule", "POST /workflows", "GET /workflows/{id}/executions"];
    let strange: Vec<_> = roots.iter().filter(|name| !known.contains(&name.as_str()) && !is_start_up(name)).collect();
    assert!(strange.is_empty(), "{strange:?}");
}

/// Migrations run before there is anything to belong to.
fn is_start_up(name: &str) -> bool {
    name.contains("migrations") || name.starts_with("CREATE") || name.starts_with("PRAGMA")
}

#[tokio::test]
async fn a_run_that_is_taken_up_again_links_to_the_first() {
    let memory = InMemory::install();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("a.sqlite").display());
    let (fakes, clock) = (Fakes::start().await, clock());
    let running = start(environment(folder.path(), &url, &fakes), clock.clone()).await;
    let api = Api::new(&running.url());
    let id = api.trigger(&api.workflow(json!([{"type": "delay", "seconds": 5}]), json!({})).await, json!({})).await;
    api.execution(&id, |execution| execution["result"]["steps_executed"] == 1).await;
    running.shutdown().await;
    let running = start(environment(folder.path(), &url, &fakes), clock.clone()).await;
    let api = Api::new(&running.url());
    clock.advance(Duration::from_secs(5));
    assert_eq!(api.ended(&id).await["status"], "completed");
    running.shutdown().await;
    let runs: Vec<SpanData> = memory.spans().into_iter().filter(|span| span.name == "workflow.execution").collect();
    assert_eq!(runs.len(), 2);
    assert_ne!(runs[0].span_context.trace_id(), runs[1].span_context.trace_id());
    assert_eq!(
        runs[1].links.iter().map(|link| link.span_context.span_id()).collect::<Vec<_>>(),
        [runs[0].span_context.span_id()]
    );
    assert_eq!(attribute(&runs[1], "workflow.execution_id"), attribute(&runs[0], "workflow.execution_id"));
}
