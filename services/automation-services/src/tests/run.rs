//! Executions from trigger to result.

use super::harness::{Harness, databases, statuses, until};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_step_of_the_contract_on_every_database() {
    let folder = tempfile::tempdir().unwrap();
    for (url, _server) in databases("every_step_of_the_contract", folder.path()) {
        let harness = Harness::on(&url).await;
        let api = &harness.api;
        let (_, file) = api.upload("notes.txt", b"pay 12 EUR".to_vec()).await;
        let steps = json!([
            {"type": "log", "message": "{filename} has {file_size} bytes"},
            {"type": "file_process", "file_id": "{file_id}"},
            {"type": "llm", "prompt": "Summarise: {content}", "model": "m", "output": "summary"},
            {"type": "airtable_create", "table": "Docs & more", "fields": {"Name": "{filename}", "Size": "{file_size}", "Text": "{summary}"}},
            {"type": "airtable_update", "base_id": "app2", "table": "tbl1", "record_id": "{step_4_result.id}", "fields": {"Done": true}, "typecast": true},
            {"type": "condition", "condition": {"type": "contains", "left": "{summary}", "right": "EUR"}},
            {"type": "delay", "seconds": 0},
        ]);
        let workflow = api.workflow(steps, json!({})).await;
        let data = json!({"file_id": file["file_id"], "note": "by hand"});
        let execution = api.ended(&api.trigger(&workflow, data).await).await;
        assert_eq!(execution["status"], "completed", "{execution:#}");
        let result = &execution["result"];
        assert_eq!(
            (&result["steps_executed"], &result["steps_successful"], &result["steps_failed"]),
            (&json!(7), &json!(7), &json!(0))
        );
        let results: Vec<&Value> = result["results"].as_array().unwrap().iter().map(|step| &step["result"]).collect();
        assert_eq!(results[0], &json!({"message": "notes.txt has 10 bytes"}));
        assert_eq!(results[1]["characters"], 10);
        assert_eq!(results[2]["content"], "echo: Summarise: pay 12 EUR");
        assert_eq!(results[2]["usage"]["total_tokens"], 5);
        assert_eq!(
            results[3]["fields"],
            json!({"Name": "notes.txt", "Size": 10, "Text": "echo: Summarise: pay 12 EUR"})
        );
        assert_eq!(results[5], &json!({"condition_met": true}));
        let seen = harness.fakes.seen();
        let calls: Vec<String> = seen.iter().map(|seen| format!("{} {}", seen.method, seen.path)).collect();
        assert_eq!(
            calls,
            [
                "POST /api/v1/chat/completions",
                "POST /api/v1/airtable/bases/appDefault/tables/Docs%20%26%20more/records",
                "PATCH /api/v1/airtable/bases/app2/tables/tbl1/records?typecast=true",
            ]
        );
        assert_eq!(
            seen[0].body,
            json!({"messages": [{"role": "user", "content": "Summarise: pay 12 EUR"}], "model": "m"})
        );
        assert_eq!(seen[2].body, json!([{"id": "rec2", "fields": {"Done": true}}]));
        let logs: Vec<&str> =
            execution["logs"].as_array().unwrap().iter().map(|line| line["message"].as_str().unwrap()).collect();
        assert!(logs.contains(&"notes.txt has 10 bytes") && logs.contains(&"step 7 (delay) completed"), "{logs:?}");
        let (_, workflow) = api.get(&format!("/workflows/{workflow}")).await;
        assert_eq!(
            (&workflow["execution_count"], &workflow["success_count"], &workflow["failure_count"]),
            (&json!(1), &json!(1), &json!(0))
        );
        harness.stop().await;
    }
}

#[tokio::test]
async fn a_failing_step_ends_the_execution_unless_it_may_fail() {
    let harness = Harness::new().await;
    let api = &harness.api;
    let create = json!({"type": "airtable_create", "table": "t", "fields": {"a": 1}, "name": "save"});
    let mut tolerant = create.clone();
    tolerant["continue_on_error"] = true.into();
    let last = json!({"type": "log", "message": "after: {step_1_result.error}"});
    harness.fakes.next_answer(422, json!({"detail": "unknown field \"a\""}));
    let strict = api.workflow(json!([create, last]), json!({})).await;
    let execution = api.ended(&api.trigger(&strict, json!({})).await).await;
    let reason = "airtable-gateway answered 422: unknown field \"a\"";
    assert_eq!(execution["status"], "failed");
    assert_eq!(execution["error_message"], format!("step 1 (save) failed: {reason}"));
    assert_eq!(statuses(&execution), ["failed"]);
    harness.fakes.next_answer(422, json!({"detail": "unknown field \"a\""}));
    let lenient = api.workflow(json!([tolerant, last]), json!({})).await;
    let execution = api.ended(&api.trigger(&lenient, json!({})).await).await;
    assert_eq!(execution["status"], "completed");
    assert_eq!(statuses(&execution), ["failed", "completed"]);
    assert_eq!(execution["result"]["results"][1]["result"]["message"], format!("after: {reason}"));
    assert_eq!(execution["result"]["steps_failed"], 1);
    let (_, stats) = api.get("/workflows/stats/summary").await;
    assert_eq!((&stats["executions_by_status"]["failed"], &stats["success_rate"]), (&json!(1), &json!(50.0)));
    harness.stop().await;
}

#[tokio::test]
async fn steps_time_out_conditions_stop_and_values_are_checked() {
    let harness = Harness::new().await;
    let api = &harness.api;
    harness.fakes.hold();
    let slow = json!([{"type": "llm", "prompt": "p", "timeout_seconds": 0.05}]);
    let execution = api.ended(&api.trigger(&api.workflow(slow, json!({})).await, json!({})).await).await;
    assert!(execution["error_message"].as_str().unwrap().starts_with("step 1 (llm) failed: "), "{execution}");
    harness.fakes.release();
    let condition = |on_false: &str| json!({"type": "condition", "condition": {"type": "equals", "left": "{trigger_data.n}", "right": 1}, "on_false": on_false});
    let log = json!({"type": "log", "message": "after"});
    for (on_false, status, steps) in [
        ("continue", "completed", vec!["completed", "completed"]),
        ("stop", "completed", vec!["completed"]),
        ("fail", "failed", vec!["failed"]),
    ] {
        let workflow = api.workflow(json!([condition(on_false), log]), json!({})).await;
        let execution = api.ended(&api.trigger(&workflow, json!({"n": 2})).await).await;
        assert_eq!((execution["status"].as_str().unwrap(), statuses(&execution)), (status, steps), "{on_false}");
    }
    let delay = json!([{"type": "delay", "seconds": "{trigger_data.wait}"}]);
    let execution = api.ended(&api.trigger(&api.workflow(delay, json!({})).await, json!({"wait": "long"})).await).await;
    assert_eq!(execution["error_message"], "step 1 (delay) failed: `long` is not a number of seconds up to 86400");
    harness.stop().await;
}

#[tokio::test]
async fn a_delay_waits_and_a_running_execution_can_be_cancelled() {
    let harness = Harness::new().await;
    let api = &harness.api;
    let workflow =
        api.workflow(json!([{"type": "delay", "seconds": 600}, {"type": "log", "message": "late"}]), json!({})).await;
    let first = api.trigger(&workflow, json!({})).await;
    let second = api.trigger(&workflow, json!({})).await;
    for id in [&first, &second] {
        api.execution(id, |execution| execution["result"]["steps_executed"] == 1).await;
    }
    let (status, cancelled) = api.post(&format!("/workflows/executions/{second}/cancel"), &json!({})).await;
    assert_eq!((status, &cancelled["status"]), (200, &json!("cancelled")));
    assert_eq!(api.post(&format!("/workflows/executions/{second}/cancel"), &json!({})).await.0, 409);
    harness.clock.advance(Duration::from_secs(600));
    let execution = api.ended(&first).await;
    assert_eq!((&execution["status"], &execution["duration"]), (&json!("completed"), &json!(600.0)));
    assert_eq!(api.ended(&second).await["result"]["steps_executed"], 1);
    harness.stop().await;
}

#[tokio::test]
async fn cron_runs_once_a_due_time_and_catches_up_once() {
    let harness = Harness::new().await;
    let api = &harness.api;
    let more = json!({"cron_expression": "*/10 * * * *"});
    let workflow = api.workflow(json!([{"type": "log", "message": "{trigger_data.scheduled_for}"}]), more).await;
    let path = format!("/workflows/{workflow}/executions");
    let (_, before) = api.get(&format!("/workflows/{workflow}")).await;
    assert_eq!(before["next_run"], "2026-11-22T10:10:00Z");
    harness.clock.advance(Duration::from_secs(600));
    let list = api.until(&path, |list| list["executions"][0]["status"] == "completed").await;
    assert_eq!((&list["total"], &list["executions"][0]["trigger_type"]), (&json!(1), &json!("scheduled")));
    assert_eq!(list["executions"][0]["scheduled_for"], "2026-11-22T10:10:00Z");
    // Three due times pass at once: one execution, for the first of them.
    harness.clock.advance(Duration::from_secs(1800));
    let caught_up = |list: &Value| {
        let newest = &list["executions"][0];
        newest["scheduled_for"] == "2026-11-22T10:20:00Z" && newest["status"] == "completed"
    };
    assert_eq!(api.until(&path, caught_up).await["total"], 2);
    let (_, after) = api.get(&format!("/workflows/{workflow}")).await;
    assert_eq!(after["next_run"], "2026-11-22T10:50:00Z");
    api.put(&format!("/workflows/{workflow}"), &json!({"status": "paused"})).await;
    harness.clock.advance(Duration::from_secs(3600));
    let (_, paused) = api.get(&format!("/workflows/{workflow}")).await;
    assert_eq!((&paused["next_run"], &paused["execution_count"]), (&Value::Null, &json!(2)));
    assert_eq!(api.post(&format!("/workflows/{workflow}/trigger"), &json!({})).await.0, 409);
    harness.stop().await;
}

#[tokio::test]
async fn business_headers_go_along() {
    let harness = Harness::new().await;
    let api = &harness.api;
    let workflow = api.workflow(json!([{"type": "llm", "prompt": "p"}]), json!({})).await;
    let request =
        api.request(&format!("/workflows/{workflow}/trigger")).header("x-tenant-id", "acme").header("x-user-id", "ann");
    let (_, execution) = api.send(request).await;
    api.ended(execution["id"].as_str().unwrap()).await;
    let seen = harness.fakes.seen();
    let header = |name: &str| seen[0].headers[name].to_str().unwrap();
    assert_eq!((header("x-tenant-id"), header("x-user-id")), ("acme", "ann"));
    harness.stop().await;
}

#[tokio::test]
async fn concurrency_is_bounded() {
    let harness = Harness::new().await;
    let api = &harness.api;
    let workflow = api.workflow(json!([{"type": "llm", "prompt": "p"}]), json!({})).await;
    harness.fakes.hold();
    for _ in 0..12 {
        api.trigger(&workflow, json!({})).await;
    }
    until("eight calls", || harness.fakes.seen().len() == 8).await;
    let (_, pending) = api.get("/workflows/executions?status=pending").await;
    assert_eq!(pending["total"], 4);
    harness.fakes.release();
    api.until("/workflows/executions?status=completed", |list| list["total"] == 12).await;
    harness.stop().await;
}
