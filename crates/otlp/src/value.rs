//! Single attribute values: to and from owned data, protobuf and JSON.

pub mod json;

use model::{KeyValue, Value};
use protowire::{Fields, Writer};

use crate::attributes::read_value;
use crate::error::DecodeError;
use crate::view::{AnyValueView, KeyValueView};

pub use json::{from_typed_json, write_plain_json, write_typed_json};

/// Checks and reads `AnyValue` message bytes.
pub fn decode(message: &[u8]) -> Result<AnyValueView<'_>, DecodeError> {
    read_value(message)
}

/// The owned form of `view`. Views from this crate have been checked, so this cannot fail; bytes of an array or list made by others
/// end where they stop making sense.
pub fn to_value(view: AnyValueView<'_>) -> Value {
    match view {
        AnyValueView::Empty => Value::Empty,
        AnyValueView::Str(text) => Value::Str(text.to_owned()),
        AnyValueView::Bool(flag) => Value::Bool(flag),
        AnyValueView::Int(number) => Value::Int(number),
        AnyValueView::Double(number) => Value::Double(number),
        AnyValueView::Array(message) => Value::Array(elements(message).map(to_value).collect()),
        AnyValueView::KvList(message) => Value::KvList(pairs(message).map(to_key_value).collect()),
        AnyValueView::Bytes(bytes) => Value::Bytes(bytes.to_owned()),
    }
}

/// The owned form of an attribute.
pub fn to_key_value(pair: KeyValueView<'_>) -> KeyValue {
    KeyValue { key: pair.key.to_owned(), value: to_value(pair.value) }
}

/// The elements of an [`AnyValueView::Array`].
pub fn elements(message: &[u8]) -> impl Iterator<Item = AnyValueView<'_>> {
    children(message).map_while(|element| read_value(element).ok())
}

/// The pairs of an [`AnyValueView::KvList`] in the sender's order.
pub fn pairs(message: &[u8]) -> impl Iterator<Item = KeyValueView<'_>> {
    children(message).map_while(|pair| {
        let (mut key, mut value) = ("", AnyValueView::Empty);
        let mut fields = Fields::new(pair);
        while let Some((field, wire)) = fields.next_field().ok()? {
            match field {
                1 => key = wire.str(1).ok()?,
                2 => value = read_value(wire.bytes(2).ok()?).ok()?,
                _ => {}
            }
        }
        Some(KeyValueView { key, value })
    })
}

/// Field 1 of `ArrayValue` and `KeyValueList`.
fn children(message: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut fields = Fields::new(message);
    std::iter::from_fn(move || {
        loop {
            let (field, wire) = fields.next_field().ok()??;
            if field == 1 {
                return wire.bytes(1).ok();
            }
        }
    })
}

/// `AnyValue` message bytes of `value`.
pub fn encode(value: &Value) -> Vec<u8> {
    let mut out = Writer::new();
    write(value, &mut out);
    out.into_bytes()
}

/// Writes the fields of an `AnyValue` message.
pub fn write(value: &Value, out: &mut Writer) {
    match value {
        Value::Empty => {}
        Value::Str(text) => drop_ref(out.str(1, text)),
        Value::Bool(flag) => drop_ref(out.varint(2, u64::from(*flag))),
        Value::Int(number) => drop_ref(out.varint(3, *number as u64)),
        Value::Double(number) => drop_ref(out.double(4, *number)),
        Value::Array(values) => drop_ref(out.message(5, |array| {
            values.iter().for_each(|value| drop_ref(array.message(1, |element| write(value, element))));
        })),
        Value::KvList(pairs) => drop_ref(out.message(6, |list| write_pairs(pairs, 1, list))),
        Value::Bytes(bytes) => drop_ref(out.bytes(7, bytes)),
    }
}

/// Writes `pairs` as repeated `KeyValue` messages of `field`.
pub fn write_pairs(pairs: &[KeyValue], field: u32, out: &mut Writer) {
    for pair in pairs {
        out.message(field, |message| {
            message.str(1, &pair.key).message(2, |value| write(&pair.value, value));
        });
    }
}

/// Writes the fields of an `AnyValue` message.
pub fn write_view(view: AnyValueView<'_>, out: &mut Writer) {
    match view {
        AnyValueView::Empty => {}
        AnyValueView::Str(text) => drop_ref(out.str(1, text)),
        AnyValueView::Bool(flag) => drop_ref(out.varint(2, u64::from(flag))),
        AnyValueView::Int(number) => drop_ref(out.varint(3, number as u64)),
        AnyValueView::Double(number) => drop_ref(out.double(4, number)),
        AnyValueView::Array(message) => drop_ref(out.bytes(5, message)),
        AnyValueView::KvList(message) => drop_ref(out.bytes(6, message)),
        AnyValueView::Bytes(bytes) => drop_ref(out.bytes(7, bytes)),
    }
}

/// Ends a chain of calls on a [`Writer`].
fn drop_ref(_: &mut Writer) {}

#[cfg(test)]
mod tests;
