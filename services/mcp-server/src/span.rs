//! Spans and metrics of MCP requests by the GenAI conventions (genai-cost.md 1.8).
//!
//! The parent of a request's span is the context in `params._meta`, if there is a valid one: it is the caller's own `tools/call` span.
//! The HTTP server span that carried the request is then a link. Without `_meta` the HTTP span is the parent, on stdio there is none.
//! Baggage comes with the parent; when `_meta` has none, that of the HTTP headers is kept.
//!
//! Names that a caller can choose freely (unknown tools) are neither span names nor attributes of metrics.

use std::collections::HashMap;
use std::time::Instant;

use opentelemetry::baggage::BaggageExt;
use opentelemetry::metrics::Histogram;
use opentelemetry::trace::{Link, SpanBuilder, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use rmcp::RoleServer;
use rmcp::model::{JsonObject, RequestId};
use rmcp::service::RequestContext;
use serde_json::Value;

use crate::error::Error;

/// Buckets of the conventions, in seconds.
const SECONDS: [f64; 14] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

/// The context of the HTTP request that carries a message; rmcp runs handlers in tasks of its own, which do not inherit it.
#[derive(Clone, Debug)]
pub(crate) struct Carrier(pub(crate) Context);

/// The instruments. To be made after telemetry was started.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    operation: Histogram<f64>,
    session: Histogram<f64>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let meter = telemetry::meter("mcp-server");
        let histogram = |name: &'static str, description: &'static str| {
            let builder = meter.f64_histogram(name).with_unit("s").with_description(description);
            builder.with_boundaries(SECONDS.to_vec()).build()
        };
        Self {
            operation: histogram("mcp.server.operation.duration", "Duration of an MCP request as the server sees it"),
            session: histogram("mcp.server.session.duration", "Duration of an MCP session as the server sees it"),
        }
    }

    /// A session over stdio has ended.
    pub(crate) fn session_ended(&self, begin: Instant) {
        self.session.record(begin.elapsed().as_secs_f64(), &[KeyValue::new("network.transport", "pipe")]);
    }
}

/// What a request came to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Outcome<'a> {
    Done,
    /// The tool ran and failed: a result with `isError`.
    Failed(&'a Error),
    /// A JSON-RPC error with this code.
    Refused(i32),
    /// The client gave up.
    Cancelled,
}

/// The span of one request.
#[derive(Debug)]
pub(crate) struct Span {
    context: Context,
    begin: Instant,
    /// For the metric.
    facts: Vec<KeyValue>,
}

impl Span {
    /// Begins the span of an MCP request. `tool`: the name of a known tool, for `tools/call`.
    pub(crate) fn of_request(
        method: &'static str,
        tool: Option<&'static str>,
        request: &RequestContext<RoleServer>,
    ) -> Self {
        let http = request.extensions.get::<http::request::Parts>();
        let mut facts = facts(method, tool);
        if let Some(version) = request.protocol_version() {
            facts.push(KeyValue::new("mcp.protocol.version", version.to_string()));
        }
        facts.push(KeyValue::new("network.transport", if http.is_some() { "tcp" } else { "pipe" }));
        if let Some(parts) = http {
            facts.push(KeyValue::new("network.protocol.name", "http"));
            facts.push(KeyValue::new("network.protocol.version", version_of(parts.version)));
        }
        let mut attributes = facts.clone();
        attributes.push(KeyValue::new("jsonrpc.request.id", id_text(&request.id)));
        let session = http.and_then(|parts| parts.headers.get("mcp-session-id")).and_then(|id| id.to_str().ok());
        if let Some(session) = session {
            attributes.push(KeyValue::new("mcp.session.id", session.to_owned()));
        }
        let carrier = http.and_then(|parts| parts.extensions.get::<Carrier>()).map(|carrier| carrier.0.clone());
        let (parent, link) = parent(&request.meta, carrier.unwrap_or_default());
        Self::begin(name(method, tool), SpanKind::Server, attributes, facts, &parent, link)
    }

    /// Begins a span for a call over the old paths: inside the HTTP request's, without the attributes of MCP's wire.
    pub(crate) fn of_old_call(tool: &'static str) -> Self {
        let facts =
            vec![KeyValue::new("gen_ai.operation.name", "execute_tool"), KeyValue::new("gen_ai.tool.name", tool)];
        let name = format!("execute_tool {tool}");
        Self::begin(name, SpanKind::Internal, facts.clone(), facts, &Context::current(), None)
    }

    fn begin(
        name: String,
        kind: SpanKind,
        attributes: Vec<KeyValue>,
        facts: Vec<KeyValue>,
        parent: &Context,
        link: Option<Link>,
    ) -> Self {
        let builder = SpanBuilder {
            name: name.into(),
            span_kind: Some(kind),
            attributes: Some(attributes),
            links: link.map(|link| vec![link]),
            ..SpanBuilder::default()
        };
        let span = telemetry::tracer().build_with_context(builder, parent);
        Self { context: parent.with_span(span), begin: Instant::now(), facts }
    }

    /// To run the request's work in.
    pub(crate) fn context(&self) -> Context {
        self.context.clone()
    }

    /// Arguments or result of a tool, when capturing content was asked for; secrets are masked all the same.
    pub(crate) fn content(&self, name: &'static str, value: &impl serde::Serialize) {
        // The default is "off".
        if telemetry::capture_content() == Default::default() {
            return;
        }
        let text = serde_json::to_string(value).unwrap_or_default();
        let text = telemetry::redactor().text(&text).into_owned();
        self.context.span().set_attribute(KeyValue::new(name, text));
    }

    /// Ends the span and records the duration.
    pub(crate) fn finish(mut self, outcome: Outcome<'_>, metrics: &Metrics) {
        let span = self.context.span();
        let mut fail = |kind: String, text: String| {
            span.set_attribute(KeyValue::new("error.type", kind.clone()));
            span.set_status(Status::error(text));
            self.facts.push(KeyValue::new("error.type", kind));
        };
        match outcome {
            Outcome::Done => {}
            Outcome::Failed(error) => fail("tool_error".to_owned(), error.logged()),
            Outcome::Cancelled => fail("cancelled".to_owned(), String::new()),
            Outcome::Refused(code) => {
                fail(code.to_string(), String::new());
                self.facts.push(KeyValue::new("rpc.response.status_code", code.to_string()));
                span.set_attribute(KeyValue::new("rpc.response.status_code", code.to_string()));
            }
        }
        span.end();
        metrics.operation.record(self.begin.elapsed().as_secs_f64(), &self.facts);
    }
}

fn facts(method: &'static str, tool: Option<&'static str>) -> Vec<KeyValue> {
    let mut facts = vec![KeyValue::new("mcp.method.name", method)];
    if let Some(tool) = tool {
        facts.push(KeyValue::new("gen_ai.tool.name", tool));
    }
    if method == "tools/call" {
        facts.push(KeyValue::new("gen_ai.operation.name", "execute_tool"));
    }
    facts
}

fn name(method: &str, tool: Option<&str>) -> String {
    tool.map_or_else(|| method.to_owned(), |tool| format!("{method} {tool}"))
}

fn id_text(id: &RequestId) -> String {
    match id.clone().into_json_value() {
        Value::String(id) => id,
        id => id.to_string(),
    }
}

fn version_of(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_2 => "2",
        http::Version::HTTP_10 => "1.0",
        _ => "1.1",
    }
}

/// The parent, and a link to the HTTP span when `_meta` names another one.
fn parent(meta: &JsonObject, http: Context) -> (Context, Option<Link>) {
    let texts: HashMap<String, String> =
        meta.iter().filter_map(|(key, value)| Some((key.to_ascii_lowercase(), value.as_str()?.to_owned()))).collect();
    let named = if texts.contains_key("traceparent") { telemetry::extract_map(&texts) } else { Context::new() };
    let carried = http.span().span_context().clone();
    if !named.span().span_context().is_valid() {
        return (http, None);
    }
    let baggage: Vec<_> = if named.baggage().is_empty() {
        http.baggage().iter().map(|(key, (value, _))| KeyValue::new(key.clone(), value.to_string())).collect()
    } else {
        Vec::new()
    };
    let parent = if baggage.is_empty() { named } else { named.with_baggage(baggage) };
    let link = carried.is_valid().then(|| Link::with_context(carried));
    (parent, link)
}
