//! The bodies of chat completions, as clients send and read them.

use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Most messages of a request. Conversations of this length belong in a session.
const MESSAGES_MAX: usize = 1000;
/// Most tools of a request; Gemini's own limit is lower.
const TOOLS_MAX: usize = 256;

/// A request for an answer of the model.
#[derive(Clone, Debug, Deserialize, ToSchema, Validate)]
pub(crate) struct ChatRequest {
    /// The conversation, oldest message first. In a session, only what is new.
    #[garde(length(min = 1, max = MESSAGES_MAX), custom(has_content), dive)]
    pub(crate) messages: Vec<Message>,
    /// Continues this session.
    #[garde(length(min = 1, max = 128))]
    pub(crate) session_id: Option<String>,
    /// Default: GEMINI_MODEL.
    #[garde(inner(custom(is_model)))]
    #[schema(example = "gemini-2.0-flash-exp")]
    pub(crate) model: Option<String>,
    /// 0 (steady) to 2 (free).
    #[garde(range(min = 0.0, max = 2.0))]
    pub(crate) temperature: Option<f64>,
    /// Most tokens of the answer.
    #[garde(range(min = 1))]
    pub(crate) max_tokens: Option<u32>,
    /// Most tokens to think with; 0 turns thinking off where the model allows it.
    #[garde(skip)]
    pub(crate) thinking_budget: Option<u32>,
    /// Answers as `text/event-stream`.
    #[garde(skip)]
    pub(crate) stream: Option<bool>,
    /// Functions that the model may call: OpenAI's form (`{"type": "function", "function": {…}}`), a bare declaration (`{"name": …}`), Gemini's
    /// form (`{"functionDeclarations": […]}`), or the name of a tool of mcp-server. Those that mcp-server has are run there; the rest are given back
    /// to the caller as `function_call`.
    #[garde(length(max = TOOLS_MAX))]
    #[schema(value_type = Option<Vec<Object>>)]
    pub(crate) tools: Option<Vec<Value>>,
    /// `auto`, `none`, `required`, or `{"type": "function", "function": {"name": …}}`. `auto` without `tools` offers all tools of mcp-server.
    #[garde(skip)]
    #[schema(value_type = Option<Object>)]
    pub(crate) tool_choice: Option<Value>,
}

/// One message of a conversation.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub(crate) struct Message {
    /// Who speaks.
    pub(crate) role: Role,
    /// The text; may be missing beside a `function_call`. For role `function`: the function's result.
    #[garde(custom(content_or_call(&self.function_call)))]
    #[serde(default)]
    pub(crate) content: Option<String>,
    /// For role `function`: which function answered.
    #[garde(custom(named_if_function(&self.role)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// For role `assistant`: what the model wants called.
    #[garde(dive)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) function_call: Option<Call>,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Instructions for the model.
    System,
    /// The user.
    User,
    /// The model.
    Assistant,
    /// The result of a function.
    Function,
}

/// A function call of the model.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema, Validate)]
pub(crate) struct Call {
    /// Name as declared.
    #[garde(length(min = 1, max = 128))]
    pub(crate) name: String,
    /// Arguments as the text of a JSON object.
    #[garde(custom(is_json_object))]
    pub(crate) arguments: String,
}

/// The answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChatResponse {
    /// Id of the completion.
    pub(crate) id: String,
    /// `chat.completion`
    #[schema(value_type = String)]
    pub(crate) object: &'static str,
    /// The model that answered.
    pub(crate) model: String,
    /// One choice.
    pub(crate) choices: Vec<Choice>,
    /// What the answer used, all rounds of tools together.
    pub(crate) usage: UsageView,
    /// Unix seconds.
    pub(crate) created: i64,
    /// The session that the exchange was kept in.
    pub(crate) session_id: String,
}

/// A choice of the answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Choice {
    /// 0
    pub(crate) index: u32,
    /// What the model said.
    pub(crate) message: Message,
    /// `stop`, `length`, `content_filter`, `function_call` or `error`.
    pub(crate) finish_reason: String,
}

/// Tokens and cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct UsageView {
    /// Input, cached tokens and tools' input included.
    pub(crate) prompt_tokens: u64,
    /// Output, thinking included.
    pub(crate) completion_tokens: u64,
    /// Both.
    pub(crate) total_tokens: u64,
    /// Part of the input that came from the provider's cache.
    pub(crate) cached_tokens: u64,
    /// Part of the output that was spent on thinking.
    pub(crate) reasoning_tokens: u64,
    /// USD; `null` when the model has no known price, never 0 then.
    pub(crate) cost: Option<f64>,
    /// The same in 10⁻⁹ USD, exact.
    pub(crate) cost_nanousd: Option<i64>,
    /// `computed`, `lower_bound`, `zero` or `unknown`.
    #[schema(value_type = String)]
    pub(crate) cost_status: &'static str,
}

/// A chunk of a streamed answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChatChunk {
    /// Id of the completion, the same in all chunks.
    pub(crate) id: String,
    /// `chat.completion.chunk`
    #[schema(value_type = String)]
    pub(crate) object: &'static str,
    /// Unix seconds, the same in all chunks.
    pub(crate) created: i64,
    /// The model.
    pub(crate) model: String,
    /// One choice; empty in the chunk with usage.
    pub(crate) choices: Vec<ChunkChoice>,
    /// In the last chunk only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) usage: Option<UsageView>,
    /// In the last chunk only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) session_id: Option<String>,
}

/// The choice of a chunk.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChunkChoice {
    /// 0
    pub(crate) index: u32,
    /// What is new.
    pub(crate) delta: Delta,
    /// Set once, at the end.
    pub(crate) finish_reason: Option<String>,
}

/// What is new in a chunk.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Delta {
    /// In the first chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<Role>,
    /// More text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content: Option<String>,
    /// A function for the caller to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) function_call: Option<Call>,
}

/// Whether a text can be a model's name in a path.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde's signature")]
pub(crate) fn is_model(name: &str, _: &()) -> garde::Result {
    // No colon: in Gemini's paths the method follows it.
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@/".contains(&byte);
    let fine = (1..=128).contains(&name.len()) && name.bytes().all(allowed) && !name.contains("..");
    fine.then_some(()).ok_or_else(|| garde::Error::new("must be a model's name: letters, digits and - _ . @ /"))
}

fn has_content(messages: &[Message], _: &()) -> garde::Result {
    if messages.is_empty() || messages.iter().any(|message| message.role != Role::System) {
        return Ok(());
    }
    Err(garde::Error::new("needs a message that is not of role system"))
}

fn content_or_call<'a>(call: &'a Option<Call>) -> impl FnOnce(&Option<String>, &()) -> garde::Result + 'a {
    move |content, ()| {
        let fine = content.is_some() || call.is_some();
        fine.then_some(()).ok_or_else(|| garde::Error::new("is required"))
    }
}

fn named_if_function(role: &Role) -> impl FnOnce(&Option<String>, &()) -> garde::Result {
    let needed = *role == Role::Function;
    move |name, ()| {
        let fine = !needed || name.as_ref().is_some_and(|name| !name.is_empty());
        fine.then_some(()).ok_or_else(|| garde::Error::new("is required for role function"))
    }
}

fn is_json_object(text: &str, _: &()) -> garde::Result {
    let parsed: Result<serde_json::Map<String, Value>, _> = serde_json::from_str(text);
    parsed.map(drop).map_err(|_| garde::Error::new("must be the text of a JSON object"))
}
