//! Lossless JSON of values, readable by people and by SQL.
//!
//! | value | JSON |
//! |---|---|
//! | text, boolean, empty | string, `true`/`false`, `null` |
//! | integer | number without point and exponent |
//! | double | number with point or exponent; `{"double":"NaN"}`, `"Infinity"`, `"-Infinity"` |
//! | array | array |
//! | bytes | `{"bytes":"<base64>"}` |
//! | list of pairs | `{"kvlist":[["key",value],…]}`: order and repeated keys survive |
//!
//! Only wrappers are objects, so nothing is ambiguous.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use model::{KeyValue, Value};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value as Json;

/// Appends `text` as a JSON string.
pub(crate) fn write_str(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a Vec takes every write");
}

/// Appends `value`.
pub(crate) fn write_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Empty => out.extend_from_slice(b"null"),
        Value::Str(text) => write_str(text, out),
        Value::Bool(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        Value::Int(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::Double(number) => write_double(*number, out),
        Value::Array(values) => write_list(values, out, write_value),
        Value::KvList(pairs) => {
            out.extend_from_slice(b"{\"kvlist\":");
            write_list(pairs, out, |pair, out| {
                out.push(b'[');
                write_str(&pair.key, out);
                out.push(b',');
                write_value(&pair.value, out);
                out.push(b']');
            });
            out.push(b'}');
        }
        Value::Bytes(bytes) => {
            out.extend_from_slice(b"{\"bytes\":\"");
            out.extend_from_slice(BASE64_STANDARD.encode(bytes).as_bytes());
            out.extend_from_slice(b"\"}");
        }
    }
}

/// Appends pairs as one JSON object; keys must be distinct.
pub(crate) fn write_object(pairs: &[KeyValue], out: &mut Vec<u8>) {
    out.push(b'{');
    for (at, pair) in pairs.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_str(&pair.key, out);
        out.push(b':');
        write_value(&pair.value, out);
    }
    out.push(b'}');
}

fn write_list<T>(items: &[T], out: &mut Vec<u8>, write: impl Fn(&T, &mut Vec<u8>)) {
    out.push(b'[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

fn write_double(number: f64, out: &mut Vec<u8>) {
    let text = if number.is_nan() {
        "{\"double\":\"NaN\"}".to_owned()
    } else if number.is_infinite() {
        format!("{{\"double\":\"{}Infinity\"}}", if number < 0.0 { "-" } else { "" })
    } else {
        format!("{number:?}")
    };
    out.extend_from_slice(text.as_bytes());
}

/// Reads what [`write_value`] wrote; `None` when it is something else.
pub(crate) fn parse_value(json: Json) -> Option<Value> {
    Some(match json {
        Json::Null => Value::Empty,
        Json::Bool(flag) => Value::Bool(flag),
        Json::String(text) => Value::Str(text),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => Value::Int(integer),
            None => Value::Double(number.as_f64()?),
        },
        Json::Array(items) => Value::Array(items.into_iter().map(parse_value).collect::<Option<_>>()?),
        Json::Object(wrapper) => {
            let (name, inner) = wrapper.into_iter().next()?;
            match (name.as_str(), inner) {
                ("double", Json::String(text)) => Value::Double(text.parse().ok()?),
                ("bytes", Json::String(text)) => Value::Bytes(BASE64_STANDARD.decode(text).ok()?),
                ("kvlist", Json::Array(items)) => {
                    Value::KvList(items.into_iter().map(parse_pair).collect::<Option<_>>()?)
                }
                _ => return None,
            }
        }
    })
}

fn parse_pair(json: Json) -> Option<KeyValue> {
    let Json::Array(items) = json else { return None };
    let [Json::String(key), value] = <[Json; 2]>::try_from(items).ok()? else { return None };
    Some(KeyValue { key, value: parse_value(value)? })
}

/// Reads what [`write_object`] wrote, in its order; `None` when it is something else.
pub(crate) fn parse_object(text: &[u8]) -> Option<Vec<KeyValue>> {
    let Members(members) = serde_json::from_slice(text).ok()?;
    members.into_iter().map(|(key, value)| Some(KeyValue { key, value: parse_value(value)? })).collect()
}

/// Members of an object as they stand: `serde_json`'s own map sorts them.
struct Members(Vec<(String, Json)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_survives() {
        let pairs = vec![
            KeyValue::new("z first", 1),
            KeyValue::new("array", Value::Array(vec![Value::Int(-1), Value::Double(2.0), Value::Empty, "x".into()])),
            KeyValue::new("bool", true),
            KeyValue::new("bytes", Value::Bytes(vec![0, 255, 7])),
            KeyValue::new("double", -0.0),
            KeyValue::new("huge", 1.7976931348623157e308),
            KeyValue::new("infinite", f64::NEG_INFINITY),
            KeyValue::new("int", i64::MIN),
            KeyValue::new("kvlist", Value::KvList(vec![KeyValue::new("a", 1), KeyValue::new("a", "\u{1}\"é")])),
            KeyValue::new("round", 1e21),
        ];
        let mut text = Vec::new();
        write_object(&pairs, &mut text);
        assert_eq!(parse_object(&text), Some(pairs));
        let mut nan = Vec::new();
        write_value(&Value::Double(f64::NAN), &mut nan);
        let back = parse_value(serde_json::from_slice(&nan).expect("JSON"));
        assert!(matches!(back, Some(Value::Double(number)) if number.is_nan()));
    }
}
