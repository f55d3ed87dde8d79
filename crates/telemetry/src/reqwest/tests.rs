//! The client against a server on loopback.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::routing::any;
use futures::StreamExt as _;
use http::{HeaderMap, StatusCode};
use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt as _};
use opentelemetry::{Context, KeyValue};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::Client;
use crate::harness::{Recorded, attribute, everything};
use crate::semconv::{self, Names};

/// What a server saw last.
type Seen = Arc<Mutex<HeaderMap>>;

/// A server that answers `/status/{n}` with that status and everything else with 8 bytes.
async fn server() -> (String, Seen) {
    let seen = Seen::default();
    let noted = Arc::clone(&seen);
    let answer = move |request: Request| {
        let noted = Arc::clone(&noted);
        async move {
            *noted.lock().expect("not poisoned") = request.headers().clone();
            let path = request.uri().path().to_owned();
            if path == "/stream" {
                let parts = ["ab", "cd", "ef"].map(|part| Ok::<_, std::io::Error>(Bytes::from_static(part.as_bytes())));
                return (StatusCode::OK, Body::from_stream(futures::stream::iter(parts)));
            }
            let status = path.strip_prefix("/status/").and_then(|status| status.parse().ok()).unwrap_or(200);
            (StatusCode::from_u16(status).expect("a status"), Body::from("an order"))
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    // Ends with the test's runtime.
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(any(answer))).await });
    (format!("http://{address}"), seen)
}

fn client(recorded: &Recorded) -> Client {
    // A second installation in the same process changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::from(::reqwest::Client::new()).providers(recorded.providers()).names(Names::Current)
}

#[tokio::test]
async fn a_call_is_a_client_span_below_the_current_one() {
    let recorded = Recorded::new();
    let (url, seen) = server().await;
    let parent = recorded.parent();
    let call =
        client(&recorded).post(format!("{url}/orders/7")).template("/orders/{id}").resend_count(2).body("abc").send();
    let response = call.with_context(parent.clone()).await.expect("an answer");
    assert!(recorded.spans().is_empty(), "ends with the body");
    assert_eq!(response.url().as_str(), format!("{url}/orders/7"), "the URL survives");
    assert_eq!(response.text().await.expect("text"), "an order");

    let span = recorded.span("POST /orders/{id}");
    assert_eq!((span.span_kind.clone(), span.status.clone()), (SpanKind::Client, Status::Unset));
    assert_eq!(span.parent_span_id, parent.span().span_context().span_id());
    let port = url.rsplit(':').next().expect("a port");
    for (key, expected) in [
        ("http.request.method", "POST"),
        ("server.address", "127.0.0.1"),
        ("server.port", port),
        ("url.full", &*format!("{url}/orders/7")),
        ("url.scheme", "http"),
        ("url.template", "/orders/{id}"),
        ("http.request.resend_count", "2"),
        ("http.response.status_code", "200"),
        ("network.protocol.version", "1.1"),
        ("http.request.body.size", "3"),
        ("http.response.body.size", "8"),
    ] {
        assert_eq!(attribute(&span, key).as_deref(), Some(expected), "{key}");
    }
    let sent = seen.lock().expect("not poisoned").get("traceparent").cloned().expect("a traceparent");
    let expected = format!("00-{}-{}-01", span.span_context.trace_id(), span.span_context.span_id());
    assert_eq!(sent.to_str().expect("text"), expected);
}

#[tokio::test]
async fn statuses_from_400_are_errors() {
    let recorded = Recorded::new();
    let (url, _) = server().await;
    for status in [404, 503] {
        let response = client(&recorded)
            .get(format!("{url}/status/{status}"))
            .template("/status")
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status().as_u16(), status);
    }
    let types: Vec<_> = recorded.spans().iter().map(|span| attribute(span, "error.type")).collect();
    assert_eq!(types, [Some("404".to_owned()), Some("503".to_owned())]);
    assert!(recorded.spans().iter().all(|span| span.status == Status::error("")));
    let points = recorded.points("http.client.request.duration");
    assert!(
        points[0].0.contains("error.type=404") && points[0].0.contains("http.response.status_code=404"),
        "{points:?}"
    );
}

#[tokio::test]
async fn active_requests_return_to_zero() {
    let recorded = Recorded::new();
    let (url, _) = server().await;
    let response = client(&recorded).get(&url).send().await.expect("an answer");
    assert!(recorded.points("http.client.active_requests").iter().all(|point| point.1 == 1.0));
    drop(response);
    assert!(recorded.points("http.client.active_requests").iter().all(|point| point.1 == 0.0));
}

#[tokio::test]
async fn a_refused_connection_has_a_type_and_keeps_the_secret() {
    let recorded = Recorded::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let key = "AIzaSyA1234567890abcdefghijklmnopqrstuv";
    let error = client(&recorded)
        .get(format!("http://user:hunter2@{address}/v1?key={key}"))
        .send()
        .await
        .expect_err("nobody listens");
    let said = format!("{error} {error:?}");
    assert!(!said.contains(key) && !said.contains("hunter2"), "{said}");
    let span = recorded.span("GET");
    assert_eq!(attribute(&span, "error.type").as_deref(), Some("connect"));
    assert!(!everything(&span).contains(key) && !everything(&span).contains("hunter2"), "{:?}", span.attributes);
}

#[tokio::test]
async fn streams_are_counted_to_their_end() {
    let recorded = Recorded::new();
    let (url, _) = server().await;
    let response = client(&recorded).get(format!("{url}/stream")).send().await.expect("an answer");
    let mut chunks = response.bytes_stream();
    chunks.next().await.expect("a chunk").expect("bytes");
    assert!(recorded.spans().is_empty());
    while chunks.next().await.is_some() {}
    assert_eq!(attribute(&recorded.span("GET"), "http.response.body.size").as_deref(), Some("6"));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error() {
    let recorded = Recorded::new();
    // Announces ten bytes, sends four and closes.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        let mut request = [0; 1024];
        assert!(socket.read(&mut request).await.expect("a request") > 0);
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await.expect("written");
    });
    let response = client(&recorded).get(&url).send().await.expect("an answer");
    assert!(response.bytes().await.is_err());
    let span = recorded.span("GET");
    assert_eq!(attribute(&span, "error.type").as_deref(), Some("response_body"));
}

#[tokio::test]
async fn a_caller_that_gives_up_is_recorded() {
    let recorded = Recorded::new();
    // Accepts and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let timed_out =
        client(&recorded).get(&url).timeout(std::time::Duration::from_millis(5)).template("/slow").send().await;
    assert!(timed_out.expect_err("no answer").is_timeout());
    assert_eq!(attribute(&recorded.span("GET /slow"), "error.type").as_deref(), Some("timeout"));
    let dropped = client(&recorded).get(&url).send();
    assert!(tokio::time::timeout(std::time::Duration::from_millis(5), dropped).await.is_err());
    assert_eq!(attribute(&recorded.span("GET"), "error.type").as_deref(), Some("cancelled"));
}

fn with_baggage(parent: &Context) -> Context {
    parent.with_baggage([KeyValue::new("tenant.id", "acme"), KeyValue::new(semconv::CORRELATION_ID, "req-1")])
}

#[tokio::test]
async fn baggage_stays_within_the_deployment() {
    let recorded = Recorded::new();
    let (url, seen) = server().await;
    let header = |name: &str| {
        let seen = seen.lock().expect("not poisoned");
        seen.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let context = with_baggage(&recorded.parent());
    client(&recorded).get(&url).send().with_context(context.clone()).await.expect("an answer");
    assert!(header("baggage").is_some_and(|baggage| baggage.contains("tenant.id=acme")));
    assert_eq!(header("x-correlation-id").as_deref(), Some("req-1"));

    // A host that is a stranger's; the resolver sends it to the same server.
    let address = url.trim_start_matches("http://").parse().expect("an address");
    let stranger = ::reqwest::Client::builder().resolve("api.example.com", address).build().expect("a client");
    let stranger = Client::from(stranger).providers(recorded.providers());
    let elsewhere = format!("http://api.example.com:{}/", url.rsplit(':').next().expect("a port"));
    stranger.get(&elsewhere).send().with_context(context.clone()).await.expect("an answer");
    assert_eq!((header("baggage"), header("x-correlation-id")), (None, None));
    assert!(header("traceparent").is_some());
    stranger.share_baggage(true).get(&elsewhere).send().with_context(context).await.expect("an answer");
    assert!(header("baggage").is_some());
}

#[tokio::test]
async fn nothing_is_traced_inside_untraced_work() {
    let recorded = Recorded::new();
    let (url, seen) = server().await;
    crate::untraced(client(&recorded).get(&url).send()).await.expect("an answer");
    assert!(recorded.spans().is_empty());
    assert!(seen.lock().expect("not poisoned").get("traceparent").is_none());
}

#[tokio::test]
async fn old_names_on_request() {
    let recorded = Recorded::new();
    let (url, _) = server().await;
    client(&recorded).names(Names::Both).get(&url).send().await.expect("an answer");
    let span = recorded.span("GET");
    for key in ["http.method", "http.url", "net.peer.name", "http.status_code", "url.full"] {
        assert!(attribute(&span, key).is_some(), "{key}");
    }
    assert_eq!(recorded.points("http.client.duration").len(), 1);
}
