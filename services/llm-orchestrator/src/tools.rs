//! Functions that the model calls: found and run at mcp-server, over the Model Context Protocol.
//!
//! Requests are stateless (revision 2026-07-28): no handshake, no session. Trace context goes along in HTTP headers and in `_meta`.
//!
//! Limits: answers up to [`ANSWER_BYTES_MAX`]; the list of tools is asked for again after [`LIST_TTL`].

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry::trace::{FutureExt, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use serde_json::{Value, json};
use service_kit::http::{Error as HttpError, Peer, Retry};

use crate::chat::translate::result_of_text;
use crate::gemini::FunctionCall;

const PROTOCOL: &str = "2026-07-28";
const LIST_TTL: Duration = Duration::from_secs(60);
/// Pages of the list; 50 tools a page are usual.
const PAGES_MAX: usize = 20;
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Result text that is handed to the model: about 25,000 tokens.
const RESULT_CHARS_MAX: usize = 100_000;

/// Why mcp-server did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// No answer.
    #[error("mcp-server gave no answer: {0}")]
    Http(#[from] HttpError),
    /// A status without a JSON-RPC answer.
    #[error("mcp-server answered {0}")]
    Status(u16),
    /// A JSON-RPC error.
    #[error("mcp-server answered: {message} ({code})")]
    Rpc {
        /// JSON-RPC code.
        code: i64,
        /// Its message.
        message: String,
    },
    /// Neither.
    #[error("mcp-server gave an answer that cannot be read")]
    Unreadable,
}

impl Error {
    /// What spans and log lines say: the message of a JSON-RPC error quotes arguments.
    fn logged(&self) -> String {
        match self {
            Self::Rpc { code, .. } => format!("mcp-server answered with code {code}"),
            other => other.to_string(),
        }
    }
}

/// The tools of mcp-server.
#[derive(Debug)]
pub(crate) struct Tools {
    peer: Peer,
    timeout: Duration,
    next_id: AtomicU64,
    listed: Mutex<Option<(Instant, Arc<[Value]>)>>,
}

impl Tools {
    pub(crate) fn new(peer: Peer, timeout: Duration) -> Self {
        Self { peer, timeout, next_id: AtomicU64::new(1), listed: Mutex::new(None) }
    }

    /// Function declarations of all tools, as Gemini takes them.
    pub(crate) async fn declarations(&self) -> Result<Arc<[Value]>, Error> {
        // Nothing panics while it holds the lock; an old list stays good anyway.
        let known = self.listed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, list)) = known.filter(|(since, _)| since.elapsed() < LIST_TTL) {
            return Ok(list);
        }
        let mut tools = Vec::new();
        let mut params = json!({});
        for _ in 0..PAGES_MAX {
            let page = self.request("tools/list", None, params).await?;
            tools.extend(page.get("tools").and_then(Value::as_array).into_iter().flatten().filter_map(declaration));
            match page.get("nextCursor").filter(|cursor| cursor.is_string()) {
                Some(cursor) => params = json!({"cursor": cursor}),
                None => break,
            }
        }
        let tools: Arc<[Value]> = tools.into();
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), Arc::clone(&tools)));
        Ok(tools)
    }

    /// Runs a function and gives its result as the model wants it. A failure is a result too: the model may try something else.
    pub(crate) async fn call(&self, call: &FunctionCall) -> Value {
        let tracer = telemetry::tracer();
        let mut attributes = vec![
            KeyValue::new("gen_ai.operation.name", "execute_tool"),
            KeyValue::new("gen_ai.tool.name", call.name.clone()),
            KeyValue::new("gen_ai.tool.type", "function"),
            KeyValue::new("mcp.method.name", "tools/call"),
            KeyValue::new("mcp.protocol.version", PROTOCOL),
        ];
        attributes.extend(call.id.clone().map(|id| KeyValue::new("gen_ai.tool.call.id", id)));
        attributes.extend(captured("gen_ai.tool.call.arguments", &call.arguments));
        let span =
            tracer.span_builder(format!("execute_tool {}", call.name)).with_attributes(attributes).start(&tracer);
        let context = Context::current_with_span(span);
        let params = json!({"name": call.name, "arguments": call.arguments});
        let outcome = self.request("tools/call", Some(&call.name), params).with_context(context.clone()).await;
        let span = context.span();
        let failed = |kind: String, reason: String| {
            span.set_attribute(KeyValue::new("error.type", kind));
            span.set_status(Status::error(reason));
        };
        let result = match outcome {
            Ok(result) => {
                if result["isError"] == json!(true) {
                    failed("tool_error".to_owned(), "the tool failed".to_owned());
                }
                response_of(&result)
            }
            Err(error) => {
                let kind = match &error {
                    Error::Rpc { code, .. } => code.to_string(),
                    Error::Status(status) => status.to_string(),
                    Error::Http(HttpError::Timeout(_)) => "timeout".to_owned(),
                    Error::Http(_) => "connection_failed".to_owned(),
                    Error::Unreadable => "invalid_response".to_owned(),
                };
                failed(kind, error.logged());
                let _scope = context.clone().attach();
                tracing::warn!(tool = call.name, error = error.logged(), "tool call failed");
                json!({"error": error.to_string()})
            }
        };
        span.set_attributes(captured("gen_ai.tool.call.result", &result));
        span.end();
        result
    }

    async fn request(&self, method: &'static str, name: Option<&str>, mut params: Value) -> Result<Value, Error> {
        let mut carried = HashMap::new();
        telemetry::inject_map(&mut carried);
        let mut meta = json!(carried);
        meta["io.modelcontextprotocol/protocolVersion"] = json!(PROTOCOL);
        meta["io.modelcontextprotocol/clientCapabilities"] = json!({});
        meta["io.modelcontextprotocol/clientInfo"] =
            json!({"name": "llm-orchestrator", "version": env!("CARGO_PKG_VERSION")});
        params["_meta"] = meta;
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let mut request = self
            .peer
            .post("/mcp")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", PROTOCOL)
            .header("mcp-method", method)
            .timeout(self.timeout)
            .json(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        if let Some(name) = name {
            request = request.header("mcp-name", name);
        }
        // A list may be asked for twice; a function must not run twice.
        request = if method == "tools/list" { request.idempotent(true) } else { request.retry(Retry::NONE) };
        let response = request.send().await?;
        let status = response.status();
        let body = response.bytes(ANSWER_BYTES_MAX).await?;
        let Some(message) = message_in(&body, id) else {
            return Err(if status.is_success() { Error::Unreadable } else { Error::Status(status.as_u16()) });
        };
        if let Some(error) = message.get("error") {
            let text = error["message"].as_str().unwrap_or_default().to_owned();
            return Err(Error::Rpc { code: error["code"].as_i64().unwrap_or_default(), message: text });
        }
        message.get("result").cloned().ok_or(Error::Unreadable)
    }
}

/// The JSON-RPC answer in a body: the body itself, or one event of a stream among notifications.
fn message_in(body: &[u8], id: u64) -> Option<Value> {
    let is_answer = |message: &Value| {
        let ours = message["id"] == json!(id) || message["id"].is_null() && message.get("method").is_none();
        ours && (message.get("result").is_some() || message.get("error").is_some())
    };
    if let Ok(message) = serde_json::from_slice::<Value>(body) {
        return is_answer(&message).then_some(message);
    }
    let text = std::str::from_utf8(body).ok()?;
    let events = text.split("\n\n").flat_map(|block| block.split("\r\n\r\n"));
    let data = |event: &str| -> String {
        event.lines().filter_map(|line| line.strip_prefix("data:")).collect::<Vec<_>>().join("\n")
    };
    events.filter_map(|event| serde_json::from_str(&data(event)).ok()).find(is_answer)
}

fn declaration(tool: &Value) -> Option<Value> {
    let mut declared = json!({"name": tool.get("name")?.as_str()?});
    if let Some(description) = tool.get("description").filter(|text| text.is_string()) {
        declared["description"] = description.clone();
    }
    if let Some(schema) = tool.get("inputSchema").filter(|schema| schema.is_object()) {
        declared["parametersJsonSchema"] = schema.clone();
    }
    Some(declared)
}

/// The result of `tools/call` as an object for the model.
fn response_of(result: &Value) -> Value {
    let structured = result.get("structuredContent").filter(|content| content.is_object());
    let blocks = result.get("content").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let text: Vec<&str> = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
    let text: String = text.join("\n").chars().take(RESULT_CHARS_MAX).collect();
    if result["isError"] == json!(true) {
        return json!({"error": text});
    }
    structured
        .filter(|content| content.to_string().len() <= RESULT_CHARS_MAX)
        .cloned()
        .unwrap_or_else(|| result_of_text(&text))
}

fn captured(key: &'static str, value: &Value) -> Option<KeyValue> {
    crate::metering::captured_text(|| value.to_string()).map(|text| KeyValue::new(key, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_found_in_json_and_in_streams() {
        let answer = json!({"jsonrpc": "2.0", "id": 7, "result": {}});
        assert_eq!(message_in(answer.to_string().as_bytes(), 7), Some(answer.clone()));
        assert_eq!(message_in(answer.to_string().as_bytes(), 8), None);
        let note = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {}});
        let stream = format!(": hi\n\nevent: message\ndata: {note}\n\nid: 1\r\ndata: {answer}\r\n\r\n");
        assert_eq!(message_in(stream.as_bytes(), 7), Some(answer));
        assert_eq!(message_in(b"<html>", 7), None);
    }

    #[test]
    fn results_become_objects() {
        let text = |text: &str| json!({"content": [{"type": "text", "text": text}]});
        assert_eq!(response_of(&text("{\"a\":1}")), json!({"a": 1}));
        assert_eq!(response_of(&text("hello")), json!({"result": "hello"}));
        let mut both = text("hello");
        both["structuredContent"] = json!({"b": 2});
        assert_eq!(response_of(&both), json!({"b": 2}));
        both["isError"] = json!(true);
        assert_eq!(response_of(&both), json!({"error": "hello"}));
    }

    #[test]
    fn tools_become_declarations() {
        let tool =
            json!({"name": "calculate", "description": "d", "inputSchema": {"type": "object"}, "annotations": {}});
        let expected = json!({"name": "calculate", "description": "d", "parametersJsonSchema": {"type": "object"}});
        assert_eq!(declaration(&tool), Some(expected));
        assert_eq!(declaration(&json!({})), None);
    }
}
