//! `AnyValue` and `KeyValue` messages (OTLP `common.v1`): bytes to owned values and back.
//!
//! The bytes decoded here were written by this module or checked by the walker; a field that does not parse reads as absent.

use model::{KeyValue, Value};
use otlp::view::AnyValueView;
use protowire::{Fields, WireValue, Writer};

use super::Scalar;

/// Bytes that were text when they came in.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Writes a view as an `AnyValue` message.
pub(crate) fn encode_view(view: AnyValueView<'_>, out: &mut Vec<u8>) {
    let mut writer = Writer::new();
    match view {
        AnyValueView::Empty => return,
        AnyValueView::Str(text) => writer.str(1, text),
        AnyValueView::Bool(flag) => writer.varint(2, u64::from(flag)),
        AnyValueView::Int(number) => writer.varint(3, number as u64),
        AnyValueView::Double(number) => writer.double(4, number),
        AnyValueView::Array(message) => writer.bytes(5, message),
        AnyValueView::KvList(message) => writer.bytes(6, message),
        AnyValueView::Bytes(bytes) => writer.bytes(7, bytes),
    };
    out.extend_from_slice(&writer.into_bytes());
}

/// Writes a value as an `AnyValue` message's fields.
pub(crate) fn encode_value(value: &Value, writer: &mut Writer) {
    match value {
        Value::Empty => {}
        Value::Str(text) => drop(writer.str(1, text)),
        Value::Bool(flag) => drop(writer.varint(2, u64::from(*flag))),
        Value::Int(number) => drop(writer.varint(3, *number as u64)),
        Value::Double(number) => drop(writer.double(4, *number)),
        Value::Array(values) => drop(writer.message(5, |array| {
            for value in values {
                array.message(1, |inner| encode_value(value, inner));
            }
        })),
        Value::KvList(pairs) => drop(writer.message(6, |list| {
            for pair in pairs {
                list.message(1, |inner| {
                    inner.str(1, &pair.key).message(2, |value| encode_value(&pair.value, value));
                });
            }
        })),
        Value::Bytes(bytes) => drop(writer.bytes(7, bytes)),
    }
}

/// Writes a `KeyValue` message.
pub(crate) fn encode_key_value(key: &str, scalar: Scalar<'_>, out: &mut Vec<u8>) {
    let mut writer = Writer::new();
    writer.str(1, key);
    match scalar {
        Scalar::Any(message) => drop(writer.bytes(2, message)),
        other => drop(writer.message(2, |value| encode_value(&other.to_value(), value))),
    }
    out.extend_from_slice(&writer.into_bytes());
}

/// Reads an `AnyValue` message.
pub(crate) fn decode_any(message: &[u8]) -> Value {
    let mut fields = Fields::new(message);
    let mut value = Value::Empty;
    while let Ok(Some(field)) = fields.next_field() {
        value = match field {
            (1, WireValue::Bytes(bytes)) => Value::Str(text(bytes)),
            (2, WireValue::Varint(flag)) => Value::Bool(flag != 0),
            (3, WireValue::Varint(number)) => Value::Int(number as i64),
            (4, WireValue::Fixed64(bits)) => Value::Double(f64::from_bits(bits)),
            (5, WireValue::Bytes(array)) => Value::Array(items(array).map(decode_any).collect()),
            (6, WireValue::Bytes(list)) => Value::KvList(items(list).map(decode_key_value).collect()),
            (7, WireValue::Bytes(bytes)) => Value::Bytes(bytes.to_vec()),
            _ => continue,
        };
    }
    value
}

/// Reads a `KeyValue` message.
pub(crate) fn decode_key_value(message: &[u8]) -> KeyValue {
    let mut fields = Fields::new(message);
    let mut pair = KeyValue::default();
    while let Ok(Some(field)) = fields.next_field() {
        match field {
            (1, WireValue::Bytes(key)) => pair.key = text(key),
            (2, WireValue::Bytes(value)) => pair.value = decode_any(value),
            _ => {}
        }
    }
    pair
}

/// The key of a `KeyValue` message that [`encode_key_value`] wrote.
pub(crate) fn key_of(message: &[u8]) -> &[u8] {
    match Fields::new(message).next_field() {
        Ok(Some((1, WireValue::Bytes(key)))) => key,
        _ => &[],
    }
}

/// The elements of an `ArrayValue` or `KeyValueList` message: both repeat field 1.
fn items(message: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut fields = Fields::new(message);
    std::iter::from_fn(move || {
        loop {
            match fields.next_field() {
                Ok(Some((1, WireValue::Bytes(item)))) => return Some(item),
                Ok(Some(_)) => {}
                _ => return None,
            }
        }
    })
}
