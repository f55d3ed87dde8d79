//! The Prometheus face over a store in memory.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::Request;
use model::sample::STALE_NAN_BITS;
use model::{BucketSpan, MetricMetadata, MetricType, NativeHistogram, UnixMillis};
use serde_json::{Value, json};

use super::{PrometheusState, router};
use crate::face::Phase;
use crate::fake::{Failure, FakeStore, check_all, exemplar, face, floats, get, get_with, histogram, post_form, send};

const T: i64 = 1_700_000_000_000;

fn store() -> FakeStore {
    let native = NativeHistogram {
        time: UnixMillis(T),
        count: 3.0,
        sum: 4.5,
        zero_count: 1.0,
        zero_threshold: 0.001,
        positive_spans: vec![BucketSpan { offset: 1, length: 1 }],
        positive_counts: vec![2.0],
        ..NativeHistogram::default()
    };
    let counter = MetricMetadata { metric_type: MetricType::Counter, help: "All.".into(), unit: "s".into() };
    FakeStore {
        series: vec![
            histogram(&[("__name__", "h")], native),
            floats(
                &[("__name__", "up"), ("job", "a")],
                &[(T, 1.0), (T + 15_000, f64::from_bits(STALE_NAN_BITS)), (T + 30_000, 0.5)],
            ),
            floats(&[("__name__", "up"), ("http.status", "200"), ("job", "b")], &[(T + 500, 1e21)]),
        ],
        metadata: [("up".to_owned(), vec![counter, MetricMetadata::default()]), ("x".to_owned(), vec![])].into(),
        exemplars: vec![exemplar(&[("__name__", "x_bucket"), ("le", "1")], &[("trace_id", "ab12")], T + 123, 0.7)],
        ..FakeStore::default()
    }
}

fn app() -> Router {
    router(PrometheusState { face: face(Phase::Ready), samples: Arc::new(store()) })
}

async fn data(path: &str) -> Value {
    let reply = get(&app(), &format!("/prometheus/api/v1/{path}")).await;
    assert_eq!(reply.status.as_u16(), 200, "{path}: {}", reply.text());
    let mut answer = reply.json();
    assert_eq!(answer["status"], "success");
    answer["data"].take()
}

#[tokio::test]
async fn an_instant_vector() {
    let found = data("query?query=up&time=1700000001").await;
    let expected = json!({"resultType": "vector", "result": [
        {"metric": {"__name__": "up", "job": "a"}, "value": [1_700_000_001, "1"]},
        {"metric": {"__name__": "up", "http.status": "200", "job": "b"}, "value": [1_700_000_001, "1e+21"]}]});
    assert_eq!(found, expected);
    assert_eq!(data("query?query=up%7Bjob%3D%22a%22%7D&time=1700000020").await["result"], json!([]), "stale");
    assert_eq!(data("query?query=up&time=1700000330.5").await["result"], json!([]), "the lookback is open on the left");
    assert_eq!(data("query?query=up%7Bjob%3D%22a%22%7D&time=1700000329.999").await["result"][0]["value"][1], "0.5");
    let quoted = data("query?query=%7B%22up%22,%22http.status%22%3D%22200%22%7D&time=1700000001").await;
    assert_eq!(quoted["result"][0]["metric"]["job"], "b");
}

#[tokio::test]
async fn a_native_histogram() {
    let found = data("query?query=h&time=1700000000.5").await;
    let shown = json!([1_700_000_000.5, {"count": "3", "sum": "4.5", "buckets": [[3, "-0.001", "0.001", "1"], [0, "1", "2", "2"]]}]);
    assert_eq!(found["result"], json!([{"metric": {"__name__": "h"}, "histogram": shown}]));
    let found = data("query_range?query=h&start=1700000000&end=1700000000&step=1").await;
    assert_eq!(found["result"][0].get("values"), None);
    assert_eq!(found["result"][0]["histograms"][0][1]["count"], "3");
}

#[tokio::test]
async fn a_range() {
    let found = data("query_range?query=up%7Bjob%3D%22a%22%7D&start=1700000000&end=1700000045&step=15s").await;
    let values = json!([[1_700_000_000, "1"], [1_700_000_030, "0.5"], [1_700_000_045, "0.5"]]);
    let expected =
        json!({"resultType": "matrix", "result": [{"metric": {"__name__": "up", "job": "a"}, "values": values}]});
    assert_eq!(found, expected);
    let found = data("query?query=up%7Bjob%3D%22a%22%7D%5B1m%5D&time=1700000030").await;
    assert_eq!(found["resultType"], "matrix");
    assert_eq!(found["result"][0]["values"], json!([[1_700_000_000, "1"], [1_700_000_030, "0.5"]]));
}

#[tokio::test]
async fn constants_and_strings() {
    assert_eq!(data("query?query=1%2B1&time=5").await, json!({"resultType": "scalar", "result": [5, "2"]}));
    assert_eq!(data("query?query=%22a%22&time=5").await, json!({"resultType": "string", "result": [5, "a"]}));
    assert_eq!(data("query?query=vector(1)&time=5").await["result"], json!([{"metric": {}, "value": [5, "1"]}]));
    let found = data("query_range?query=1&start=0&end=2&step=1").await;
    assert_eq!(found["result"], json!([{"metric": {}, "values": [[0, "1"], [1, "1"], [2, "1"]]}]));
    assert_eq!(data("format_query?query=up%7B%20job='a'%20%7D").await, json!("up{job=\"a\"}"));
}

#[tokio::test]
async fn errors_are_json_with_a_position() {
    let query = "/prometheus/api/v1/query";
    let range = "/prometheus/api/v1/query_range";
    for (uri, part) in [
        (format!("{query}?query="), "1:1: parse error: no expression found in input"),
        (query.to_owned(), "1:1: parse error: no expression found in input"),
        (format!("{query}?query=up%7B"), "invalid parameter \\\"query\\\": 1:4: parse error: unexpected end of input"),
        (format!("{query}?query=%7B%7D"), "vector selector must contain at least one non-empty matcher"),
        (format!("{query}?query=rate(up%5B5m%5D)"), "functions and aggregations are not supported yet"),
        (
            format!("{query}?query=up&time=x"),
            "invalid parameter \\\"time\\\": cannot parse \\\"x\\\" to a valid timestamp",
        ),
        (format!("{query}?query=up&lookback_delta=0"), "lookback_delta"),
        (format!("{query}?query=up&limit=-1"), "limit must be non-negative"),
        (format!("{range}?query=up&end=1&step=1"), "invalid parameter \\\"start\\\""),
        (format!("{range}?query=up&start=0&end=1"), "invalid parameter \\\"step\\\""),
        (format!("{range}?query=up&start=2&end=1&step=1"), "end timestamp must not be before start time"),
        (
            format!("{range}?query=up&start=0&end=1&step=0"),
            "zero or negative query resolution step widths are not accepted",
        ),
        (
            format!("{range}?query=up&start=0&end=11001&step=1"),
            "exceeded maximum resolution of 11,000 points per timeseries",
        ),
        (
            format!("{range}?query=up%5B5m%5D&start=0&end=1&step=1"),
            "invalid expression type \\\"range vector\\\" for range query",
        ),
        (
            format!("{range}?query=%22a%22&start=0&end=1&step=1"),
            "invalid expression type \\\"string\\\" for range query",
        ),
        ("/prometheus/api/v1/series".to_owned(), "no match[] parameter provided"),
        ("/prometheus/api/v1/series?match[]=%7B%7D".to_owned(), "match[] must contain at least one non-empty matcher"),
        ("/prometheus/api/v1/labels?match[]=%7B".to_owned(), "invalid parameter \\\"match[]\\\": 1:2: parse error"),
        ("/prometheus/api/v1/labels?start=2&end=1".to_owned(), "end timestamp must not be before start"),
    ] {
        let reply = get(&app(), &uri).await;
        assert_eq!((reply.status.as_u16(), reply.header("content-type")), (400, "application/json"), "{uri}");
        assert!(reply.text().starts_with("{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":"), "{uri}");
        assert!(reply.text().contains(part), "{uri}: {}", reply.text());
        reply.json();
    }
}

#[tokio::test]
async fn labels_and_series() {
    for (path, expected) in [
        ("labels", json!(["__name__", "http.status", "job"])),
        ("labels?match[]=h", json!(["__name__"])),
        ("labels?start=1&end=2", json!([])),
        ("label/job/values", json!(["a", "b"])),
        ("label/job/values?match[]=up%7Bjob!%3D%22a%22%7D", json!(["b"])),
        ("label/U__http_2e_status/values", json!(["200"])),
        ("label/http.status/values", json!(["200"])),
        ("label/none/values", json!([])),
        ("series?match[]=h&match[]=nothing", json!([{"__name__": "h"}])),
        ("series?match[]=nothing", json!([])),
        (
            "metadata",
            json!({"up": [{"type": "counter", "help": "All.", "unit": "s"}, {"type": "unknown", "help": "", "unit": ""}], "x": []}),
        ),
        ("metadata?metric=up&limit_per_metric=1", json!({"up": [{"type": "counter", "help": "All.", "unit": "s"}]})),
        ("metadata?metric=none", json!({})),
        (
            "query_exemplars?query=x_bucket&start=0&end=1800000000",
            json!([{"seriesLabels": {"__name__": "x_bucket", "le": "1"},
                    "exemplars": [{"labels": {"trace_id": "ab12"}, "value": "0.7", "timestamp": 1_700_000_000.123}]}]),
        ),
        ("query_exemplars?query=none", json!([])),
    ] {
        assert_eq!(data(path).await, expected, "{path}");
    }
}

#[tokio::test]
async fn limits_cut_with_a_warning() {
    for path in [
        "labels?limit=1",
        "label/job/values?limit=1",
        "series?match[]=up&limit=1",
        "query?query=up&time=1700000001&limit=1",
    ] {
        let reply = get(&app(), &format!("/prometheus/api/v1/{path}")).await.json();
        assert_eq!(reply["warnings"], json!(["results truncated due to limit"]), "{path}");
    }
    let reply = get(&app(), "/prometheus/api/v1/labels?limit=0").await.json();
    assert_eq!((reply.get("warnings"), reply["data"].as_array().map(Vec::len)), (None, Some(3)));
}

#[tokio::test]
async fn forms_and_the_bare_path() {
    let reply = post_form(&app(), "/api/v1/query?time=5", "query=1%2B1").await.json();
    assert_eq!(reply["data"]["result"], json!([5, "2"]));
    let reply = post_form(&app(), "/prometheus/api/v1/series", "match%5B%5D=h").await.json();
    assert_eq!(reply["data"], json!([{"__name__": "h"}]));
    let reply = get(&app(), "/api/v1/query?query=1&stats=all").await.json();
    assert!(reply["data"]["stats"]["timings"]["evalTotalTime"].is_number());
}

#[tokio::test]
async fn buildinfo_is_that_of_a_mimir() {
    for path in ["/prometheus/api/v1/status/buildinfo", "/api/v1/status/buildinfo"] {
        let reply = get(&app(), path).await.json();
        assert_eq!(reply["data"]["application"], "Grafana Mimir");
        let features = reply["data"]["features"].as_object().expect("features");
        assert!(!features.is_empty() && features.values().all(Value::is_string), "booleans are strings");
    }
    let flags = get(&app(), "/prometheus/api/v1/status/flags").await;
    assert!(flags.text().contains("page not found"));
    assert_eq!(flags.status.as_u16(), 404, "a 2xx here makes Grafana take us for Thanos");
}

#[tokio::test]
async fn readiness() {
    check_all(
        &app(),
        &[
            ("/ready", 200, "ready"),
            ("/-/ready", 200, "Prometheus Server is Ready."),
            ("/-/healthy", 200, "Prometheus Server is Healthy."),
            ("/prometheus/-/ready", 200, "Ready"),
            ("/metrics", 200, "up 1"),
        ],
    )
    .await;
    let starting = router(PrometheusState { face: face(Phase::Starting), samples: Arc::new(store()) });
    check_all(&starting, &[("/ready", 503, "Starting"), ("/-/healthy", 200, "Healthy")]).await;
    for path in ["/-/ready", "/api/v1/query?query=1", "/prometheus/api/v1/labels"] {
        let reply = get(&starting, path).await;
        assert_eq!((reply.status.as_u16(), reply.text()), (503, "Service Unavailable"), "{path}");
        assert_eq!(reply.header("x-prometheus-stopping"), "false");
    }
}

#[tokio::test]
async fn browsers_of_other_origins_may_ask() {
    let reply = get_with(&app(), "/prometheus/api/v1/labels", &[("origin", "http://x")]).await;
    assert_eq!(reply.header("access-control-allow-origin"), "*");
    let preflight = Request::options("/api/v1/query").header("origin", "http://x").body(Body::empty());
    let reply = send(&app(), preflight.expect("valid request")).await;
    assert_eq!((reply.status.as_u16(), reply.header("access-control-allow-methods")), (204, "GET, POST, OPTIONS"));
}

#[tokio::test]
async fn failures_have_their_type() {
    use store_api::StoreError;
    let cases: [(Failure, u16, &str); 3] = [
        (|| StoreError::Corrupt("page 3".into()), 500, "internal"),
        (|| StoreError::Cancelled, 499, "canceled"),
        (
            || StoreError::Exhausted { reason: "memory".into(), retry_after: std::time::Duration::ZERO },
            429,
            "too_many_requests",
        ),
    ];
    for (failure, status, error_type) in cases {
        let samples = Arc::new(FakeStore { failure: Some(failure), ..FakeStore::default() });
        let app = router(PrometheusState { face: face(Phase::Ready), samples });
        let reply = get(&app, "/prometheus/api/v1/labels").await;
        assert_eq!((reply.status.as_u16(), &reply.json()["errorType"]), (status, &json!(error_type)));
    }
}
