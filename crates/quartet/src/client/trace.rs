//! `quartet trace`: asks a Tempo for a trace and reads its JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::args::Output;
use super::waterfall;
use super::{ClientError, Found, http as client};

/// One span, as far as it is shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SpanRow {
    /// Hexadecimal.
    pub(crate) id: String,
    /// Hexadecimal; empty for a root.
    pub(crate) parent: String,
    pub(crate) service: String,
    pub(crate) name: String,
    /// `server`, `client`, …; empty when unspecified.
    pub(crate) kind: String,
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// `ok`, `error`, or empty.
    pub(crate) status: String,
    pub(crate) message: String,
    pub(crate) attributes: Map<String, Value>,
    pub(crate) events: Vec<String>,
}

/// Shows a trace.
pub(super) async fn run(url: &str, id: &str, tenant: Option<&str>, output: Output) -> Found {
    let digits = id.trim();
    if digits.is_empty() || digits.len() > 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(ClientError::usage(format!("not a trace id: {id:?}; it has up to 32 hexadecimal digits")));
    }
    let id = format!("{:0>32}", digits.to_ascii_lowercase());
    let mut answer = client::get(url, &format!("/api/v2/traces/{id}"), tenant).await?;
    if answer.status == StatusCode::NOT_FOUND {
        // A Tempo without v2.
        answer = client::get(url, &format!("/api/traces/{id}"), tenant).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
    }
    let spans = read_spans(&answer.json(url)?);
    if spans.is_empty() {
        return Ok(None);
    }
    Ok(Some(match output {
        Output::Table => waterfall::draw(&id, &spans),
        Output::Ndjson => spans.iter().fold(String::new(), |out, span| format!("{out}{}\n", span_json(&id, span))),
        Output::Json => {
            let spans: Vec<Value> = spans.iter().map(|span| span_json(&id, span)).collect();
            format!("{}\n", json!({"traceId": id, "spans": spans}))
        }
    }))
}

fn span_json(trace: &str, span: &SpanRow) -> Value {
    json!({
        "traceId": trace,
        "spanId": span.id,
        "parentSpanId": span.parent,
        "service": span.service,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": span.start.to_string(),
        "durationNanos": span.end.saturating_sub(span.start).to_string(),
        "status": span.status,
        "statusMessage": span.message,
        "attributes": span.attributes,
        "events": span.events,
    })
}

/// Spans of a v1 or v2 answer, by start time.
pub(crate) fn read_spans(answer: &Value) -> Vec<SpanRow> {
    let trace = answer.get("trace").unwrap_or(answer);
    let resources = trace.get("resourceSpans").or_else(|| trace.get("batches"));
    let mut spans = Vec::new();
    for resource in list(resources) {
        let attributes = read_attributes(&resource["resource"]["attributes"]);
        let service = attributes.get("service.name").and_then(Value::as_str).unwrap_or("unknown").to_owned();
        for scope in list(resource.get("scopeSpans")) {
            spans.extend(list(scope.get("spans")).iter().map(|span| read_span(span, &service)));
        }
    }
    spans.sort_by(|a, b| (a.start, &a.id).cmp(&(b.start, &b.id)));
    spans
}

fn read_span(span: &Value, service: &str) -> SpanRow {
    let text = |name: &str| span[name].as_str().unwrap_or_default();
    let nanos = |name: &str| text(name).parse().unwrap_or_default();
    let word = |text: &str, prefix: &str| text.strip_prefix(prefix).unwrap_or_default().to_ascii_lowercase();
    SpanRow {
        id: hex(text("spanId")),
        parent: hex(text("parentSpanId")),
        service: service.to_owned(),
        name: text("name").to_owned(),
        kind: word(text("kind"), "SPAN_KIND_"),
        start: nanos("startTimeUnixNano"),
        end: nanos("endTimeUnixNano"),
        status: word(span["status"]["code"].as_str().unwrap_or_default(), "STATUS_CODE_"),
        message: span["status"]["message"].as_str().unwrap_or_default().to_owned(),
        attributes: read_attributes(&span["attributes"]),
        events: list(span.get("events")).iter().filter_map(|event| event["name"].as_str().map(str::to_owned)).collect(),
    }
}

/// Ids are base64 in Tempo's JSON.
fn hex(id: &str) -> String {
    let bytes = STANDARD.decode(id).unwrap_or_default();
    bytes.iter().fold(String::new(), |out, byte| format!("{out}{byte:02x}"))
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn read_attributes(pairs: &Value) -> Map<String, Value> {
    let read = |pair: &Value| Some((pair["key"].as_str()?.to_owned(), plain(&pair["value"])));
    list(Some(pairs)).iter().filter_map(read).collect()
}

/// An AnyValue as plain JSON; 64-bit integers become numbers again.
fn plain(value: &Value) -> Value {
    let Some((variant, inner)) = value.as_object().and_then(|object| object.iter().next()) else {
        return Value::Null;
    };
    match variant.as_str() {
        "intValue" => inner.as_str().and_then(|text| text.parse::<i64>().ok()).map_or(inner.clone(), Value::from),
        "arrayValue" => list(inner.get("values")).iter().map(plain).collect(),
        "kvlistValue" => Value::Object(read_attributes(&inner["values"])),
        _ => inner.clone(),
    }
}
