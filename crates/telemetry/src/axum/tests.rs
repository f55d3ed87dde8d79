//! The layer around a router, called in-process, and once over a socket for a client that goes away.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use futures::StreamExt as _;
use futures::channel::mpsc;
use http::StatusCode;
use http_body_util::BodyExt as _;
use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::trace::{SpanKind, Status};
use tower::ServiceExt as _;

use super::ServerLayer;
use crate::harness::{Recorded, assert_child, assert_root, attribute, everything};
use crate::semconv::Names;

const REMOTE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn layer(recorded: &Recorded) -> ServerLayer {
    ServerLayer::default().providers(recorded.providers()).names(Names::Current)
}

fn router() -> Router {
    Router::new()
        .route("/orders/{id}", get(|| async { "an order" }))
        .route("/upload", post(|body: Bytes| async move { body.len().to_string() }))
        .route("/broken", get(|| async { StatusCode::BAD_GATEWAY }))
        .route("/missing", get(|| async { StatusCode::NOT_FOUND }))
        .route("/panic", get(panicking))
        .route("/health", get(|| async { "ok" }))
}

async fn panicking() -> &'static str {
    panic!("out of {}", "cheese")
}

async fn call(recorded: &Recorded, request: http::request::Builder) -> Response {
    call_with(layer(recorded), request.body(Body::empty()).expect("a request")).await
}

async fn call_with(layer: ServerLayer, request: Request) -> Response {
    router().layer(layer).oneshot(request).await.expect("infallible")
}

async fn read(response: Response) -> Bytes {
    response.into_body().collect().await.expect("a body").to_bytes()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
}

#[tokio::test]
async fn a_request_is_a_span_named_by_its_route() {
    let recorded = Recorded::new();
    let request = Request::get("http://shop:8080/orders/7?token=abc")
        .header("traceparent", REMOTE)
        .header("user-agent", "curl/8");
    let response = call(&recorded, request).await;
    let (trace, span_id) = (header(&response, "x-trace-id").to_owned(), header(&response, "x-span-id").to_owned());
    assert!(recorded.spans().is_empty(), "ends with the body");
    assert_eq!(read(response).await, "an order");

    let span = recorded.span("GET /orders/{id}");
    assert_eq!(span.span_kind, SpanKind::Server);
    assert_eq!(span.status, Status::Unset);
    assert_eq!(span.parent_span_id.to_string(), "b7ad6b7169203331");
    assert_eq!(
        (trace.as_str(), span_id),
        ("0af7651916cd43dd8448eb211c80319c", span.span_context.span_id().to_string())
    );
    for (key, expected) in [
        ("http.request.method", "GET"),
        ("http.route", "/orders/{id}"),
        ("http.response.status_code", "200"),
        ("http.response.body.size", "8"),
        ("http.request.body.size", "0"),
        ("url.path", "/orders/7"),
        ("url.scheme", "http"),
        ("server.address", "shop"),
        ("server.port", "8080"),
        ("user_agent.original", "curl/8"),
        ("performance.bucket", "fast"),
    ] {
        assert_eq!(attribute(&span, key).as_deref(), Some(expected), "{key}");
    }
    assert_eq!(attribute(&span, "http.method"), None, "old names are off");
}

#[tokio::test]
async fn old_names_on_request() {
    let recorded = Recorded::new();
    let request = Request::get("/orders/7").body(Body::empty()).expect("a request");
    read(call_with(layer(&recorded).names(Names::Both), request).await).await;
    let span = recorded.span("GET /orders/{id}");
    for (key, expected) in [
        ("http.method", "GET"),
        ("http.target", "/orders/7"),
        ("http.status_code", "200"),
        ("http.request.method", "GET"),
    ] {
        assert_eq!(attribute(&span, key).as_deref(), Some(expected), "{key}");
    }
    assert_eq!(recorded.points("http.server.duration").len(), 1);
}

#[tokio::test]
async fn metrics_follow_the_conventions() {
    let recorded = Recorded::new();
    read(call(&recorded, Request::get("/orders/7")).await).await;
    read(call(&recorded, Request::get("/broken")).await).await;
    let ok = "http.request.method=GET http.response.status_code=200 http.route=/orders/{id} network.protocol.version=1.1 url.scheme=http";
    let failed = "error.type=502 http.request.method=GET http.response.status_code=502 http.route=/broken network.protocol.version=1.1 url.scheme=http";
    let points = recorded.points("http.server.request.duration");
    assert_eq!(points, [(failed.to_owned(), 1.0), (ok.to_owned(), 1.0)]);
    assert!(recorded.points("http.server.response.body.size").contains(&(ok.to_owned(), 8.0)));
    assert_eq!(
        recorded.points("http.server.active_requests"),
        [("http.request.method=GET url.scheme=http".to_owned(), 0.0)]
    );
}

#[tokio::test]
async fn server_errors_are_errors_and_client_errors_are_not() {
    let recorded = Recorded::new();
    read(call(&recorded, Request::get("/broken")).await).await;
    read(call(&recorded, Request::get("/missing")).await).await;
    read(call(&recorded, Request::get("/no/such/path")).await).await;
    let broken = recorded.span("GET /broken");
    assert_eq!(broken.status, Status::error(""));
    assert_eq!(attribute(&broken, "error.type").as_deref(), Some("502"));
    assert_eq!(recorded.span("GET /missing").status, Status::Unset);
    assert_eq!(attribute(&recorded.span("GET"), "http.route"), None, "no template, no path in the name");
}

#[tokio::test]
async fn what_runs_inside_belongs_to_the_span() {
    let recorded = Recorded::new();
    let tracer = recorded.providers().tracer();
    let inside = move || {
        let tracer = tracer.clone();
        async move {
            opentelemetry::trace::Tracer::start(&tracer, "inside");
            tokio::task::yield_now().await;
            opentelemetry::trace::Tracer::start(&tracer, "after await");
        }
    };
    let app = Router::new().route("/", get(inside)).layer(layer(&recorded));
    read(app.oneshot(Request::get("/").body(Body::empty()).expect("a request")).await.expect("infallible")).await;
    let server = recorded.span("GET /");
    assert_root(&server);
    assert_child(&recorded.span("inside"), &server);
    assert_child(&recorded.span("after await"), &server);
}

#[tokio::test]
async fn tracing_spans_inside_have_the_right_parent() {
    let telemetry = crate::testing::InMemory::install();
    async fn handler() -> &'static str {
        tracing::info!("in the handler");
        step().await
    }
    #[tracing::instrument(name = "step")]
    async fn step() -> &'static str {
        tokio::task::yield_now().await;
        "done"
    }
    let app = Router::new().route("/", get(handler)).layer(super::layer());
    read(app.oneshot(Request::get("/").body(Body::empty()).expect("a request")).await.expect("infallible")).await;
    let server = crate::testing::assert_span(&telemetry, "GET /");
    let step = crate::testing::assert_span(&telemetry, "step");
    assert_child(&step, &server);
}

#[tokio::test]
async fn business_headers_become_attributes_and_baggage() {
    let recorded = Recorded::new();
    let seen = |request: Request| async move {
        drop(request);
        let baggage = Context::map_current(|context| context.baggage().to_string());
        let mut parts: Vec<_> = baggage.split(',').map(str::to_owned).collect();
        parts.sort();
        parts.join(" ")
    };
    let app = Router::new().route("/", get(seen)).layer(layer(&recorded));
    let request = Request::get("/")
        .header("x-user-id", "u-1")
        .header("x-tenant-id", "acme")
        .header("x-api-key", "pya_live_canary_0123456789")
        .header("x-cost-center", "cc-7")
        .header("x-correlation-id", "req-1")
        .header("baggage", "user.id=mallory,other=kept");
    let response = app.oneshot(request.body(Body::empty()).expect("a request")).await.expect("infallible");
    assert_eq!(header(&response, "x-correlation-id"), "req-1");
    let baggage = String::from_utf8(read(response).await.to_vec()).expect("text");
    let hash = crate::hash_api_key("pya_live_canary_0123456789");
    assert_eq!(
        baggage,
        format!("api.key_hash={hash} correlation.id=req-1 cost.center=cc-7 other=kept tenant.id=acme user.id=u-1")
    );

    let span = recorded.span("GET /");
    for (key, expected) in [
        ("user.id", "u-1"),
        ("tenant.id", "acme"),
        ("cost.center", "cc-7"),
        ("api.key_hash", &*hash),
        ("correlation.id", "req-1"),
    ] {
        assert_eq!(attribute(&span, key).as_deref(), Some(expected), "{key}");
    }
    assert!(!everything(&span).contains("canary"), "the key must not be anywhere");
}

#[tokio::test]
async fn an_edge_ignores_the_baggage_of_callers() {
    let recorded = Recorded::new();
    let request =
        Request::get("/orders/7").header("baggage", "tenant.id=somebody-else").body(Body::empty()).expect("a request");
    read(call_with(layer(&recorded).ignore_remote_baggage(), request).await).await;
    assert_eq!(attribute(&recorded.span("GET /orders/{id}"), "tenant.id"), None);
}

#[tokio::test]
async fn every_answer_has_a_correlation_id() {
    let recorded = Recorded::new();
    let minted = call(&recorded, Request::get("/missing")).await;
    assert_eq!(header(&minted, "x-correlation-id").len(), 36);
    let health = call(&recorded, Request::get("/health")).await;
    assert_eq!(header(&health, "x-correlation-id").len(), 36);
}

#[tokio::test]
async fn health_is_not_traced_unless_asked_for() {
    let recorded = Recorded::new();
    read(call(&recorded, Request::get("/health").header("traceparent", REMOTE)).await).await;
    assert_eq!(recorded.names(), Vec::<String>::new());
    assert_eq!(recorded.points("http.server.request.duration").len(), 1, "its metrics are kept");

    let request = Request::get("/health").body(Body::empty()).expect("a request");
    read(call_with(layer(&recorded).trace("/health", true), request).await).await;
    assert_eq!(recorded.names(), ["GET /health"]);
}

#[tokio::test]
async fn a_panic_is_an_answer_and_an_exception() {
    let recorded = Recorded::new();
    let response = call(&recorded, Request::get("/panic")).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(header(&response, "content-type"), "application/problem+json");
    assert!(!header(&response, "x-trace-id").is_empty());
    let body = read(response).await;
    assert!(!body.windows(6).any(|window| window == b"cheese"), "the inside is nobody's business");

    let span = recorded.span("GET /panic");
    assert_eq!(span.status, Status::error(""));
    assert_eq!(attribute(&span, "error.type").as_deref(), Some("panic"));
    assert_eq!(attribute(&span, "http.response.status_code").as_deref(), Some("500"));
    let event = span.events.iter().find(|event| event.name == "exception").expect("an exception");
    assert!(event.attributes.iter().any(|pair| pair.value.as_str() == "out of cheese"), "{event:?}");
}

/// A router whose only route streams what the sender puts in.
fn streaming(recorded: &Recorded) -> (mpsc::UnboundedSender<Result<Bytes, std::io::Error>>, Router) {
    let (sender, receiver) = mpsc::unbounded();
    let receiver = std::sync::Arc::new(std::sync::Mutex::new(Some(receiver)));
    let handler = move || async move {
        let receiver = receiver.lock().expect("not poisoned").take().expect("called once");
        Body::from_stream(receiver.inspect(|_| {
            opentelemetry::trace::Tracer::start(&crate::tracer(), "chunk");
        }))
    };
    (sender, Router::new().route("/stream", get(handler)).layer(layer(recorded)))
}

#[tokio::test]
async fn a_streamed_answer_ends_the_span_with_its_last_byte() {
    let recorded = Recorded::new();
    let (sender, app) = streaming(&recorded);
    let response =
        app.oneshot(Request::get("/stream").body(Body::empty()).expect("a request")).await.expect("infallible");
    let mut body = response.into_body();
    sender.unbounded_send(Ok(Bytes::from_static(b"hello "))).expect("open");
    body.frame().await.expect("a frame").expect("data");
    assert!(recorded.spans().is_empty());
    sender.unbounded_send(Ok(Bytes::from_static(b"world"))).expect("open");
    drop(sender);
    while body.frame().await.is_some() {}
    let span = recorded.span("GET /stream");
    assert_eq!(attribute(&span, "http.response.body.size").as_deref(), Some("11"));
    assert_eq!((span.status.clone(), attribute(&span, "error.type")), (Status::Unset, None));
}

#[tokio::test]
async fn a_broken_stream_is_an_error() {
    let recorded = Recorded::new();
    let (sender, app) = streaming(&recorded);
    let response =
        app.oneshot(Request::get("/stream").body(Body::empty()).expect("a request")).await.expect("infallible");
    sender.unbounded_send(Err(std::io::Error::other("disk"))).expect("open");
    let mut body = response.into_body();
    assert!(body.frame().await.expect("a frame").is_err());
    let span = recorded.span("GET /stream");
    assert_eq!(attribute(&span, "error.type").as_deref(), Some("response_body"));
    assert_eq!(span.status, Status::error(""));
}

#[tokio::test]
async fn a_panic_while_streaming_is_recorded() {
    let recorded = Recorded::new();
    let handler = || async {
        Body::from_stream(
            futures::stream::once(async { panic!("midway") }).map(|()| Ok::<Bytes, std::io::Error>(Bytes::new())),
        )
    };
    let app = Router::new().route("/", get(handler)).layer(layer(&recorded));
    let response = app.oneshot(Request::get("/").body(Body::empty()).expect("a request")).await.expect("infallible");
    assert!(response.into_body().frame().await.expect("a frame").is_err());
    let span = recorded.span("GET /");
    assert_eq!(attribute(&span, "error.type").as_deref(), Some("panic"));
    assert!(span.events.iter().any(|event| event.name == "exception"));
}

#[tokio::test]
async fn a_client_that_goes_away_is_recorded() {
    let recorded = Recorded::new();
    // Before the answer: hyper drops the future.
    let waiting =
        Router::new().route("/", get(|| async { std::future::pending::<()>().await })).layer(layer(&recorded));
    let call = waiting.oneshot(Request::get("/").body(Body::empty()).expect("a request"));
    assert!(tokio::time::timeout(Duration::from_millis(1), call).await.is_err());
    let span = recorded.span("GET /");
    assert_eq!(attribute(&span, "error.type").as_deref(), Some("client_disconnected"));
    assert_eq!(span.status, Status::Unset, "the service did nothing wrong");
    // In the middle of the answer: hyper drops the body.
    let (sender, app) = streaming(&recorded);
    let response =
        app.oneshot(Request::get("/stream").body(Body::empty()).expect("a request")).await.expect("infallible");
    sender.unbounded_send(Ok(Bytes::from_static(b"half"))).expect("open");
    let mut body = response.into_body();
    body.frame().await.expect("a frame").expect("data");
    drop(body);
    let span = recorded.span("GET /stream");
    assert_eq!(attribute(&span, "error.type").as_deref(), Some("client_disconnected"));
    assert_eq!(
        recorded.points("http.server.active_requests"),
        [("http.request.method=GET url.scheme=http".to_owned(), 0.0)]
    );
}

#[tokio::test]
async fn head_requests_are_complete_without_a_body() {
    let recorded = Recorded::new();
    drop(call(&recorded, Request::head("/orders/7")).await);
    assert_eq!(attribute(&recorded.span("HEAD /orders/{id}"), "error.type"), None);
}

#[tokio::test]
async fn request_bodies_are_counted() {
    let recorded = Recorded::new();
    let chunks =
        futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"abc")), Ok(Bytes::from_static(b"de"))]);
    let request = Request::post("/upload").body(Body::from_stream(chunks)).expect("a request");
    assert_eq!(read(call_with(layer(&recorded), request).await).await, "5");
    assert_eq!(attribute(&recorded.span("POST /upload"), "http.request.body.size").as_deref(), Some("5"));
}

#[tokio::test]
async fn secrets_in_urls_are_masked() {
    let recorded = Recorded::new();
    let key = "AIzaSyA1234567890abcdefghijklmnopqrstuv";
    read(call(&recorded, Request::get(format!("/orders/{key}?key={key}&x=1"))).await).await;
    let span = recorded.span("GET /orders/{id}");
    assert!(!everything(&span).contains(key), "{:?}", span.attributes);
    assert!(attribute(&span, "url.query").is_some_and(|query| query.contains("x=1")));
}

#[tokio::test]
async fn a_slot_for_what_the_handler_learns() {
    let recorded = Recorded::new();
    let providers = recorded.providers();
    let handler = move |Extension(()): Extension<()>| async move {
        crate::add_business_attributes(&crate::Business { tenant_id: Some("late".to_owned()), ..Default::default() });
        opentelemetry::trace::Tracer::start(&providers.tracer(), "below");
    };
    let app = Router::new().route("/", get(handler)).layer(layer(&recorded)).layer(Extension(()));
    read(app.oneshot(Request::get("/").body(Body::empty()).expect("a request")).await.expect("infallible")).await;
    assert_eq!(attribute(&recorded.span("below"), "tenant.id").as_deref(), Some("late"));
    assert_eq!(attribute(&recorded.span("GET /"), "tenant.id").as_deref(), Some("late"));
}
