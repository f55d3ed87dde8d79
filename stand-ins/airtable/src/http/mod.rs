//! The API over HTTP.
//!
//! | file | what |
//! |---|---|
//! | `gate` | what each call passes first: latency, the list of calls, failures on demand, token, rate limit |
//! | `records` | list, read, create, change, delete |
//! | `meta` | bases, schema, who am I |
//! | `mock` | control by tests: fail the next calls, see what came in |

mod gate;
mod meta;
mod mock;
mod records;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::extract::rejection::BytesRejection;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use serde_json::Value as Json;

use crate::data::World;
use crate::error::ApiError;
use crate::limits::Limits;
use crate::{Call, Options, Scenario};

/// Bodies over this size are refused with 413; the real limit is not published.
const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) world: Mutex<World>,
    pub(crate) limits: Mutex<Limits>,
    pub(crate) calls: Mutex<Calls>,
}

/// What came in and what is to fail.
#[derive(Default)]
pub(crate) struct Calls {
    pub(crate) seen: VecDeque<Call>,
    pub(crate) total: u64,
    pub(crate) to_fail: VecDeque<Scenario>,
}

/// A lock whose holder panicked still guards whole data here: each change is one assignment.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn router(shared: &Arc<Shared>) -> Router {
    let api = Router::new()
        .route("/meta/whoami", get(meta::who_am_i))
        .route("/meta/bases", get(meta::bases))
        .route("/meta/bases/{base}/tables", get(meta::tables))
        .route("/{base}/{table}/listRecords", post(records::list_by_body))
        .route(
            "/{base}/{table}",
            get(records::list)
                .post(records::create)
                .patch(records::merge)
                .put(records::replace)
                .delete(records::delete_many),
        )
        .route(
            "/{base}/{table}/{record}",
            get(records::read).patch(records::merge_one).put(records::replace_one).delete(records::delete_one),
        )
        .method_not_allowed_fallback(nothing_here)
        .fallback(nothing_here)
        .layer(from_fn_with_state(Arc::clone(shared), gate::pass));
    Router::new()
        .nest("/v0", api)
        .route("/health", get(|| async { axum::Json(serde_json::json!({"status": "ok"})) }))
        .route("/mock/calls", get(mock::calls).delete(mock::forget))
        .route("/mock/fail", post(mock::fail))
        .fallback(nothing_here)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Arc::clone(shared))
}

async fn nothing_here() -> Response {
    refusal(&ApiError::NotFound)
}

/// A refusal as a response.
pub(crate) fn refusal(error: &ApiError) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, axum::Json(error.body())).into_response()
}

fn answer(result: Result<Json, ApiError>) -> Response {
    match result {
        Ok(json) => axum::Json(json).into_response(),
        Err(error) => refusal(&error),
    }
}

/// The body as JSON.
fn json(body: Result<Bytes, BytesRejection>) -> Result<Json, ApiError> {
    let body = body.map_err(|_| ApiError::TooLarge)?;
    serde_json::from_slice(&body).map_err(|_| ApiError::invalid("INVALID_REQUEST_BODY", "Could not parse request body"))
}

/// The pairs of a query string, in order.
fn pairs(query: Option<&str>) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect()
}
