//! Table analysis, at once and in jobs that survive a restart.

use std::time::Duration;

use crate::support::{Stack, start_service};
use serde_json::{Value, json};

fn table(id: &str) -> Value {
    json!({"base_id": "app1", "table_id": id, "table_name": "Orders", "record_count": 120, "model": "gemini-2.5-flash",
        "fields": [{"name": "Customer name", "type": "singleLineText"}, {"name": "Total", "type": "number"}]})
}

async fn job_until(url: &str, id: &str, done: impl Fn(&Value) -> bool) -> Value {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    let mut pause = tokio::time::interval(Duration::from_millis(20));
    loop {
        pause.tick().await;
        let text = reqwest::get(format!("{url}/api/v1/analysis/batch/{id}/status"))
            .await
            .expect("an answer")
            .text()
            .await
            .expect("a body");
        let status: Value = serde_json::from_str(&text).expect("JSON");
        if done(&status) {
            return status;
        }
        assert!(tokio::time::Instant::now() < deadline, "{status}");
    }
}

#[tokio::test]
async fn a_table_is_reviewed_by_category() {
    let stack = Stack::start(json!({})).await;
    let mut body = table("tbl1");
    body["categories"] = json!(["naming_conventions", "structure"]);
    let got = stack.post("/api/v1/analysis/table", &body).await;
    assert_eq!(got.status, 200, "{}", got.text);
    let found = got.json();
    let categories: Vec<_> = found["analysis_results"].as_object().expect("an object").keys().collect();
    assert_eq!(categories, ["naming_conventions", "structure"]);
    assert!(found["analysis_results"]["structure"].is_array());
    assert_eq!((&found["cost_summary"]["calls"], &found["cost_summary"]["unpriced_calls"]), (&json!(2), &json!(0)));
    assert!(found["cost_summary"]["total_cost"].as_f64().is_some_and(|cost| cost > 0.0));
    let all = stack.post("/api/v1/analysis/table", &table("tbl1")).await.json();
    assert_eq!(all["analysis_results"].as_object().map(serde_json::Map::len), Some(8));

    body["categories"] = json!(["colour"]);
    assert_eq!(stack.post("/api/v1/analysis/table", &body).await.fields(), ["categories[0]"]);
    body["categories"] = Value::Null;
    body["fields"] = json!([{"type": "number"}]);
    assert_eq!(stack.post("/api/v1/analysis/table", &body).await.fields(), ["fields[0]"]);
}

#[tokio::test]
async fn one_category_that_fails_does_not_lose_the_others() {
    let stack = Stack::start(json!({"fail": ["2=500"]})).await;
    let found = stack.post("/api/v1/analysis/table", &table("tbl1")).await.json();
    assert_eq!(found["analysis_results"].as_object().map(serde_json::Map::len), Some(7), "{found}");
    assert_eq!(found["failed_categories"].as_object().map(serde_json::Map::len), Some(1));
    let stack = Stack::start(json!({"fail": ["always=429"]})).await;
    assert_eq!(stack.post("/api/v1/analysis/table", &table("tbl1")).await.status, 429);
}

#[tokio::test]
async fn a_job_is_done_and_survives_a_restart() {
    // Every call takes long enough that the service stops in the middle.
    let stack = Stack::start_with(json!({"latency_ms": 300}), &[("ANALYSIS_WORKERS", "1")]).await;
    let batch = json!({"tables": [table("tbl1"), table("tbl2"), table("tbl3")], "categories": ["structure"]});
    let taken = stack.post("/api/v1/analysis/batch", &batch).await;
    assert_eq!((taken.status, &taken.json()["total_tables"]), (202, &json!(3)), "{}", taken.text);
    let id = taken.json()["job_id"].as_str().expect("an id").to_owned();
    job_until(&stack.service.url(), &id, |status| status["completed_tables"] == 1).await;
    let Stack { service, gemini, folder, .. } = stack;
    service.shutdown().await;

    let service = start_service(&gemini.url(), "http://127.0.0.1:9", &folder, &[]).await;
    let status = job_until(&service.url(), &id, |status| status["status"] == "completed").await;
    assert_eq!(
        (&status["completed_tables"], &status["failed_tables"], &status["progress"]),
        (&json!(3), &json!(0), &json!(1.0))
    );
    let text = reqwest::get(format!("{}/api/v1/analysis/batch/{id}/results", service.url()))
        .await
        .expect("an answer")
        .text()
        .await;
    let results: Value = serde_json::from_str(&text.expect("a body")).expect("JSON");
    let tables: Vec<_> =
        results["results"].as_array().expect("a list").iter().map(|one| one["table_id"].clone()).collect();
    assert_eq!(tables, ["tbl1", "tbl2", "tbl3"]);
    assert_eq!(results["cost_summary"]["calls"], 3);
    service.shutdown().await;
}

#[tokio::test]
async fn estimates_and_categories_and_unknown_jobs() {
    let stack = Stack::start(json!({})).await;
    let one = stack.get("/api/v1/analysis/estimate-cost?num_tables=1&fields_per_table=10&model=gemini-2.5-flash&categories=structure").await.json();
    let ten = stack.get("/api/v1/analysis/estimate-cost?num_tables=10&fields_per_table=10&model=gemini-2.5-flash&categories=structure").await.json();
    assert_eq!(one["calls"], 1);
    assert_eq!(
        one["estimated_cost"].as_f64().map(|cost| (cost * 1e10).round()),
        ten["estimated_cost"].as_f64().map(|cost| (cost * 1e9).round())
    );
    assert_eq!(stack.get("/api/v1/analysis/estimate-cost?model=mystery").await.json()["estimated_cost"], Value::Null);
    assert_eq!(stack.get("/api/v1/analysis/estimate-cost?num_tables=0").await.fields(), ["num_tables"]);
    assert_eq!(stack.get("/api/v1/analysis/categories").await.json()["categories"].as_array().map(Vec::len), Some(8));
    for path in ["/api/v1/analysis/batch/none/status", "/api/v1/analysis/batch/none/results"] {
        assert_eq!(stack.get(path).await.status, 404);
    }
    assert_eq!(stack.post("/api/v1/analysis/batch", &json!({"tables": []})).await.fields(), ["tables"]);
}

#[tokio::test]
async fn two_instances_share_sessions_and_jobs_in_redis_and_postgres() {
    let test = "llm-orchestrator on Redis and PostgreSQL";
    let servers = (testkit::servers::Redis::shared(test), testkit::servers::Postgres::shared(test));
    let (Some(redis), Some(postgres)) = (servers.0.expect("Redis starts"), servers.1.expect("PostgreSQL starts"))
    else {
        return;
    };
    let (redis_url, database_url) = (redis.url(), postgres.database().expect("an empty database"));
    let variables = [("REDIS_URL", redis_url.as_str()), ("DATABASE_URL", database_url.as_str())];
    let stack = Stack::start_with(json!({}), &variables).await;
    let other = start_service(&stack.gemini.url(), "http://127.0.0.1:9", &stack.folder, &variables).await;

    let first = stack.chat("My name is Ada.", json!({})).await.json();
    let session = first["session_id"].as_str().expect("an id");
    let client = reqwest::Client::new();
    let path = format!("{}/api/v1/chat/completions", other.url());
    let body = crate::support::chat_body("What is my name?", json!({"session_id": session}));
    let answer = client.post(path).json(&body).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let kept = stack.get(&format!("/api/v1/sessions/{session}/messages")).await.json();
    assert_eq!(kept["total"], 4, "{kept}");

    let tables: Vec<_> = (0..8).map(|number| table(&format!("tbl{number}"))).collect();
    let batch = json!({"tables": tables, "categories": ["structure"]});
    let taken = stack.post("/api/v1/analysis/batch", &batch).await.json();
    let id = taken["job_id"].as_str().expect("an id");
    let status = job_until(&other.url(), id, |status| status["status"] == "completed").await;
    assert_eq!(status["completed_tables"], 8);
    let results = stack.get(&format!("/api/v1/analysis/batch/{id}/results")).await.json();
    assert_eq!(results["cost_summary"]["calls"], 8, "no table was done twice: {results}");
    other.shutdown().await;
}
