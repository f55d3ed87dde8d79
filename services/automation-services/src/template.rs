//! `{name}` templates over the variables of one execution.
//!
//! A placeholder is `{` name `}`, where a name is letters, digits and `_`, with further parts after dots that walk into objects and
//! lists: `{step_1_result.records.0.id}`. What is not a known variable stays as it is written, so JSON inside a prompt survives. Values
//! are put in once and never expanded again: text that came from a file or a model cannot name variables. There are no expressions.

use serde_json::{Map, Value};

/// The longest text that one template may become: the longest extracted text twice, in bytes.
pub const RENDERED_BYTES_MAX: usize = 2 * crate::extract::TEXT_BYTES_MAX;

/// How deep objects and lists inside a step may nest.
const DEPTH_MAX: usize = 32;

/// Why a template has no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The result would be longer than [`RENDERED_BYTES_MAX`].
    #[error("the rendered text is longer than {RENDERED_BYTES_MAX} bytes")]
    TooLong,
    /// Objects and lists nest deeper than 32 levels.
    #[error("the value nests deeper than {DEPTH_MAX} levels")]
    TooDeep,
}

/// The names that a step may use, with their values.
#[derive(Debug, Clone, Default)]
pub struct Variables(Map<String, Value>);

impl Variables {
    /// No variables.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `name` to `value`, replacing what it was.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.0.insert(name.into(), value.into());
    }

    /// The value behind `path` (`a.b.0`), if every part of it exists.
    pub fn get(&self, path: &str) -> Option<&Value> {
        let mut parts = path.split('.');
        let mut value = self.0.get(parts.next()?)?;
        for part in parts {
            value = match value {
                Value::Object(map) => map.get(part)?,
                Value::Array(list) => list.get(part.parse::<usize>().ok()?)?,
                _ => return None,
            };
        }
        Some(value)
    }
}

/// The text of `template` with every known placeholder replaced. Strings are put in as they are, `null` as nothing, all else as JSON.
pub fn render(template: &str, variables: &Variables) -> Result<String, TemplateError> {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        append(&mut out, &rest[..open])?;
        rest = &rest[open..];
        match placeholder(rest).and_then(|path| Some((path.len(), variables.get(path)?))) {
            Some((length, value)) => {
                append(&mut out, &text_of(value))?;
                rest = &rest[length + 2..];
            }
            None => {
                append(&mut out, "{")?;
                rest = &rest[1..];
            }
        }
    }
    append(&mut out, rest)?;
    Ok(out)
}

/// `value` with every string in it rendered. A string that is one placeholder and nothing else becomes the variable's value with its
/// type, so that a number stays a number on its way to Airtable.
pub fn render_value(value: &Value, variables: &Variables) -> Result<Value, TemplateError> {
    render_nested(value, variables, DEPTH_MAX)
}

fn render_nested(value: &Value, variables: &Variables, depth: usize) -> Result<Value, TemplateError> {
    if depth == 0 {
        return Err(TemplateError::TooDeep);
    }
    Ok(match value {
        Value::String(text) => {
            match placeholder(text).filter(|path| path.len() + 2 == text.len()).and_then(|p| variables.get(p)) {
                Some(whole) => whole.clone(),
                None => Value::String(render(text, variables)?),
            }
        }
        Value::Array(list) => {
            Value::Array(list.iter().map(|item| render_nested(item, variables, depth - 1)).collect::<Result<_, _>>()?)
        }
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, item)| Ok((key.clone(), render_nested(item, variables, depth - 1)?)))
                .collect::<Result<_, _>>()?,
        ),
        other => other.clone(),
    })
}

/// The path of the placeholder that `text` begins with.
fn placeholder(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('{')?;
    let path = &inner[..inner.find('}')?];
    let first = path.bytes().next()?;
    let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    ((first.is_ascii_alphabetic() || first == b'_') && path.bytes().all(named)).then_some(path)
}

fn append(out: &mut String, text: &str) -> Result<(), TemplateError> {
    if out.len() + text.len() > RENDERED_BYTES_MAX {
        return Err(TemplateError::TooLong);
    }
    out.push_str(text);
    Ok(())
}

/// A value as a template shows it.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn variables() -> Variables {
        let mut variables = Variables::new();
        variables.set("filename", "a.csv");
        variables.set("file_size", 12);
        variables.set("content", "{filename} is not expanded again");
        variables.set("step_1_result", json!({"records": [{"id": "rec1"}], "none": null}));
        variables
    }

    #[test]
    fn texts() {
        let variables = variables();
        for (template, expected) in [
            ("", ""),
            ("no names", "no names"),
            ("{filename}: {file_size} bytes", "a.csv: 12 bytes"),
            ("{content}", "{filename} is not expanded again"),
            ("{step_1_result.records.0.id}{step_1_result.none}", "rec1"),
            ("{step_1_result.records.1.id}", "{step_1_result.records.1.id}"),
            ("{unknown} {", "{unknown} {"),
            (r#"{"json": {filename}}"#, r#"{"json": a.csv}"#),
            ("{{filename}}", "{a.csv}"),
            ("{ filename }", "{ filename }"),
            ("{step_1_result.records}", r#"[{"id":"rec1"}]"#),
            ("ä{filename}ö}", "äa.csvö}"),
        ] {
            assert_eq!(render(template, &variables).unwrap(), expected, "{template}");
        }
    }

    #[test]
    fn types_survive_in_values() {
        let rendered = render_value(
            &json!({"Size": "{file_size}", "Name": "<{filename}>", "n": [1, "{step_1_result.none}"]}),
            &variables(),
        );
        assert_eq!(rendered.unwrap(), json!({"Size": 12, "Name": "<a.csv>", "n": [1, null]}));
    }

    #[test]
    fn growth_is_bounded() {
        let mut variables = Variables::new();
        variables.set("x", "y".repeat(1 << 20));
        assert_eq!(render(&"{x}".repeat(64), &variables), Err(TemplateError::TooLong));
        let deep = (0..40).fold(json!(1), |value, _| json!([value]));
        assert_eq!(render_value(&deep, &variables), Err(TemplateError::TooDeep));
    }
}
