//! Text of OTLP attribute values and bodies, as Loki's OTLP endpoint writes it.
//!
//! | value | text |
//! |---|---|
//! | string | verbatim |
//! | bool, int | `true`, `-5` |
//! | double | shortest form that reads back equal; exponent below 1e-6 and from 1e21 on, as ECMAScript and Go's JSON do |
//! | bytes | base64 with padding |
//! | array, map | JSON; the keys of a map sorted |
//! | empty | nothing (`null` inside of JSON) |
//!
//! NaN and infinities have no JSON form: inside of an array or map they are written as strings. This form loses types; the
//! lossless one for storage is [`crate::attributes::json`].

use std::borrow::Cow;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{KeyValue, Value};

/// Text of `value` for a log line or a label value.
pub(crate) fn of_value(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Empty => Cow::Borrowed(""),
        Value::Str(text) => Cow::Borrowed(text),
        Value::Bool(flag) => Cow::Borrowed(if *flag { "true" } else { "false" }),
        Value::Bytes(bytes) => Cow::Owned(STANDARD.encode(bytes)),
        Value::Double(number) if !number.is_finite() => Cow::Borrowed(non_finite(*number)),
        other => {
            let mut out = String::new();
            write_json(&mut out, other);
            Cow::Owned(out)
        }
    }
}

/// Nesting is bounded: the walkers refuse values deeper than [`otlp::NESTING_MAX`].
fn write_json(out: &mut String, value: &Value) {
    match value {
        Value::Empty => out.push_str("null"),
        Value::Str(text) => write_json_string(out, text),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Int(number) => _ = write!(out, "{number}"),
        Value::Double(number) => write_double(out, *number),
        Value::Bytes(bytes) => _ = write!(out, "\"{}\"", STANDARD.encode(bytes)),
        Value::Array(elements) => {
            out.push('[');
            for (position, element) in elements.iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write_json(out, element);
            }
            out.push(']');
        }
        Value::KvList(pairs) => {
            let mut sorted: Vec<&KeyValue> = pairs.iter().collect();
            sorted.sort_by(|a, b| a.key.cmp(&b.key));
            out.push('{');
            for (position, pair) in sorted.iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write_json_string(out, &pair.key);
                out.push(':');
                write_json(out, &pair.value);
            }
            out.push('}');
        }
    }
}

/// Appends `text` as a JSON string.
pub(crate) fn write_json_string(out: &mut String, text: &str) {
    out.push('"');
    let mut copied = 0;
    for (position, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[copied..position]);
        copied = position + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => _ = write!(out, "\\u{control:04x}"),
        }
    }
    out.push_str(&text[copied..]);
    out.push('"');
}

fn write_double(out: &mut String, number: f64) {
    let size = number.abs();
    _ = if !number.is_finite() {
        write!(out, "\"{}\"", non_finite(number))
    } else if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let scientific = format!("{number:e}");
        let signed = if size >= 1.0 { scientific.replace('e', "e+") } else { scientific };
        out.write_str(&signed)
    } else {
        write!(out, "{number}")
    };
}

fn non_finite(number: f64) -> &'static str {
    match number {
        n if n.is_nan() => "NaN",
        n if n > 0.0 => "+Inf",
        _ => "-Inf",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_written_bare() {
        let cases = [
            (Value::Empty, ""),
            (Value::from("a \"b\""), "a \"b\""),
            (Value::Bool(true), "true"),
            (Value::Int(-5), "-5"),
            (Value::Double(1.0), "1"),
            (Value::Double(0.25), "0.25"),
            (Value::Double(1e21), "1e+21"),
            (Value::Double(1.5e-7), "1.5e-7"),
            (Value::Double(f64::NAN), "NaN"),
            (Value::Bytes(vec![1, 2, 255]), "AQL/"),
        ];
        for (value, expected) in cases {
            assert_eq!(of_value(&value), expected, "{value:?}");
        }
    }

    #[test]
    fn maps_and_arrays_are_json_with_sorted_keys() {
        let array = Value::Array(vec![Value::Int(1), Value::from("x\n\u{1}"), Value::Empty]);
        let map = Value::KvList(vec![KeyValue::new("b", array), KeyValue::new("a", f64::INFINITY)]);
        assert_eq!(of_value(&map), r#"{"a":"+Inf","b":[1,"x\n\u0001",null]}"#);
    }
}
