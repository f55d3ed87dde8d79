//! Answers of the Tempo, Loki and Prometheus faces, in a form that can be compared with what was sent.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use testkit::http::{HttpClient, encode};
use testkit::otlp::{Any, Attributes, Span};

/// Spans by span id in hex, each as one JSON object with its resource.
pub type Spans = BTreeMap<String, Value>;

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The trace as the Tempo face tells it; empty when there is none. Fails when a span comes twice.
pub fn trace(tempo: &mut HttpClient, id: &[u8; 16]) -> Result<Spans> {
    let path = format!("/api/traces/{}", hex(id));
    let reply = tempo.get(&path)?;
    match reply.status {
        404 => return Ok(Spans::new()),
        200 => {}
        status => bail!("{path}: HTTP {status}: {}", reply.text()),
    }
    let page = reply.json()?;
    let mut spans = Spans::new();
    for batch in list(&page["batches"]) {
        let resource = attribute_map(&batch["resource"]["attributes"])?;
        for scope in list(&batch["scopeSpans"]) {
            for span in list(&scope["spans"]) {
                let id = hex_of_base64(&span["spanId"])?;
                let found = found_span(&span, &resource, &scope["scope"])?;
                if spans.insert(id.clone(), found).is_some() {
                    bail!("span {id} comes twice");
                }
            }
        }
    }
    Ok(spans)
}

/// The same form for spans that a test sent with `testkit::otlp::traces`.
pub fn sent_spans(resource: &Attributes, spans: &[Span]) -> Spans {
    spans.iter().map(|span| (hex(&span.span_id), sent_span(resource, span))).collect()
}

/// Log lines of a selector with optional pipeline: time, line, labels with structured metadata; oldest first.
pub fn lines(loki: &mut HttpClient, query: &str, start: u64, end: u64) -> Result<Vec<(u64, String, Value)>> {
    let path = format!(
        "/loki/api/v1/query_range?query={}&start={start}&end={end}&limit=5000&direction=forward",
        encode(query)
    );
    let page = loki.get(&path)?.ok().with_context(|| path.clone())?.json()?;
    let mut lines = Vec::new();
    for stream in list(&page["data"]["result"]) {
        for entry in list(&stream["values"]) {
            let time =
                entry[0].as_str().and_then(|text| text.parse().ok()).ok_or_else(|| anyhow!("odd entry {entry}"))?;
            lines.push((time, entry[1].as_str().unwrap_or_default().to_owned(), stream["stream"].clone()));
        }
    }
    lines.sort_by(|left, right| (left.0, &left.1).cmp(&(right.0, &right.1)));
    Ok(lines)
}

/// Samples of one series (a selector that fits one) over a range of seconds, as second and value text.
pub fn samples(mimir: &mut HttpClient, query: &str, start: u64, end: u64, step: u64) -> Result<Vec<(f64, String)>> {
    let path = format!("/prometheus/api/v1/query_range?query={}&start={start}&end={end}&step={step}", encode(query));
    let page = mimir.get(&path)?.ok().with_context(|| path.clone())?.json()?;
    let result = list(&page["data"]["result"]);
    if result.len() > 1 {
        bail!("{query} is {} series", result.len());
    }
    let pairs = result.first().map(|series| list(&series["values"])).unwrap_or_default();
    pairs
        .iter()
        .map(|pair| Ok((pair[0].as_f64().context("no time")?, pair[1].as_str().context("no value")?.to_owned())))
        .collect()
}

/// The raw samples of a selector in the last `range` (e.g. `1h`) before `time` in seconds: labels and values.
pub fn instant(mimir: &mut HttpClient, query: &str, time: u64) -> Result<Vec<(Value, String)>> {
    let path = format!("/prometheus/api/v1/query?query={}&time={time}", encode(query));
    let page = mimir.get(&path)?.ok().with_context(|| path.clone())?.json()?;
    let found = list(&page["data"]["result"]).into_iter().map(|series| {
        let value = series["value"][1].as_str().unwrap_or_default().to_owned();
        (series["metric"].clone(), value)
    });
    Ok(found.collect())
}

/// The items of a list; none where the key is absent.
pub fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn found_span(span: &Value, resource: &Value, scope: &Value) -> Result<Value> {
    let events = list(&span["events"]);
    let events = events.iter().map(|event| {
        Ok(json!({"time": number(&event["timeUnixNano"]), "name": text(&event["name"]), "attributes": attribute_map(&event["attributes"])?}))
    });
    let links = list(&span["links"]);
    let links = links.iter().map(|link| {
        let (trace, span) = (hex_of_base64(&link["traceId"])?, hex_of_base64(&link["spanId"])?);
        Ok(json!({"trace": trace, "span": span, "attributes": attribute_map(&link["attributes"])?}))
    });
    let parent = span.get("parentSpanId").map(hex_of_base64).transpose()?.unwrap_or_default();
    Ok(json!({
        "resource": resource, "scope": text(&scope["name"]), "scope_version": text(&scope["version"]),
        "trace": hex_of_base64(&span["traceId"])?, "parent": parent, "name": text(&span["name"]),
        "kind": span.get("kind").cloned().unwrap_or(json!("SPAN_KIND_UNSPECIFIED")),
        "start": number(&span["startTimeUnixNano"]), "end": number(&span["endTimeUnixNano"]),
        "attributes": attribute_map(&span["attributes"])?, "trace_state": text(&span["traceState"]),
        "events": events.collect::<Result<Vec<_>>>()?, "links": links.collect::<Result<Vec<_>>>()?,
        "status": span["status"].get("code").cloned().unwrap_or(json!("STATUS_CODE_UNSET")),
        "message": text(&span["status"]["message"]),
    }))
}

fn sent_span(resource: &Attributes, span: &Span) -> Value {
    const KINDS: [&str; 6] = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];
    const STATUSES: [&str; 3] = ["UNSET", "OK", "ERROR"];
    let events = span.events.iter().map(|(time, name, attributes)| {
        json!({"time": time.to_string(), "name": name, "attributes": sent_attributes(attributes)})
    });
    let links = span.links.iter().map(|(trace, span, attributes)| {
        json!({"trace": hex(trace), "span": hex(span), "attributes": sent_attributes(attributes)})
    });
    let (code, message) = span.status.clone().unwrap_or_default();
    json!({
        "resource": sent_attributes(resource), "scope": "testkit", "scope_version": "1.0",
        "trace": hex(&span.trace_id), "parent": span.parent.map(|id| hex(&id)).unwrap_or_default(), "name": span.name,
        "kind": format!("SPAN_KIND_{}", KINDS[span.kind as usize]),
        "start": span.start.to_string(), "end": span.end.to_string(),
        "attributes": sent_attributes(&span.attributes), "trace_state": span.trace_state,
        "events": events.collect::<Vec<_>>(), "links": links.collect::<Vec<_>>(),
        "status": format!("STATUS_CODE_{}", STATUSES[code as usize]), "message": message,
    })
}

/// Attributes as a map from key to the `AnyValue`, as JSON of protobuf prints it.
pub fn sent_attributes(attributes: &Attributes) -> Value {
    attributes.iter().map(|(key, value)| (key.clone(), any_json(value))).collect::<Map<_, _>>().into()
}

fn any_json(value: &Any) -> Value {
    match value {
        Any::Str(text) => json!({"stringValue": text}),
        Any::Bool(truth) => json!({"boolValue": truth}),
        Any::Int(number) => json!({"intValue": number.to_string()}),
        Any::Double(number) => json!({"doubleValue": number}),
        Any::Bytes(bytes) => json!({"bytesValue": STANDARD.encode(bytes)}),
        Any::List(items) => json!({"arrayValue": {"values": items.iter().map(any_json).collect::<Vec<_>>()}}),
        Any::Map(fields) => {
            let fields = fields.iter().map(|(key, value)| json!({"key": key, "value": any_json(value)}));
            json!({"kvlistValue": {"values": fields.collect::<Vec<_>>()}})
        }
    }
}

fn attribute_map(attributes: &Value) -> Result<Value> {
    let mut map = Map::new();
    for pair in list(attributes) {
        let key = text(&pair["key"]);
        if map.insert(key.clone(), pair["value"].clone()).is_some() {
            bail!("attribute {key} comes twice");
        }
    }
    Ok(map.into())
}

fn hex_of_base64(id: &Value) -> Result<String> {
    let text = id.as_str().with_context(|| format!("no id: {id}"))?;
    Ok(hex(&STANDARD.decode(text).with_context(|| format!("not base64: {text}"))?))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// 64-bit numbers are strings in JSON of protobuf; absent means zero.
fn number(value: &Value) -> String {
    value.as_str().unwrap_or("0").to_owned()
}
