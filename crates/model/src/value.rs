//! Attribute values with their types kept (OTLP `common.v1.AnyValue`).

/// One value. `Empty` is an AnyValue with no variant set, which OTLP allows and calls "empty".
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// No value.
    #[default]
    Empty,
    /// UTF-8 text.
    Str(String),
    /// True or false.
    Bool(bool),
    /// 64-bit signed integer.
    Int(i64),
    /// IEEE 754 double; NaN and infinities allowed.
    Double(f64),
    /// Ordered values, types may differ.
    Array(Vec<Value>),
    /// Nested map in the sender's order.
    KvList(Vec<KeyValue>),
    /// Raw bytes.
    Bytes(Vec<u8>),
}

/// A key with its value; keys are not empty in valid OTLP, but an empty one is kept as it came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyValue {
    /// The attribute's name.
    pub key: String,
    /// The attribute's value.
    pub value: Value,
}

impl KeyValue {
    /// Pairs `key` with `value`.
    pub fn new(key: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Double(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

/// The value of `key` in `attributes`; the last one wins where a sender repeated it.
pub fn find<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    attributes.iter().rev().find(|pair| pair.key == key).map(|pair| &pair.value)
}
