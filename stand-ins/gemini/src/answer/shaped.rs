//! Values of a wanted shape: for `responseSchema`, `responseJsonSchema`, and for the arguments of a function.
//!
//! Knows the OpenAPI subset (`type: "OBJECT"`) and JSON Schema alike: types, enum, const, items, required, bounds, anyOf/oneOf,
//! `$ref` into `$defs`. Limits: depth [`DEPTH_MAX`]; `pattern` and most formats are not followed.

use serde_json::{Map, Value, json};

use super::arguments::Said;
use super::prose;
use crate::random::Random;
use crate::request::{Config, Generate};

/// A schema that contains itself ends here.
const DEPTH_MAX: usize = 10;

/// What is built, and from what.
pub(super) struct Builder<'a> {
    pub(super) root: &'a Value,
    pub(super) said: &'a Said<'a>,
    /// Fill optional fields too; otherwise only those that the conversation speaks of.
    pub(super) all: bool,
}

/// The shape that the configuration asks for; none means plain text.
pub(super) fn wanted(config: &Config) -> Option<Value> {
    let schema = config.response_schema.clone().or_else(|| config.response_json_schema.clone());
    match config.response_mime_type.as_deref() {
        Some("application/json") => Some(schema.unwrap_or_else(default_shape)),
        Some("text/x.enum") => schema,
        _ => None,
    }
}

/// JSON without a schema: findings, as an analysis of a table would list them.
fn default_shape() -> Value {
    json!({"type": "object", "properties": {
        "summary": {"type": "string"},
        "findings": {"type": "array", "minItems": 2, "items": {"type": "object", "properties": {
            "category": {"type": "string"}, "severity": {"type": "string"}, "title": {"type": "string"},
            "description": {"type": "string"}, "recommendation": {"type": "string"}, "confidence": {"type": "number"}}}}}})
}

/// The value as the text of an answer.
pub(super) fn text(schema: &Value, request: &Generate, random: &mut Random) -> String {
    let prompt = request.prompt();
    let said = Said { prompt: &prompt, before: "" };
    let value = Builder { root: schema, said: &said, all: true }.value(schema, "", 0, random);
    match value {
        Value::String(text) if request.generation_config.response_mime_type.as_deref() == Some("text/x.enum") => text,
        value => value.to_string(),
    }
}

impl Builder<'_> {
    /// A value of that schema for the field of that name.
    pub(super) fn value(&self, schema: &Value, name: &str, depth: usize, random: &mut Random) -> Value {
        let schema = self.resolved(schema);
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        if let Some(options) = schema.get("enum").and_then(Value::as_array).filter(|options| !options.is_empty()) {
            let prompt = self.said.prompt.to_lowercase();
            let spoken =
                options.iter().filter_map(Value::as_str).find(|option| prompt.contains(&option.to_lowercase()));
            return spoken.filter(|_| !self.all).map_or_else(|| random.pick(options).clone(), Value::from);
        }
        for alternatives in ["anyOf", "oneOf"] {
            let options = schema.get(alternatives).and_then(Value::as_array);
            let real = options.and_then(|options| options.iter().find(|option| kind(option) != "null"));
            if let Some(option) = real {
                return self.value(option, name, depth + 1, random);
            }
        }
        match kind(schema).as_str() {
            "object" => self.object(schema, depth, random),
            "array" => self.array(schema, name, depth, random),
            "integer" => Value::from(self.integer(schema, name, random)),
            "number" => self.number(schema, name, random),
            "boolean" => {
                let named = self.said.named(name).and_then(|word| word.parse().ok());
                Value::from(named.unwrap_or(self.all && random.between(0, 1) == 1))
            }
            "null" => Value::Null,
            _ => Value::from(self.text(name, random)),
        }
    }

    fn resolved<'s>(&'s self, schema: &'s Value) -> &'s Value {
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
        target.and_then(|pointer| self.root.pointer(pointer)).unwrap_or(schema)
    }

    fn object(&self, schema: &Value, depth: usize, random: &mut Random) -> Value {
        let mut object = Map::new();
        let required: Vec<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            let needed = required.contains(&name.as_str());
            let spoken = self.said.named(name).is_some();
            if needed || spoken || self.all && depth < DEPTH_MAX {
                object.insert(name.clone(), self.value(property, name, depth + 1, random));
            }
        }
        // A free map (the fields of a record): one entry, so that it is not empty.
        if properties.is_none_or(Map::is_empty) && depth > 0 {
            object.insert("Name".to_owned(), Value::from("Written by the stand-in"));
        }
        Value::Object(object)
    }

    fn array(&self, schema: &Value, name: &str, depth: usize, random: &mut Random) -> Value {
        let bound =
            |key: &str| schema.get(key).and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()));
        let low = bound("minItems").unwrap_or(1);
        let high = bound("maxItems").unwrap_or(low.max(if self.all { 3 } else { 1 })).max(low);
        if depth >= DEPTH_MAX {
            return Value::Array(Vec::new());
        }
        let count = random.between(low, high.min(low + 4));
        let items = schema.get("items").cloned().unwrap_or_else(|| json!({"type": "string"}));
        (0..count).map(|_| self.value(&items, name.strip_suffix('s').unwrap_or(name), depth + 1, random)).collect()
    }

    fn integer(&self, schema: &Value, name: &str, random: &mut Random) -> i64 {
        let (low, high) = bounds(schema, 1.0, 10.0);
        let spoken = self.said.named(name).and_then(|word| word.parse().ok());
        let drawn = random.between(0, (high - low).clamp(0.0, 1.0e6) as u64) as i64 + low as i64;
        spoken.unwrap_or(drawn)
    }

    fn number(&self, schema: &Value, name: &str, random: &mut Random) -> Value {
        let (low, high) = bounds(schema, 0.0, 1.0);
        let spoken: Option<f64> = self.said.named(name).and_then(|word| word.parse().ok());
        let drawn = low + (high - low) * random.between(0, 100) as f64 / 100.0;
        Value::from(spoken.unwrap_or((drawn * 100.0).round() / 100.0))
    }

    fn text(&self, name: &str, random: &mut Random) -> String {
        if let Some(found) = self.said.named(name).or_else(|| self.said.find(name)).filter(|_| !self.all) {
            return found;
        }
        let name = name.to_ascii_lowercase();
        let fixed = |words: &'static [&'static str], random: &mut Random| (*random.pick(words)).to_owned();
        match name.as_str() {
            "severity" | "priority" | "impact" | "effort" => fixed(&["low", "medium", "high"], random),
            "category" => fixed(&["structure", "data_quality", "field_types", "naming_conventions"], random),
            "title" | "issue" | "name" => {
                fixed(&["Mixed meanings in one field", "Missing owner", "Unused column"], random)
            }
            "expression" => "1 + 1".to_owned(),
            "field" | "field_name" | "column" => fixed(&["Status", "Owner", "Due date"], random),
            _ if name.ends_with("id") => format!("{:016x}", random.next()),
            _ => prose::sentence(random).to_owned(),
        }
    }
}

/// The type, in lower case; of several the first that is not null.
fn kind(schema: &Value) -> String {
    match schema.get("type") {
        Some(Value::String(name)) => name.to_ascii_lowercase(),
        Some(Value::Array(names)) => {
            let names = names.iter().filter_map(Value::as_str).map(str::to_ascii_lowercase);
            names.into_iter().find(|name| name != "null").unwrap_or_default()
        }
        _ if schema.get("properties").is_some() => "object".to_owned(),
        _ if schema.get("items").is_some() => "array".to_owned(),
        _ => "string".to_owned(),
    }
}

fn bounds(schema: &Value, low: f64, high: f64) -> (f64, f64) {
    let low = schema.get("minimum").and_then(Value::as_f64).unwrap_or(low);
    let high = schema.get("maximum").and_then(Value::as_f64).unwrap_or(high.max(low));
    (low, high.max(low))
}
