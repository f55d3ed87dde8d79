//! The service in this process, before a stand-in of Gemini and a small mcp-server, on ports of their own.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Json, Router};
use serde_json::{Value, json};
use service_kit::Running;
use service_kit::config::Environment;
use stand_in_gemini::{Options, scenario::Scenario};

/// An answer, read to its end.
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The data of an event stream.
    pub(crate) fn events(&self) -> Vec<String> {
        let events = self.text.split("\n\n").filter(|event| !event.is_empty());
        events
            .map(|event| event.strip_prefix("data: ").unwrap_or_else(|| panic!("no data: {event}")).to_owned())
            .collect()
    }

    /// Names of the fields that a problem blames.
    pub(crate) fn fields(&self) -> Vec<String> {
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["field"].as_str().expect("a name").to_owned()).collect()
    }
}

/// What a small mcp-server was asked.
#[derive(Clone, Default)]
pub(crate) struct Mcp {
    pub(crate) calls: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
}

impl Mcp {
    async fn start(&self) -> String {
        let router = Router::new()
            .route("/mcp", axum::routing::post(answer_mcp))
            .route("/health", axum::routing::get(|| async { "ok" }))
            .with_state(self.clone());
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    /// Requests of one method.
    pub(crate) fn of(&self, method: &str) -> Vec<(HeaderMap, Value)> {
        let calls = self.calls.lock().expect("nothing panics with it");
        calls.iter().filter(|(_, body)| body["method"] == method).cloned().collect()
    }
}

async fn answer_mcp(State(mcp): State<Mcp>, headers: HeaderMap, Json(body): Json<Value>) -> Json<Value> {
    let result = match body["method"].as_str() {
        Some("tools/list") => {
            json!({"resultType": "complete", "tools": [{"name": "calculate", "description": "Calculates an expression",
            "inputSchema": {"type": "object", "properties": {"expression": {"type": "string"}}, "required": ["expression"]}}]})
        }
        Some("tools/call") => {
            json!({"resultType": "complete", "isError": false, "content": [{"type": "text", "text": "{\"result\": 42}"}]})
        }
        _ => Value::Null,
    };
    let id = body["id"].clone();
    mcp.calls.lock().expect("nothing panics with it").push((headers, body));
    Json(json!({"jsonrpc": "2.0", "id": id, "result": result}))
}

/// The service and what is around it.
pub(crate) struct Stack {
    pub(crate) service: Running,
    pub(crate) gemini: stand_in_gemini::Running,
    pub(crate) mcp: Mcp,
    pub(crate) folder: tempfile::TempDir,
    client: reqwest::Client,
}

impl Stack {
    pub(crate) async fn start(scenario: Value) -> Self {
        Self::start_with(scenario, &[]).await
    }

    pub(crate) async fn start_with(scenario: Value, variables: &[(&str, &str)]) -> Self {
        let scenario = Scenario::default().merged(&scenario).expect("a good scenario");
        let gemini = stand_in_gemini::start(Options { seed: 7, keys: vec!["test-key".to_owned()], scenario })
            .await
            .expect("a free port");
        let mcp = Mcp::default();
        let folder = tempfile::tempdir().expect("a folder");
        let service = start_service(&gemini.url(), &mcp.start().await, &folder, variables).await;
        Self { service, gemini, mcp, folder, client: reqwest::Client::new() }
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().expect("a method");
        self.client.request(method, format!("{}{path}", self.service.url()))
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Got {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Got { status, headers, text: response.text().await.expect("a body") }
    }

    pub(crate) async fn get(&self, path: &str) -> Got {
        self.send(self.request("GET", path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Got {
        self.send(self.request("POST", path).json(body)).await
    }

    /// A chat of one user message; `more` is added to the body.
    pub(crate) async fn chat(&self, text: &str, more: Value) -> Got {
        self.post("/api/v1/chat/completions", &chat_body(text, more)).await
    }

    /// Requests that the stand-in got.
    pub(crate) async fn upstream(&self) -> Value {
        let response =
            self.client.get(format!("{}/_mock/requests", self.gemini.url())).send().await.expect("an answer");
        serde_json::from_str(&response.text().await.expect("a body")).expect("JSON")
    }
}

/// The body of a chat of one user message.
pub(crate) fn chat_body(text: &str, more: Value) -> Value {
    let mut body = json!({"messages": [{"role": "user", "content": text}], "model": "gemini-2.5-flash"});
    for (key, value) in more.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    body
}

/// Another service with the same folder, for restarts.
pub(crate) async fn start_service(
    gemini: &str,
    mcp: &str,
    folder: &tempfile::TempDir,
    variables: &[(&str, &str)],
) -> Running {
    let folder = folder.path().to_str().expect("a name in Unicode");
    let own = [
        ("PORT", "0"),
        ("DATA_DIR", folder),
        ("GEMINI_BASE_URL", gemini),
        ("GEMINI_API_KEY", "test-key"),
        ("GEMINI_RETRIES", "0"),
        ("MCP_SERVER_URL", mcp),
    ];
    let environment = Environment::of(own.iter().chain(variables).copied());
    service_kit::start(llm_orchestrator::SERVICE, environment, llm_orchestrator::app).await.expect("the service starts")
}

/// The cost of a call of gemini-2.5-flash at its list price, in nano-USD.
pub(crate) fn flash_cost(usage: &Value) -> i64 {
    let of = |field: &str| usage[field].as_i64().expect("a count");
    // USD per million tokens is nano-USD per thousand: 0.30 fresh, 0.03 cached, 2.50 out.
    (of("prompt_tokens") - of("cached_tokens")) * 300 + of("cached_tokens") * 30 + of("completion_tokens") * 2500
}
