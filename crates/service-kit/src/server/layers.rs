//! Puts a service's routes and the fixed ones together and surrounds them.
//!
//! From the outside in: telemetry (sees every answer), problems (every failure as RFC 9457), token, limits (how many, how large, how
//! long), the route.

use std::sync::Arc;
use std::time::Duration;

use ::http::StatusCode;
use ::http::header::{AUTHORIZATION, CONTENT_LENGTH, WWW_AUTHENTICATE};
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http_body_util::Limited;
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;
use utoipa_axum::router::OpenApiRouter;

use super::held::Held;
use super::settings::Settings;
use super::{openapi, problems, routes};
use crate::config::Secret;
use crate::problem::Problem;
use crate::service::{App, Service};

/// Probes must get an answer without a token, and when the service is full.
const FREE: [&str; 2] = ["/health", "/ready"];
/// After this a full service is worth another try.
const FULL_RETRY: Duration = Duration::from_secs(1);

/// The limit that holds for a request's body, for extractors that tell it.
#[derive(Clone, Copy)]
pub(crate) struct BodyLimit(pub(crate) usize);

/// The whole router of a service.
pub(super) fn router(service: Service, port: u16, app: App, settings: &Settings) -> Router {
    let App { router, checks, timeouts, limits, prefixes } = app;
    let (router, document) = OpenApiRouter::new()
        .merge(routes::router(service, port, checks, settings.ready_timeout))
        .merge(router)
        .split_for_parts();
    let router = openapi::serve(router, document, &service, settings.token.is_some());
    let rules = Rules {
        timeouts,
        limits,
        timeout: settings.request_timeout,
        bytes_max: settings.request_bytes_max,
        requests: Arc::new(Semaphore::new(settings.requests_max)),
    };
    let mut router = router
        // The kit's own limit, which differs by route, is the only one.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(Arc::new(rules), bounded));
    if let Some(token) = &settings.token {
        router = router.layer(from_fn_with_state(Token::new(token), authorised));
    }
    let traced = prefixes.into_iter().fold(telemetry::axum::layer(), telemetry::axum::ServerLayer::prefix);
    router.layer(from_fn(problems::told)).layer(traced)
}

/// What bounds requests.
struct Rules {
    timeouts: Vec<(String, Duration)>,
    limits: Vec<(String, usize)>,
    timeout: Duration,
    bytes_max: usize,
    requests: Arc<Semaphore>,
}

/// The value that holds for a route. Routes of nested services are unknown to the router: there the path itself is compared.
fn for_route<T: Copy>(special: &[(String, T)], request: &Request, usual: T) -> T {
    if special.is_empty() {
        return usual;
    }
    let path = request.extensions().get::<MatchedPath>().map_or(request.uri().path(), MatchedPath::as_str);
    special.iter().find(|(route, _)| route == path).map_or(usual, |(_, value)| *value)
}

async fn bounded(State(rules): State<Arc<Rules>>, request: Request, next: Next) -> Response {
    if FREE.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let Ok(permit) = rules.requests.clone().try_acquire_owned() else {
        tracing::warn!("too many requests at a time");
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "too many requests at a time")
            .retry_after(FULL_RETRY)
            .into_response();
    };
    let bytes_max = for_route(&rules.limits, &request, rules.bytes_max);
    let timeout = for_route(&rules.timeouts, &request, rules.timeout);
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > bytes_max as u64) {
        return Problem::too_large(bytes_max).into_response();
    }
    let mut request = request.map(|body| Body::new(Limited::new(body, bytes_max)));
    request.extensions_mut().insert(BodyLimit(bytes_max));
    match tokio::time::timeout(timeout, next.run(request)).await {
        // A streamed answer counts as a request until its end; its time is not limited.
        Ok(response) => response.map(|body| Body::new(Held::new(body, permit))),
        Err(_) => {
            tracing::warn!(timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX), "request timed out");
            Problem::timeout(format!("no answer within {} ms", timeout.as_millis())).into_response()
        }
    }
}

/// The digest of SERVICE_TOKEN: comparing digests tells nothing about the token, not even its length.
#[derive(Clone)]
struct Token(Arc<[u8]>);

impl Token {
    fn new(token: &Secret) -> Self {
        Self(digest(token.expose()).as_ref().into())
    }

    fn is(&self, presented: &str) -> bool {
        self.0.ct_eq(digest(presented).as_ref()).into()
    }
}

fn digest(text: &str) -> ring::digest::Digest {
    ring::digest::digest(&ring::digest::SHA256, text.as_bytes())
}

async fn authorised(State(token): State<Token>, request: Request, next: Next) -> Response {
    if FREE.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let presented = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
    if presented.is_some_and(|presented| token.is(presented)) {
        return next.run(request).await;
    }
    let detail = if presented.is_some() { "the bearer token is not valid" } else { "a bearer token is needed" };
    let mut response = Problem::unauthorized(detail).into_response();
    response.headers_mut().insert(WWW_AUTHENTICATE, ::http::HeaderValue::from_static("Bearer"));
    response
}

/// The credential of `Bearer …`; the scheme's case does not matter (RFC 9110 §11.1).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        let token = Token::new(&Secret::new("right"));
        assert!(token.is("right"));
        assert!(!token.is("righ") && !token.is("right ") && !token.is(""));
        assert_eq!(bearer("bearer  right"), Some("right"));
        assert_eq!((bearer("Basic right"), bearer("Bearer")), (None, None));
    }
}
