//! Functions: run at mcp-server, or given back to the caller.

use crate::support::{Stack, flash_cost};
use serde_json::json;

#[tokio::test]
async fn functions_of_mcp_server_are_run_there() {
    for streamed in [false, true] {
        for choice in
            [json!({"tool_choice": "auto"}), json!({"tools": ["calculate"]}), json!({"tools": [{"type": "mcp"}]})]
        {
            let stack = Stack::start(json!({})).await;
            let mut more = choice;
            more["stream"] = json!(streamed);
            let got = stack.chat("Use calculate(6*7) please.", more).await;
            assert_eq!(got.status, 200, "{}", got.text);
            let calls = stack.mcp.of("tools/call");
            assert_eq!(calls.len(), 1, "{}", got.text);
            let (headers, body) = &calls[0];
            assert_eq!(
                (&headers["mcp-method"], &headers["mcp-name"]),
                (&"tools/call".parse().expect("a value"), &"calculate".parse().expect("a value"))
            );
            assert_eq!(body["params"]["name"], "calculate");
            assert!(
                body["params"]["arguments"]["expression"].as_str().is_some_and(|text| text.contains("6*7")),
                "{body}"
            );
            assert_eq!(
                body["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"],
                headers["mcp-protocol-version"].to_str().expect("text")
            );
            assert_eq!(stack.upstream().await.as_array().map(Vec::len), Some(2), "two rounds");
            if !streamed {
                let body = got.json();
                assert!(
                    body["choices"][0]["message"]["content"].as_str().is_some_and(|text| text.contains("42")),
                    "{body}"
                );
                assert_eq!(
                    body["usage"]["cost_nanousd"].as_i64(),
                    Some(flash_cost(&body["usage"])),
                    "both rounds are billed"
                );
            } else {
                assert!(got.text.contains("42") && got.text.ends_with("data: [DONE]\n\n"), "{}", got.text);
            }
        }
    }
}

#[tokio::test]
async fn other_functions_are_for_the_caller() {
    let stack = Stack::start(json!({})).await;
    let tool = json!({"type": "function", "function": {"name": "send_letter", "description": "Sends a letter",
        "parameters": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}}});
    let got = stack.chat("Use send_letter now.", json!({"tools": [tool]})).await;
    let choice = &got.json()["choices"][0];
    assert_eq!(
        (&choice["finish_reason"], &choice["message"]["function_call"]["name"]),
        (&json!("function_call"), &json!("send_letter")),
        "{}",
        got.text
    );
    let arguments = choice["message"]["function_call"]["arguments"].as_str().expect("text");
    assert!(serde_json::from_str::<serde_json::Value>(arguments).is_ok_and(|arguments| arguments.is_object()));
    assert!(stack.mcp.of("tools/call").is_empty());

    let answered = json!({"messages": [
        {"role": "user", "content": "Use send_letter now."}, {"role": "assistant", "content": null, "function_call": choice["message"]["function_call"]},
        {"role": "function", "name": "send_letter", "content": "sent as number 17"}], "tools": [tool]});
    let got = stack.chat("", answered).await;
    assert_eq!((got.status, &got.json()["choices"][0]["finish_reason"]), (200, &json!("stop")), "{}", got.text);
}

#[tokio::test]
async fn without_mcp_server_only_what_needs_it_fails() {
    let stack = Stack::start_with(json!({}), &[("MCP_SERVER_URL", "http://127.0.0.1:9"), ("HTTP_RETRIES", "0")]).await;
    assert_eq!(stack.chat("Hello", json!({})).await.status, 200);
    assert_eq!(stack.chat("Hello", json!({"tool_choice": "auto"})).await.status, 503);
    let own = json!({"tools": [{"name": "send_letter", "parameters": {"type": "object", "properties": {}}}]});
    assert_eq!(stack.chat("Hello", own).await.status, 200);
    let ready = stack.get("/ready").await;
    assert_eq!(ready.status, 503);
    assert!(ready.text.contains("mcp-server"), "{}", ready.text);
}

#[tokio::test]
async fn a_tool_that_does_not_exist_is_named() {
    let stack = Stack::start(json!({})).await;
    let got = stack.chat("x", json!({"tools": ["calculate", "fly"]})).await;
    assert_eq!((got.status, got.fields()), (422, vec!["tools[1]".to_owned()]));
}
