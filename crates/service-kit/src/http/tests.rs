//! The client against real servers on loopback.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use ::http::HeaderMap;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response as Answer};
use axum::routing::any;
use serde_json::{Value, json};

use super::*;
use crate::config::Secret;

/// Gives the answers it was told to, one a request, and remembers what it was asked.
#[derive(Clone, Default)]
struct Upstream {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    asked: Arc<Mutex<Vec<(String, HeaderMap, Bytes)>>>,
}

async fn answer(State(upstream): State<Upstream>, request: axum::extract::Request) -> Answer {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    upstream.asked.lock().unwrap().push((format!("{} {}", parts.method, parts.uri), parts.headers, body));
    upstream.answers.lock().unwrap().pop_front().unwrap_or_else(|| "fine".into_response())
}

impl Upstream {
    async fn start(answers: impl IntoIterator<Item = Answer>) -> (Self, String) {
        let upstream = Self { answers: Arc::new(Mutex::new(answers.into_iter().collect())), ..Self::default() };
        let router = Router::new().fallback(any(answer)).with_state(upstream.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        // Ends with the test's runtime.
        tokio::spawn(axum::serve(listener, router).into_future());
        (upstream, url)
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

fn status(status: u16) -> Answer {
    StatusCode::from_u16(status).unwrap().into_response()
}

fn quick() -> Client {
    let retry = Retry { retries: 2, base: Duration::from_millis(1), pause_max: Duration::from_millis(50) };
    Client::with(Duration::from_secs(5), Duration::from_secs(20), retry).unwrap()
}

#[tokio::test]
async fn what_passes_is_tried_again_and_what_does_not_is_an_answer() {
    for first in [429, 502, 503, 504] {
        let (upstream, url) = Upstream::start([status(first), status(first)]).await;
        assert_eq!(quick().get(&url).send().await.unwrap().status(), StatusCode::OK, "{first}");
        assert_eq!(upstream.asked(), 3);
    }
    for first in [400, 404, 500] {
        let (upstream, url) = Upstream::start([status(first)]).await;
        assert_eq!(quick().get(&url).send().await.unwrap().status().as_u16(), first);
        assert_eq!(upstream.asked(), 1);
    }
    let (upstream, url) = Upstream::start((0..9).map(|_| status(503))).await;
    assert_eq!(quick().get(&url).send().await.unwrap().status().as_u16(), 503, "tries end");
    assert_eq!(upstream.asked(), 3);
}

#[tokio::test]
async fn what_may_have_been_done_is_not_done_again_unless_asked() {
    let (upstream, url) = Upstream::start([status(503), status(503)]).await;
    assert_eq!(quick().post(&url).json(&json!({"a": 1})).send().await.unwrap().status().as_u16(), 503);
    assert_eq!(upstream.asked(), 1);
    assert_eq!(
        quick().post(&url).json(&json!({"a": 1})).idempotent(true).send().await.unwrap().status(),
        StatusCode::OK
    );
    assert_eq!(upstream.asked(), 3);
    let asked = upstream.asked.lock().unwrap();
    assert!(
        asked.iter().all(|(_, headers, body)| headers["content-type"] == "application/json" && body == r#"{"a":1}"#)
    );
}

#[tokio::test]
async fn a_connection_that_was_never_made_is_tried_again_for_any_method() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = quick().post(&url).send().await.unwrap_err();
    assert!(matches!(error, Error::Connect(_)) && error.retryable(), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
    assert_eq!(Problem::from(error).status(), StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn a_server_that_says_when_is_obeyed_and_not_waited_for_too_long() {
    let (upstream, url) =
        Upstream::start([(StatusCode::TOO_MANY_REQUESTS, [("retry-after", "0")], "").into_response()]).await;
    assert_eq!(quick().get(&url).send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(upstream.asked(), 2);
    let (upstream, url) =
        Upstream::start([(StatusCode::TOO_MANY_REQUESTS, [("retry-after", "30")], "").into_response()]).await;
    let answer = quick().get(&url).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.retry_after()), (429, Some(Duration::from_secs(30))));
    assert_eq!(upstream.asked(), 1);
    let info = json!({"error": {"message": "slow down", "details": [
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}]}});
    let (_, url) = Upstream::start([(StatusCode::TOO_MANY_REQUESTS, axum::Json(info)).into_response()]).await;
    let error = quick().get(&url).send().await.unwrap().ok().await.unwrap_err();
    assert_eq!(error.to_string(), "answered 429: slow down");
    let problem = Problem::from(error).into_response();
    assert_eq!((problem.status().as_u16(), &problem.headers()["retry-after"]), (429, &::http::HeaderValue::from(34)));
}

#[tokio::test]
async fn the_time_holds_for_all_tries_together() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let error = quick().get(&url).timeout(Duration::from_millis(100)).send().await.unwrap_err();
    assert!(matches!(error, Error::Timeout(_)), "{error}");
    assert_eq!(error.to_string(), "no answer within 100 ms");
    assert_eq!(Problem::from(error).status(), StatusCode::GATEWAY_TIMEOUT);
    drop(listener);
}

#[tokio::test]
async fn a_broken_connection_is_told_as_such() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let mut connections = 0;
        while connections < 3 {
            drop(listener.accept().await.unwrap());
            connections += 1;
        }
        connections
    });
    let error = quick().get(&url).send().await.unwrap_err();
    assert!(matches!(error, Error::Broken(_)), "{error}");
    assert_eq!(server.await.unwrap(), 3, "a GET is tried again");
}

#[tokio::test]
async fn answers_are_read_up_to_a_limit_or_piece_by_piece() {
    let body = "x".repeat(1000);
    let (_, url) =
        Upstream::start([body.clone().into_response(), body.clone().into_response(), body.into_response()]).await;
    assert_eq!(quick().get(&url).send().await.unwrap().bytes(1000).await.unwrap().len(), 1000);
    assert!(matches!(quick().get(&url).send().await.unwrap().bytes(999).await, Err(Error::TooLarge(999))));
    let mut streamed = quick().get(&url).streamed().send().await.unwrap();
    let mut bytes = 0;
    while let Some(chunk) = streamed.chunk().await.unwrap() {
        bytes += chunk.len();
    }
    assert_eq!(bytes, 1000);
}

#[tokio::test]
async fn a_stream_that_falls_silent_ends() {
    let silent = axum::body::Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
    let (_, url) = Upstream::start([Answer::new(silent)]).await;
    let mut answer = quick().get(&url).timeout(Duration::from_millis(100)).streamed().send().await.unwrap();
    assert!(matches!(answer.chunk().await, Err(Error::Timeout(_))));
}

#[tokio::test]
async fn failures_tell_their_detail_and_no_secret() {
    let detail = json!({"detail": "key AIzaSyA1234567890abcdefghijklmnopqrstuvw is not valid"});
    let (_, url) = Upstream::start([(StatusCode::FORBIDDEN, axum::Json(detail)).into_response()]).await;
    let error = quick().get(&url).send().await.unwrap().ok().await.unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::FORBIDDEN));
    assert!(!error.to_string().contains("AIzaSyA123"), "{error}");
    let problem = Problem::from(error);
    assert_eq!((problem.status(), problem.slug()), (StatusCode::BAD_GATEWAY, "upstream"));
}

#[tokio::test]
async fn requests_are_put_together() {
    let (upstream, url) = Upstream::start([]).await;
    let request = quick().request(Method::PATCH, format!("{url}/v0/a b?x=1")).query("q", "ä&").query("n", 2);
    let request = request
        .header("X-Mixed-Case", "v")
        .bearer(&Secret::new("t"))
        .secret_header("x-goog-api-key", &Secret::new("k"));
    assert!(!format!("{request:?}").contains("Bearer t"));
    request.send().await.unwrap();
    let (line, headers, _) = upstream.asked.lock().unwrap().remove(0);
    assert_eq!(line, "PATCH /v0/a%20b?x=1&q=%C3%A4%26&n=2");
    assert_eq!(
        (&headers["x-mixed-case"], &headers["authorization"], &headers["x-goog-api-key"]),
        (&"v".parse().unwrap(), &"Bearer t".parse().unwrap(), &"k".parse().unwrap())
    );
    assert!(matches!(quick().get("nonsense").send().await, Err(Error::Request(_))));
    assert!(matches!(quick().get(&url).header("bad name", "v").send().await, Err(Error::Request(_))));
    assert!(matches!(quick().get(&url).header("x", "a\nb").send().await, Err(Error::Request(_))));
}

#[tokio::test]
async fn a_peer_is_checked_by_its_health() {
    let (upstream, url) =
        Upstream::start([axum::Json(json!({"status": "healthy"})).into_response(), status(500)]).await;
    let peer = Peer::new(quick(), url, Some(Secret::new("t")));
    let check = peer.check("gateway");
    assert_eq!(check.run(Duration::from_secs(5)).await.reason, None);
    assert_eq!(check.run(Duration::from_secs(5)).await.reason.as_deref(), Some("/health answered 500"));
    peer.post("/api/v1/x").json(&Value::Null).send().await.unwrap();
    let asked = upstream.asked.lock().unwrap();
    let lines: Vec<&str> = asked.iter().map(|(line, ..)| line.as_str()).collect();
    assert_eq!(lines, ["GET /health", "GET /health", "POST /api/v1/x"]);
    assert!(asked.iter().all(|(_, headers, _)| headers["authorization"] == "Bearer t"));
}
