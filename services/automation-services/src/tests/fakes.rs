//! Stand-ins of this test for airtable-gateway and llm-orchestrator: they note every request and can be made to hang or fail.

use axum::extract::{Request, State};
use axum::response::IntoResponse;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// One request that arrived.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

/// Both services behind one address. They live on a runtime of their own, so that they outlast a service that is killed.
#[derive(Debug, Clone)]
pub(super) struct Fakes {
    pub(super) url: String,
    state: Shared,
    _server: Arc<Server>,
}

#[derive(Debug)]
struct Server(JoinHandle<()>);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[derive(Debug, Clone)]
struct Shared {
    seen: Arc<Mutex<Vec<Seen>>>,
    /// Answers hold a permit of it for a moment; without any, they wait.
    gate: Arc<Semaphore>,
    /// Answers that are let through nevertheless.
    once: Arc<Semaphore>,
    /// What to answer instead, once each, in order.
    answers: Arc<Mutex<Vec<(StatusCode, Value)>>>,
}

impl Fakes {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Shared {
            seen: Arc::default(),
            gate: Arc::new(Semaphore::new(10_000)),
            once: Arc::new(Semaphore::new(0)),
            answers: Arc::default(),
        };
        let router = Router::new().fallback(answer).with_state(state.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, state, _server: Arc::new(Server(server)) }
    }

    /// Requests other than health checks, in order.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
    }

    /// From now on requests arrive but are not answered.
    pub(super) fn hold(&self) {
        self.state.gate.forget_permits(10_000);
    }

    /// Answers what waits, and all that comes.
    pub(super) fn release(&self) {
        self.state.gate.add_permits(10_000);
    }

    /// Answers one request that waits.
    pub(super) fn answer_one(&self) {
        self.state.once.add_permits(1);
    }

    /// The next answer.
    pub(super) fn next_answer(&self, status: u16, body: Value) {
        self.state.answers.lock().unwrap().push((StatusCode::from_u16(status).unwrap(), body));
    }
}

async fn answer(State(state): State<Shared>, request: Request) -> axum::response::Response {
    let (parts, body) = request.into_parts();
    if parts.uri.path() == "/health" {
        return StatusCode::OK.into_response();
    }
    let bytes = axum::body::to_bytes(body, 1 << 24).await.unwrap();
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let path = parts.uri.to_string();
    let seen =
        Seen { method: parts.method.to_string(), path: path.clone(), headers: parts.headers, body: body.clone() };
    let count = {
        let mut all = state.seen.lock().unwrap();
        all.push(seen);
        all.len()
    };
    tokio::select! {
        permit = state.gate.acquire() => drop(permit.unwrap()),
        permit = state.once.acquire() => permit.unwrap().forget(),
    }
    let special = {
        let mut answers = state.answers.lock().unwrap();
        (!answers.is_empty()).then(|| answers.remove(0))
    };
    if let Some((status, body)) = special {
        return (status, Json(body)).into_response();
    }
    if path.starts_with("/api/v1/chat/completions") {
        let question =
            body["messages"].as_array().and_then(|list| list.last()).map(|message| message["content"].clone());
        return Json(json!({
            "id": format!("chat-{count}"),
            "model": body.get("model").cloned().unwrap_or_else(|| "gemini-2.0-flash-exp".into()),
            "choices": [{"index": 0, "message": {"role": "assistant", "content": format!("echo: {}", question.unwrap_or_default().as_str().unwrap_or_default())}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "cost": 0.000_001},
            "session_id": "s",
        }))
        .into_response();
    }
    let first = &body[0];
    let (id, fields) = match first.get("id") {
        Some(id) => (id.clone(), first["fields"].clone()),
        None => (format!("rec{count}").into(), first.clone()),
    };
    Json(json!([{"id": id, "fields": fields, "createdTime": "2026-11-22T10:00:00.000Z"}])).into_response()
}
