//! Tests of values.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Any value, nested up to four deep; no NaN, which is not equal to itself.
pub(crate) fn any_value() -> impl Strategy<Value = Value> {
    let double = prop_oneof![any::<f64>().prop_filter("NaN", |number| !number.is_nan()), Just(-0.0)];
    let leaf = prop_oneof![
        Just(Value::Empty),
        ".{0,12}".prop_map(Value::Str),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        double.prop_map(Value::Double),
        vec(any::<u8>(), 0..9).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            vec((".{0,5}", inner), 0..4).prop_map(|pairs| Value::KvList(
                pairs.into_iter().map(|(key, value)| KeyValue { key, value }).collect()
            )),
        ]
    })
}

fn typed(value: &Value) -> String {
    let mut text = String::new();
    write_typed_json(decode(&encode(value)).expect("own bytes"), &mut text);
    text
}

fn plain(value: &Value) -> String {
    let mut text = String::new();
    write_plain_json(decode(&encode(value)).expect("own bytes"), &mut text);
    text
}

proptest! {
    #[test]
    fn values_survive_protobuf_and_typed_json(value in any_value()) {
        let bytes = encode(&value);
        let view = decode(&bytes).expect("own bytes");
        prop_assert_eq!(&to_value(view), &value);
        let mut out = Writer::new();
        write_view(view, &mut out);
        prop_assert_eq!(out.into_bytes(), bytes);
        prop_assert_eq!(from_typed_json(&typed(&value)).expect("own text"), value);
    }

    #[test]
    fn plain_json_is_json(value in any_value()) {
        if matches!(value, Value::Array(_) | Value::KvList(_)) {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&plain(&value)).is_ok());
        }
    }
}

#[test]
fn plain_json_as_loki_shows_it() {
    let cases = [
        (Value::Empty, ""),
        (Value::from("a \"b\"\n"), "a \"b\"\n"),
        (Value::Int(-5), "-5"),
        (Value::Bool(true), "true"),
        (Value::Double(5.0), "5"),
        (Value::Double(0.25), "0.25"),
        (Value::Double(1e21), "1e+21"),
        (Value::Double(1e-7), "1e-7"),
        (Value::Double(f64::NAN), "NaN"),
        (Value::Bytes(vec![1, 2, 3]), "AQID"),
        (
            Value::KvList(vec![
                KeyValue::new(
                    "z",
                    Value::Array(vec![Value::from("x\"\u{1}"), Value::Empty, Value::Double(f64::INFINITY)]),
                ),
                KeyValue::new("a", 1i64),
                KeyValue::new("b", Value::Bytes(vec![255])),
                KeyValue::new("a", 2i64),
            ]),
            r#"{"a":2,"b":"/w==","z":["x\"\u0001",null,"+Inf"]}"#,
        ),
    ];
    for (value, expected) in cases {
        assert_eq!(plain(&value), expected, "{value:?}");
    }
}

#[test]
fn typed_json_is_the_mapping_of_otlp() {
    let value = Value::KvList(vec![
        KeyValue::new("i", i64::MIN),
        KeyValue::new("d", 2.0),
        KeyValue::new("n", f64::NEG_INFINITY),
        KeyValue::new("e", Value::Empty),
        KeyValue::new("a", Value::Array(vec![Value::Bool(false), Value::Bytes(vec![255, 0])])),
    ]);
    let expected = concat!(
        r#"{"kvlistValue":{"values":[{"key":"i","value":{"intValue":"-9223372036854775808"}},"#,
        r#"{"key":"d","value":{"doubleValue":2.0}},{"key":"n","value":{"doubleValue":"-Infinity"}},{"key":"e","value":{}},"#,
        r#"{"key":"a","value":{"arrayValue":{"values":[{"boolValue":false},{"bytesValue":"/wA="}]}}}]}}"#
    );
    assert_eq!(typed(&value), expected);
    assert!(from_typed_json("{\"intValue\":\"x\"}").is_err());
}

#[test]
fn deep_nesting_is_refused_at_the_limit() {
    let nest = |levels: usize, wrap: fn(Value) -> Value| (0..levels).fold(Value::Empty, |value, _| wrap(value));
    for wrap in [|value| Value::Array(vec![value]), |value| Value::KvList(vec![KeyValue { key: "k".into(), value }])] {
        assert!(decode(&encode(&nest(crate::NESTING_MAX, wrap))).is_ok());
        assert_eq!(decode(&encode(&nest(crate::NESTING_MAX + 1, wrap))), Err(DecodeError::TooDeep));
    }
}
