//! What each call passes before it is answered.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tokio::time::Instant;

use super::{Shared, lock, refusal};
use crate::error::ApiError;
use crate::{Call, Scenario};

/// Longer URLs are refused; `listRecords` is there for them.
const URL_BYTES_MAX: usize = 16_000;
/// Calls kept for tests to look at.
const CALLS_MAX: usize = 1_000;
/// Tokens that begin so may read only.
const READ_ONLY: &str = "patReadOnly";

/// The scopes that a token has.
pub(super) fn scopes(token: &str) -> &'static [&'static str] {
    if token.starts_with(READ_ONLY) {
        &["data.records:read", "schema.bases:read"]
    } else {
        &["data.records:read", "data.records:write", "schema.bases:read"]
    }
}

/// The token of a request; the extension under which handlers find it.
#[derive(Clone)]
pub(super) struct Token(pub(super) String);

pub(super) async fn pass(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    let scenario = record(&shared, &request);
    let latency =
        header_number(request.headers(), "x-mock-latency-ms").map_or(shared.options.latency, Duration::from_millis);
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    if let Some(scenario) = scenario {
        let mut response = scenario.answer().await;
        // The real server sends no Retry-After; a client should honour one all the same.
        if let Some(seconds) = header_number(request.headers(), "x-mock-retry-after") {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        return response;
    }
    match admit(&shared, &request) {
        Ok(token) => {
            request.extensions_mut().insert(token);
            next.run(request).await
        }
        Err(Refused::Api(error)) => refusal(&error),
        Err(Refused::Url) => (StatusCode::URI_TOO_LONG, "URI Too Long").into_response(),
    }
}

/// Notes the call and finds out whether it is to fail.
fn record(shared: &Shared, request: &Request) -> Option<Scenario> {
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
    // `nest` has taken the prefix away, the query is as it came.
    let call = Call {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        traceparent: text("traceparent"),
        at: Instant::now(),
    };
    let asked = text("x-mock-scenario").and_then(|name| name.parse().ok());
    let mut calls = lock(&shared.calls);
    calls.total += 1;
    if calls.seen.len() >= CALLS_MAX {
        calls.seen.pop_front();
    }
    calls.seen.push_back(call);
    let total = calls.total;
    let by_rule =
        || shared.options.fail.iter().find(|rule| total.is_multiple_of(rule.every)).map(|rule| rule.scenario.clone());
    asked.or_else(|| calls.to_fail.pop_front()).or_else(by_rule)
}

enum Refused {
    Api(ApiError),
    Url,
}

fn admit(shared: &Shared, request: &Request) -> Result<Token, Refused> {
    let uri = request.uri();
    if uri.path().len() + uri.query().map_or(0, str::len) > URL_BYTES_MAX {
        return Err(Refused::Url);
    }
    let token = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .filter(|token| match shared.options.tokens.as_slice() {
            // Without a list, everything in the form of a personal access token or an OAuth token passes.
            [] => token.starts_with("pat") || token.starts_with("oaa"),
            known => known.iter().any(|known| known == token),
        })
        .ok_or(Refused::Api(ApiError::Unauthenticated))?
        .to_owned();
    if let Some(base) = base_of(uri.path())
        && lock(&shared.world).base(base).is_ok()
    {
        lock(&shared.limits).pass(base, Instant::now()).map_err(Refused::Api)?;
    }
    let reads = request.method() == Method::GET || uri.path().ends_with("/listRecords");
    if !reads && token.starts_with(READ_ONLY) {
        return Err(Refused::Api(ApiError::Forbidden));
    }
    Ok(Token(token))
}

/// The base that a path belongs to; `/meta/bases` and `/meta/whoami` belong to none.
fn base_of(path: &str) -> Option<&str> {
    let mut parts = path.trim_start_matches('/').split('/');
    match parts.next()? {
        "meta" => parts.nth(1),
        base => Some(base),
    }
}

fn header_number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}
