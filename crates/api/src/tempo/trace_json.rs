//! A trace as the JSON of gogo's jsonpb: 64-bit integers quoted, ids and bytes in base64, enums by name, zero values left out.
//! This is not OTLP/JSON, which has hexadecimal ids and enum numbers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{KeyValue, Resource, Scope, Span, SpanEvent, SpanLink, Value};
use otlp::encode::{ResourceGroup, ScopeGroup, group};

use crate::json::Json;

/// Writes `{"<key>":[…]}`; `key` is `batches` in the v1 API and `resourceSpans` in v2. Without spans it is `{}`.
pub(super) fn write_trace(json: &mut Json, key: &str, spans: &[Span]) {
    let groups = group(spans);
    json.object(|json| {
        if !groups.is_empty() {
            json.key(key).array(|json| groups.iter().for_each(|group| write_resource_spans(json, group)));
        }
    });
}

fn write_resource_spans(json: &mut Json, group: &ResourceGroup<'_>) {
    json.object(|json| {
        json.key("resource");
        write_resource(json, group.resource);
        json.key("scopeSpans").array(|json| group.scopes.iter().for_each(|scope| write_scope_spans(json, scope)));
        text_field(json, "schemaUrl", &group.resource.schema_url);
    });
}

fn write_resource(json: &mut Json, resource: &Resource) {
    json.object(|json| {
        attributes_field(json, &resource.attributes);
        count_field(json, "droppedAttributesCount", resource.dropped_attributes_count);
    });
}

fn write_scope_spans(json: &mut Json, group: &ScopeGroup<'_>) {
    json.object(|json| {
        json.key("scope");
        write_scope(json, group.scope);
        json.key("spans").array(|json| group.spans.iter().for_each(|span| write_span(json, span)));
        text_field(json, "schemaUrl", &group.scope.schema_url);
    });
}

fn write_scope(json: &mut Json, scope: &Scope) {
    json.object(|json| {
        text_field(json, "name", &scope.name);
        text_field(json, "version", &scope.version);
        attributes_field(json, &scope.attributes);
        count_field(json, "droppedAttributesCount", scope.dropped_attributes_count);
    });
}

fn write_span(json: &mut Json, span: &Span) {
    json.object(|json| {
        id_field(json, "traceId", &span.trace_id.0);
        id_field(json, "spanId", &span.span_id.0);
        text_field(json, "traceState", &span.trace_state);
        id_field(json, "parentSpanId", &span.parent_span_id.0);
        count_field(json, "flags", span.flags);
        text_field(json, "name", &span.name);
        match span.kind.0 {
            0 => {}
            // As jsonpb does, a number outside the enum stays a number.
            1..=5 => {
                json.key("kind").str(span.kind.proto_name());
            }
            other => {
                json.key("kind").raw(other);
            }
        }
        time_field(json, "startTimeUnixNano", span.start.0);
        time_field(json, "endTimeUnixNano", span.end.0);
        attributes_field(json, &span.attributes);
        count_field(json, "droppedAttributesCount", span.dropped_attributes_count);
        if !span.events.is_empty() {
            json.key("events").array(|json| span.events.iter().for_each(|event| write_event(json, event)));
        }
        count_field(json, "droppedEventsCount", span.dropped_events_count);
        if !span.links.is_empty() {
            json.key("links").array(|json| span.links.iter().for_each(|link| write_link(json, link)));
        }
        count_field(json, "droppedLinksCount", span.dropped_links_count);
        json.key("status").object(|json| {
            text_field(json, "message", &span.status_message);
            match span.status_code.0 {
                0 => {}
                1 | 2 => {
                    json.key("code").str(span.status_code.proto_name());
                }
                other => {
                    json.key("code").raw(other);
                }
            }
        });
    });
}

fn write_event(json: &mut Json, event: &SpanEvent) {
    json.object(|json| {
        time_field(json, "timeUnixNano", event.time.0);
        text_field(json, "name", &event.name);
        attributes_field(json, &event.attributes);
        count_field(json, "droppedAttributesCount", event.dropped_attributes_count);
    });
}

fn write_link(json: &mut Json, link: &SpanLink) {
    json.object(|json| {
        id_field(json, "traceId", &link.trace_id.0);
        id_field(json, "spanId", &link.span_id.0);
        text_field(json, "traceState", &link.trace_state);
        attributes_field(json, &link.attributes);
        count_field(json, "droppedAttributesCount", link.dropped_attributes_count);
        count_field(json, "flags", link.flags);
    });
}

fn attributes_field(json: &mut Json, attributes: &[KeyValue]) {
    if !attributes.is_empty() {
        json.key("attributes");
        write_key_values(json, attributes);
    }
}

fn write_key_values(json: &mut Json, pairs: &[KeyValue]) {
    json.array(|json| {
        for pair in pairs {
            json.object(|json| {
                text_field(json, "key", &pair.key);
                json.key("value");
                write_value(json, &pair.value);
            });
        }
    });
}

/// Writes an AnyValue. The variant itself is always shown, zero or not: it is a oneof.
fn write_value(json: &mut Json, value: &Value) {
    json.object(|json| match value {
        Value::Empty => {}
        Value::Str(text) => {
            json.key("stringValue").str(text);
        }
        Value::Bool(flag) => {
            json.key("boolValue").raw(flag);
        }
        Value::Int(number) => {
            json.key("intValue").quoted(number);
        }
        Value::Double(number) => {
            json.key("doubleValue");
            write_double(json, *number);
        }
        Value::Array(values) => {
            json.key("arrayValue").object(|json| {
                if !values.is_empty() {
                    json.key("values").array(|json| values.iter().for_each(|value| write_value(json, value)));
                }
            });
        }
        Value::KvList(pairs) => {
            json.key("kvlistValue").object(|json| {
                if !pairs.is_empty() {
                    json.key("values");
                    write_key_values(json, pairs);
                }
            });
        }
        Value::Bytes(bytes) => {
            json.key("bytesValue").quoted(STANDARD.encode(bytes));
        }
    });
}

/// A double as protobuf's JSON has it: what JSON cannot say is a string.
fn write_double(json: &mut Json, number: f64) {
    if number.is_nan() {
        json.quoted("NaN");
    } else if number.is_infinite() {
        json.quoted(if number > 0.0 { "Infinity" } else { "-Infinity" });
    } else if number != 0.0 && !(1e-6..1e21).contains(&number.abs()) {
        json.raw(format_args!("{number:e}"));
    } else {
        json.raw(number);
    }
}

fn text_field(json: &mut Json, name: &str, text: &str) {
    if !text.is_empty() {
        json.key(name).str(text);
    }
}

fn count_field(json: &mut Json, name: &str, count: u32) {
    if count != 0 {
        json.key(name).raw(count);
    }
}

fn time_field(json: &mut Json, name: &str, nanos: u64) {
    if nanos != 0 {
        json.key(name).quoted(nanos);
    }
}

fn id_field(json: &mut Json, name: &str, id: &[u8]) {
    if id.iter().any(|byte| *byte != 0) {
        json.key(name).quoted(STANDARD.encode(id));
    }
}
