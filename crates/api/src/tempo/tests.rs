//! The Tempo face over a store in memory.

use std::sync::Arc;

use axum::Router;
use model::{
    KeyValue, Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanLink, StatusCode as SpanStatus, TraceId,
    UnixNanos, Value,
};
use serde_json::json;
use store_api::{Intrinsic, Tag, TagScope, TagValue};

use super::{TempoState, router};
use crate::face::Phase;
use crate::fake::{Failure, FakeStore, check_all, face, get, get_with};

const START: u64 = 1_700_000_000_000_000_000;

fn span() -> Span {
    let attributes = vec![
        KeyValue::new("http.status_code", 200),
        KeyValue::new("ratio", 0.5),
        KeyValue::new("zero", 0),
        KeyValue::new("flag", false),
        KeyValue::new("none", Value::Empty),
        KeyValue::new("raw", Value::Bytes(vec![1, 2, 255])),
        KeyValue::new("list", Value::Array(vec![Value::from("a"), Value::from(1)])),
        KeyValue::new("map", Value::KvList(vec![KeyValue::new("k", f64::NAN)])),
    ];
    Span {
        trace_id: TraceId([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        span_id: SpanId([0, 0, 0, 0, 0, 0, 0, 2]),
        name: "GET /".into(),
        kind: SpanKind(2),
        start: UnixNanos(START),
        end: UnixNanos(START + 250_000_000),
        attributes,
        events: vec![SpanEvent { time: UnixNanos(START + 1), name: "exception".into(), ..SpanEvent::default() }],
        links: vec![SpanLink { trace_id: TraceId([9; 16]), span_id: SpanId([8; 8]), ..SpanLink::default() }],
        resource: Arc::new(Resource {
            attributes: vec![KeyValue::new("service.name", "cart")],
            schema_url: "https://r".into(),
            ..Resource::default()
        }),
        scope: Arc::new(Scope { name: "lib".into(), version: "1".into(), ..Scope::default() }),
        ..Span::default()
    }
}

fn child() -> Span {
    Span {
        span_id: SpanId([0, 0, 0, 0, 0, 0, 0, 3]),
        parent_span_id: SpanId([0, 0, 0, 0, 0, 0, 0, 2]),
        status_code: SpanStatus(2),
        status_message: "boom".into(),
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        kind: SpanKind(0),
        ..span()
    }
}

fn store() -> FakeStore {
    let mut store = FakeStore { spans: vec![span(), child()], ..FakeStore::default() };
    store.tags.resource.insert("service.name".into());
    store.tags.span.extend(["http.status_code".to_owned(), "flag".to_owned()]);
    let tag = |tag: Tag, values: Vec<TagValue>| (format!("{tag:?}"), values);
    store.values = [
        tag(Tag::Scoped(TagScope::Span, "a/b".into()), vec![TagValue::Str("x".into()), TagValue::Int(200)]),
        tag(Tag::Anywhere("service.name".into()), vec![TagValue::Str("cart".into())]),
        tag(Tag::Intrinsic(Intrinsic::Name), vec![TagValue::Str("GET /".into())]),
        tag(
            Tag::Scoped(TagScope::Span, "my key".into()),
            vec![TagValue::Bool(true), TagValue::Double(0.5f64.to_bits())],
        ),
    ]
    .into();
    store
}

fn app() -> Router {
    router(TempoState { face: face(Phase::Ready), spans: Arc::new(store()) })
}

#[tokio::test]
async fn v1_json_is_jsonpb_with_batches() {
    let reply = get(&app(), "/api/traces/1").await;
    assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, "application/json"));
    let expected = json!({"batches": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "cart"}}]},
        "scopeSpans": [{"scope": {"name": "lib", "version": "1"}, "spans": [
            {"traceId": "AAAAAAAAAAAAAAAAAAAAAQ==", "spanId": "AAAAAAAAAAI=", "name": "GET /", "kind": "SPAN_KIND_SERVER",
             "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000000250000000",
             "attributes": [
                {"key": "http.status_code", "value": {"intValue": "200"}},
                {"key": "ratio", "value": {"doubleValue": 0.5}},
                {"key": "zero", "value": {"intValue": "0"}},
                {"key": "flag", "value": {"boolValue": false}},
                {"key": "none", "value": {}},
                {"key": "raw", "value": {"bytesValue": "AQL/"}},
                {"key": "list", "value": {"arrayValue": {"values": [{"stringValue": "a"}, {"intValue": "1"}]}}},
                {"key": "map", "value": {"kvlistValue": {"values": [{"key": "k", "value": {"doubleValue": "NaN"}}]}}}],
             "events": [{"timeUnixNano": "1700000000000000001", "name": "exception"}],
             "links": [{"traceId": "CQkJCQkJCQkJCQkJCQkJCQ==", "spanId": "CAgICAgICAg="}],
             "status": {}},
            {"traceId": "AAAAAAAAAAAAAAAAAAAAAQ==", "spanId": "AAAAAAAAAAM=", "parentSpanId": "AAAAAAAAAAI=", "name": "GET /",
             "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000000250000000",
             "status": {"message": "boom", "code": "STATUS_CODE_ERROR"}}]}],
        "schemaUrl": "https://r"}]});
    assert_eq!(reply.json(), expected);
}

#[tokio::test]
async fn v2_json_nests_the_trace() {
    let reply = get(&app(), "/api/v2/traces/00000000000000000000000000000001").await.json();
    assert_eq!(reply["trace"]["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().map(Vec::len), Some(2));
    assert_eq!(reply["metrics"], json!({"inspectedBytes": "1234"}));
    assert_eq!(reply.get("status"), None, "COMPLETE is zero and left out");
}

#[tokio::test]
async fn a_missing_trace_is_404_on_v1_and_200_on_v2() {
    let reply = get(&app(), "/api/traces/ff").await;
    assert_eq!((reply.status.as_u16(), reply.text()), (404, ""));
    let reply = get(&app(), "/api/v2/traces/ff").await;
    assert_eq!(reply.status.as_u16(), 200);
    assert_eq!(reply.json()["trace"], json!({}));
    let reply = get_with(&app(), "/api/v2/traces/ff", &[("accept", "application/protobuf")]).await;
    assert_eq!((reply.status.as_u16(), &reply.bytes[..2]), (200, &[0x0a, 0x00][..]));
}

#[tokio::test]
async fn protobuf_v2_wraps_what_v1_sends() {
    let accept = [("accept", "text/html,application/protobuf;q=0.9")];
    let v1 = get_with(&app(), "/api/traces/1", &accept).await;
    assert_eq!(v1.header("content-type"), "application/protobuf");
    let v2 = get_with(&app(), "/api/v2/traces/1", &accept).await;
    let mut expected = protowire::Writer::new();
    expected.bytes(1, &v1.bytes).message(2, |out| {
        out.varint(1, 1234);
    });
    assert_eq!(v2.bytes, expected.into_bytes());
}

#[tokio::test]
async fn trace_parameters_are_checked() {
    check_all(
        &app(),
        &[
            ("/api/traces/xyz", 400, "hex"),
            ("/api/traces/000000000000000000000000000000001", 400, "hex"),
            ("/api/v2/traces/xyz", 400, "hex"),
            ("/api/traces/1?start=10&end=10", 400, "start must be before end"),
            ("/api/traces/1?start=10", 400, "start must be before end"),
            ("/api/traces/1?start=1.5&end=9", 400, "invalid start"),
            ("/api/traces/1?start=1700000000&end=1700000001", 200, "batches"),
            ("/api/traces/1?start=1700000001&end=1700000002", 404, ""),
            ("/api/traces/1?mode=blocks", 200, "batches"),
            ("/api/traces/1?mode=none", 400, "invalid value for mode"),
            ("/api/v2/traces/1?q={}", 400, "not supported"),
        ],
    )
    .await;
}

#[tokio::test]
async fn tag_names() {
    let reply = get(&app(), "/api/v2/search/tags").await.json();
    assert_eq!(reply["scopes"][0], json!({"name": "resource", "tags": ["service.name"]}));
    assert_eq!(reply["scopes"][1], json!({"name": "span", "tags": ["flag", "http.status_code"]}));
    assert_eq!(reply["scopes"][2]["name"], "intrinsic");
    assert_eq!(reply["scopes"][2]["tags"].as_array().map(Vec::len), Some(25));
    assert_eq!(reply["metrics"], json!({"totalJobs": 1, "completedJobs": 1}));
    let reply = get(&app(), "/api/v2/search/tags?scope=span&limit=1").await.json();
    assert_eq!(reply["scopes"], json!([{"name": "span", "tags": ["flag"]}]));
    let reply = get(&app(), "/api/search/tags").await.json();
    assert_eq!(reply["tagNames"], json!(["flag", "http.status_code", "service.name"]));
    let reply = get(&app(), "/api/search/tags?scope=intrinsic").await.json();
    assert_eq!(reply["tagNames"].as_array().map(Vec::len), Some(25));
    check_all(
        &app(),
        &[
            ("/api/v2/search/tags?scope=foo", 400, "invalid scope: foo"),
            ("/api/v2/search/tags?limit=x", 400, "invalid limit"),
            ("/api/v2/search/tags?start=5&end=4", 400, "start must be before end"),
        ],
    )
    .await;
}

#[tokio::test]
async fn tag_values() {
    for (uri, expected) in [
        (
            "/api/v2/search/tag/span.a%2Fb/values?q={%20.a%20=%20}",
            json!([{"type": "string", "value": "x"}, {"type": "int", "value": "200"}]),
        ),
        ("/api/v2/search/tag/span.a/b/values?limit=1", json!([{"type": "string", "value": "x"}])),
        ("/api/v2/search/tag/.service.name/values", json!([{"type": "string", "value": "cart"}])),
        ("/api/v2/search/tag/name/values", json!([{"type": "string", "value": "GET /"}])),
        ("/api/v2/search/tag/span:name/values", json!([{"type": "string", "value": "GET /"}])),
        (
            "/api/v2/search/tag/span.%22my%20key%22/values",
            json!([{"type": "bool", "value": "true"}, {"type": "float", "value": "0.5"}]),
        ),
        (
            "/api/v2/search/tag/status/values",
            json!([{"type": "keyword", "value": "ok"}, {"type": "keyword", "value": "error"}, {"type": "keyword", "value": "unset"}]),
        ),
        ("/api/v2/search/tag/span:id/values", json!([])),
        ("/api/v2/search/tag/.unknown/values", json!([])),
        ("/api/search/tag/service.name/values", json!(["cart"])),
        ("/api/search/tag/name/values", json!(["GET /"])),
    ] {
        assert_eq!(get(&app(), uri).await.json()["tagValues"], expected, "{uri}");
    }
    check_all(
        &app(),
        &[
            ("/api/v2/search/tag/service.name/values", 400, "not a valid TraceQL"),
            ("/api/v2/search/tag/span.x", 404, "page not found"),
            ("/api/v2/search/tag/values", 404, "page not found"),
        ],
    )
    .await;
}

#[tokio::test]
async fn status_pages() {
    check_all(
        &app(),
        &[
            ("/api/echo", 200, "echo\n"),
            ("/ready", 200, "ready\n"),
            ("/metrics", 200, "up 1"),
            ("/api/status/buildinfo", 200, "{\"version\":\"1.2.3\",\"revision\":\"abc\""),
            ("/status", 200, "version 1.2.3"),
            ("/status/version", 200, "version 1.2.3"),
            ("/status/services", 200, "store => Running"),
            ("/status/endpoints", 200, "GET /api/v2/traces/{traceID}"),
            ("/status/config?mode=diff", 200, ""),
            ("/status/overrides/a", 200, "{}"),
            ("/status/nothing", 404, "no status page"),
        ],
    )
    .await;
    let starting = router(TempoState { face: face(Phase::Starting), spans: Arc::new(store()) });
    check_all(&starting, &[("/ready", 503, "Starting"), ("/api/echo", 200, "echo")]).await;
}

#[tokio::test]
async fn tenants_are_kept_apart() {
    let reply = get_with(&app(), "/api/traces/1", &[("x-scope-orgid", "other")]).await;
    assert_eq!(reply.status.as_u16(), 404);
    let reply = get_with(&app(), "/api/traces/1", &[("x-scope-orgid", "anonymous:key=value")]).await;
    assert_eq!(reply.status.as_u16(), 200);
    for (tenant, part) in [("a/b", "unsupported character"), ("a|b", "several tenants"), ("..", "unsupported")] {
        let reply = get_with(&app(), "/api/traces/1", &[("x-scope-orgid", tenant)]).await;
        assert_eq!(reply.status.as_u16(), 400, "{tenant}");
        assert!(reply.text().contains(part), "{tenant}: {}", reply.text());
        assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
    }
}

#[tokio::test]
async fn failures_have_their_status() {
    use store_api::StoreError;
    let cases: [(Failure, u16); 3] = [
        (|| StoreError::Corrupt("page 3".into()), 500),
        (|| StoreError::Unavailable { reason: "stopping".into(), retry_after: std::time::Duration::ZERO }, 503),
        (|| StoreError::Cancelled, 499),
    ];
    for (failure, status) in cases {
        let spans = Arc::new(FakeStore { failure: Some(failure), ..FakeStore::default() });
        let app = router(TempoState { face: face(Phase::Ready), spans });
        assert_eq!(get(&app, "/api/traces/1").await.status.as_u16(), status);
    }
}

#[tokio::test]
async fn answers_are_compressed_on_request() {
    let reply = get_with(&app(), "/api/traces/1", &[("accept-encoding", "gzip")]).await;
    assert_eq!((reply.header("content-encoding"), &reply.bytes[..2]), ("gzip", &[0x1f, 0x8b][..]));
}
