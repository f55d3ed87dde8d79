//! A trace as protobuf: `tempopb.Trace`, which on the wire is OTLP's `TracesData`, and `tempopb.TraceByIDResponse`.

use model::{KeyValue, Resource, Scope, Span, SpanEvent, SpanLink, Value};
use protowire::Writer;

use super::grouping::group;

/// Writes the fields of `tempopb.Trace` (`repeated ResourceSpans = 1`).
pub(super) fn write_trace(out: &mut Writer, spans: &[Span]) {
    for group in group(spans) {
        out.message(1, |out| {
            out.message(1, |out| write_resource(out, group.resource));
            for scope in &group.scopes {
                out.message(2, |out| {
                    out.message(1, |out| write_scope(out, scope.scope));
                    for span in &scope.spans {
                        out.message(2, |out| write_span(out, span));
                    }
                    text(out, 3, &scope.scope.schema_url);
                });
            }
            text(out, 3, &group.resource.schema_url);
        });
    }
}

fn write_resource(out: &mut Writer, resource: &Resource) {
    attributes(out, 1, &resource.attributes);
    count(out, 2, resource.dropped_attributes_count);
}

fn write_scope(out: &mut Writer, scope: &Scope) {
    text(out, 1, &scope.name);
    text(out, 2, &scope.version);
    attributes(out, 3, &scope.attributes);
    count(out, 4, scope.dropped_attributes_count);
}

fn write_span(out: &mut Writer, span: &Span) {
    out.bytes(1, &span.trace_id.0);
    out.bytes(2, &span.span_id.0);
    text(out, 3, &span.trace_state);
    if !span.parent_span_id.is_zero() {
        out.bytes(4, &span.parent_span_id.0);
    }
    text(out, 5, &span.name);
    count(out, 6, u32::from(span.kind.0));
    fixed64(out, 7, span.start.0);
    fixed64(out, 8, span.end.0);
    attributes(out, 9, &span.attributes);
    count(out, 10, span.dropped_attributes_count);
    for event in &span.events {
        out.message(11, |out| write_event(out, event));
    }
    count(out, 12, span.dropped_events_count);
    for link in &span.links {
        out.message(13, |out| write_link(out, link));
    }
    count(out, 14, span.dropped_links_count);
    out.message(15, |out| {
        text(out, 2, &span.status_message);
        count(out, 3, u32::from(span.status_code.0));
    });
    if span.flags != 0 {
        out.fixed32(16, span.flags);
    }
}

fn write_event(out: &mut Writer, event: &SpanEvent) {
    fixed64(out, 1, event.time.0);
    text(out, 2, &event.name);
    attributes(out, 3, &event.attributes);
    count(out, 4, event.dropped_attributes_count);
}

fn write_link(out: &mut Writer, link: &SpanLink) {
    out.bytes(1, &link.trace_id.0);
    out.bytes(2, &link.span_id.0);
    text(out, 3, &link.trace_state);
    attributes(out, 4, &link.attributes);
    count(out, 5, link.dropped_attributes_count);
    if link.flags != 0 {
        out.fixed32(6, link.flags);
    }
}

fn attributes(out: &mut Writer, field: u32, pairs: &[KeyValue]) {
    for pair in pairs {
        out.message(field, |out| {
            text(out, 1, &pair.key);
            out.message(2, |out| write_value(out, &pair.value));
        });
    }
}

fn write_value(out: &mut Writer, value: &Value) {
    match value {
        Value::Empty => {}
        Value::Str(text) => {
            out.str(1, text);
        }
        Value::Bool(flag) => {
            out.varint(2, u64::from(*flag));
        }
        Value::Int(number) => {
            out.varint(3, *number as u64);
        }
        Value::Double(number) => {
            out.double(4, *number);
        }
        Value::Array(values) => {
            out.message(5, |out| {
                for value in values {
                    out.message(1, |out| write_value(out, value));
                }
            });
        }
        Value::KvList(pairs) => {
            out.message(6, |out| attributes(out, 1, pairs));
        }
        Value::Bytes(bytes) => {
            out.bytes(7, bytes);
        }
    }
}

fn text(out: &mut Writer, field: u32, text: &str) {
    if !text.is_empty() {
        out.str(field, text);
    }
}

fn count(out: &mut Writer, field: u32, count: u32) {
    if count != 0 {
        out.varint(field, u64::from(count));
    }
}

fn fixed64(out: &mut Writer, field: u32, number: u64) {
    if number != 0 {
        out.fixed64(field, number);
    }
}

/// About how many bytes a span takes on the wire: exact for its texts, with a constant for tags and numbers.
pub(super) fn size_estimate(span: &Span) -> usize {
    let events: usize =
        span.events.iter().map(|event| 16 + event.name.len() + attributes_size(&event.attributes)).sum();
    let links: usize = span.links.iter().map(|link| 32 + attributes_size(&link.attributes)).sum();
    80 + span.name.len() + span.status_message.len() + attributes_size(&span.attributes) + events + links
}

fn attributes_size(pairs: &[KeyValue]) -> usize {
    pairs.iter().map(|pair| 8 + pair.key.len() + value_size(&pair.value)).sum()
}

fn value_size(value: &Value) -> usize {
    match value {
        Value::Empty | Value::Bool(_) => 2,
        Value::Int(_) | Value::Double(_) => 9,
        Value::Str(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Array(values) => values.iter().map(|value| 4 + value_size(value)).sum(),
        Value::KvList(pairs) => attributes_size(pairs),
    }
}
