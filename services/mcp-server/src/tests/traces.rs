//! Whose child a call's span is, and what the gateway is told.

use opentelemetry::trace::{SpanKind, Status};
use serde_json::json;
use telemetry::testing::{InMemory, assert_span};

use super::Server;
use super::modern::message;

const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
const OTHER: &str = "00-11111111111111111111111111111111-2222222222222222-01";

fn attribute(span: &opentelemetry_sdk::trace::SpanData, name: &str) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key.as_str() == name);
    found.map(|attribute| attribute.value.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn meta_is_the_parent_http_is_a_link_and_the_gateway_goes_on() {
    let telemetry = InMemory::install();
    let server = Server::start().await;
    let call = message(
        "tools/call",
        json!({"name": "airtable_list_bases", "arguments": {}, "_meta": {"traceparent": CALLER, "baggage": "tenant.id=acme"}}),
    );
    let (status, _) = server.modern(&call, &[("traceparent", OTHER)]).await;
    assert_eq!(status, 200);
    let span = assert_span(&telemetry, "tools/call airtable_list_bases");
    assert_eq!(span.span_kind, SpanKind::Server);
    assert_eq!(span.span_context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(span.parent_span_id.to_string(), "00f067aa0ba902b7");
    let link = &span.links.links[0].span_context;
    assert_eq!(link.trace_id().to_string(), "11111111111111111111111111111111");
    for (name, value) in [
        ("mcp.method.name", "tools/call"),
        ("gen_ai.tool.name", "airtable_list_bases"),
        ("gen_ai.operation.name", "execute_tool"),
        ("jsonrpc.request.id", "7"),
        ("mcp.protocol.version", "2026-07-28"),
        ("network.transport", "tcp"),
        ("tenant.id", "acme"),
    ] {
        assert_eq!(attribute(&span, name), value, "{name}");
    }
    let sent = server.gateway.asked()[0].headers.clone();
    let traceparent = sent["traceparent"].to_str().unwrap();
    assert!(traceparent.starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "{traceparent}");
    assert!(sent["baggage"].to_str().unwrap().contains("tenant.id=acme"));
    server.running.shutdown().await;
}

#[tokio::test]
async fn without_meta_the_http_span_is_the_parent() {
    let telemetry = InMemory::install();
    let server = Server::start().await;
    let call = message("tools/call", json!({"name": "calculate", "arguments": {"expression": "1/0"}}));
    server.modern(&call, &[("traceparent", OTHER)]).await;
    let span = assert_span(&telemetry, "tools/call calculate");
    let http = assert_span(&telemetry, "POST /mcp");
    assert_eq!(span.parent_span_id, http.span_context.span_id());
    assert_eq!(http.parent_span_id.to_string(), "2222222222222222");
    assert!(span.links.links.is_empty());
    assert_eq!(attribute(&span, "error.type"), "tool_error");
    assert!(matches!(span.status, Status::Error { .. }));
    server.modern(&message("tools/call", json!({"name": "no/such", "arguments": {}})), &[]).await;
    let unknown = assert_span(&telemetry, "tools/call");
    assert_eq!(attribute(&unknown, "rpc.response.status_code"), "-32602");
    assert_eq!(attribute(&unknown, "gen_ai.tool.name"), "");
    server.running.shutdown().await;
}

#[tokio::test]
async fn the_old_paths_have_a_span_of_their_own() {
    let telemetry = InMemory::install();
    let server = Server::start().await;
    server.execute("calculate", json!({"expression": "1"})).await;
    let span = assert_span(&telemetry, "execute_tool calculate");
    let http = assert_span(&telemetry, "POST /api/v1/mcp/tools/{name}/execute");
    assert_eq!(span.parent_span_id, http.span_context.span_id());
    server.running.shutdown().await;
}
