//! Validation, lists, the fixed routes, the OpenAPI document.

use super::harness::Harness;
use serde_json::{Value, json};

#[tokio::test]
async fn workflows_are_made_changed_listed_and_removed() {
    let harness = Harness::new().await;
    let api = &harness.api;
    let log = json!([{"type": "log", "message": "x"}]);
    let id = api
        .workflow(log.clone(), json!({"description": "d", "cron_expression": "@daily", "triggers": ["manual"]}))
        .await;
    let (_, made) = api.get(&format!("/workflows/{id}")).await;
    assert_eq!(made["next_run"], "2026-11-23T00:00:00Z");
    assert_eq!(
        (&made["status"], &made["is_enabled"], &made["execution_count"]),
        (&json!("active"), &json!(true), &json!(0))
    );
    let (status, changed) =
        api.put(&format!("/workflows/{id}"), &json!({"name": "new", "cron_expression": null})).await;
    assert_eq!((status, &changed["name"], &changed["next_run"]), (200, &json!("new"), &Value::Null));
    assert_eq!((&changed["description"], &changed["triggers"]), (&json!("d"), &json!(["manual"])));
    let other = api.workflow(log, json!({"status": "inactive"})).await;
    let (_, list) = api.get("/workflows?limit=1&skip=1").await;
    assert_eq!((&list["total"], &list["workflows"][0]["id"]), (&json!(2), &json!(id)));
    let (_, list) = api.get("/workflows?status=inactive").await;
    assert_eq!((&list["total"], &list["workflows"][0]["id"]), (&json!(1), &json!(other)));
    assert_eq!(api.delete(&format!("/workflows/{id}")).await.0, 200);
    for path in
        [format!("/workflows/{id}"), format!("/workflows/{id}/executions"), "/workflows/executions/none".to_owned()]
    {
        let (status, problem) = api.get(&path).await;
        assert_eq!((status, problem["detail"].as_str().unwrap().ends_with("not found")), (404, true), "{path}");
    }
    assert_eq!(api.post(&format!("/workflows/{id}/trigger"), &json!({})).await.0, 404);
    harness.stop().await;
}

#[tokio::test]
async fn refusals_name_every_field() {
    let harness = Harness::new().await;
    let api = &harness.api;
    let log = json!([{"type": "log", "message": "x"}]);
    for (body, fields) in [
        (json!({}), vec!["name"]),
        (json!({"name": 5}), vec!["name"]),
        (json!({"name": "", "config": {}}), vec!["name"]),
        (json!({"name": "a\u{0}", "config": {"steps": log}}), vec!["name"]),
        (json!({"name": "a", "config": {"steps": log}, "status": "asleep"}), vec!["status"]),
        (
            json!({"name": "a", "config": {"steps": [{"type": "delay"}]}, "triggers": ["mail"], "cron_expression": "never"}),
            vec!["config.steps[0].seconds", "triggers[0]", "cron_expression"],
        ),
    ] {
        let (status, problem) = api.post("/workflows", &body).await;
        let named: Vec<&str> =
            problem["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
        assert_eq!((status, named), (422, fields), "{problem}");
        assert!(problem["detail"].is_string() && problem["type"].is_string());
    }
    let id = api.workflow(log, json!({})).await;
    let (status, problem) = api.post(&format!("/workflows/{id}/trigger"), &json!({"trigger_data": [1]})).await;
    assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("trigger_data")));
    for query in ["limit=0", "limit=1001", "skip=-1", "status=done"] {
        assert_eq!(api.get(&format!("/workflows/executions?{query}")).await.0, 422, "{query}");
    }
    let (status, _) = api.send(api.request(&format!("/workflows/{id}/trigger"))).await;
    assert_eq!(status, 200, "a trigger needs no body");
    harness.stop().await;
}

#[tokio::test]
async fn cron_expressions_are_checked() {
    let harness = Harness::new().await;
    let api = &harness.api;
    let (status, verdict) =
        api.post("/workflows/validate-cron?cron_expression=0%209%20*%20*%20MON-FRI", &Value::Null).await;
    let runs = ["23", "24", "25", "26", "27"].map(|day| format!("2026-11-{day}T09:00:00Z"));
    assert_eq!((status, &verdict["is_valid"], &verdict["next_runs"]), (200, &json!(true), &json!(runs)));
    let (status, verdict) = api.post("/workflows/validate-cron?cron_expression=daily", &Value::Null).await;
    assert_eq!((status, &verdict["is_valid"], &verdict["next_runs"]), (200, &json!(false), &json!([])));
    assert!(verdict["error"].as_str().unwrap().starts_with("not a cron expression"));
    assert_eq!(api.post("/workflows/validate-cron", &Value::Null).await.0, 422);
    harness.stop().await;
}

#[tokio::test]
async fn the_fixed_routes_and_the_document() {
    let harness = Harness::new().await;
    let api = &harness.api;
    assert_eq!(api.get("/health").await.0, 200);
    let (status, ready) = api.get("/ready").await;
    assert_eq!(status, 200, "{ready}");
    for component in ["database", "cache", "airtable-gateway", "llm-orchestrator"] {
        assert!(ready.to_string().contains(component), "{component} in {ready}");
    }
    let (_, info) = api.get("/api/v1/info").await;
    assert_eq!((&info["service"], info["features"].as_array().unwrap().len()), (&json!("automation-services"), 5));
    let (_, document) = api.get("/openapi.json").await;
    let paths: Vec<&str> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    for path in [
        "/files",
        "/files/extract/{id}",
        "/files/process/{id}",
        "/files/stats/summary",
        "/files/upload",
        "/files/{id}",
        "/workflows",
        "/workflows/executions",
        "/workflows/executions/{id}",
        "/workflows/executions/{id}/cancel",
        "/workflows/stats/summary",
        "/workflows/validate-cron",
        "/workflows/{id}",
        "/workflows/{id}/executions",
        "/workflows/{id}/trigger",
    ] {
        assert!(paths.contains(&path), "{path} in {paths:?}");
    }
    harness.stop().await;
}
