//! Conversations in the cache: who, when, and their messages.
//!
//! | key | value |
//! |---|---|
//! | `session:{id}` | the session, JSON |
//! | `session-messages:{id}` | its messages, a list, oldest first |
//! | `user-sessions:{user}:{id}` | nothing; its keys are the user's sessions |
//!
//! All three live for SESSION_TTL after the last use. Limits: [`MESSAGES_KEPT`] messages are kept, [`CONTEXT_MESSAGES`] are sent to the model.

#![expect(unused_qualifications, reason = "utoipa writes the types of parameters so")]

use std::sync::Arc;

use axum::Json;
use axum::extract;
use chrono::{DateTime, Utc};
use garde::Validate;
use http::StatusCode;
use opentelemetry::Context;
use serde::{Deserialize, Serialize};
use service_kit::problem::ProblemDocument;
use service_kit::{Problem, ValidPath, ValidQuery};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::chat::Progress;
use crate::chat::wire::{Message, Role};
use crate::state::State;

/// Messages that are sent to the model as context.
const CONTEXT_MESSAGES: usize = 20;
/// Messages that are kept: what one page of the messages route shows.
const MESSAGES_KEPT: usize = 100;

/// The routes of this module.
pub(crate) fn router() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(show, remove))
        .routes(routes!(messages))
        .routes(routes!(of_user))
}

/// A conversation.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
struct Session {
    /// Its id, to be sent as `session_id`.
    session_id: String,
    /// Whose it is.
    user_id: Option<String>,
    /// When it began.
    created_at: DateTime<Utc>,
    /// When it was last used.
    updated_at: DateTime<Utc>,
    /// Messages in it, including those that are not kept any more.
    message_count: u64,
}

/// A message of a session.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
struct Kept {
    #[serde(flatten)]
    message: Message,
    /// When it was said.
    timestamp: DateTime<Utc>,
}

#[derive(Debug, Deserialize, IntoParams, Validate)]
struct Owner {
    /// Whose session it shall be; default: the header X-User-ID.
    #[garde(length(min = 1, max = 256))]
    user_id: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams, Validate)]
struct Limit {
    /// How many, the latest first to stay: 1 to 100.
    #[garde(range(min = 1, max = 100))]
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<usize>,
}

/// The latest messages of a session.
#[derive(Debug, Serialize, ToSchema)]
struct Messages {
    session_id: String,
    /// Oldest first.
    messages: Vec<Kept>,
    /// How many are shown.
    total: usize,
}

/// The sessions of a user.
#[derive(Debug, Serialize, ToSchema)]
struct Sessions {
    user_id: String,
    /// Last used first.
    sessions: Vec<Session>,
    /// How many there are.
    total: usize,
}

/// What was removed.
#[derive(Debug, Serialize, ToSchema)]
struct Removed {
    session_id: String,
    /// `true`
    deleted: bool,
    message: String,
}

/// Begins a session.
#[utoipa::path(post, path = "/api/v1/sessions", tag = "sessions", params(Owner), responses(
    (status = 200, description = "The new session", body = Session),
    (status = 422, description = "A parameter is wrong", body = ProblemDocument, content_type = "application/problem+json"),
))]
async fn create(
    extract::State(state): extract::State<Arc<State>>,
    ValidQuery(owner): ValidQuery<Owner>,
) -> Result<Json<Session>, Problem> {
    Ok(Json(begin(&state, owner.user_id.or_else(current_user)).await?))
}

/// Shows a session.
#[utoipa::path(get, path = "/api/v1/sessions/{id}", tag = "sessions", params(("id" = String, Path)), responses(
    (status = 200, description = "The session", body = Session),
    (status = 404, description = "Unknown session", body = ProblemDocument, content_type = "application/problem+json"),
))]
async fn show(
    extract::State(state): extract::State<Arc<State>>,
    ValidPath(id): ValidPath<String>,
) -> Result<Json<Session>, Problem> {
    Ok(Json(find(&state, &id).await?))
}

/// Ends a session and forgets its messages.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", tag = "sessions", params(("id" = String, Path)), responses(
    (status = 200, description = "It is gone", body = Removed),
    (status = 404, description = "Unknown session", body = ProblemDocument, content_type = "application/problem+json"),
))]
async fn remove(
    extract::State(state): extract::State<Arc<State>>,
    ValidPath(id): ValidPath<String>,
) -> Result<Json<Removed>, Problem> {
    let session = find(&state, &id).await?;
    if let Some(user) = &session.user_id {
        state.cache.delete(&user_key(user, &id)).await?;
    }
    state.cache.delete(&messages_key(&id)).await?;
    state.cache.delete(&key(&id)).await?;
    Ok(Json(Removed { session_id: id, deleted: true, message: "session deleted".to_owned() }))
}

/// Shows the latest messages of a session.
#[utoipa::path(get, path = "/api/v1/sessions/{id}/messages", tag = "sessions", params(("id" = String, Path), Limit), responses(
    (status = 200, description = "Messages, oldest first", body = Messages),
    (status = 404, description = "Unknown session", body = ProblemDocument, content_type = "application/problem+json"),
    (status = 422, description = "A parameter is wrong", body = ProblemDocument, content_type = "application/problem+json"),
))]
async fn messages(
    extract::State(state): extract::State<Arc<State>>,
    ValidPath(id): ValidPath<String>,
    ValidQuery(limit): ValidQuery<Limit>,
) -> Result<Json<Messages>, Problem> {
    find(&state, &id).await?;
    let messages = last(&state, &id, limit.limit.unwrap_or(50)).await?;
    Ok(Json(Messages { session_id: id, total: messages.len(), messages }))
}

/// Shows the sessions of a user.
#[utoipa::path(get, path = "/api/v1/users/{user_id}/sessions", tag = "sessions", params(("user_id" = String, Path)), responses(
    (status = 200, description = "Sessions, last used first; none for an unknown user", body = Sessions),
))]
async fn of_user(
    extract::State(state): extract::State<Arc<State>>,
    ValidPath(user_id): ValidPath<String>,
) -> Result<Json<Sessions>, Problem> {
    let prefix = user_key(&user_id, "");
    let mut sessions = Vec::new();
    for key_of_user in state.cache.keys(&prefix).await? {
        // One that ended meanwhile is no error.
        if let Some(session) = state.cache.get_json::<Session>(&key(key_of_user.trim_start_matches(&prefix))).await? {
            sessions.push(session);
        }
    }
    sessions.sort_by_key(|session| std::cmp::Reverse(session.updated_at));
    Ok(Json(Sessions { user_id, total: sessions.len(), sessions }))
}

/// The session that a request continues, or a new one, and what is sent to the model of it.
pub(crate) async fn resume(
    state: &State,
    id: Option<&str>,
    news: &[Message],
) -> Result<(String, Vec<Message>), Problem> {
    let Some(id) = id else {
        return Ok((begin(state, current_user()).await?.session_id, Vec::new()));
    };
    find(state, id).await?;
    let mut history: Vec<Message> =
        last(state, id, CONTEXT_MESSAGES).await?.into_iter().map(|kept| kept.message).collect();
    if news.iter().any(|message| message.role == Role::System) {
        history.retain(|message| message.role != Role::System);
    }
    // The cut may have parted a function's result from the call.
    let results = history.iter().take_while(|message| message.role == Role::Function).count();
    history.drain(..results);
    Ok((id.to_owned(), history))
}

/// Keeps what was said. The answer has been given already, so a failure is only logged.
pub(crate) async fn keep(state: &State, id: &str, news: Vec<Message>, progress: &Progress) {
    let said = !progress.text.is_empty() || progress.function_call.is_some();
    let answer = said.then(|| Message {
        role: Role::Assistant,
        content: (!progress.text.is_empty()).then(|| progress.text.clone()),
        name: None,
        function_call: progress.function_call.clone(),
    });
    let kept: Vec<Message> = news.into_iter().chain(answer).collect();
    if let Err(error) = append(state, id, kept).await {
        tracing::warn!(session_id = id, error = %error, "session not kept");
    }
}

async fn append(state: &State, id: &str, messages: Vec<Message>) -> Result<(), service_kit::cache::Error> {
    let ttl = state.config.session_ttl;
    let Some(mut session) = state.cache.get_json::<Session>(&key(id)).await? else { return Ok(()) };
    for message in messages {
        let kept = serde_json::to_vec(&Kept { message, timestamp: Utc::now() })?;
        state.cache.push(&messages_key(id), kept, MESSAGES_KEPT, ttl).await?;
        session.message_count += 1;
    }
    session.updated_at = Utc::now();
    state.cache.set_json(&key(id), &session, ttl).await?;
    if let Some(user) = &session.user_id {
        state.cache.set(&user_key(user, id), Vec::new(), ttl).await?;
    }
    Ok(())
}

async fn begin(state: &State, user_id: Option<String>) -> Result<Session, Problem> {
    let (id, now) = (Uuid::new_v4().to_string(), Utc::now());
    let session = Session { session_id: id.clone(), user_id, created_at: now, updated_at: now, message_count: 0 };
    let ttl = state.config.session_ttl;
    state.cache.set_json(&key(&id), &session, ttl).await?;
    if let Some(user) = &session.user_id {
        state.cache.set(&user_key(user, &id), Vec::new(), ttl).await?;
    }
    Ok(session)
}

async fn find(state: &State, id: &str) -> Result<Session, Problem> {
    let found = state.cache.get_json(&key(id)).await?;
    found.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "not-found", "there is no such session, or it has ended"))
}

async fn last(state: &State, id: &str, count: usize) -> Result<Vec<Kept>, Problem> {
    let kept = state.cache.last(&messages_key(id), count).await?;
    Ok(kept.iter().filter_map(|bytes| serde_json::from_slice(bytes).ok()).collect())
}

/// The user on whose behalf the request is made, from the header X-User-ID here or further up.
fn current_user() -> Option<String> {
    Context::map_current(telemetry::Business::of).user_id.filter(|user| !user.is_empty())
}

fn key(id: &str) -> String {
    format!("session:{id}")
}

fn messages_key(id: &str) -> String {
    format!("session-messages:{id}")
}

fn user_key(user: &str, id: &str) -> String {
    format!("user-sessions:{user}:{id}")
}
