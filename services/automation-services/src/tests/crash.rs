//! A service that is cut down in the middle of work, and its successor on the same database.

use super::fakes::Fakes;
use super::harness::{Api, clock, databases, environment, start, statuses, until};
use crate::clock::Clock;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tokio::runtime::Runtime;

/// A service on a runtime of its own: dropping that drops every task where it stands, as the end of a process does.
struct Victim {
    runtime: Runtime,
    api: Api,
}

impl Victim {
    fn start(folder: &Path, database: &str, fakes: &Fakes, clock: &Clock) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (environment, clock) = (environment(folder, database, fakes), clock.clone());
        let running =
            std::thread::scope(|scope| scope.spawn(|| runtime.block_on(start(environment, clock))).join().unwrap());
        let api = Api::new(&running.url());
        // Dropping it would tell the service to stop politely.
        std::mem::forget(running);
        Self { runtime, api }
    }

    fn kill(self) {
        self.runtime.shutdown_timeout(Duration::ZERO);
    }
}

/// More than a lease.
const LEASE_OVER: Duration = Duration::from_secs(31);

fn creates(fakes: &Fakes, name: &str) -> usize {
    fakes.seen().iter().filter(|seen| seen.method == "POST" && seen.body[0]["Name"] == name).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeatable_step_is_run_again_and_those_before_it_are_not() {
    let folder = tempfile::tempdir().unwrap();
    for (url, _server) in databases("crash: repeatable step", folder.path()) {
        let (fakes, clock) = (Fakes::start().await, clock());
        let first = Victim::start(folder.path(), &url, &fakes, &clock);
        let steps = json!([
            {"type": "airtable_create", "table": "t", "fields": {"Name": "one"}},
            {"type": "delay", "seconds": 60},
            {"type": "airtable_create", "table": "t", "fields": {"Name": "two {step_1_result.id}"}},
        ]);
        let id = first.api.trigger(&first.api.workflow(steps, json!({})).await, json!({})).await;
        first.api.execution(&id, |execution| execution["result"]["steps_executed"] == 2).await;
        first.kill();
        clock.advance(LEASE_OVER);
        let second = Victim::start(folder.path(), &url, &fakes, &clock);
        second.api.execution(&id, |execution| execution["attempts"] == 2).await;
        // The delay counts from its first begin.
        clock.advance(Duration::from_secs(29));
        let execution = second.api.ended(&id).await;
        assert_eq!(execution["status"], "completed", "{execution:#}");
        assert_eq!(statuses(&execution), ["completed"; 3]);
        assert_eq!(execution["duration"], 60.0);
        assert_eq!((creates(&fakes, "one"), creates(&fakes, "two rec1")), (1, 1));
        assert!(execution["logs"].to_string().contains("taken up again, attempt 2"));
        second.kill();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_must_not_be_repeated_is_failed_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("a.sqlite").display());
    for (tolerant, status) in [(false, "failed"), (true, "completed")] {
        let (fakes, clock) = (Fakes::start().await, clock());
        let first = Victim::start(folder.path(), &url, &fakes, &clock);
        let steps = json!([
            {"type": "airtable_create", "table": "t", "fields": {"Name": "once"}, "continue_on_error": tolerant},
            {"type": "log", "message": "next"},
        ]);
        fakes.hold();
        let id = first.api.trigger(&first.api.workflow(steps, json!({})).await, json!({})).await;
        until("call", || creates(&fakes, "once") == 1).await;
        first.kill();
        fakes.release();
        clock.advance(LEASE_OVER);
        let second = Victim::start(folder.path(), &url, &fakes, &clock);
        let execution = second.api.ended(&id).await;
        assert_eq!(execution["status"], status, "{execution:#}");
        let reason = execution["result"]["results"][0]["error"].as_str().unwrap();
        assert!(reason.contains("may or may not have had its effect"), "{reason}");
        assert_eq!(creates(&fakes, "once"), 1);
        second.kill();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_every_call_nothing_is_created_twice_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("b.sqlite").display());
    let names = ["a", "b", "c"];
    for victim_call in 1..=4_usize {
        let (fakes, clock) = (Fakes::start().await, clock());
        let first = Victim::start(folder.path(), &url, &fakes, &clock);
        let mut steps: Vec<Value> = names
            .iter()
            .map(|name| json!({"type": "airtable_create", "table": "t", "fields": {"Name": name}, "continue_on_error": true}))
            .collect();
        steps.insert(1, json!({"type": "llm", "prompt": "p"}));
        let workflow = first.api.workflow(steps.into(), json!({})).await;
        // Answer `victim_call - 1` calls, hang on the next one.
        fakes.hold();
        let id = first.api.trigger(&workflow, json!({})).await;
        for call in 1..victim_call {
            until("call", || fakes.seen().len() == call).await;
            fakes.answer_one();
        }
        until("last call", || fakes.seen().len() == victim_call).await;
        first.kill();
        fakes.release();
        clock.advance(LEASE_OVER);
        let second = Victim::start(folder.path(), &url, &fakes, &clock);
        let execution = second.api.ended(&id).await;
        assert_eq!(execution["status"], "completed", "{execution:#}");
        assert_eq!(execution["result"]["steps_executed"], 4);
        for name in names {
            assert_eq!(creates(&fakes, name), 1, "{name} after a crash at call {victim_call}");
        }
        second.kill();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_polite_stop_hands_over_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("c.sqlite").display());
    let (fakes, clock) = (Fakes::start().await, clock());
    let running = start(environment(folder.path(), &url, &fakes), clock.clone()).await;
    let api = Api::new(&running.url());
    let steps = json!([{"type": "delay", "seconds": 5}, {"type": "log", "message": "done"}]);
    let id = api.trigger(&api.workflow(steps, json!({})).await, json!({})).await;
    api.execution(&id, |execution| execution["result"]["steps_executed"] == 1).await;
    let stopped = running.shutdown().await;
    assert!(stopped.tasks_aborted.is_empty(), "{stopped:?}");
    // No lease has to run out.
    let running = start(environment(folder.path(), &url, &fakes), clock.clone()).await;
    let api = Api::new(&running.url());
    api.execution(&id, |execution| execution["attempts"] == 2).await;
    clock.advance(Duration::from_secs(5));
    assert_eq!(api.ended(&id).await["status"], "completed");
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_schedulers_run_each_due_time_once() {
    let folder = tempfile::tempdir().unwrap();
    for (url, _server) in databases("two schedulers", folder.path()) {
        let (fakes, clock) = (Fakes::start().await, clock());
        let both = [0, 1].map(|_| Victim::start(folder.path(), &url, &fakes, &clock));
        let mut ids = Vec::new();
        for n in 0..5 {
            let steps = json!([{"type": "airtable_create", "table": "t", "fields": {"Name": format!("w{n}")}}]);
            ids.push(both[0].api.workflow(steps, json!({"cron_expression": "* * * * *"})).await);
        }
        for minute in 1..=4 {
            clock.advance(Duration::from_secs(60));
            for id in &ids {
                both[0].api.until(&format!("/workflows/{id}"), |workflow| workflow["success_count"] == minute).await;
            }
        }
        for (n, id) in ids.iter().enumerate() {
            let (_, list) = both[1].api.get(&format!("/workflows/{id}/executions")).await;
            let mut due: Vec<&str> =
                list["executions"].as_array().unwrap().iter().map(|e| e["scheduled_for"].as_str().unwrap()).collect();
            due.dedup();
            assert_eq!((due.len(), creates(&fakes, &format!("w{n}"))), (4, 4));
        }
        for one in both {
            one.kill();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_keeps_crashing_is_failed_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("d.sqlite").display());
    let (fakes, clock) = (Fakes::start().await, clock());
    fakes.hold();
    let mut id = String::new();
    for attempt in 1..=5 {
        let victim = Victim::start(folder.path(), &url, &fakes, &clock);
        if attempt == 1 {
            id = victim
                .api
                .trigger(&victim.api.workflow(json!([{"type": "llm", "prompt": "p"}]), json!({})).await, json!({}))
                .await;
        }
        until("call", || fakes.seen().len() == attempt).await;
        victim.kill();
        clock.advance(LEASE_OVER);
    }
    let last = Victim::start(folder.path(), &url, &fakes, &clock);
    let execution = last.api.ended(&id).await;
    assert_eq!(execution["error_message"], "taken up 5 times without coming to an end");
    last.kill();
}
