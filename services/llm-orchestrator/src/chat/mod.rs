//! Chat completions, whole and streamed.
//!
//! | module | owns |
//! |---|---|
//! | `wire` | the bodies |
//! | `translate` | from those to Gemini's |
//! | `converse` | the rounds of calls and functions |
//! | `stream` | server-sent events |

mod converse;
mod stream;
pub(crate) mod translate;
pub(crate) mod wire;

use std::sync::Arc;

use axum::Json;
use axum::extract;
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use service_kit::problem::ProblemDocument;
use service_kit::{Problem, ValidJson};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(crate) use converse::{Progress, Task, converse};
use translate::{Prompt, ToolRequest};
use wire::{ChatChunk, ChatRequest, ChatResponse, Choice, Message, Role};

use crate::state::State;
use crate::{error, sessions};

/// The routes of this module.
pub(crate) fn router() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::new().routes(routes!(completions)).routes(routes!(completions_stream))
}

/// What all chunks of an answer share.
#[derive(Clone, Debug)]
struct Completion {
    id: String,
    model: String,
    created: i64,
    session: String,
}

/// Answers a conversation.
///
/// With `stream: true` the answer is `text/event-stream`, as on `/api/v1/chat/completions/stream`. Headers X-User-ID, X-Tenant-ID, X-API-Key and
/// X-Cost-Center say whom the cost belongs to.
#[utoipa::path(post, path = "/api/v1/chat/completions", tag = "chat", request_body = ChatRequest, responses(
    (status = 200, description = "The answer", content((ChatResponse = "application/json"), (ChatChunk = "text/event-stream"))),
    (status = 400, description = "The provider refuses the request", body = ProblemDocument, content_type = "application/problem+json"),
    (status = 401, description = "The provider does not take the key", body = ProblemDocument, content_type = "application/problem+json"),
    (status = 403, description = "The provider forbids it", body = ProblemDocument, content_type = "application/problem+json"),
    (status = 404, description = "Unknown session", body = ProblemDocument, content_type = "application/problem+json"),
    (status = 422, description = "A field is wrong", body = ProblemDocument, content_type = "application/problem+json"),
    (status = 429, description = "No quota; see Retry-After", body = ProblemDocument, content_type = "application/problem+json"),
    (status = 502, description = "The provider failed", body = ProblemDocument, content_type = "application/problem+json"),
    (status = 504, description = "The provider took too long", body = ProblemDocument, content_type = "application/problem+json"),
))]
async fn completions(
    extract::State(state): extract::State<Arc<State>>,
    ValidJson(request): ValidJson<ChatRequest>,
) -> Result<Response, Problem> {
    let streamed = request.stream.unwrap_or(false);
    answer(&state, request, streamed).await
}

/// Answers a conversation as a stream, whatever `stream` says.
///
/// Events are `data: {chunk}`; a last chunk with usage, then `data: [DONE]`. A failure after the first chunk is an event `{"error": problem}`.
#[utoipa::path(post, path = "/api/v1/chat/completions/stream", tag = "chat", request_body = ChatRequest, responses(
    (status = 200, description = "Chunks", body = ChatChunk, content_type = "text/event-stream"),
    (status = "4XX", description = "As for chat completions", body = ProblemDocument, content_type = "application/problem+json"),
    (status = "5XX", description = "As for chat completions", body = ProblemDocument, content_type = "application/problem+json"),
))]
async fn completions_stream(
    extract::State(state): extract::State<Arc<State>>,
    ValidJson(request): ValidJson<ChatRequest>,
) -> Result<Response, Problem> {
    answer(&state, request, true).await
}

async fn answer(state: &Arc<State>, request: ChatRequest, streamed: bool) -> Result<Response, Problem> {
    let tools = ToolRequest::read(&request).map_err(|(field, reason)| Problem::invalid(field, reason))?;
    let (session, history) = sessions::resume(state, request.session_id.as_deref(), &request.messages).await?;
    let model = request.model.clone().unwrap_or_else(|| state.config.model.clone());
    let mut task = Task {
        model: model.rsplit("models/").next().unwrap_or(&model).to_owned(),
        prompt: Prompt::default(),
        ours: std::collections::HashSet::new(),
        session: Some(session.clone()),
        purpose: "chat_completion",
    };
    task.prompt.add(&history);
    task.prompt.add(&request.messages);
    task.prompt.configure(&request);
    offer(state, &tools, &mut task).await?;
    let completion = Completion {
        id: format!("chatcmpl-{}", Uuid::new_v4().simple()),
        model: task.model.clone(),
        created: Utc::now().timestamp(),
        session,
    };
    if streamed {
        return stream::respond(state, task, completion, request.messages).await;
    }
    let mut progress = Progress::default();
    converse(state, task, &None, &mut progress).await.map_err(error::problem)?;
    sessions::keep(state, &completion.session, request.messages, &progress).await;
    Ok(Json(response(completion, progress)).into_response())
}

/// Offers the model the functions that the request wants.
async fn offer(state: &Arc<State>, tools: &ToolRequest, task: &mut Task) -> Result<(), Problem> {
    if !tools.wants_any() {
        return Ok(());
    }
    let needed = tools.all || !tools.named.is_empty();
    let known = match state.tools.declarations().await {
        Ok(known) => known,
        Err(error) if needed => return Err(Problem::unavailable(error.to_string())),
        // The request brings its own functions: without mcp-server they are all for the caller.
        Err(error) => {
            tracing::warn!(error = %error, "tools of mcp-server are not known");
            Vec::new().into()
        }
    };
    let name = |tool: &serde_json::Value| tool["name"].as_str().unwrap_or_default().to_owned();
    task.prompt.functions.clone_from(&tools.declared);
    for (at, wanted) in tools.named.iter().enumerate() {
        let tool = known.iter().find(|tool| name(tool) == *wanted);
        let tool =
            tool.ok_or_else(|| Problem::invalid(format!("tools[{at}]"), "mcp-server has no tool of this name"))?;
        task.prompt.functions.push(tool.clone());
    }
    let declared: std::collections::HashSet<String> = task.prompt.functions.iter().map(name).collect();
    if tools.all {
        task.prompt.functions.extend(known.iter().filter(|tool| !declared.contains(&name(tool))).cloned());
    }
    task.ours = known.iter().map(name).collect();
    task.prompt.mode = tools.mode.clone();
    Ok(())
}

fn response(completion: Completion, progress: Progress) -> ChatResponse {
    let content = (!progress.text.is_empty() || progress.function_call.is_none()).then_some(progress.text);
    let message = Message { role: Role::Assistant, content, name: None, function_call: progress.function_call };
    ChatResponse {
        id: completion.id,
        object: "chat.completion",
        model: progress.model.unwrap_or(completion.model),
        choices: vec![Choice { index: 0, message, finish_reason: progress.finish_reason.to_owned() }],
        usage: progress.totals.view(),
        created: completion.created,
        session_id: completion.session,
    }
}
