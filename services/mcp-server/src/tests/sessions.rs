//! The older lifecycle, and rmcp's own client in both.

use rmcp::ServiceExt;
use rmcp::model::CallToolRequestParams;
use rmcp::transport::StreamableHttpClientTransport;
use serde_json::{Value, json};

use super::{Server, told};

#[tokio::test]
async fn rmcps_client_lists_and_calls() {
    let server = Server::start().await;
    let transport = StreamableHttpClientTransport::from_uri(server.url("/mcp"));
    let client = ().serve(transport).await.unwrap();
    assert_eq!(client.list_all_tools().await.unwrap().len(), 10);
    let arguments = json!({"expression": "2 ^ 10"}).as_object().cloned().unwrap();
    let result = client.call_tool(CallToolRequestParams::new("calculate").with_arguments(arguments)).await.unwrap();
    assert_eq!(result.structured_content.unwrap()["result"], 1024);
    let error = client.call_tool(CallToolRequestParams::new("none")).await.unwrap_err();
    assert!(error.to_string().contains("Unknown tool: none"), "{error}");
    client.cancel().await.unwrap();
    server.running.shutdown().await;
}

#[tokio::test]
async fn a_session_of_2025_begins_calls_and_ends() {
    let server = Server::start().await;
    let send = async |session: Option<&str>, body: &Value| {
        let mut request =
            server.client.post(server.url("/mcp")).header("accept", "application/json, text/event-stream").json(body);
        if let Some(session) = session {
            request = request.header("mcp-session-id", session).header("mcp-protocol-version", "2025-11-25");
        }
        request.send().await.unwrap()
    };
    let params =
        json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let answer = send(None, &json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})).await;
    let session = answer.headers()["mcp-session-id"].to_str().unwrap().to_owned();
    let (_, body) = told(answer).await;
    assert_eq!(body["result"]["protocolVersion"], "2025-11-25");
    assert_eq!(body["result"]["serverInfo"]["name"], "mcp-server");
    let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(send(Some(&session), &initialized).await.status(), 202);
    let call = json!({"jsonrpc": "2.0", "id": "a", "method": "tools/call",
        "params": {"name": "calculate", "arguments": {"expression": "1 + 1"}}});
    let (_, body) = told(send(Some(&session), &call).await).await;
    assert_eq!((&body["id"], &body["result"]["structuredContent"]["result"]), (&json!("a"), &json!(2)));
    assert!(body["result"].get("resultType").is_none(), "the older era has none");
    let (_, body) = told(send(Some(&session), &json!({"jsonrpc": "2.0", "id": 3, "method": "ping"})).await).await;
    assert_eq!(body["result"], json!({}));
    assert_eq!(send(Some("made-up"), &call).await.status(), 404);
    let end = server.client.delete(server.url("/mcp")).header("mcp-session-id", &session);
    assert!(end.send().await.unwrap().status().is_success());
    assert_eq!(send(Some(&session), &call).await.status(), 404);
}
