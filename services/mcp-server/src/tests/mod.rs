//! The service in this process, with a gateway made of canned answers and a database of its own.

mod modern;
mod old_paths;
mod queries;
mod sessions;
mod traces;

use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::response::IntoResponse;
use axum::{Json, Router};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use service_kit::Running;
use service_kit::config::Environment;
use sqlx::Connection;

use crate::{SERVICE, build};

/// A request that the gateway got.
#[derive(Debug, Clone)]
struct Asked {
    method: Method,
    /// With the query string, percent-encoded as it came.
    path: String,
    headers: HeaderMap,
    body: Value,
}

/// A gateway that answers from a table and remembers who asked.
#[derive(Clone, Default)]
struct Gateway(Arc<Mutex<Vec<Asked>>>);

impl Gateway {
    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(gateway).with_state(self.clone());
        // Ends with the test's runtime.
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        url
    }

    fn asked(&self) -> Vec<Asked> {
        self.0.lock().unwrap().iter().filter(|asked| asked.path != "/health").cloned().collect()
    }
}

async fn gateway(State(gateway): State<Gateway>, request: Request) -> impl IntoResponse {
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let path = parts.uri.to_string();
    let answer = canned(parts.method.as_str(), parts.uri.path());
    gateway.0.lock().unwrap().push(Asked {
        method: parts.method,
        path,
        headers: parts.headers,
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
    });
    let (status, body) = answer;
    (StatusCode::from_u16(status).unwrap(), Json(body))
}

fn canned(method: &str, path: &str) -> (u16, Value) {
    let table = "/api/v1/airtable/bases/appA1b2C3d4E5f6G7/tables/Tasks/records";
    let record = json!({"id": "recA1b2C3d4E5f6G7", "fields": {"Name": "Call Ada", "Status": "Open"}});
    match (method, path) {
        ("GET", "/health") => (200, json!({"status": "healthy"})),
        ("GET", "/api/v1/airtable/bases") => {
            (200, json!({"bases": [{"id": "appA1b2C3d4E5f6G7", "name": "CRM", "permissionLevel": "create"}]}))
        }
        ("GET", "/api/v1/airtable/bases/appA1b2C3d4E5f6G7/schema") => (
            200,
            json!({"tables": [{"id": "tblA1b2C3d4E5f6G7", "name": "Tasks", "fields": [
                {"id": "fldA1b2C3d4E5f6G7", "name": "Name", "type": "singleLineText"},
                {"id": "fldB1b2C3d4E5f6G7", "name": "Adams", "type": "number"}]}]}),
        ),
        ("DELETE", path) if path == table => (200, json!({"records": [{"id": "recA1b2C3d4E5f6G7", "deleted": true}]})),
        (_, path) if path == table || path.ends_with("/tblA1b2C3d4E5f6G7/records") => {
            (200, json!({"records": [record]}))
        }
        ("GET", path) if path.starts_with(table) => (200, record),
        _ => (404, json!({"type": "urn:quartet:problem:not-found", "status": 404, "detail": "no such base"})),
    }
}

/// The service under test.
struct Server {
    running: Running,
    gateway: Gateway,
    client: reqwest::Client,
    _folder: tempfile::TempDir,
}

impl Server {
    async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With more variables; they win.
    async fn with(more: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let gateway = Gateway::default();
        let database = format!("sqlite:{}", folder.path().join("data.sqlite").display());
        fill(&database).await;
        let mut variables = vec![
            ("PORT".to_owned(), "0".to_owned()),
            ("AIRTABLE_GATEWAY_URL".to_owned(), gateway.start().await),
            ("DATABASE_URL".to_owned(), database),
        ];
        for (name, value) in more {
            variables.retain(|(known, _)| known != name);
            variables.push(((*name).to_owned(), (*value).to_owned()));
        }
        let running = service_kit::start(SERVICE, Environment::of(variables), build).await.unwrap();
        Self { running, gateway, client: reqwest::Client::new(), _folder: folder }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running.url())
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        told(self.client.get(self.url(path)).send().await.unwrap()).await
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        told(self.client.post(self.url(path)).json(body).send().await.unwrap()).await
    }

    /// A tool over the plain path.
    async fn execute(&self, tool: &str, arguments: Value) -> (u16, Value) {
        self.post(&format!("/api/v1/mcp/tools/{tool}/execute"), &arguments).await
    }
}

/// Status and body; a body that is an event stream gives its last message.
async fn told(answer: reqwest::Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    let last = text.lines().filter_map(|line| line.strip_prefix("data:")).rfind(|data| !data.trim().is_empty());
    let body = last.unwrap_or(&text);
    (status, serde_json::from_str(body).unwrap_or_else(|_| Value::from(text.as_str())))
}

async fn fill(url: &str) {
    let options: sqlx::sqlite::SqliteConnectOptions = url.parse().unwrap();
    let mut connection = sqlx::SqliteConnection::connect_with(&options.create_if_missing(true)).await.unwrap();
    let sql = "CREATE TABLE tasks (id INTEGER PRIMARY KEY, name TEXT, cost REAL, done BOOLEAN, raw BLOB); \
               INSERT INTO tasks VALUES (1, 'Call Ada', 1.5, 1, x'00ff'), (2, 'Write', NULL, 0, NULL), (3, 'Post', 3, 0, NULL)";
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn ready_names_the_component_that_is_down() {
    let server = Server::start().await;
    assert_eq!(server.get("/ready").await.0, 200);
    let (_, info) = server.get("/api/v1/info").await;
    assert_eq!((&info["service"], &info["port"]), (&json!("mcp-server"), &json!(server.running.address().port())));
    let alone = Server::with(&[("AIRTABLE_GATEWAY_URL", "http://127.0.0.1:1")]).await;
    let (status, body) = alone.get("/ready").await;
    assert_eq!(status, 503);
    assert!(body.to_string().contains("airtable-gateway"), "{body}");
    alone.running.shutdown().await;
    server.running.shutdown().await;
}

#[tokio::test]
async fn bad_variables_are_named() {
    for (name, value) in [("MCP_QUERY_ROWS", "0"), ("MCP_TOOL_TIMEOUT", "soon"), ("DATABASE_URL", "mysql://x")] {
        let variables = [("PORT", "0"), ("DATABASE_URL", "sqlite::memory:"), (name, value)];
        let error = service_kit::start(SERVICE, Environment::of(variables), build).await.unwrap_err();
        let mut told = error.to_string();
        let mut cause: &dyn std::error::Error = &error;
        while let Some(next) = cause.source() {
            told.push_str(&next.to_string());
            cause = next;
        }
        assert!(told.contains(name), "{told}");
    }
}
