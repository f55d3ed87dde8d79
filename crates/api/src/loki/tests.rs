//! The Loki face over a store in memory.

use std::sync::Arc;

use axum::Router;
use serde_json::{Value, json};
use store_api::LogStream;

use super::{LokiState, router};
use crate::face::Phase;
use crate::fake::{FakeStore, check_all, entry, face, get, get_with, labels, post_form};

const T: u64 = 1_700_000_000_000_000_000;
const RANGE: &str = "start=1700000000&end=1700000100";

fn app() -> Router {
    let cart = LogStream {
        labels: labels(&[("app", "cart"), ("env", "dev")]),
        entries: vec![
            entry(T, "first line", &[("detected_level", "info")]),
            entry(T + 1, "second error", &[("detected_level", "error"), ("env", "clash")]),
            entry(T + 10_000_000_000, "third line", &[("detected_level", "info")]),
        ],
    };
    let shop = LogStream {
        labels: labels(&[("app", "shop"), ("__stream_shard__", "1")]),
        entries: vec![entry(T + 5_000_000_000, "shop error", &[])],
    };
    let store = FakeStore { streams: vec![shop, cart], ..FakeStore::default() };
    router(LokiState { face: face(Phase::Ready), logs: Arc::new(store) })
}

fn encode(query: &str) -> String {
    query.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn query(query: &str, rest: &str) -> Value {
    let uri = format!("/loki/api/v1/query_range?query={}&{RANGE}{rest}", encode(query));
    let reply = get(&app(), &uri).await;
    assert_eq!(reply.status.as_u16(), 200, "{}", reply.text());
    reply.json()
}

fn lines(answer: &Value) -> Vec<String> {
    let streams = answer["data"]["result"].as_array().expect("result");
    let values = streams.iter().flat_map(|stream| stream["values"].as_array().expect("values"));
    values.map(|value| value[1].as_str().expect("line").to_owned()).collect()
}

#[tokio::test]
async fn entries_are_merged_with_their_metadata() {
    let uri = format!("/loki/api/v1/query_range?query={}&{RANGE}", encode("{app=\"cart\"}"));
    let reply = get(&app(), &uri).await;
    assert_eq!(reply.header("content-type"), "application/json; charset=UTF-8");
    assert!(reply.text().ends_with('\n'));
    let answer = reply.json();
    assert_eq!(answer["status"], "success");
    assert_eq!(answer["data"]["resultType"], "streams");
    let expected = json!([
        {"stream": {"app": "cart", "detected_level": "error", "env": "dev", "env_extracted": "clash"},
         "values": [["1700000000000000001", "second error"]]},
        {"stream": {"app": "cart", "detected_level": "info", "env": "dev"},
         "values": [["1700000010000000000", "third line"], ["1700000000000000000", "first line"]]}]);
    assert_eq!(answer["data"]["result"], expected);
    assert_eq!(answer["data"].get("encodingFlags"), None);
    assert_eq!(answer["data"]["stats"]["summary"]["totalBytesProcessed"], 77);
    assert_eq!(answer["data"]["stats"]["summary"]["totalEntriesReturned"], 3);
}

#[tokio::test]
async fn categorised_entries_say_their_metadata() {
    let uri = format!("/loki/api/v1/query_range?query={}&{RANGE}&direction=FORWARD", encode("{app=~\".+\"}"));
    let flags = [("x-loki-response-encoding-flags", "other, categorize-labels")];
    let answer = get_with(&app(), &uri, &flags).await.json();
    assert_eq!(answer["data"]["encodingFlags"], json!(["categorize-labels"]));
    let result = &answer["data"]["result"];
    assert_eq!(result[0]["stream"]["app"], "shop", "streams are ordered by their text");
    assert_eq!(result[0]["values"][0], json!(["1700000005000000000", "shop error", {}]));
    assert_eq!(result[1]["stream"], json!({"app": "cart", "env": "dev"}));
    assert_eq!(
        result[1]["values"][0],
        json!(["1700000000000000000", "first line", {"structuredMetadata": {"detected_level": "info"}}])
    );
}

#[tokio::test]
async fn line_filters_limit_and_direction() {
    for (text, rest, expected) in [
        ("{app=\"cart\"} |= \"line\"", "", vec!["third line", "first line"]),
        ("{app=\"cart\"} |= `second` or \"third\"", "&direction=forward", vec!["second error", "third line"]),
        ("{app=\"cart\"} != \"line\"", "", vec!["second error"]),
        ("{app=\"cart\"} |~ \"^(first|second)\" !~ \"err.r\"", "", vec!["first line"]),
        ("{app=\"cart\"}", "&limit=1", vec!["third line"]),
        ("{app=\"cart\"}", "&limit=1&direction=forward", vec!["first line"]),
        // The end of the range is excluded.
        ("{app=\"cart\"}", "&limit=9&direction=forward", vec!["second error", "first line", "third line"]),
        ("{app=\"cart\"}", "&interval=5s&direction=forward", vec!["first line", "third line"]),
        ("{app=\"none\"}", "", vec![]),
    ] {
        assert_eq!(lines(&query(text, rest).await), expected, "{text} {rest}");
    }
    let uri = format!("/loki/api/v1/query_range?query={}&start=1699999999&end=1700000010", encode("{app=\"cart\"}"));
    assert_eq!(lines(&get(&app(), &uri).await.json()).len(), 2, "the end is excluded");
    assert_eq!(query("{app=\"none\"}", "").await["data"]["result"], json!([]));
}

#[tokio::test]
async fn forms_are_taken_too() {
    let form = format!("query={}&{RANGE}", encode("{app=\"shop\"}"));
    let reply = post_form(&app(), "/loki/api/v1/query_range", &form).await;
    assert_eq!(lines(&reply.json()), ["shop error"]);
    let reply = post_form(&app(), &format!("/loki/api/v1/labels?{RANGE}"), "query=%7Bapp%3D%22cart%22%7D").await;
    assert_eq!(reply.json()["data"], json!(["app", "env"]));
}

#[tokio::test]
async fn parameters_are_checked() {
    let log = encode("{app=\"cart\"}");
    for (path, status, part) in [
        (format!("query_range?query={log}&limit=5001"), 400, "limit > max_entries_limit_per_query (5001 > 5000)"),
        (format!("query_range?query={log}&limit=0"), 400, "limit must be a positive value"),
        (format!("query_range?query={log}&direction=up"), 400, "invalid direction 'up'"),
        (format!("query_range?query={log}&start=x"), 400, "could not parse 'start' parameter"),
        (format!("query_range?query={log}&start=200&end=100"), 400, "end timestamp must not be before"),
        (format!("query_range?query={log}&step=0"), 400, "zero or negative query resolution step"),
        (
            format!("query_range?query={log}&start=0&end=100000&step=1"),
            400,
            "exceeded maximum resolution of 11,000 points",
        ),
        (format!("query_range?query={log}&start=1&end=1700000000"), 400, "the query time range exceeds the limit"),
        (format!("query_range?query={log}&step=15s&since=2h"), 200, "streams"),
        (format!("query_range?query={log}&start=2023-11-14T22:13:20Z&end=1700000000000000001"), 200, "first line"),
        ("query_range".to_owned(), 400, "parse error at line 1, col 1"),
        (format!("query_range?query={}", encode("{app=\"a\"} | json")), 400, "only the line filters"),
        (format!("query?query={log}"), 400, "log queries are not supported as an instant query type"),
        (format!("query?query={}", encode("rate({app=\"a\"}[1m])")), 400, "metric queries are not supported yet"),
        (format!("labels?query={}", encode("{app=\"a\"} |= \"x\"")), 400, "only label matchers"),
        (format!("series?match={}", encode("{app=\"a\"} |= \"x\"")), 400, "only label matchers"),
    ] {
        check_all(&app(), &[(&format!("/loki/api/v1/{path}"), status, part)]).await;
    }
}

#[tokio::test]
async fn constants_are_answered() {
    let health = "query=vector(1)%2Bvector(1)&time=1700000000000000000&limit=1&direction=backward";
    let answer = get(&app(), &format!("/loki/api/v1/query?{health}")).await.json();
    assert_eq!(answer["data"]["resultType"], "vector");
    assert_eq!(answer["data"]["result"], json!([{"metric": {}, "value": [1_700_000_000, "2"]}]));
    let answer = get(&app(), "/loki/api/v1/query?query=1%2B1&time=1700000000.5").await.json();
    assert_eq!(answer["data"]["result"], json!([1_700_000_000.5, "2"]));
    let answer = query("2*3", "&step=50").await;
    assert_eq!(answer["data"]["resultType"], "matrix");
    let values = json!([[1_700_000_000, "6"], [1_700_000_050, "6"], [1_700_000_100, "6"]]);
    assert_eq!(answer["data"]["result"][0]["values"], values);
}

#[tokio::test]
async fn labels_and_series() {
    let at = |path: &str| format!("/loki/api/v1/{path}");
    for (path, data) in [
        (format!("labels?{RANGE}"), json!(["app", "env"])),
        (format!("label?{RANGE}"), json!(["app", "env"])),
        (format!("label/app/values?{RANGE}"), json!(["cart", "shop"])),
        (format!("label/app/values?{RANGE}&query={}", encode("{env=\"dev\"}")), json!(["cart"])),
        (format!("series?{RANGE}&match[]={}", encode("{env=\"dev\"}")), json!([{"app": "cart", "env": "dev"}])),
        (format!("series?{RANGE}&match={}", encode("{app=\"none\"}")), json!([])),
    ] {
        let reply = get(&app(), &at(&path)).await.json();
        assert_eq!((&reply["status"], &reply["data"]), (&json!("success"), &data), "{path}");
    }
    for path in [format!("series?{RANGE}"), format!("series?{RANGE}&match[]={{}}")] {
        assert_eq!(get(&app(), &at(&path)).await.json()["data"].as_array().map(Vec::len), Some(2), "{path}");
    }
    let empty = get(&app(), "/loki/api/v1/labels?start=1&end=2").await;
    assert_eq!(empty.text(), "{\"status\":\"success\"}\n", "data is absent when there is nothing");
}

#[tokio::test]
async fn index_stats_count_what_is_there() {
    let uri = format!("/loki/api/v1/index/stats?{RANGE}&query={}", encode("{app=\"cart\"}"));
    let reply = get(&app(), &uri).await.json();
    assert_eq!(reply, json!({"streams": 1, "chunks": 1, "bytes": 32, "entries": 3}));
    let none = get(&app(), "/loki/api/v1/index/stats?start=1&end=2&query=%7Bapp%3D%22cart%22%7D").await.json();
    assert_eq!(none, json!({"streams": 0, "chunks": 0, "bytes": 0, "entries": 0}));
}

#[tokio::test]
async fn status_and_format() {
    check_all(
        &app(),
        &[
            ("/ready", 200, "ready"),
            ("/metrics", 200, "up 1"),
            ("/services", 200, "store => Running"),
            ("/loki/api/v1/status/buildinfo", 200, "{\"version\":\"1.2.3\",\"revision\":\"abc\""),
            ("/loki/api/v1/drilldown-limits", 200, "\"max_entries_limit_per_query\":5000"),
            ("/config/tenant/v1/limits", 200, "max_query_length: 721h"),
        ],
    )
    .await;
    let reply = get(&app(), &format!("/loki/api/v1/format_query?query={}", encode("{a='b'}|=`x`"))).await.json();
    assert_eq!(reply, json!({"status": "success", "data": "{a=\"b\"} |= \"x\""}));
    let reply = get(&app(), "/loki/api/v1/format_query?query=%7B").await;
    assert_eq!((reply.status.as_u16(), &reply.json()["status"]), (400, &json!("invalid-query")));
    let starting = router(LokiState { face: face(Phase::Starting), logs: Arc::new(FakeStore::default()) });
    check_all(&starting, &[("/ready", 503, "Starting")]).await;
}
