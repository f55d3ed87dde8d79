//! The console over a store and receivers that say what they are told to.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use model::UnixNanos;
use serde_json::Value;
use store_api::{SignalStatus, StatusSource, StoreStatus};
use tower::ServiceExt;

use super::{ConsoleState, IngestSource, Listener, Refusal, router};

struct Fake {
    status: StoreStatus,
    refusals: Vec<Refusal>,
}

impl StatusSource for Fake {
    fn status(&self) -> StoreStatus {
        self.status.clone()
    }
}

impl IngestSource for Fake {
    fn listeners(&self) -> Vec<Listener> {
        vec![
            Listener { name: "otlp-grpc".into(), address: "127.0.0.1:4317".into() },
            Listener { name: "tempo".into(), address: String::new() },
        ]
    }

    fn refusals(&self) -> Vec<Refusal> {
        self.refusals.clone()
    }

    fn redacted(&self) -> Vec<(String, u64)> {
        vec![("traces".into(), 3), ("metrics".into(), 0), ("logs".into(), 1)]
    }
}

fn app(status: StoreStatus, refusals: Vec<Refusal>) -> Router {
    let fake = Arc::new(Fake { status, refusals });
    router(ConsoleState { version: "1.2.3".into(), revision: "abc".into(), store: fake.clone(), ingest: fake })
}

async fn get(app: Router, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(Body::empty()).expect("valid request");
    let response = app.oneshot(request).await.expect("routers do not fail");
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("body");
    (status, String::from_utf8(bytes.to_vec()).expect("text"))
}

fn spans() -> StoreStatus {
    let spans = SignalStatus {
        signal: "spans",
        accepted: 1234,
        block_rows: 100,
        block_bytes: 3050,
        oldest: Some(UnixNanos::from_secs(1_700_000_000)),
        ..SignalStatus::default()
    };
    StoreStatus {
        signals: vec![spans],
        retention_secs: 14 * 86_400,
        data_dir: "/data".into(),
        ..StoreStatus::default()
    }
}

#[tokio::test]
async fn health_has_the_shape_of_grafana() {
    let (status, body) = get(app(StoreStatus::default(), Vec::new()), "/api/health").await;
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body, serde_json::json!({"database": "ok", "version": "1.2.3", "commit": "abc"}));
}

#[tokio::test]
async fn an_empty_page_says_what_to_paste() {
    let (status, body) = get(app(StoreStatus::default(), Vec::new()), "/").await;
    assert_eq!(status, StatusCode::OK);
    for part in [
        "Nothing has arrived",
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317",
        "None since start",
        "<code>off</code>",
    ] {
        assert!(body.contains(part), "{part}");
    }
}

#[tokio::test]
async fn the_page_tells_data_retention_and_refusals() {
    let refusal = Refusal {
        receiver: "otlp/http".into(),
        signal: "traces".into(),
        reason: "<script>alert('x')</script>".into(),
        count: 3,
        last_unix_secs: 1_700_000_000,
    };
    let mut status = spans();
    status.refusing = true;
    status.last_error = "disk full at <data>".into();
    let (_, body) = get(app(status, vec![refusal]), "/").await;
    for part in [
        "1\u{202f}234",
        "30.5",
        "Rows are deleted after 14 d.",
        "2023-11-14T22:13:20Z",
        "Refusing writes: disk full at &lt;data&gt;",
        "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;",
        "<code>/data</code>",
    ] {
        assert!(body.contains(part), "{part}");
    }
    assert!(!body.contains("<script>"));
}

#[tokio::test]
async fn the_report_has_the_same_facts() {
    let (_, body) = get(app(spans(), Vec::new()), "/api/status").await;
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(body["signals"][0]["accepted"], 1234);
    assert_eq!(body["signals"][0]["oldest"], "2023-11-14T22:13:20Z");
    assert_eq!(body["signals"][0]["newest"], Value::Null);
    assert_eq!(body["listeners"][1], serde_json::json!({"name": "tempo", "address": null}));
    assert_eq!(body["store"]["retentionSeconds"], 14 * 86_400);
}
