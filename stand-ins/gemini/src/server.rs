//! The server: routes, key check, counting of calls, and the switches under `/_mock`.
//!
//! Limits: bodies of 32 MiB; the last [`SEEN_MAX`] requests are kept for tests to look at.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, OriginalUri, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cache::Prefixes;
use crate::catalogue::{self, Card, MODELS, Model};
use crate::fault::{self, ApiError};
use crate::generate::{self, Setting};
use crate::request::{Count, Generate};
use crate::scenario::Scenario;
use crate::stream::{self, Framing};
use crate::tokens::Tokens;
use crate::{Options, embed, wire};

/// Inline files may be 20 MB upstream; base64 adds a third.
const BODY_BYTES_MAX: usize = 32 << 20;
/// Requests kept for `GET /_mock/requests`.
const SEEN_MAX: usize = 256;
const PAGE_SIZE_DEFAULT: usize = 50;
const PAGE_SIZE_MAX: usize = 1_000;

/// All state of one stand-in.
#[derive(Debug)]
pub(crate) struct Server {
    seed: u64,
    keys: Vec<String>,
    calls: AtomicU64,
    scenario: Mutex<Scenario>,
    first_scenario: Scenario,
    prefixes: Mutex<Prefixes>,
    seen: Mutex<VecDeque<Seen>>,
}

/// What a request looked like: enough to check who called and in which trace. Never the key or the body.
#[derive(Debug, Clone, Serialize)]
struct Seen {
    method: String,
    path: String,
    status: u16,
    traceparent: Option<String>,
    baggage: Option<String>,
    user_agent: Option<String>,
    body_bytes: usize,
}

type Shared = Arc<Server>;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Parameters {
    key: Option<String>,
    alt: Option<String>,
    page_size: Option<usize>,
    page_token: Option<String>,
}

/// The routes of a stand-in with these options.
pub(crate) fn router(options: Options) -> Router {
    let server = Arc::new(Server {
        seed: options.seed,
        keys: options.keys,
        calls: AtomicU64::new(0),
        scenario: Mutex::new(options.scenario.clone()),
        first_scenario: options.scenario,
        prefixes: Mutex::default(),
        seen: Mutex::default(),
    });
    Router::new()
        .route("/{version}/models", get(list))
        .route("/{version}/models/{target}", get(one).post(act))
        .route("/{version}/projects/{project}/locations/{location}/publishers/google/models/{target}", post(act_vertex))
        .route("/_mock/scenario", get(scenario).put(set_scenario).delete(reset))
        .route("/_mock/requests", get(requests))
        .route("/health", get(|| async { Json(json!({"status": "healthy", "service": "stand-in-gemini"})) }))
        .fallback(|| async { fault::html(StatusCode::NOT_FOUND, "Error 404 (Not Found)!!1") })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(server)
}

impl Server {
    /// 403 without a key, 400 with a wrong one.
    fn check_key(&self, headers: &HeaderMap, parameters: &Parameters) -> Result<(), ApiError> {
        let header = headers.get("x-goog-api-key").and_then(|value| value.to_str().ok());
        let Some(key) = header.or(parameters.key.as_deref()).filter(|key| !key.is_empty()) else {
            return Err(ApiError::no_key());
        };
        let known =
            if self.keys.is_empty() { !key.starts_with("invalid") } else { self.keys.iter().any(|own| own == key) };
        if known { Ok(()) } else { Err(ApiError::key_invalid()) }
    }

    /// The scenario for one call: the server's, with the headers and the words of the prompt over it.
    fn scenario(&self, headers: &HeaderMap, prompt: &str) -> Result<Scenario, ApiError> {
        let json = |name: &str| -> Result<Option<Value>, ApiError> {
            let Some(value) = headers.get(name) else { return Ok(None) };
            let parsed = serde_json::from_slice(value.as_bytes());
            parsed.map(Some).map_err(|error| ApiError::invalid(format!("header {name}: {error}")))
        };
        let mut scenario = lock(&self.scenario).clone();
        if let Some(over) = json("x-mock-scenario")? {
            scenario = scenario.merged(&over).map_err(|error| ApiError::invalid(error.to_string()))?;
        }
        if let Some(usage) = json("x-mock-usage")? {
            scenario.usage = Some(usage);
        }
        Ok(scenario.with_words(prompt))
    }

    fn note(&self, method: &str, uri: &Uri, headers: &HeaderMap, body_bytes: usize, status: StatusCode) {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut seen = lock(&self.seen);
        if seen.len() >= SEEN_MAX {
            seen.pop_front();
        }
        seen.push_back(Seen {
            method: method.to_owned(),
            path: uri.path().to_owned(),
            status: status.as_u16(),
            traceparent: text("traceparent"),
            baggage: text("baggage"),
            user_agent: text("user-agent"),
            body_bytes,
        });
    }

    async fn act(
        &self,
        target: &str,
        parameters: &Parameters,
        headers: &HeaderMap,
        body: &[u8],
        vertex: bool,
    ) -> Response {
        let Some((name, method)) = target.split_once(':') else {
            return fault::html(StatusCode::NOT_FOUND, "Error 404 (Not Found)!!1");
        };
        let events = parameters.alt.as_deref() == Some("sse");
        let array = method == "streamGenerateContent" && !events;
        let known = catalogue::find(name).filter(|model| model.supports(method));
        let Some(model) = known else { return ApiError::model_not_found(name, method).into_response_as(array) };
        let answer = match method {
            "generateContent" => self.generate(model, headers, body, vertex, None).await,
            "streamGenerateContent" => {
                let framing = if events { Framing::Events } else { Framing::Array };
                self.generate(model, headers, body, vertex, Some(framing)).await
            }
            "countTokens" => count(body).map(|value| wire::json_response(StatusCode::OK, &value)),
            "embedContent" => embed::one(model, body).map(|value| wire::json_response(StatusCode::OK, &value)),
            "batchEmbedContents" => embed::batch(model, body).map(|value| wire::json_response(StatusCode::OK, &value)),
            _ => return fault::html(StatusCode::NOT_FOUND, "Error 404 (Not Found)!!1"),
        };
        answer.unwrap_or_else(|error| error.into_response_as(array))
    }

    async fn generate(
        &self,
        model: &'static Model,
        headers: &HeaderMap,
        body: &[u8],
        vertex: bool,
        framing: Option<Framing>,
    ) -> Result<Response, ApiError> {
        let request = Generate::read(body)?;
        let scenario = self.scenario(headers, &request.prompt())?;
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let latency = Duration::from_millis(scenario.latency_ms(call));
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        if let Some((fault, retry_delay_s)) = scenario.fault(call) {
            return Ok(fault.response(model.id, retry_delay_s, framing == Some(Framing::Array)));
        }
        let cached_tokens = generate::cached_tokens(model, &request, &mut lock(&self.prefixes))?;
        let setting = Setting { model, scenario: &scenario, seed: self.seed, call, cached_tokens, vertex };
        let mut chunks = generate::chunks(&request, &setting, framing.is_some());
        let mut response = match framing {
            Some(framing) => stream::response(chunks, framing, &scenario),
            None => wire::json_response(StatusCode::OK, &chunks.pop().unwrap_or_default()),
        };
        // Only when a tier was asked for, as recorded.
        let tier = request.service_tier.as_ref().and_then(|_| generate::tier(&request, &scenario));
        if let Some(tier) = tier.and_then(|tier| HeaderValue::from_str(&tier).ok()) {
            response.headers_mut().insert(HeaderName::from_static("x-gemini-service-tier"), tier);
        }
        Ok(response)
    }
}

fn count(body: &[u8]) -> Result<Value, ApiError> {
    let request = Count::read(body)?;
    let tokens = Tokens::of_request(&request);
    Ok(json!({"totalTokens": tokens.total(), "promptTokensDetails": tokens.details()}))
}

async fn act(
    State(server): State<Shared>,
    Path((_, target)): Path<(String, String)>,
    Query(parameters): Query<Parameters>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let response = match server.check_key(&headers, &parameters) {
        Ok(()) => server.act(&target, &parameters, &headers, &body, false).await,
        Err(error) => error.into_response(),
    };
    server.note("POST", &uri, &headers, body.len(), response.status());
    response
}

async fn act_vertex(
    State(server): State<Shared>,
    Path((_, _, _, target)): Path<(String, String, String, String)>,
    Query(parameters): Query<Parameters>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let response = if bearer.is_some_and(|value| value.starts_with("Bearer ")) {
        server.act(&target, &parameters, &headers, &body, true).await
    } else {
        ApiError::new(
            StatusCode::UNAUTHORIZED,
            "UNAUTHENTICATED",
            "Request is missing required authentication credential.",
        )
        .into_response()
    };
    server.note("POST", &uri, &headers, body.len(), response.status());
    response
}

async fn list(State(server): State<Shared>, Query(parameters): Query<Parameters>, headers: HeaderMap) -> Response {
    if let Err(error) = server.check_key(&headers, &parameters) {
        return error.into_response();
    }
    let size = parameters.page_size.filter(|size| *size > 0).unwrap_or(PAGE_SIZE_DEFAULT).min(PAGE_SIZE_MAX);
    // The token is where the next page begins; upstream's is opaque.
    let from = match parameters.page_token.as_deref().filter(|token| !token.is_empty()).map(str::parse::<usize>) {
        None => 0,
        Some(Ok(from)) if from < MODELS.len() => from,
        Some(_) => return ApiError::invalid("page_token is invalid").into_response(),
    };
    let page: Vec<Card> = MODELS.iter().skip(from).take(size).map(Card::from).collect();
    let next = from + page.len();
    let mut body = json!({"models": page});
    if next < MODELS.len() {
        body["nextPageToken"] = Value::from(next.to_string());
    }
    wire::json_response(StatusCode::OK, &body)
}

async fn one(
    State(server): State<Shared>,
    Path((_, name)): Path<(String, String)>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    if let Err(error) = server.check_key(&headers, &parameters) {
        return error.into_response();
    }
    match catalogue::find(&name) {
        Some(model) => wire::json_response(StatusCode::OK, &Card::from(model)),
        None => ApiError::model_not_found(&name, "generateContent").into_response(),
    }
}

async fn scenario(State(server): State<Shared>) -> Json<Scenario> {
    Json(lock(&server.scenario).clone())
}

/// Replaces the scenario by the default with the given fields.
async fn set_scenario(State(server): State<Shared>, Json(over): Json<Value>) -> Response {
    match Scenario::default().merged(&over) {
        Ok(scenario) => {
            *lock(&server.scenario) = scenario.clone();
            // So that "the second call" means the second after this.
            server.calls.store(0, Ordering::Relaxed);
            Json(scenario).into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}

/// Back to how the server was started.
async fn reset(State(server): State<Shared>) -> StatusCode {
    *lock(&server.scenario) = server.first_scenario.clone();
    server.calls.store(0, Ordering::Relaxed);
    lock(&server.seen).clear();
    StatusCode::NO_CONTENT
}

async fn requests(State(server): State<Shared>) -> Json<Vec<Seen>> {
    Json(lock(&server.seen).iter().cloned().collect())
}

/// Nothing panics while a lock is held, so a poisoned one still holds good data.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
