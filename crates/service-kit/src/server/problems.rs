//! Every failure as a problem, also those of axum itself: unknown routes, wrong methods, refusals of its extractors.
//!
//! Left alone: answers with a content type of their own (JSON, event streams), and bodies of unknown or large size.

use ::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use ::http::{HeaderMap, StatusCode};
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;

use crate::problem::Problem;

/// A plain text that is a sentence; longer ones were meant for someone.
const TEXT_BYTES_MAX: u64 = 1024;

/// Turns failures into problems.
pub(super) async fn told(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) || !is_plain(&response) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let text = text(body).await;
    let problem = match status {
        StatusCode::NOT_FOUND if text.is_empty() => {
            Problem::new(status, "no-such-route", format!("there is no {path} here"))
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            // What it takes stands in the header Allow, which the router adds behind us.
            Problem::new(status, "method-not-allowed", format!("{path} does not take {method}"))
        }
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(status, "too-large", "the request body is too large"),
        _ => {
            let phrase = status.canonical_reason().unwrap_or("error");
            let detail = if text.is_empty() { phrase.to_owned() } else { text };
            Problem::new(status, slug(phrase), detail)
        }
    };
    let answer = problem.into_response();
    // Headers of the failure stay (Allow, Retry-After, WWW-Authenticate); those of its body go.
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.remove(CONTENT_TYPE);
    let (mut own, body) = answer.into_parts();
    own.headers.extend(HeaderMap::clone(&parts.headers));
    Response::from_parts(own, body)
}

fn is_plain(response: &Response) -> bool {
    let small = http_body::Body::size_hint(response.body()).exact().is_some_and(|bytes| bytes <= TEXT_BYTES_MAX);
    let kind = response.headers().get(CONTENT_TYPE).map(|value| value.as_bytes());
    small && kind.is_none_or(|kind| kind.starts_with(b"text/plain"))
}

async fn text(body: Body) -> String {
    // Bounded by `is_plain`.
    let bytes = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

fn slug(phrase: &str) -> String {
    phrase.to_ascii_lowercase().replace(|character: char| !character.is_ascii_alphanumeric(), "-")
}
