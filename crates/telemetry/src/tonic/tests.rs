//! The layers around services that answer as gRPC does, without a socket.

use axum::body::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, StreamBody};
use opentelemetry::trace::{SpanKind, Status, TraceContextExt as _};
use tonic::body::Body;
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::{ClientLayer, ServerLayer};
use crate::harness::{Recorded, attribute};
use crate::semconv::Names;

const REMOTE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// An answer of one message whose trailers say `status`.
fn answer(status: &'static str) -> Response<Body> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    let frames = [
        Ok::<_, std::convert::Infallible>(http_body::Frame::data(Bytes::from_static(b"message"))),
        Ok(http_body::Frame::trailers(trailers)),
    ];
    Response::new(Body::new(StreamBody::new(futures::stream::iter(frames))))
}

fn request(path: &str) -> Request<Body> {
    Request::post(path).header("traceparent", REMOTE).body(Body::empty()).expect("a request")
}

async fn serve(recorded: &Recorded, path: &str, status: &'static str) {
    let layer = ServerLayer::default().providers(recorded.providers()).names(Names::Both);
    let service = layer
        .layer(service_fn(move |_: Request<Body>| async move { Ok::<_, std::convert::Infallible>(answer(status)) }));
    let response = service.oneshot(request(path)).await.expect("an answer");
    assert!(recorded.spans().is_empty(), "ends with the trailers");
    response.into_body().collect().await.expect("a body");
}

#[tokio::test]
async fn a_served_call_is_a_span_below_the_callers() {
    let recorded = Recorded::new();
    serve(&recorded, "http://ledger:50051/ledger.v1.Ledger/Append", "0").await;
    let span = recorded.span("ledger.v1.Ledger/Append");
    assert_eq!((span.span_kind.clone(), span.status.clone()), (SpanKind::Server, Status::Unset));
    assert_eq!(span.parent_span_id.to_string(), "b7ad6b7169203331");
    for (key, expected) in [
        ("rpc.system.name", "grpc"),
        ("rpc.method", "ledger.v1.Ledger/Append"),
        ("rpc.response.status_code", "OK"),
        ("server.address", "ledger"),
        ("server.port", "50051"),
        ("rpc.system", "grpc"),
        ("rpc.service", "ledger.v1.Ledger"),
        ("rpc.grpc.status_code", "0"),
    ] {
        assert_eq!(attribute(&span, key).as_deref(), Some(expected), "{key}");
    }
    let labels = "rpc.method=ledger.v1.Ledger/Append rpc.response.status_code=OK rpc.system.name=grpc";
    assert_eq!(recorded.points("rpc.server.call.duration"), [(labels.to_owned(), 1.0)]);
}

#[tokio::test]
async fn servers_own_their_faults_only() {
    let recorded = Recorded::new();
    serve(&recorded, "/a.B/C", "5").await;
    let span = recorded.span("a.B/C");
    assert_eq!(
        (span.status.clone(), attribute(&span, "rpc.response.status_code").as_deref()),
        (Status::Unset, Some("NOT_FOUND"))
    );
    let recorded = Recorded::new();
    serve(&recorded, "/a.B/C", "13").await;
    assert_eq!(attribute(&recorded.span("a.B/C"), "error.type").as_deref(), Some("INTERNAL"));
    let recorded = Recorded::new();
    serve(&recorded, "/made.Up/Method", "12").await;
    let points = recorded.points("rpc.server.call.duration");
    assert!(points[0].0.contains("rpc.method=_OTHER"), "{points:?}");
}

#[tokio::test]
async fn a_panic_becomes_a_status() {
    let recorded = Recorded::new();
    async fn broken(_: Request<Body>) -> Result<Response<Body>, std::convert::Infallible> {
        panic!("out of cheese")
    }
    let service = ServerLayer::default().providers(recorded.providers()).layer(service_fn(broken));
    let response = service.oneshot(request("/a.B/C")).await.expect("an answer");
    assert_eq!(response.headers().get("grpc-status"), Some(&HeaderValue::from_static("13")));
    let span = recorded.span("a.B/C");
    assert_eq!(attribute(&span, "error.type").as_deref(), Some("panic"));
    assert!(span.events.iter().any(|event| event.name == "exception"));
}

#[tokio::test]
async fn health_checks_are_not_traced() {
    let recorded = Recorded::new();
    serve(&recorded, "/grpc.health.v1.Health/Check", "0").await;
    assert!(recorded.spans().is_empty());
}

#[tokio::test]
async fn a_call_carries_the_callers_context() {
    let recorded = Recorded::new();
    let parent = recorded.parent();
    let layer = ClientLayer::to("ledger", 50051).providers(recorded.providers()).names(Names::Current);
    let service = layer.layer(service_fn(|request: Request<Body>| async move {
        let sent = request.headers().get("traceparent").cloned().expect("a traceparent");
        let mut response = answer("7");
        response.headers_mut().insert("seen", sent);
        Ok::<_, std::convert::Infallible>(response)
    }));
    let scope = parent.clone().attach();
    let call = service.oneshot(request("/a.B/C"));
    drop(scope);
    let call = opentelemetry::context::FutureExt::with_context(call, parent.clone());
    let response = call.await.expect("an answer");
    let seen = response.headers().get("seen").cloned().expect("noted");
    response.into_body().collect().await.expect("a body");
    let span = recorded.span("a.B/C");
    assert_eq!(span.span_kind, SpanKind::Client);
    assert_eq!(span.parent_span_id, parent.span().span_context().span_id());
    assert!(seen.to_str().expect("text").contains(&span.span_context.span_id().to_string()));
    assert_eq!(attribute(&span, "server.address").as_deref(), Some("ledger"));
    assert_eq!(attribute(&span, "error.type").as_deref(), Some("PERMISSION_DENIED"));
    assert_eq!(span.status, Status::error(""));
}

#[tokio::test]
async fn the_status_may_stand_in_the_head() {
    let recorded = Recorded::new();
    let layer = ClientLayer::to("ledger", 50051).providers(recorded.providers());
    let service = layer.layer(service_fn(|_: Request<Body>| async move {
        Ok::<_, std::convert::Infallible>(tonic::Status::unavailable("later").into_http::<Body>())
    }));
    service.oneshot(request("/a.B/C")).await.expect("an answer");
    assert_eq!(attribute(&recorded.span("a.B/C"), "rpc.response.status_code").as_deref(), Some("UNAVAILABLE"));
}
