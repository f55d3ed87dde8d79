//! The paths of the older service: JSON-RPC without sessions at `/api/v1/mcp/rpc`, and plain HTTP beside it. Same tools, same limits.
//!
//! JSON-RPC errors come with status 200, as they did. Batches were never supported.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use opentelemetry::trace::FutureExt;
use rmcp::model::{JsonObject, ProtocolVersion};
use serde::Serialize;
use serde_json::{Map, Value, json};
use service_kit::Problem;
use service_kit::problem::ProblemDocument;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::SERVICE;
use crate::error::Error;
use crate::handler::{Handler, cards, failed, info};
use crate::span::{Outcome, Span};
use crate::tools::Tool;

const PARSE_ERROR: i32 = -32_700;
const INVALID_REQUEST: i32 = -32_600;
const METHOD_NOT_FOUND: i32 = -32_601;
const INVALID_PARAMS: i32 = -32_602;

pub(crate) const RPC_PATH: &str = "/api/v1/mcp/rpc";
pub(crate) const EXECUTE_PATH: &str = "/api/v1/mcp/tools/{name}/execute";

/// The version that `initialize` of this path has always named.
const PROTOCOL: &str = "2024-11-05";

/// The old paths.
pub(crate) fn router(handler: Handler) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(rpc))
        .routes(routes!(tools))
        .routes(routes!(execute))
        .routes(routes!(info_page))
        .with_state(handler)
}

/// A JSON-RPC error.
struct Fault {
    code: i32,
    message: String,
}

fn fault(code: i32, message: impl Into<String>) -> Fault {
    Fault { code, message: message.into() }
}

/// JSON-RPC 2.0: initialize, list_tools, call_tool.
#[utoipa::path(
    post, path = "/api/v1/mcp/rpc", tag = "mcp",
    request_body(content = Value, description = "A JSON-RPC 2.0 request"),
    responses((status = 200, body = Value, description = "A JSON-RPC 2.0 response"), (status = 202, description = "A notification was taken")),
)]
async fn rpc(State(handler): State<Handler>, body: Bytes) -> Response {
    let request: Value = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(error) => return answer(Value::Null, Err(fault(PARSE_ERROR, format!("parse error: {error}")))),
    };
    let id = request.get("id").cloned();
    let valid_id = id.as_ref().is_none_or(|id| id.is_string() || id.is_number() || id.is_null());
    let method = request.get("method").and_then(Value::as_str);
    let (Some(method), true, true) = (method, request["jsonrpc"] == "2.0", valid_id) else {
        let text = "invalid request: want {\"jsonrpc\": \"2.0\", \"id\", \"method\", \"params\"}";
        return answer(Value::Null, Err(fault(INVALID_REQUEST, text)));
    };
    let Some(id) = id else { return StatusCode::ACCEPTED.into_response() };
    let params = request.get("params").cloned().unwrap_or_else(|| json!({}));
    let outcome = match method {
        "initialize" => Ok(initialize(&params)),
        "ping" => Ok(json!({})),
        "list_tools" | "tools/list" => Ok(json!({"tools": cards()})),
        "call_tool" | "tools/call" => call(&handler, params).await,
        other => Err(fault(METHOD_NOT_FOUND, format!("method not found: {other}"))),
    };
    answer(id, outcome)
}

fn answer(id: Value, outcome: Result<Value, Fault>) -> Response {
    let document = match outcome {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(fault) => json!({"jsonrpc": "2.0", "id": id, "error": {"code": fault.code, "message": fault.message}}),
    };
    Json(document).into_response()
}

fn initialize(params: &Value) -> Value {
    let asked = params["protocolVersion"].as_str();
    let known = ProtocolVersion::KNOWN_VERSIONS.iter().map(ProtocolVersion::as_str);
    // This path has no part of the newer lifecycles beyond the handshake.
    let version =
        asked.filter(|asked| known.clone().any(|known| known == *asked && known < "2026")).unwrap_or(PROTOCOL);
    let info = info();
    json!({
        "protocolVersion": version,
        "capabilities": info.capabilities,
        "serverInfo": {"name": SERVICE.name, "version": SERVICE.version},
    })
}

async fn call(handler: &Handler, params: Value) -> Result<Value, Fault> {
    let Some(name) = params["name"].as_str() else { return Err(fault(INVALID_PARAMS, "params.name: must be a text")) };
    let arguments = match params.get("arguments") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(arguments)) => arguments.clone(),
        Some(_) => return Err(fault(INVALID_PARAMS, "params.arguments: must be an object")),
    };
    match traced(handler, name, arguments).await {
        Ok(value) => Ok(
            json!({"content": [{"type": "text", "text": value.to_string()}], "isError": false, "structuredContent": value}),
        ),
        Err(error) if error.is_protocol() => Err(fault(INVALID_PARAMS, error.told())),
        Err(error) => serde_json::to_value(failed(&error)).map_err(|error| fault(-32_603, error.to_string())),
    }
}

/// Runs a tool in a span of its own.
async fn traced(handler: &Handler, name: &str, arguments: JsonObject) -> Result<Value, Error> {
    let tool = Tool::find(name)?;
    let span = Span::of_old_call(tool.name);
    let outcome = handler.run(tool, arguments).with_context(span.context()).await;
    span.finish(outcome.as_ref().err().map_or(Outcome::Done, Outcome::Failed), &handler.metrics);
    outcome
}

#[derive(Serialize, ToSchema)]
struct Tools {
    /// Name, title, description, inputSchema and annotations of each.
    #[schema(value_type = Vec<Object>)]
    tools: Vec<rmcp::model::Tool>,
    count: usize,
}

/// All tools.
#[utoipa::path(get, path = "/api/v1/mcp/tools", tag = "mcp", responses((status = 200, body = Tools)))]
async fn tools() -> Json<Tools> {
    let tools = cards();
    Json(Tools { count: tools.len(), tools })
}

#[derive(Serialize, ToSchema)]
struct Executed {
    tool: String,
    success: bool,
    /// What the tool answered.
    #[schema(value_type = Object)]
    result: Value,
    duration_ms: f64,
}

/// Runs one tool. The body holds its arguments, bare or under `arguments`.
#[utoipa::path(
    post, path = "/api/v1/mcp/tools/{name}/execute", tag = "mcp",
    params(("name" = String, Path, description = "Name of the tool")),
    request_body(content = Value, description = "The tool's arguments"),
    responses(
        (status = 200, body = Executed), (status = 404, body = ProblemDocument), (status = 422, body = ProblemDocument),
        (status = 502, body = ProblemDocument), (status = 504, body = ProblemDocument)),
)]
async fn execute(
    State(handler): State<Handler>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<Executed>, Problem> {
    let arguments = arguments(&body)?;
    let begin = std::time::Instant::now();
    let result = traced(&handler, &name, arguments).await?;
    let duration_ms = begin.elapsed().as_secs_f64() * 1_000.0;
    Ok(Json(Executed { tool: name, success: true, result, duration_ms }))
}

fn arguments(body: &[u8]) -> Result<JsonObject, Problem> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    let body: Value = serde_json::from_slice(body).map_err(|error| Problem::bad_request(format!("body: {error}")))?;
    let Value::Object(mut body) = body else { return Err(Problem::invalid("body", "must be an object")) };
    match body.remove("arguments") {
        None => Ok(body),
        Some(Value::Object(arguments)) => Ok(arguments),
        Some(_) => Err(Problem::invalid("arguments", "must be an object")),
    }
}

#[derive(Serialize, ToSchema)]
struct Info {
    name: &'static str,
    version: &'static str,
    /// Of the Model Context Protocol, oldest first.
    #[schema(value_type = Vec<String>)]
    protocol_versions: Vec<ProtocolVersion>,
    transports: Vec<&'static str>,
    tools: Vec<&'static str>,
    instructions: Option<String>,
}

/// The server and what it speaks.
#[utoipa::path(get, path = "/api/v1/mcp/info", tag = "mcp", responses((status = 200, body = Info)))]
async fn info_page() -> Json<Info> {
    Json(Info {
        name: SERVICE.name,
        version: SERVICE.version,
        protocol_versions: ProtocolVersion::KNOWN_VERSIONS.to_vec(),
        transports: vec!["streamable-http", "stdio"],
        tools: crate::tools::TOOLS.iter().map(|tool| tool.name).collect(),
        instructions: info().instructions,
    })
}
