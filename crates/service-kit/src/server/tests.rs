//! A service as its callers see it: over a socket.

use std::convert::Infallible;
use std::sync::Arc;

use ::http::StatusCode;
use axum::Json;
use axum::body::Body;
use axum::extract::{Multipart, State};
use bytes::Bytes;
use garde::Validate;
use reqwest::{Client, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Notify;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::*;
use crate::{Check, Problem, ValidJson, ValidPath};

pub(super) const SERVICE: Service = Service {
    name: "kit-test",
    version: "1.2.3",
    description: "A service for tests.",
    port: 1,
    kind: "test",
    layer: "test",
    tier: "test",
    features: &["echo"],
};

/// What handlers wait for, so that tests decide when they go on.
#[derive(Clone, Default)]
struct Gates {
    entered: Arc<Notify>,
    open: Arc<Notify>,
}

#[derive(Debug, Deserialize, serde::Serialize, Validate, ToSchema)]
struct Echo {
    #[garde(length(min = 1, max = 10_000_000))]
    text: String,
}

#[utoipa::path(post, path = "/echo", request_body = Echo, responses((status = 200, body = Echo)))]
async fn echo(ValidJson(body): ValidJson<Echo>) -> Json<Echo> {
    Json(body)
}

#[utoipa::path(post, path = "/large", request_body = Vec<u8>, responses((status = 200)))]
async fn large(body: Bytes) -> String {
    body.len().to_string()
}

#[utoipa::path(post, path = "/upload", responses((status = 200)))]
async fn upload(mut form: Multipart) -> Result<String, Problem> {
    let mut bytes = 0;
    while let Some(field) = form.next_field().await? {
        bytes += field.bytes().await?.len();
    }
    Ok(bytes.to_string())
}

#[utoipa::path(get, path = "/things/{id}", responses((status = 200)))]
async fn thing(ValidPath(id): ValidPath<u32>) -> Result<String, Problem> {
    if id == 0 { Err(Problem::not_found("no thing 0")) } else { Ok(id.to_string()) }
}

#[utoipa::path(get, path = "/panic", responses((status = 200)))]
async fn panic() -> String {
    panic!("on purpose: sk-secret")
}

#[utoipa::path(get, path = "/wait", responses((status = 200)))]
async fn wait(State(gates): State<Gates>) -> &'static str {
    gates.entered.notify_one();
    gates.open.notified().await;
    "done"
}

#[utoipa::path(get, path = "/stuck", responses((status = 200)))]
async fn stuck(State(gates): State<Gates>) -> String {
    gates.entered.notify_one();
    std::future::pending().await
}

#[utoipa::path(get, path = "/stream", responses((status = 200)))]
async fn stream(State(gates): State<Gates>) -> Body {
    let first = futures::stream::once(std::future::ready(Ok::<_, Infallible>(Bytes::from("first "))));
    let second = futures::stream::once(async move {
        gates.open.notified().await;
        Ok(Bytes::from("second"))
    });
    Body::from_stream(futures::StreamExt::chain(first, second))
}

fn app(gates: Gates) -> App {
    let router = OpenApiRouter::new()
        .routes(routes!(echo))
        .routes(routes!(large))
        .routes(routes!(upload))
        .routes(routes!(thing))
        .routes(routes!(panic))
        .routes(routes!(wait))
        .routes(routes!(stuck))
        .routes(routes!(stream))
        .with_state(gates);
    App::new(router)
}

/// The environment of a test: a free port and short times, and what else is given.
fn environment(more: &[(&str, &str)]) -> Environment {
    let usual = [("PORT", "0"), ("MAX_REQUEST_BYTES", "1000"), ("SHUTDOWN_TIMEOUT", "20")];
    Environment::of(usual.iter().chain(more).copied())
}

async fn started(more: &[(&str, &str)]) -> (Running, Gates) {
    let gates = Gates::default();
    let own = gates.clone();
    let build = async move |_| {
        Ok::<_, Problem>(app(own).body_limit("/large", 100_000).timeout("/wait", Duration::from_secs(60)))
    };
    (start(SERVICE, environment(more), build).await.expect("starts"), gates)
}

async fn get(running: &Running, path: &str) -> Response {
    Client::new().get(format!("{}{path}", running.url())).send().await.unwrap()
}

async fn post(running: &Running, path: &str, body: impl Into<reqwest::Body>) -> Response {
    let request = Client::new().post(format!("{}{path}", running.url())).header("content-type", "application/json");
    request.body(body).send().await.unwrap()
}

/// Checks that it is a problem with this status and slug, and gives the document.
async fn problem(response: Response, status: u16, slug: &str) -> Value {
    assert_eq!(response.status().as_u16(), status);
    assert_eq!(response.headers()["content-type"], crate::problem::MEDIA_TYPE);
    let document: Value = response.json().await.unwrap();
    assert_eq!(
        (&document["type"], &document["status"]),
        (&json!(format!("urn:quartet:problem:{slug}")), &json!(status))
    );
    assert!(document["detail"].is_string());
    document
}

#[tokio::test]
async fn the_fixed_routes() {
    let (running, _) = started(&[]).await;
    let port = running.address().port();
    let root: Value = get(&running, "/").await.json().await.unwrap();
    assert_eq!(root, json!({"service": "kit-test", "version": "1.2.3", "description": "A service for tests."}));
    let health: Value = get(&running, "/health").await.json().await.unwrap();
    assert_eq!((&health["status"], &health["service"]), (&json!("healthy"), &json!("kit-test")));
    assert!(health["timestamp"].as_str().unwrap().ends_with('Z'));
    let info: Value = get(&running, "/api/v1/info").await.json().await.unwrap();
    assert_eq!((&info["port"], &info["features"]), (&json!(port), &json!(["echo"])));
    let ready: Value = get(&running, "/ready").await.json().await.unwrap();
    assert_eq!((&ready["status"], &ready["checks"]), (&json!("ready"), &json!({})));
    assert_eq!(running.shutdown().await, Stopped::default());
}

#[tokio::test]
async fn the_openapi_document_has_every_route_and_every_failure() {
    let (running, _) = started(&[("SERVICE_TOKEN", "t")]).await;
    let request = Client::new().get(format!("{}/openapi.json", running.url())).bearer_auth("t");
    let document: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(document["info"]["title"], "kit-test");
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    for path in ["/", "/health", "/ready", "/api/v1/info", "/openapi.json", "/echo", "/things/{id}", "/upload"] {
        assert!(paths.iter().any(|known| *known == path), "{path} is missing in {paths:?}");
    }
    let failure = &document["paths"]["/echo"]["post"]["responses"]["default"]["content"]["application/problem+json"];
    assert_eq!(failure["schema"]["$ref"], "#/components/schemas/Problem");
    let schemas = &document["components"]["schemas"];
    assert!(schemas["Problem"]["properties"]["detail"].is_object() && schemas["FieldError"].is_object(), "{schemas}");
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
}

#[tokio::test]
async fn readiness_names_what_is_down() {
    let build = async |_| {
        let slow = Check::new("slow", std::future::pending::<Result<(), String>>);
        let down = Check::new("database", || async { Err("connection refused") });
        let well = Check::new("cache", || async { Ok::<_, String>(()) });
        Ok::<_, Problem>(app(Gates::default()).check(well).check(slow).check(down))
    };
    let running = start(SERVICE, environment(&[("READY_TIMEOUT", "0.05")]), build).await.unwrap();
    let response = get(&running, "/ready").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let body: Value = response.json().await.unwrap();
    assert_eq!((&body["status"], &body["failed"]), (&json!("not_ready"), &json!(["database", "slow"])));
    assert_eq!(body["detail"], "database: connection refused; slow: no answer within 50 ms");
    assert_eq!(
        (&body["checks"]["cache"]["status"], &body["checks"]["slow"]["status"]),
        (&json!("ok"), &json!("failed"))
    );
    assert_eq!(get(&running, "/health").await.status(), StatusCode::OK, "the process itself is well");
}

#[tokio::test]
async fn every_failure_is_a_problem() {
    let (running, _) = started(&[]).await;
    let unknown = problem(get(&running, "/nowhere").await, 404, "no-such-route").await;
    assert_eq!(unknown["detail"], "there is no /nowhere here");
    let response = get(&running, "/echo").await;
    assert_eq!(response.headers()["allow"], "POST");
    assert_eq!(problem(response, 405, "method-not-allowed").await["detail"], "/echo does not take GET");
    assert_eq!(problem(get(&running, "/things/0").await, 404, "not-found").await["detail"], "no thing 0");
    let path = problem(get(&running, "/things/x").await, 422, "validation").await;
    assert_eq!(path["errors"], json!([{"field": "id", "reason": "must be of type u32"}]));
    problem(post(&running, "/echo", "{").await, 400, "malformed-json").await;
    let field = problem(post(&running, "/echo", r#"{"text":1}"#).await, 422, "validation").await;
    assert_eq!(field["errors"][0]["field"], "text");
    let plain = Client::new().post(format!("{}/echo", running.url())).body("x").send().await.unwrap();
    problem(plain, 415, "unsupported-media-type").await;
    let form = Client::new().post(format!("{}/upload", running.url())).body("x").send().await.unwrap();
    problem(form, 400, "bad-request").await;
}

#[tokio::test]
async fn a_panic_costs_one_request() {
    let (running, _) = started(&[]).await;
    let response = get(&running, "/panic").await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.headers()["content-type"], crate::problem::MEDIA_TYPE);
    let text = response.text().await.unwrap();
    assert!(!text.contains("secret") && text.contains("detail"), "{text}");
    assert_eq!(post(&running, "/echo", r#"{"text":"x"}"#).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn every_answer_carries_a_correlation_id() {
    let (running, _) = started(&[("SERVICE_TOKEN", "t")]).await;
    for path in ["/api/v1/info", "/nowhere", "/panic"] {
        assert!(get(&running, path).await.headers().contains_key("x-correlation-id"), "{path}");
    }
}

#[tokio::test]
async fn bodies_are_limited_by_route_however_they_come() {
    let (running, _) = started(&[]).await;
    let text = format!(r#"{{"text":"{}"}}"#, "x".repeat(1000));
    let announced = problem(post(&running, "/echo", text.clone()).await, 413, "too-large").await;
    assert_eq!(announced["limit_bytes"], 1000);
    let chunked = |bytes: Vec<u8>| {
        reqwest::Body::wrap_stream(futures::stream::iter(
            bytes.chunks(100).map(Bytes::copy_from_slice).map(Ok::<_, Infallible>).collect::<Vec<_>>(),
        ))
    };
    assert_eq!(
        problem(post(&running, "/echo", chunked(text.into())).await, 413, "too-large").await["limit_bytes"],
        1000
    );
    assert_eq!(post(&running, "/echo", r#"{"text":"x"}"#).await.status(), StatusCode::OK);
    assert_eq!(post(&running, "/large", vec![0; 50_000]).await.text().await.unwrap(), "50000");
    problem(post(&running, "/large", vec![0; 100_001]).await, 413, "too-large").await;
    problem(post(&running, "/large", chunked(vec![0; 100_001])).await, 413, "too-large").await;
    let part =
        |bytes: usize| reqwest::multipart::Form::new().part("file", reqwest::multipart::Part::bytes(vec![0; bytes]));
    let send = |form| Client::new().post(format!("{}/upload", running.url())).multipart(form).send();
    assert_eq!(send(part(500)).await.unwrap().text().await.unwrap(), "500");
    problem(send(part(5000)).await.unwrap(), 413, "too-large").await;
    let stream = reqwest::multipart::Part::stream(chunked(vec![0; 5000]));
    problem(send(reqwest::multipart::Form::new().part("file", stream)).await.unwrap(), 413, "too-large").await;
}

#[tokio::test]
async fn a_request_has_its_time() {
    let (running, gates) = started(&[("REQUEST_TIMEOUT", "0.05")]).await;
    let late = problem(get(&running, "/stuck").await, 504, "timeout").await;
    assert_eq!(late["detail"], "no answer within 50 ms");
    let (waiting, ()) = tokio::join!(get(&running, "/wait"), async {
        gates.entered.notified().await;
        // Another request runs into its time meanwhile; this route has a longer one.
        problem(get(&running, "/stuck").await, 504, "timeout").await;
        gates.open.notify_one();
    });
    assert_eq!(waiting.text().await.unwrap(), "done");
    let streamed = get(&running, "/stream").await;
    problem(get(&running, "/stuck").await, 504, "timeout").await;
    gates.open.notify_one();
    assert_eq!(streamed.text().await.unwrap(), "first second", "the time is for the head, not for a stream");
}

#[tokio::test]
async fn a_full_service_says_so_and_still_answers_probes() {
    let (running, gates) = started(&[("MAX_REQUESTS", "1")]).await;
    let streamed = get(&running, "/stream").await;
    let response = get(&running, "/api/v1/info").await;
    assert_eq!(response.headers()["retry-after"], "1");
    problem(response, 503, "overloaded").await;
    assert_eq!(get(&running, "/health").await.status(), StatusCode::OK);
    gates.open.notify_one();
    assert_eq!(streamed.text().await.unwrap(), "first second");
    assert_eq!(get(&running, "/api/v1/info").await.status(), StatusCode::OK, "the stream gave its place back");
    assert_eq!(get(&running, "/api/v1/info").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_token_is_asked_for_everywhere_but_by_probes() {
    let (running, _) = started(&[("SERVICE_TOKEN", "right")]).await;
    for path in ["/", "/api/v1/info", "/openapi.json", "/nowhere", "/things/1"] {
        let response = get(&running, path).await;
        assert_eq!(response.headers()["www-authenticate"], "Bearer", "{path}");
        assert_eq!(problem(response, 401, "unauthorized").await["detail"], "a bearer token is needed");
    }
    for path in ["/health", "/ready"] {
        assert_eq!(get(&running, path).await.status(), StatusCode::OK);
    }
    let with = |token: &'static str| Client::new().get(format!("{}/things/1", running.url())).bearer_auth(token).send();
    problem(with("wrong").await.unwrap(), 401, "unauthorized").await;
    assert_eq!(with("right").await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_shutdown_lets_requests_end_and_takes_no_new_ones() {
    let (running, gates) = started(&[]).await;
    let url = running.url();
    let waiting = tokio::spawn(Client::new().get(format!("{url}/wait")).send());
    gates.entered.notified().await;
    let address = running.address();
    let shutdown = tokio::spawn(running.shutdown());
    // The listener closes at once; then nothing takes connections any more.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        assert!(tokio::time::Instant::now() < deadline, "the listener stays open");
        tokio::task::yield_now().await;
    }
    assert!(!shutdown.is_finished());
    gates.open.notify_one();
    assert_eq!(waiting.await.unwrap().unwrap().text().await.unwrap(), "done");
    assert_eq!(shutdown.await.unwrap(), Stopped::default());
}

#[tokio::test]
async fn what_does_not_end_is_cut_and_told() {
    let (running, gates) = started(&[("SHUTDOWN_TIMEOUT", "0.05")]).await;
    let stuck = tokio::spawn(Client::new().get(format!("{}/stuck", running.url())).send());
    gates.entered.notified().await;
    running.tasks.spawn("stubborn", |_| std::future::pending());
    let stopped = running.shutdown().await;
    assert_eq!(stopped, Stopped { connections_cut: 1, tasks_aborted: vec!["stubborn"] });
    assert!(stuck.await.unwrap().is_err());
}

#[tokio::test]
async fn several_services_in_one_process() {
    let (first, _) = started(&[]).await;
    let (second, _) = started(&[]).await;
    assert_ne!(first.address(), second.address());
    first.shutdown().await;
    assert_eq!(get(&second, "/health").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_keeps_a_service_from_starting_is_told() {
    let build = async |_| Ok::<_, Problem>(app(Gates::default()));
    let told = async |more: &[(&str, &str)]| start(SERVICE, environment(more), build).await.unwrap_err().to_string();
    assert_eq!(told(&[("PORT", "http")]).await, "bad configuration: PORT: must be a whole number from 0 to 65535");
    assert!(told(&[("MAX_REQUESTS", "0")]).await.contains("MAX_REQUESTS: must lie between"));
    assert!(told(&[("REQUEST_TIMEOUT", "-1")]).await.contains("REQUEST_TIMEOUT"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    assert!(told(&[("PORT", &port)]).await.starts_with(&format!("cannot listen on 127.0.0.1:{port} (HOST, PORT)")));
    let broken = async |boot: Boot| {
        boot.tasks().spawn("early", |stop| async move { stop.cancelled().await });
        boot.environment().required::<String>("GEMINI_API_KEY").map(|_| app(Gates::default()))
    };
    let error = start(SERVICE, environment(&[]), broken).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot start kit-test: GEMINI_API_KEY: must be set");
}
