//! A generate request after all checks: typed, and in a state that the answer can rely on.
//!
//! [`shape`] knows the fields; here are the rules between them (roles, function turns, ranges), in upstream's words as far as
//! they are known. Not here: what is answered.

pub(crate) mod shape;

use serde::Deserialize;
use serde_json::Value;

use crate::fault::ApiError;

/// What `generateContent` and its stream take.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Generate {
    pub(crate) contents: Vec<Content>,
    pub(crate) system_instruction: Option<Content>,
    pub(crate) generation_config: Config,
    pub(crate) tools: Vec<Tool>,
    pub(crate) tool_config: ToolConfig,
    pub(crate) cached_content: Option<String>,
    pub(crate) service_tier: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Content {
    pub(crate) role: String,
    pub(crate) parts: Vec<Part>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Part {
    pub(crate) text: Option<String>,
    pub(crate) inline_data: Option<Blob>,
    pub(crate) file_data: Option<Blob>,
    pub(crate) function_call: Option<FunctionCall>,
    pub(crate) function_response: Option<FunctionResponse>,
    pub(crate) executable_code: Option<Value>,
    pub(crate) code_execution_result: Option<Value>,
}

/// Inline data or a file: the type decides how it is counted.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Blob {
    pub(crate) mime_type: String,
    pub(crate) data: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct FunctionCall {
    pub(crate) name: String,
    pub(crate) args: Value,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct FunctionResponse {
    pub(crate) name: String,
    pub(crate) response: Value,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Config {
    pub(crate) temperature: Option<f64>,
    pub(crate) top_p: Option<f64>,
    pub(crate) candidate_count: Option<i64>,
    pub(crate) max_output_tokens: Option<i64>,
    pub(crate) stop_sequences: Vec<String>,
    pub(crate) seed: Option<i64>,
    pub(crate) response_mime_type: Option<String>,
    pub(crate) response_schema: Option<Value>,
    pub(crate) response_json_schema: Option<Value>,
    pub(crate) thinking_config: Thinking,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Thinking {
    pub(crate) include_thoughts: bool,
    pub(crate) thinking_budget: Option<i64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Tool {
    pub(crate) function_declarations: Vec<Declaration>,
    pub(crate) google_search: Option<Value>,
    pub(crate) url_context: Option<Value>,
    pub(crate) file_search: Option<Value>,
    pub(crate) code_execution: Option<Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Declaration {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) parameters: Option<Value>,
    pub(crate) parameters_json_schema: Option<Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ToolConfig {
    pub(crate) function_calling_config: Calling,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Calling {
    pub(crate) mode: String,
    pub(crate) allowed_function_names: Vec<String>,
}

impl Generate {
    /// Reads and checks a body.
    pub(crate) fn read(body: &[u8]) -> Result<Self, ApiError> {
        let request: Self = read(&shape::GENERATE, body)?;
        request.check()?;
        Ok(request)
    }

    fn check(&self) -> Result<(), ApiError> {
        if self.contents.is_empty() {
            return Err(ApiError::invalid("* GenerateContentRequest.contents: contents is not specified\n"));
        }
        for (at, content) in self.contents.iter().enumerate() {
            if !matches!(content.role.as_str(), "" | "user" | "model" | "function") {
                return Err(ApiError::invalid("Please use a valid role: user, model."));
            }
            if content.parts.is_empty() {
                let text =
                    format!("* GenerateContentRequest.contents[{at}].parts: contents.parts must not be empty.\n");
                return Err(ApiError::invalid(text));
            }
        }
        self.check_function_turns()?;
        self.check_config()
    }

    /// A model turn with calls is followed by as many answers, and comes after a user turn.
    fn check_function_turns(&self) -> Result<(), ApiError> {
        for (at, content) in self.contents.iter().enumerate() {
            let calls = content.parts.iter().filter(|part| part.function_call.is_some()).count();
            if calls == 0 {
                continue;
            }
            if at == 0 || self.contents[at - 1].role == "model" {
                return Err(ApiError::invalid(
                    "Please ensure that function call turn comes immediately after a user turn or after a function response \
                     turn.",
                ));
            }
            let next = self.contents.get(at + 1).map(|next| next.parts.as_slice()).unwrap_or_default();
            if next.iter().filter(|part| part.function_response.is_some()).count() != calls {
                return Err(ApiError::invalid(
                    "Please ensure that the number of function response parts is equal to the number of function call \
                     parts of the function call turn.",
                ));
            }
        }
        Ok(())
    }

    fn check_config(&self) -> Result<(), ApiError> {
        let config = &self.generation_config;
        let range = |name: &str, rule: &str| {
            Err(ApiError::invalid(format!(
                "* GenerateContentRequest.generation_config.{name}: {name} must be {rule}.\n"
            )))
        };
        if config.temperature.is_some_and(|temperature| !(0.0..=2.0).contains(&temperature)) {
            return range("temperature", "in the range [0.0, 2.0]");
        }
        if config.top_p.is_some_and(|top_p| !(0.0..=1.0).contains(&top_p)) {
            return range("top_p", "in the range [0.0, 1.0]");
        }
        if config.max_output_tokens.is_some_and(|max| max <= 0) {
            return range("max_output_tokens", "positive");
        }
        if config.candidate_count.is_some_and(|count| !(1..=8).contains(&count)) {
            return range("candidate_count", "in the range [1, 8]");
        }
        let shaped = config.response_schema.is_some() || config.response_json_schema.is_some();
        let mime_type = config.response_mime_type.as_deref().unwrap_or("text/plain");
        if !matches!(mime_type, "text/plain" | "application/json" | "text/x.enum") {
            return range("response_mime_type", "one of `text/plain`, `application/json`, `text/x.enum`");
        }
        if shaped && mime_type == "text/plain" {
            return Err(ApiError::invalid(
                "Function calling with a response mime type: 'text/plain' is unsupported with a schema",
            ));
        }
        for declaration in self.declarations() {
            let name = &declaration.name;
            let first = name.chars().next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
            let rest =
                name.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '-' | ':'));
            if !first || !rest || name.len() > 64 {
                return Err(ApiError::invalid(
                    "* GenerateContentRequest.tools[0].function_declarations[0].name: Invalid function name. Must start with \
                     a letter or an underscore. Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), \
                     or dashes (-), with a maximum length of 64.\n",
                ));
            }
        }
        Ok(())
    }

    /// All declared functions.
    pub(crate) fn declarations(&self) -> impl Iterator<Item = &Declaration> {
        self.tools.iter().flat_map(|tool| &tool.function_declarations)
    }

    /// The words of the last turn that a user wrote (not a function's answer).
    pub(crate) fn prompt(&self) -> String {
        let asked = self
            .contents
            .iter()
            .rev()
            .find(|content| content.role != "model" && content.parts.iter().any(|part| part.text.is_some()));
        asked.map(Content::text).unwrap_or_default()
    }
}

impl Content {
    /// The text parts, one a line.
    pub(crate) fn text(&self) -> String {
        let texts: Vec<&str> = self.parts.iter().filter_map(|part| part.text.as_deref()).collect();
        texts.join("\n")
    }
}

/// What `countTokens` takes.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Count {
    contents: Vec<Content>,
    generate_content_request: Option<Generate>,
}

impl Count {
    /// The request whose tokens are asked for.
    pub(crate) fn read(body: &[u8]) -> Result<Generate, ApiError> {
        let count: Self = read(&shape::COUNT, body)?;
        match count.generate_content_request {
            Some(request) => Ok(request),
            None if count.contents.is_empty() => {
                Err(ApiError::invalid("* CountTokensRequest.contents: contents is not specified\n"))
            }
            None => Ok(Generate { contents: count.contents, ..Generate::default() }),
        }
    }
}

/// What `embedContent` takes.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Embed {
    pub(crate) content: Content,
    pub(crate) output_dimensionality: Option<i64>,
}

/// What `batchEmbedContents` takes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct EmbedBatch {
    pub(crate) requests: Vec<Embed>,
}

/// Reads a body of that shape.
pub(crate) fn read<T: serde::de::DeserializeOwned>(shape: &shape::Shape, body: &[u8]) -> Result<T, ApiError> {
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        ApiError::invalid(format!("Invalid JSON payload received. Unexpected token at line {}.", error.line()))
    })?;
    let checked = shape::check(shape, &value).map_err(|violations| ApiError::violations(&violations))?;
    serde_json::from_value(checked)
        .map_err(|error| ApiError::invalid(format!("Invalid JSON payload received. {error}")))
}
