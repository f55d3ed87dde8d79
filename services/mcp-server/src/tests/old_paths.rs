//! The paths of the older service.

use serde_json::{Value, json};

use super::Server;

const RPC: &str = "/api/v1/mcp/rpc";

fn request(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}

#[tokio::test]
async fn json_rpc_without_sessions() {
    let server = Server::start().await;
    let (_, answer) = server.post(RPC, &request("initialize", json!({"protocolVersion": "2025-06-18"}))).await;
    assert_eq!(answer["result"]["protocolVersion"], "2025-06-18");
    assert_eq!(answer["result"]["serverInfo"]["name"], "mcp-server");
    let (_, answer) = server.post(RPC, &request("list_tools", json!({}))).await;
    assert_eq!(answer["result"]["tools"].as_array().unwrap().len(), 10);
    let call = json!({"name": "calculate", "arguments": {"expression": "2 + 3"}});
    let (_, answer) = server.post(RPC, &request("call_tool", call)).await;
    assert_eq!(answer["result"]["structuredContent"]["result"], 5);
    let call = json!({"name": "calculate", "arguments": {"expression": "2 +"}});
    let (status, answer) = server.post(RPC, &request("call_tool", call)).await;
    assert_eq!((status, &answer["result"]["isError"]), (200, &json!(true)));
}

#[tokio::test]
async fn json_rpc_errors() {
    let server = Server::start().await;
    let code = async |body: Value| server.post(RPC, &body).await.1["error"]["code"].clone();
    assert_eq!(code(request("sing", json!({}))).await, -32_601);
    assert_eq!(code(request("call_tool", json!({"name": "none"}))).await, -32_602);
    assert_eq!(code(request("call_tool", json!({"name": "calculate", "arguments": []}))).await, -32_602);
    assert_eq!(code(json!({"id": 1, "method": "ping"})).await, -32_600);
    assert_eq!(code(json!([request("ping", json!({}))])).await, -32_600);
    let broken = server.client.post(server.url(RPC)).body("{").send().await.unwrap();
    let body: Value = serde_json::from_str(&broken.text().await.unwrap()).unwrap();
    assert_eq!((&body["error"]["code"], &body["id"]), (&json!(-32_700), &Value::Null));
    let note = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(server.post(RPC, &note).await.0, 202);
}

#[tokio::test]
async fn plain_http() {
    let server = Server::start().await;
    let (_, listed) = server.get("/api/v1/mcp/tools").await;
    assert_eq!((&listed["count"], &listed["tools"][7]["name"]), (&json!(10), &json!("calculate")));
    let (_, info) = server.get("/api/v1/mcp/info").await;
    assert_eq!(info["protocol_versions"].as_array().unwrap().last(), Some(&json!("2026-07-28")));
    for body in [json!({"expression": "7 * 6"}), json!({"arguments": {"expression": "7 * 6"}})] {
        let (status, answer) = server.execute("calculate", body).await;
        assert_eq!((status, &answer["result"]["result"], &answer["success"]), (200, &json!(42), &json!(true)));
    }
    let statuses = [
        ("none", json!({}), 404),
        ("calculate", json!({"expression": 1}), 422),
        ("calculate", json!({"expression": "1/0"}), 400),
        ("airtable_get_schema", json!({"base_id": "appNone"}), 502),
        ("calculate", json!([]), 422),
    ];
    for (tool, body, status) in statuses {
        let (got, answer) = server.execute(tool, body).await;
        assert_eq!(got, status, "{tool}: {answer}");
        assert!(answer["detail"].is_string(), "{answer}");
    }
    let (_, document) = server.get("/openapi.json").await;
    assert!(document["paths"]["/api/v1/mcp/tools/{name}/execute"]["post"].is_object());
}
