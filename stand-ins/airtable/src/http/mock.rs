//! Control for tests. The real server has nothing of this.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{Shared, lock};
use crate::Scenario;

/// Calls that may wait for their failure.
const FAILURES_MAX: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    scenario: String,
    #[serde(default = "one")]
    count: usize,
}

fn one() -> usize {
    1
}

/// `POST /mock/fail {"scenario": "429", "count": 2}`: the next calls fail so.
pub(super) async fn fail(State(shared): State<Arc<Shared>>, axum::Json(order): axum::Json<Order>) -> Response {
    match order.scenario.parse::<Scenario>() {
        Ok(scenario) => {
            let mut calls = lock(&shared.calls);
            let room = FAILURES_MAX.saturating_sub(calls.to_fail.len());
            calls.to_fail.extend(std::iter::repeat_n(scenario, order.count.min(room)));
            StatusCode::NO_CONTENT.into_response()
        }
        Err(reason) => (StatusCode::BAD_REQUEST, axum::Json(json!({"error": reason}))).into_response(),
    }
}

/// `GET /mock/calls`: how many calls came in, and the last ones.
pub(super) async fn calls(State(shared): State<Arc<Shared>>) -> Response {
    let calls = lock(&shared.calls);
    let seen: Vec<Json> = calls
        .seen
        .iter()
        .map(|call| {
            json!({"method": call.method, "path": call.path, "query": call.query, "traceparent": call.traceparent})
        })
        .collect();
    axum::Json(json!({"total": calls.total, "calls": seen})).into_response()
}

/// `DELETE /mock/calls`: forgets them.
pub(super) async fn forget(State(shared): State<Arc<Shared>>) -> StatusCode {
    *lock(&shared.calls) = super::Calls::default();
    StatusCode::NO_CONTENT
}
