//! Attributes to labels.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use model::{Labels, Value};
use otlp::view::{AnyValueView, KeyValueView};

use crate::attributes::value::{decode_any, encode_view};
use crate::samples::naming::{LabelNamer, NamingError};

/// Collects attributes; what falls on the same label is joined with `;` in order of key.
pub(super) struct LabelBuilder {
    namer: LabelNamer,
    /// Key, label, text.
    entries: Vec<(String, String, String)>,
}

impl LabelBuilder {
    pub(super) fn new(namer: LabelNamer) -> Self {
        Self { namer, entries: Vec::new() }
    }

    /// Adds an attribute. An empty text is no label.
    pub(super) fn add(&mut self, pair: &KeyValueView<'_>) -> Result<(), NamingError> {
        let text = text_of(pair.value);
        if !text.is_empty() {
            let label = self.namer.name(pair.key)?;
            self.entries.retain(|entry| entry.0 != pair.key);
            self.entries.push((pair.key.to_owned(), label, text));
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The text of attribute `key`.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.entries.iter().find(|entry| entry.0 == key).map(|entry| entry.2.clone())
    }

    /// Labels with their texts.
    pub(super) fn into_pairs(mut self) -> Vec<(String, String)> {
        self.entries.sort();
        let mut pairs: Vec<(String, String)> = Vec::with_capacity(self.entries.len());
        for (_, label, text) in self.entries {
            match pairs.iter_mut().find(|pair| pair.0 == label) {
                Some(pair) => {
                    pair.1.push(';');
                    pair.1.push_str(&text);
                }
                None => pairs.push((label, text)),
            }
        }
        pairs
    }

    /// The label set: `weak` gives way to the attributes, `strong` and then `own` win over them.
    pub(super) fn finish(self, weak: &[(String, String)], strong: &[(String, String)], own: &[(&str, &str)]) -> Labels {
        let mut pairs = weak.to_vec();
        pairs.extend(self.into_pairs());
        pairs.extend_from_slice(strong);
        pairs.extend(own.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
        // The last one of a name wins.
        Labels::from_pairs(pairs)
    }
}

/// An attribute's value as text, as OTLP's mapping to other formats has it: lists as JSON, bytes in base64.
pub(super) fn text_of(value: AnyValueView<'_>) -> String {
    match value {
        AnyValueView::Empty => String::new(),
        AnyValueView::Str(text) => text.to_owned(),
        AnyValueView::Bool(flag) => flag.to_string(),
        AnyValueView::Int(number) => number.to_string(),
        AnyValueView::Double(number) => double_text(number),
        AnyValueView::Bytes(bytes) => BASE64_STANDARD.encode(bytes),
        AnyValueView::Array(_) | AnyValueView::KvList(_) => {
            let mut message = Vec::new();
            encode_view(value, &mut message);
            json_of(&decode_any(&message)).to_string()
        }
    }
}

/// The shortest text that gives the number back; exponents below 1e-6 and from 1e21, as JavaScript and the collector do.
fn double_text(number: f64) -> String {
    let size = number.abs();
    if number.is_infinite() {
        return if number > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    if size != 0.0 && size.is_finite() && !(1e-6..1e21).contains(&size) {
        let text = format!("{number:e}");
        return if size >= 1.0 { text.replace('e', "e+") } else { text };
    }
    number.to_string()
}

fn json_of(value: &Value) -> serde_json::Value {
    match value {
        Value::Empty => serde_json::Value::Null,
        Value::Str(text) => text.as_str().into(),
        Value::Bool(flag) => (*flag).into(),
        Value::Int(number) => (*number).into(),
        Value::Double(number) => (*number).into(),
        Value::Array(values) => values.iter().map(json_of).collect(),
        Value::KvList(pairs) => pairs.iter().map(|pair| (pair.key.clone(), json_of(&pair.value))).collect(),
        Value::Bytes(bytes) => BASE64_STANDARD.encode(bytes).into(),
    }
}
