//! From chat completions to Gemini's request: roles, tools, settings.

use serde_json::{Map, Value, json};

use super::wire::{ChatRequest, Message, Role};
use crate::gemini::FunctionCall;

/// A request to Gemini that is being put together: rounds of tools append to `contents`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prompt {
    /// The conversation.
    pub(crate) contents: Vec<Value>,
    /// Instructions; empty for none.
    pub(crate) system: String,
    /// `generationConfig`.
    pub(crate) generation: Map<String, Value>,
    /// Function declarations; empty for no tools.
    pub(crate) functions: Vec<Value>,
    /// `functionCallingConfig.mode` and the names that it allows.
    pub(crate) mode: Mode,
}

/// Whether the model may, must or must not call functions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It may.
    #[default]
    Auto,
    /// It must not.
    None,
    /// It must call one of these; any one if empty.
    Any(Vec<String>),
}

impl Prompt {
    /// The body for `generateContent` and `streamGenerateContent`.
    pub(crate) fn body(&self) -> Value {
        let mut body = json!({"contents": self.contents});
        if !self.system.is_empty() {
            body["systemInstruction"] = json!({"role": "user", "parts": [{"text": self.system}]});
        }
        if !self.generation.is_empty() {
            body["generationConfig"] = Value::Object(self.generation.clone());
        }
        if !self.functions.is_empty() {
            body["tools"] = json!([{"functionDeclarations": self.functions}]);
            let calling = match &self.mode {
                Mode::Auto => json!({"mode": "AUTO"}),
                Mode::None => json!({"mode": "NONE"}),
                Mode::Any(names) if names.is_empty() => json!({"mode": "ANY"}),
                Mode::Any(names) => json!({"mode": "ANY", "allowedFunctionNames": names}),
            };
            body["toolConfig"] = json!({"functionCallingConfig": calling});
        }
        body
    }

    /// The body for `countTokens`, which takes the contents alone.
    pub(crate) fn of_text(text: &str) -> Self {
        Self { contents: vec![json!({"role": "user", "parts": [{"text": text}]})], ..Self::default() }
    }

    /// Adds the messages of a conversation.
    pub(crate) fn add(&mut self, messages: &[Message]) {
        for message in messages {
            let text = message.content.as_deref().unwrap_or_default();
            match message.role {
                Role::System if self.system.is_empty() => text.clone_into(&mut self.system),
                Role::System => self.system.extend(["\n\n", text]),
                Role::User => self.contents.push(json!({"role": "user", "parts": [{"text": text}]})),
                Role::Assistant => self.contents.push(json!({"role": "model", "parts": assistant_parts(message)})),
                Role::Function => {
                    let name = message.name.as_deref().unwrap_or_default();
                    let call = FunctionCall { id: None, name: name.to_owned(), arguments: Value::Null };
                    self.add_results(&[(call, result_of_text(text))]);
                }
            }
        }
    }

    /// Adds the model's turn that asked for functions, as it came.
    pub(crate) fn add_turn(&mut self, parts: &[Value]) {
        self.contents.push(json!({"role": "model", "parts": parts}));
    }

    /// Adds the results of functions, in one turn as Gemini wants it.
    pub(crate) fn add_results(&mut self, results: &[(FunctionCall, Value)]) {
        let part = |(call, response): &(FunctionCall, Value)| {
            let mut part = json!({"name": call.name, "response": response});
            if let Some(id) = &call.id {
                part["id"] = json!(id);
            }
            json!({"functionResponse": part})
        };
        self.contents.push(json!({"role": "user", "parts": results.iter().map(part).collect::<Vec<_>>()}));
    }

    /// Takes over temperature, limits and thinking.
    pub(crate) fn configure(&mut self, request: &ChatRequest) {
        if let Some(temperature) = request.temperature {
            self.generation.insert("temperature".into(), json!(temperature));
        }
        if let Some(tokens) = request.max_tokens {
            self.generation.insert("maxOutputTokens".into(), json!(tokens));
        }
        if let Some(budget) = request.thinking_budget {
            self.generation.insert("thinkingConfig".into(), json!({"thinkingBudget": budget}));
        }
    }
}

/// What a request says about tools.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ToolRequest {
    /// Declarations that the request brings.
    pub(crate) declared: Vec<Value>,
    /// Tools of mcp-server that the request names.
    pub(crate) named: Vec<String>,
    /// All tools of mcp-server are wanted.
    pub(crate) all: bool,
    /// May, must, must not.
    pub(crate) mode: Mode,
}

impl ToolRequest {
    /// Reads `tools` and `tool_choice`.
    ///
    /// # Errors
    /// The field that is wrong and why.
    pub(crate) fn read(request: &ChatRequest) -> Result<Self, (String, String)> {
        let mut read = Self { mode: mode(request.tool_choice.as_ref())?, ..Self::default() };
        for (at, tool) in request.tools.iter().flatten().enumerate() {
            read.tool(tool).map_err(|reason| (format!("tools[{at}]"), reason.to_owned()))?;
        }
        let said_auto = request.tool_choice.as_ref().and_then(Value::as_str) == Some("auto");
        read.all |= said_auto && request.tools.as_ref().is_none_or(Vec::is_empty);
        Ok(read)
    }

    /// Whether the request has anything to do with tools.
    pub(crate) fn wants_any(&self) -> bool {
        self.mode != Mode::None && (self.all || !self.declared.is_empty() || !self.named.is_empty())
    }

    fn tool(&mut self, tool: &Value) -> Result<(), &'static str> {
        if let Some(name) = tool.as_str() {
            self.named.push(name.to_owned());
            return Ok(());
        }
        if tool.get("type").and_then(Value::as_str) == Some("mcp") {
            self.all = true;
            return Ok(());
        }
        if let Some(declarations) = tool.get("functionDeclarations").or_else(|| tool.get("function_declarations")) {
            let declarations = declarations.as_array().ok_or("functionDeclarations must be a list")?;
            return declarations.iter().try_for_each(|one| self.declare(one));
        }
        self.declare(tool.get("function").unwrap_or(tool))
    }

    fn declare(&mut self, function: &Value) -> Result<(), &'static str> {
        let name = function.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
        let name = name.ok_or("a function needs a name")?;
        let mut declared = json!({"name": name});
        if let Some(description) = function.get("description").and_then(Value::as_str) {
            declared["description"] = json!(description);
        }
        let schemas = ["parametersJsonSchema", "parameters", "inputSchema", "input_schema"];
        if let Some(schema) = schemas.iter().find_map(|key| function.get(*key)).filter(|schema| !schema.is_null()) {
            if !schema.is_object() {
                return Err("parameters must be a JSON schema");
            }
            declared["parametersJsonSchema"] = schema.clone();
        }
        self.declared.push(declared);
        Ok(())
    }
}

fn mode(choice: Option<&Value>) -> Result<Mode, (String, String)> {
    let wrong = || ("tool_choice".to_owned(), "must be auto, none, required or a function by name".to_owned());
    match choice {
        None | Some(Value::Null) => Ok(Mode::Auto),
        Some(Value::String(word)) => match word.as_str() {
            "auto" => Ok(Mode::Auto),
            "none" => Ok(Mode::None),
            "required" | "any" => Ok(Mode::Any(Vec::new())),
            _ => Err(wrong()),
        },
        Some(choice) => {
            let name = choice.pointer("/function/name").or_else(|| choice.get("name")).and_then(Value::as_str);
            name.map(|name| Mode::Any(vec![name.to_owned()])).ok_or_else(wrong)
        }
    }
}

/// What a function answered as Gemini wants it: an object.
pub(crate) fn result_of_text(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Value::Object(object),
        Ok(other) => json!({"result": other}),
        Err(_) => json!({"result": text}),
    }
}

fn assistant_parts(message: &Message) -> Vec<Value> {
    let mut parts = Vec::new();
    if let Some(text) = message.content.as_deref().filter(|text| !text.is_empty() || message.function_call.is_none()) {
        parts.push(json!({"text": text}));
    }
    if let Some(call) = &message.function_call {
        let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
        parts.push(json!({"functionCall": {"name": call.name, "args": arguments}}));
    }
    parts
}

#[cfg(test)]
#[path = "translate/tests.rs"]
mod tests;
