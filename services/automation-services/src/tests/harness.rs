//! Starts the service for a test and talks to it.

use super::fakes::Fakes;
use crate::clock::Clock;
use serde_json::{Value, json};
use service_kit::config::Environment;
use service_kit::server::Running;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use testkit::servers::Postgres;

/// When the tests' clock begins: a Sunday.
const START: &str = "2026-11-22T10:00:00Z";

/// How long a test waits for what should come at once, on a machine that builds something else meanwhile.
const PATIENCE: Duration = Duration::from_secs(30);

/// The service, its neighbours, its folder.
pub(super) struct Harness {
    pub(super) fakes: Fakes,
    pub(super) clock: Clock,
    pub(super) api: Api,
    running: Running,
    folder: TempDir,
}

/// A client of the service.
#[derive(Debug, Clone)]
pub(super) struct Api {
    pub(super) url: String,
    client: reqwest::Client,
}

/// A database for a test: SQLite in a folder, and PostgreSQL where there is one.
pub(super) fn databases(test: &str, folder: &Path) -> Vec<(String, Option<Postgres>)> {
    let mut all = vec![(format!("sqlite:{}", folder.join("test.sqlite").display()), None)];
    if let Some(server) = Postgres::shared(test).expect("PostgreSQL starts") {
        all.push((server.database().unwrap(), Some(server)));
    }
    all
}

/// The variables of a service under test.
pub(super) fn environment(folder: &Path, database: &str, fakes: &Fakes) -> Environment {
    let folder = folder.display().to_string();
    Environment::of([
        ("PORT", "0"),
        ("DATA_DIR", folder.as_str()),
        ("DATABASE_URL", database),
        ("AIRTABLE_GATEWAY_URL", fakes.url.as_str()),
        ("LLM_ORCHESTRATOR_URL", fakes.url.as_str()),
        ("AIRTABLE_BASE_ID", "appDefault"),
        ("FILE_BYTES_MAX", "2000000"),
    ])
}

/// The tests' clock.
pub(super) fn clock() -> Clock {
    Clock::manual(START.parse().unwrap())
}

/// Starts the service on the current runtime.
pub(super) async fn start(environment: Environment, clock: Clock) -> Running {
    service_kit::start(crate::SERVICE, environment, |boot| crate::build_with(boot, clock))
        .await
        .expect("the service starts")
}

impl Harness {
    /// On SQLite in memory.
    pub(super) async fn new() -> Self {
        Self::on("sqlite::memory:").await
    }

    /// On the database at `url`.
    pub(super) async fn on(url: &str) -> Self {
        let (folder, fakes, clock) = (tempfile::tempdir().unwrap(), Fakes::start().await, clock());
        let running = start(environment(folder.path(), url, &fakes), clock.clone()).await;
        Self { fakes, clock, api: Api::new(&running.url()), running, folder }
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) async fn stop(self) {
        let stopped = self.running.shutdown().await;
        assert!(stopped.tasks_aborted.is_empty(), "{stopped:?}");
    }
}

impl Api {
    pub(super) fn new(url: &str) -> Self {
        Self { url: url.to_owned(), client: reqwest::Client::new() }
    }

    pub(super) async fn send(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub(super) async fn get(&self, path: &str) -> (u16, Value) {
        self.send(self.client.get(format!("{}{path}", self.url))).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(self.client.post(format!("{}{path}", self.url)).json(body)).await
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(self.client.put(format!("{}{path}", self.url)).json(body)).await
    }

    pub(super) async fn delete(&self, path: &str) -> (u16, Value) {
        self.send(self.client.delete(format!("{}{path}", self.url))).await
    }

    pub(super) fn request(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.post(format!("{}{path}", self.url))
    }

    pub(super) async fn upload(&self, name: &str, bytes: Vec<u8>) -> (u16, Value) {
        let part = reqwest::multipart::Part::bytes(bytes).file_name(name.to_owned());
        self.send(self.request("/files/upload").multipart(reqwest::multipart::Form::new().part("file", part))).await
    }

    /// Makes a workflow with these steps and further members; gives its id.
    pub(super) async fn workflow(&self, steps: Value, more: Value) -> String {
        let mut body = json!({"name": "test", "config": {"steps": steps}});
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        let (status, workflow) = self.post("/workflows", &body).await;
        assert_eq!(status, 200, "{workflow}");
        workflow["id"].as_str().unwrap().to_owned()
    }

    /// Triggers a workflow; gives the execution's id.
    pub(super) async fn trigger(&self, id: &str, data: Value) -> String {
        let (status, execution) = self.post(&format!("/workflows/{id}/trigger"), &json!({"trigger_data": data})).await;
        assert_eq!(status, 200, "{execution}");
        execution["execution_id"].as_str().unwrap().to_owned()
    }

    /// The execution, once `ready`.
    pub(super) async fn execution(&self, id: &str, ready: impl Fn(&Value) -> bool) -> Value {
        self.until(&format!("/workflows/executions/{id}"), ready).await
    }

    /// The execution, once it has ended.
    pub(super) async fn ended(&self, id: &str) -> Value {
        self.execution(id, |execution| !matches!(execution["status"].as_str(), Some("pending" | "running"))).await
    }

    /// What is at `path`, once `ready`.
    pub(super) async fn until(&self, path: &str, ready: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (status, value) = self.get(path).await;
            assert_eq!(status, 200, "{path}: {value}");
            if ready(&value) {
                return value;
            }
            assert!(Instant::now() < deadline, "{path} stays {value:#}");
            pause().await;
        }
    }
}

/// Waits until `look` holds.
pub(super) async fn until(what: &str, look: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !look() {
        assert!(Instant::now() < deadline, "no {what}");
        pause().await;
    }
}

/// Between two looks.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}

/// The statuses of an execution's steps.
pub(super) fn statuses(execution: &Value) -> Vec<&str> {
    let results = execution["result"]["results"].as_array().unwrap();
    results.iter().map(|step| step["status"].as_str().unwrap()).collect()
}
