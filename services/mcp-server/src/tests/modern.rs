//! Protocol 2026-07-28 over HTTP: no handshake, everything in each request.

use serde_json::{Value, json};

use super::{Server, told};

const VERSION: &str = "2026-07-28";

/// A request as the specification wants it.
pub(super) fn message(method: &str, mut params: Value) -> Value {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": VERSION,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    });
    if params.get("_meta").is_none() {
        params["_meta"] = json!({});
    }
    for (name, value) in meta.as_object().unwrap() {
        params["_meta"][name] = value.clone();
    }
    json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
}

impl Server {
    /// Sends a message with the headers that belong to it and `more`.
    pub(super) async fn modern(&self, message: &Value, more: &[(&str, &str)]) -> (u16, Value) {
        let mut headers = http::HeaderMap::new();
        let mut set = |name: &str, value: &str| {
            headers.insert(http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        };
        set("accept", "application/json, text/event-stream");
        set("mcp-protocol-version", VERSION);
        set("mcp-method", message["method"].as_str().unwrap());
        if let Some(name) = message["params"]["name"].as_str() {
            set("mcp-name", name);
        }
        for (name, value) in more {
            set(name, value);
        }
        told(self.client.post(self.url("/mcp")).headers(headers).json(message).send().await.unwrap()).await
    }

    pub(super) async fn call(&self, tool: &str, arguments: Value) -> (u16, Value) {
        self.modern(&message("tools/call", json!({"name": tool, "arguments": arguments})), &[]).await
    }
}

#[tokio::test]
async fn a_call_needs_no_handshake() {
    let server = Server::start().await;
    let (status, answer) = server.call("calculate", json!({"expression": "6 * 7"})).await;
    assert_eq!(status, 200);
    let result = &answer["result"];
    assert_eq!(
        (&answer["id"], &result["resultType"], &result["isError"]),
        (&json!(7), &json!("complete"), &json!(false))
    );
    assert_eq!(result["structuredContent"], json!({"expression": "6 * 7", "result": 42}));
    assert_eq!(result["content"][0]["type"], "text");
}

#[tokio::test]
async fn discovery_and_list_carry_what_caches_need() {
    let server = Server::start().await;
    let (_, answer) = server.modern(&message("server/discover", json!({})), &[]).await;
    let versions = answer["result"]["supportedVersions"].as_array().unwrap();
    assert!(versions.contains(&json!(VERSION)) && versions.contains(&json!("2025-11-25")), "{answer}");
    assert!(answer["result"]["capabilities"]["tools"].is_object());
    let (_, answer) = server.modern(&message("tools/list", json!({})), &[]).await;
    let result = &answer["result"];
    assert_eq!((&result["ttlMs"], &result["cacheScope"]), (&json!(3_600_000), &json!("public")));
    let names: Vec<&str> =
        result["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "airtable_list_bases",
            "airtable_get_schema",
            "airtable_list_records",
            "airtable_get_record",
            "airtable_create_records",
            "airtable_update_records",
            "airtable_delete_records",
            "calculate",
            "search",
            "query_database",
        ]
    );
    let (_, answer) = server.modern(&message("tools/list", json!({"cursor": "x"})), &[]).await;
    assert_eq!(answer["error"]["code"], -32_602);
}

#[tokio::test]
async fn a_failing_tool_is_a_result_and_a_wrong_call_an_error() {
    let server = Server::start().await;
    let (status, answer) = server.call("calculate", json!({"expression": "1 / 0"})).await;
    assert_eq!((status, &answer["result"]["isError"]), (200, &json!(true)));
    assert_eq!(answer["result"]["content"][0]["text"], "division by zero at position 6");
    assert_eq!(answer["result"]["structuredContent"]["error"]["kind"], "refused");
    let (_, answer) = server.call("airtable_get_schema", json!({"base_id": "appNone"})).await;
    assert_eq!(answer["result"]["structuredContent"]["error"]["kind"], "not_found");
    assert!(answer["result"]["content"][0]["text"].as_str().unwrap().contains("no such base"), "{answer}");
    let (_, answer) = server.call("rm", json!({})).await;
    assert_eq!((&answer["error"]["code"], &answer["error"]["message"]), (&json!(-32_602), &json!("Unknown tool: rm")));
    let (_, answer) = server.call("calculate", json!({"expression": 3})).await;
    assert_eq!(answer["error"]["code"], -32_602);
    assert!(answer["error"]["message"].as_str().unwrap().starts_with("expression: "), "{answer}");
    let (status, answer) = server.modern(&message("resources/list", json!({})), &[]).await;
    assert_eq!((status, &answer["error"]["code"]), (404, &json!(-32_601)));
}

#[tokio::test]
async fn headers_and_metadata_are_checked() {
    let server = Server::start().await;
    let call = message("tools/call", json!({"name": "calculate", "arguments": {"expression": "1"}}));
    let (status, answer) = server.modern(&call, &[("mcp-name", "search")]).await;
    assert_eq!((status, &answer["error"]["code"]), (400, &json!(-32_020)));
    let (status, answer) = server.modern(&call, &[("mcp-method", "tools/list")]).await;
    assert_eq!((status, &answer["error"]["code"]), (400, &json!(-32_020)));
    let mut future = call.clone();
    future["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("1900-01-01");
    let (status, answer) = server.modern(&future, &[("mcp-protocol-version", "1900-01-01")]).await;
    assert_eq!((status, &answer["error"]["code"]), (400, &json!(-32_022)));
    assert!(answer["error"]["data"]["supported"].as_array().unwrap().contains(&json!(VERSION)));
    let mut bare = call.clone();
    bare["params"]["_meta"].as_object_mut().unwrap().remove("io.modelcontextprotocol/clientCapabilities");
    let (status, answer) = server.modern(&bare, &[]).await;
    assert_eq!((status, &answer["error"]["code"]), (400, &json!(-32_602)));
}

#[tokio::test]
async fn pages_of_other_sites_are_kept_out() {
    let server = Server::start().await;
    let call = message("tools/list", json!({}));
    assert_eq!(server.modern(&call, &[("origin", "https://evil.example")]).await.0, 403);
    assert_eq!(server.modern(&call, &[("origin", "http://localhost:3000")]).await.0, 200);
    assert_eq!(server.modern(&call, &[("host", "evil.example")]).await.0, 403);
    let open = Server::with(&[("MCP_ALLOWED_HOSTS", "mcp-server:8001,localhost"), ("MCP_ALLOWED_ORIGINS", "*")]).await;
    assert_eq!(open.modern(&call, &[("origin", "https://any.example"), ("host", "mcp-server:8001")]).await.0, 200);
}

#[tokio::test]
async fn the_gateway_is_asked_as_its_contract_says() {
    let server = Server::start().await;
    let place = json!({"base_id": "appA1b2C3d4E5f6G7", "table_id": "Tasks"});
    let with = |more: Value| {
        let mut arguments = place.clone();
        arguments.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        arguments
    };
    let calls = [
        ("airtable_list_bases", json!({})),
        ("airtable_get_schema", json!({"base_id": "appA1b2C3d4E5f6G7"})),
        (
            "airtable_list_records",
            with(json!({"max_records": 3, "view": "Grid", "filter_by_formula": "{Name} = 'x'",
                "sort": [{"field": "Name", "direction": "desc"}]})),
        ),
        ("airtable_get_record", with(json!({"record_id": "recA1b2C3d4E5f6G7"}))),
        ("airtable_create_records", with(json!({"records": [{"Name": "x"}], "typecast": true}))),
        ("airtable_update_records", with(json!({"records": [{"id": "rec1", "fields": {"Name": "y"}}]}))),
        ("airtable_update_records", with(json!({"records": [{"id": "rec1", "fields": {}}], "replace": true}))),
        ("airtable_delete_records", with(json!({"record_ids": ["rec1", "rec2"]}))),
    ];
    for (tool, arguments) in calls {
        let (_, answer) = server.call(tool, arguments).await;
        assert_eq!(answer["result"]["isError"], false, "{tool}: {answer}");
    }
    let asked: Vec<String> =
        server.gateway.asked().iter().map(|asked| format!("{} {}", asked.method, asked.path)).collect();
    let records = "/api/v1/airtable/bases/appA1b2C3d4E5f6G7/tables/Tasks/records";
    assert_eq!(
        asked,
        [
            "GET /api/v1/airtable/bases".to_owned(),
            "GET /api/v1/airtable/bases/appA1b2C3d4E5f6G7/schema".to_owned(),
            format!(
                "GET {records}?max_records=3&view=Grid&filter_by_formula=%7BName%7D+%3D+%27x%27&sort_field=Name&sort_direction=desc"
            ),
            format!("GET {records}/recA1b2C3d4E5f6G7"),
            format!("POST {records}?typecast=true"),
            format!("PATCH {records}"),
            format!("PUT {records}"),
            format!("DELETE {records}?record_ids=rec1&record_ids=rec2"),
        ]
    );
    let bodies: Vec<_> = server.gateway.asked().into_iter().map(|asked| asked.body).skip(4).take(2).collect();
    assert_eq!(bodies, [json!([{"Name": "x"}]), json!([{"id": "rec1", "fields": {"Name": "y"}}])]);
    let (_, answer) = server.call("airtable_delete_records", with(json!({"record_ids": []}))).await;
    assert_eq!(answer["error"]["message"], "record_ids: must hold 1 to 100 items");
}

#[tokio::test]
async fn search_looks_at_names_and_records() {
    let server = Server::start().await;
    let (_, answer) = server.call("search", json!({"query": "Ada"})).await;
    let found = &answer["result"]["structuredContent"];
    let kinds: Vec<&str> =
        found["results"].as_array().unwrap().iter().map(|hit| hit["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["field", "record"], "{found}");
    assert_eq!(found["results"][1]["matched_fields"], json!(["Name"]));
    let asked = server.gateway.asked();
    assert!(
        asked[2].path.contains("filter_by_formula=OR%28SEARCH%28LOWER%28%22Ada%22%29%2C+LOWER%28%7BName%7D"),
        "{}",
        asked[2].path
    );
    let (_, answer) = server.call("search", json!({"query": "x", "table_id": "Tasks"})).await;
    assert_eq!(answer["error"]["message"], "table_id: needs base_id");
    let (_, answer) =
        server.call("search", json!({"query": "x", "base_id": "appA1b2C3d4E5f6G7", "table_id": "None"})).await;
    assert_eq!(answer["result"]["structuredContent"]["error"]["kind"], "not_found");
}
