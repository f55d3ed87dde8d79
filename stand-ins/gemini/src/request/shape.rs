//! The fields that requests may have, as tables, and the walk that checks a body against them.
//!
//! The walk accepts snake_case beside lowerCamelCase and one object where a list is wanted (both as upstream), turns names into
//! lowerCamelCase, and reports unknown names and wrong types in upstream's words, all at once. Source: upstream-apis.md A.2.

use serde_json::{Map, Number, Value};

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Text,
    /// A name of an enum; any text is taken.
    Enum,
    Float,
    Int,
    Bool,
    /// Anything, as it is: schemas, arguments, answers of functions.
    Any,
    Object(&'static Shape),
    Objects(&'static Shape),
    Texts,
}

/// An object's name upstream and its fields.
#[derive(Debug)]
pub(crate) struct Shape {
    name: &'static str,
    fields: &'static [(&'static str, Kind)],
}

use Kind::{Any, Bool, Enum, Float, Int, Object, Objects, Text, Texts};

pub(crate) const GENERATE: Shape = Shape {
    name: "GenerateContentRequest",
    fields: &[
        ("model", Text),
        ("contents", Objects(&CONTENT)),
        ("systemInstruction", Object(&CONTENT)),
        ("generationConfig", Object(&GENERATION_CONFIG)),
        ("tools", Objects(&TOOL)),
        ("toolConfig", Object(&TOOL_CONFIG)),
        ("safetySettings", Objects(&SAFETY)),
        ("cachedContent", Text),
        ("serviceTier", Enum),
    ],
};

pub(crate) const COUNT: Shape = Shape {
    name: "CountTokensRequest",
    fields: &[("model", Text), ("contents", Objects(&CONTENT)), ("generateContentRequest", Object(&GENERATE))],
};

pub(crate) const EMBED: Shape = Shape {
    name: "EmbedContentRequest",
    fields: &[
        ("model", Text),
        ("content", Object(&CONTENT)),
        ("taskType", Enum),
        ("title", Text),
        ("outputDimensionality", Int),
    ],
};

pub(crate) const EMBED_BATCH: Shape =
    Shape { name: "BatchEmbedContentsRequest", fields: &[("model", Text), ("requests", Objects(&EMBED))] };

const CONTENT: Shape = Shape { name: "Content", fields: &[("role", Text), ("parts", Objects(&PART))] };

const PART: Shape = Shape {
    name: "Part",
    fields: &[
        ("text", Text),
        ("inlineData", Object(&BLOB)),
        ("fileData", Object(&FILE)),
        ("functionCall", Object(&FUNCTION_CALL)),
        ("functionResponse", Object(&FUNCTION_RESPONSE)),
        ("executableCode", Any),
        ("codeExecutionResult", Any),
        ("thought", Bool),
        ("thoughtSignature", Text),
        ("videoMetadata", Any),
        ("mediaResolution", Any),
        ("partMetadata", Any),
    ],
};

const BLOB: Shape = Shape { name: "Blob", fields: &[("mimeType", Text), ("data", Text), ("displayName", Text)] };
const FILE: Shape = Shape { name: "FileData", fields: &[("mimeType", Text), ("fileUri", Text), ("displayName", Text)] };
const FUNCTION_CALL: Shape = Shape { name: "FunctionCall", fields: &[("id", Text), ("name", Text), ("args", Any)] };
const FUNCTION_RESPONSE: Shape = Shape {
    name: "FunctionResponse",
    fields: &[
        ("id", Text),
        ("name", Text),
        ("response", Any),
        ("parts", Any),
        ("willContinue", Bool),
        ("scheduling", Enum),
    ],
};

const GENERATION_CONFIG: Shape = Shape {
    name: "GenerationConfig",
    fields: &[
        ("temperature", Float),
        ("topP", Float),
        ("topK", Float),
        ("candidateCount", Int),
        ("maxOutputTokens", Int),
        ("stopSequences", Texts),
        ("seed", Int),
        ("responseMimeType", Text),
        ("responseSchema", Any),
        ("responseJsonSchema", Any),
        ("responseModalities", Texts),
        ("presencePenalty", Float),
        ("frequencyPenalty", Float),
        ("responseLogprobs", Bool),
        ("logprobs", Int),
        ("thinkingConfig", Object(&THINKING)),
        ("speechConfig", Any),
        ("imageConfig", Any),
        ("mediaResolution", Enum),
        ("enableEnhancedCivicAnswers", Bool),
    ],
};

const THINKING: Shape = Shape {
    name: "ThinkingConfig",
    fields: &[("includeThoughts", Bool), ("thinkingBudget", Int), ("thinkingLevel", Enum)],
};

const TOOL: Shape = Shape {
    name: "Tool",
    fields: &[
        ("functionDeclarations", Objects(&DECLARATION)),
        ("googleSearch", Any),
        ("googleSearchRetrieval", Any),
        ("codeExecution", Any),
        ("urlContext", Any),
        ("fileSearch", Any),
        ("computerUse", Any),
        ("googleMaps", Any),
    ],
};

const DECLARATION: Shape = Shape {
    name: "FunctionDeclaration",
    fields: &[
        ("name", Text),
        ("description", Text),
        ("parameters", Any),
        ("parametersJsonSchema", Any),
        ("response", Any),
        ("responseJsonSchema", Any),
        ("behavior", Enum),
    ],
};

const TOOL_CONFIG: Shape =
    Shape { name: "ToolConfig", fields: &[("functionCallingConfig", Object(&CALLING)), ("retrievalConfig", Any)] };

const CALLING: Shape =
    Shape { name: "FunctionCallingConfig", fields: &[("mode", Enum), ("allowedFunctionNames", Texts)] };

const SAFETY: Shape = Shape { name: "SafetySetting", fields: &[("category", Enum), ("threshold", Enum)] };

/// Faults found, as pairs of path and description.
pub(crate) type Violations = Vec<(String, String)>;

/// The body with upstream's names.
///
/// # Errors
/// Every unknown name and wrong type.
pub(crate) fn check(shape: &Shape, body: &Value) -> Result<Value, Violations> {
    let mut violations = Vec::new();
    let checked = object(shape, body, "", &mut violations);
    if violations.is_empty() { Ok(checked) } else { Err(violations) }
}

fn object(shape: &Shape, value: &Value, path: &str, violations: &mut Violations) -> Value {
    let Value::Object(fields) = value else {
        wrong(
            &format!("type.googleapis.com/google.ai.generativelanguage.v1beta.{}", shape.name),
            value,
            path,
            violations,
        );
        return Value::Null;
    };
    let mut checked = Map::new();
    for (name, value) in fields {
        let camel = camel(name);
        let Some((_, kind)) = shape.fields.iter().find(|(known, _)| *known == camel) else {
            let at = if path.is_empty() { String::new() } else { format!(" at '{path}'") };
            let text = format!("Invalid JSON payload received. Unknown name \"{name}\"{at}: Cannot find field.");
            violations.push((path.to_owned(), text));
            continue;
        };
        // null is the same as absent in protobuf's JSON.
        if !value.is_null() {
            let inner = if path.is_empty() { snake(&camel) } else { format!("{path}.{}", snake(&camel)) };
            checked.insert(camel, field(*kind, value, &inner, violations));
        }
    }
    Value::Object(checked)
}

fn field(kind: Kind, value: &Value, path: &str, violations: &mut Violations) -> Value {
    match kind {
        Any => return value.clone(),
        Object(shape) => return object(shape, value, path, violations),
        Objects(shape) => {
            let items = as_items(value);
            let checked = items.iter().enumerate();
            return checked.map(|(at, item)| object(shape, item, &format!("{path}[{at}]"), violations)).collect();
        }
        Texts => {
            for (at, item) in as_items(value).iter().enumerate().filter(|(_, item)| !item.is_string()) {
                wrong("TYPE_STRING", item, &format!("{path}[{at}]"), violations);
            }
            return Value::Array(as_items(value).to_vec());
        }
        Text | Enum if value.is_string() => return value.clone(),
        Bool if value.is_boolean() => return value.clone(),
        Float | Int => {
            if let Some(number) = number(kind, value) {
                return Value::Number(number);
            }
        }
        _ => {}
    }
    let wanted = match kind {
        Float => "TYPE_FLOAT",
        Int => "TYPE_INT32",
        Bool => "TYPE_BOOL",
        _ => "TYPE_STRING",
    };
    wrong(wanted, value, path, violations);
    Value::Null
}

/// Protobuf's JSON takes numbers as text too.
fn number(kind: Kind, value: &Value) -> Option<Number> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    match kind {
        Int if number.fract() == 0.0 && number.abs() < 9.0e15 => Some(Number::from(number as i64)),
        Int => None,
        _ => Number::from_f64(number),
    }
}

fn as_items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        one => std::slice::from_ref(one),
    }
}

fn wrong(wanted: &str, value: &Value, path: &str, violations: &mut Violations) {
    violations.push((path.to_owned(), format!("Invalid value at '{path}' ({wanted}), {value}")));
}

/// `max_output_tokens` → `maxOutputTokens`; camel case stays.
fn camel(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut upper = false;
    for letter in name.chars() {
        if letter == '_' && !camel.is_empty() {
            upper = true;
        } else if std::mem::take(&mut upper) {
            camel.extend(letter.to_uppercase());
        } else {
            camel.push(letter);
        }
    }
    camel
}

fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults(body: Value) -> Vec<String> {
        check(&GENERATE, &body).unwrap_err().into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn names_become_camel_case_but_not_inside_schemas() {
        let body = json!({"system_instruction": {"parts": {"text": "x"}}, "generation_config": {"max_output_tokens": "5",
            "response_schema": {"type": "OBJECT", "properties": {"first_name": {}}}}});
        let checked = check(&GENERATE, &body).unwrap();
        assert_eq!(checked["systemInstruction"]["parts"][0]["text"], "x");
        assert_eq!(checked["generationConfig"]["maxOutputTokens"], 5);
        assert!(checked["generationConfig"]["responseSchema"]["properties"]["first_name"].is_object());
    }

    #[test]
    fn unknown_names_are_reported_with_their_place() {
        assert_eq!(
            faults(json!({"generationConfig": {"foo": 1}, "bar": 2})),
            [
                "Invalid JSON payload received. Unknown name \"bar\": Cannot find field.",
                "Invalid JSON payload received. Unknown name \"foo\" at 'generation_config': Cannot find field.",
            ]
        );
    }

    #[test]
    fn wrong_types_are_reported_with_the_value() {
        assert_eq!(
            faults(
                json!({"generationConfig": {"temperature": "hot", "topK": 1, "candidateCount": 1.5}, "contents": ["x"]})
            ),
            [
                "Invalid value at 'contents[0]' (type.googleapis.com/google.ai.generativelanguage.v1beta.Content), \"x\"",
                "Invalid value at 'generation_config.candidate_count' (TYPE_INT32), 1.5",
                "Invalid value at 'generation_config.temperature' (TYPE_FLOAT), \"hot\"",
            ]
        );
    }
}
