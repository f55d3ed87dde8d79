//! Values as JSON text, in two forms.
//!
//! *Plain*: what a person expects and what Loki shows as the line of a record whose body is no string: `{"a":[1,true,"x"]}`. Types are
//! lost (an integer and a double of the same value look alike, bytes are base64 text).
//!
//! *Typed*: OTLP/JSON's `AnyValue`, `{"arrayValue":{"values":[{"intValue":"1"}]}}`; read back it is the same value (but for the payload
//! bits of a NaN).

use std::fmt::Write;

use base64::Engine;
use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use model::Value;

use super::{decode, elements, pairs, to_value};
use crate::error::DecodeError;
use crate::json::any_value_to_protobuf;
use crate::view::AnyValueView;

/// Appends the plain form. A text, number or flag that stands alone is not quoted (the line of a log record), inside arrays and lists
/// texts are; lists are sorted by key and the last of equal keys wins, as in Loki. NaN and infinities are quoted inside others.
pub fn write_plain_json(view: AnyValueView<'_>, out: &mut String) {
    match view {
        AnyValueView::Empty => {}
        AnyValueView::Str(text) => out.push_str(text),
        AnyValueView::Bytes(bytes) => STANDARD.encode_string(bytes, out),
        AnyValueView::Double(number) => write_plain_double(number, out),
        other => write_plain_inner(other, out),
    }
}

fn write_plain_inner(view: AnyValueView<'_>, out: &mut String) {
    match view {
        AnyValueView::Empty => out.push_str("null"),
        AnyValueView::Str(text) => write_json_string(text, out),
        AnyValueView::Bool(flag) => out.push_str(if flag { "true" } else { "false" }),
        AnyValueView::Int(number) => append(out, format_args!("{number}")),
        AnyValueView::Double(number) if number.is_finite() => write_plain_double(number, out),
        AnyValueView::Double(number) => {
            out.push('"');
            write_plain_double(number, out);
            out.push('"');
        }
        AnyValueView::Array(message) => write_list('[', ']', elements(message), out, write_plain_inner),
        AnyValueView::KvList(message) => {
            let mut sorted: Vec<_> = pairs(message).collect();
            sorted.reverse();
            sorted.sort_by_key(|pair| pair.key);
            sorted.dedup_by_key(|pair| pair.key);
            write_list('{', '}', sorted.into_iter(), out, |pair, out| {
                write_json_string(pair.key, out);
                out.push(':');
                write_plain_inner(pair.value, out);
            });
        }
        AnyValueView::Bytes(bytes) => {
            out.push('"');
            STANDARD.encode_string(bytes, out);
            out.push('"');
        }
    }
}

/// As Go's `encoding/json` writes a float: no exponent between 1e-6 and 1e21, no `.0`.
fn write_plain_double(number: f64, out: &mut String) {
    let size = number.abs();
    if number.is_nan() {
        out.push_str("NaN");
    } else if number.is_infinite() {
        out.push_str(if number > 0.0 { "+Inf" } else { "-Inf" });
    } else if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{number:e}");
        // Go writes `1e+21`, Rust `1e21`.
        out.push_str(&if size >= 1e21 { text.replace('e', "e+") } else { text });
    } else {
        append(out, format_args!("{number}"));
    }
}

/// Appends the typed form.
pub fn write_typed_json(view: AnyValueView<'_>, out: &mut String) {
    match view {
        AnyValueView::Empty => out.push_str("{}"),
        AnyValueView::Str(text) => {
            out.push_str("{\"stringValue\":");
            write_json_string(text, out);
            out.push('}');
        }
        AnyValueView::Bool(flag) => append(out, format_args!("{{\"boolValue\":{flag}}}")),
        AnyValueView::Int(number) => append(out, format_args!("{{\"intValue\":\"{number}\"}}")),
        AnyValueView::Double(number) if number.is_finite() => {
            append(out, format_args!("{{\"doubleValue\":{number:?}}}"))
        }
        AnyValueView::Double(number) => {
            let name = if number.is_nan() { "NaN" } else { ["-Infinity", "Infinity"][usize::from(number > 0.0)] };
            append(out, format_args!("{{\"doubleValue\":\"{name}\"}}"));
        }
        AnyValueView::Array(message) => {
            out.push_str("{\"arrayValue\":{\"values\":");
            write_list('[', ']', elements(message), out, write_typed_json);
            out.push_str("}}");
        }
        AnyValueView::KvList(message) => {
            out.push_str("{\"kvlistValue\":{\"values\":");
            write_list('[', ']', pairs(message), out, |pair, out| {
                out.push_str("{\"key\":");
                write_json_string(pair.key, out);
                out.push_str(",\"value\":");
                write_typed_json(pair.value, out);
                out.push('}');
            });
            out.push_str("}}");
        }
        AnyValueView::Bytes(bytes) => {
            append(out, format_args!("{{\"bytesValue\":\"{}\"}}", Base64Display::new(bytes, &STANDARD)));
        }
    }
}

/// Reads the typed form.
pub fn from_typed_json(text: &str) -> Result<Value, DecodeError> {
    Ok(to_value(decode(&any_value_to_protobuf(text.as_bytes())?)?))
}

/// Appends `text` as a JSON string.
pub fn write_json_string(text: &str, out: &mut String) {
    out.push('"');
    let mut plain_from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(&text[plain_from..at]);
        if escape.is_empty() {
            append(out, format_args!("\\u{byte:04x}"));
        } else {
            out.push_str(escape);
        }
        plain_from = at + 1;
    }
    out.push_str(&text[plain_from..]);
    out.push('"');
}

fn write_list<T>(
    open: char,
    close: char,
    parts: impl Iterator<Item = T>,
    out: &mut String,
    mut write: impl FnMut(T, &mut String),
) {
    out.push(open);
    for (position, part) in parts.enumerate() {
        if position > 0 {
            out.push(',');
        }
        write(part, out);
    }
    out.push(close);
}

fn append(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a string cannot fail");
}
