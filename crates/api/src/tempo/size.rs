//! How large a trace is on the wire, without encoding it.

use model::{KeyValue, Span, Value};

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
