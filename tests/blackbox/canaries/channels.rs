//! Where a caller can put a secret: one list of requests for each canary.

use anyhow::Result;
use quartet_tests::installation::Installation;
use serde_json::{Value, json};
use testkit::canaries::Canary;

/// A base and a table of the stand-in, and a text field of it.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) base: String,
    pub(crate) id: String,
    pub(crate) field: String,
}

/// A request to one of the services.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) service: &'static str,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) kind: String,
    pub(crate) body: Vec<u8>,
}

pub(crate) const SERVICES: [&str; 4] = ["airtable-gateway", "mcp-server", "llm-orchestrator", "automation-services"];
const JSON: &str = "application/json";

fn get(service: &'static str, path: String) -> Call {
    Call { service, method: "GET".to_owned(), path, kind: JSON.to_owned(), body: Vec::new() }
}

fn send(service: &'static str, method: &str, path: impl Into<String>, body: &Value) -> Call {
    let body = body.to_string().into_bytes();
    Call { service, method: method.to_owned(), path: path.into(), kind: JSON.to_owned(), body }
}

/// As browsers and clients encode the value of a parameter or a segment.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// What stands for the secret where no name says that it is one.
pub(crate) fn own(canary: &Canary) -> &str {
    if canary.key == "note" { &canary.secret } else { &canary.text }
}

/// Headers that any request may carry; `business` chooses between the two ways to say who asks, since one hides the other.
pub(crate) fn headers(canary: &Canary, business: bool) -> Vec<(&'static str, String)> {
    let (own, secret) = (own(canary).replace('\n', " "), &canary.secret);
    let escaped = encoded(&own);
    let mut headers = vec![
        ("authorization", format!("Bearer {secret}")),
        ("proxy-authorization", format!("Basic {secret}")),
        ("x-api-key", secret.clone()),
        ("x-goog-api-key", secret.clone()),
        ("cookie", format!("sid={secret}; theme=dark")),
        ("user-agent", format!("agent/1 ({own})")),
        ("referer", format!("https://shop.example/callback?token={}", encoded(secret))),
        ("x-forwarded-for", own.clone()),
        ("x-forwarded-proto", own.clone()),
        ("accept", own.clone()),
        ("mcp-protocol-version", own.clone()),
    ];
    if business {
        let names = ["x-user-id", "x-tenant-id", "x-cost-center", "x-correlation-id", "x-request-id"];
        headers.extend(names.map(|name| (name, own.clone())));
    } else {
        let keys = ["note", "user.id", "tenant.id", "cost.center", "workflow.id", "workflow.type", "correlation.id"];
        let pairs: Vec<String> = keys.iter().map(|key| format!("{key}={escaped}")).collect();
        headers.push(("baggage", pairs.join(",")));
        headers.push(("traceparent", format!("00-{:032x}-00f067aa0ba902b7-01", hash(secret))));
        headers.push(("tracestate", format!("vendor={own}")));
        headers.push(("uberctx-note", escaped));
        headers.push(("mcp-session-id", own));
    }
    headers
}

/// A trace id of the canary's own.
fn hash(text: &str) -> u128 {
    text.bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    })
}

/// Every request with this canary.
pub(crate) fn calls(canary: &Canary, table: &Table) -> Vec<Call> {
    let mut calls = everywhere(canary);
    calls.extend(gateway(canary, table));
    calls.extend(orchestrator(canary, table));
    calls.extend(tools(canary, table));
    calls.extend(workflows(canary, table));
    calls.extend(files(canary));
    calls
}

/// Routes that nobody has, methods that are none, bodies that are not JSON.
fn everywhere(canary: &Canary) -> Vec<Call> {
    let (own, secret) = (own(canary), &canary.secret);
    let mut calls = Vec::new();
    for service in SERVICES {
        let key = canary.key.replace(['.', '-'], "_");
        let named = if key == "note" { "key" } else { &key };
        calls.push(get(service, format!("/nowhere/{}/x?{named}={}&z=1", encoded(own), encoded(secret))));
        calls.push(get(service, format!("/health?{named}={}", encoded(secret))));
        calls.push(send(
            service,
            "DELETE",
            format!("/api/v1/info?note={}", encoded(own)),
            &json!({"password": secret}),
        ));
        let is_token = secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if canary.key == "note" && is_token {
            calls.push(send(service, secret, "/api/v1/info", &json!(own)));
            // As it stands, without an escape.
            calls.push(get(service, format!("/nowhere/{secret}?q={secret}")));
        }
    }
    for (service, path) in [
        ("llm-orchestrator", "/api/v1/chat/completions"),
        ("automation-services", "/workflows"),
        ("mcp-server", "/api/v1/mcp/rpc"),
        ("mcp-server", "/mcp"),
        ("airtable-gateway", "/api/v1/airtable/bases/appX/tables/tblX/records"),
    ] {
        let broken = |kind: &str, body: String| Call {
            service,
            method: "POST".to_owned(),
            path: path.to_owned(),
            kind: kind.to_owned(),
            body: body.into_bytes(),
        };
        calls.push(broken(JSON, format!("{{\"messages\": {own}")));
        calls.push(broken(&format!("text/{}", encoded(own)), own.to_owned()));
        calls.push(broken(JSON, json!({own: own, "messages": own, "name": {"a": own}}).to_string()));
        calls.push(broken(JSON, json!([own]).to_string()));
        calls.push(broken(JSON, json!(own).to_string()));
    }
    calls
}

fn gateway(canary: &Canary, table: &Table) -> Vec<Call> {
    const SERVICE: &str = "airtable-gateway";
    let own = own(canary);
    let escaped = encoded(own);
    let records = format!("/api/v1/airtable/bases/{}/tables/{}/records", table.base, table.id);
    let quoted = encoded(&format!("{{{}}}='{}'", table.field, own.replace('\'', "")));
    vec![
        get(SERVICE, format!("{records}?filter_by_formula={quoted}&max_records=1")),
        get(SERVICE, format!("{records}?filter_by_formula={escaped}")),
        get(SERVICE, format!("{records}?view={escaped}&fields={escaped}&sort_field={escaped}&page_size={escaped}")),
        get(SERVICE, format!("{records}?fields={escaped}&offset={escaped}")),
        get(SERVICE, format!("{records}/{escaped}")),
        get(SERVICE, format!("/api/v1/airtable/bases/{escaped}/schema")),
        get(SERVICE, format!("/api/v1/airtable/bases/{}/tables/{escaped}/records", table.base)),
        send(SERVICE, "POST", records.clone(), &json!([{(table.field.as_str()): own}])),
        send(SERVICE, "POST", records.clone(), &json!([{own: own}])),
        send(SERVICE, "PATCH", records.clone(), &json!([{"id": own, "fields": {own: own}}])),
        send(SERVICE, "DELETE", format!("{records}?record_ids={escaped}"), &Value::Null),
        send(SERVICE, "POST", format!("/api/v1/airtable/cache/invalidate?pattern={escaped}*"), &Value::Null),
    ]
}

fn orchestrator(canary: &Canary, table: &Table) -> Vec<Call> {
    const SERVICE: &str = "llm-orchestrator";
    const CHAT: &str = "/api/v1/chat/completions";
    let own = own(canary);
    let escaped = encoded(own);
    let says = |text: String| json!([{"role": "user", "content": text}]);
    let nested = json!({"password": canary.secret, "note": own}).to_string();
    vec![
        send(SERVICE, "POST", CHAT, &json!({"messages": says(format!("Is {own} a key?")), "tool_choice": "none"})),
        send(SERVICE, "POST", CHAT, &json!({"messages": says(format!("Explain {nested}")), "session_id": own})),
        send(
            SERVICE,
            "POST",
            CHAT,
            &json!({"tool_choice": "auto", "messages": says(format!("Use query_database: SELECT '{own}' AS x"))}),
        ),
        send(
            SERVICE,
            "POST",
            CHAT,
            &json!({"tool_choice": "auto", "messages": says(format!("Use search for query={own}"))}),
        ),
        send(SERVICE, "POST", CHAT, &json!({"messages": says(format!("mock:block {own}"))})),
        send(SERVICE, "POST", CHAT, &json!({"messages": says(own.to_owned()), "model": own})),
        send(SERVICE, "POST", CHAT, &json!({"messages": [{"role": own, "content": own}], "temperature": own})),
        send(
            SERVICE,
            "POST",
            CHAT,
            &json!({"messages": says(own.to_owned()), "tools": [own, {"name": own}], "tool_choice": own}),
        ),
        send(
            SERVICE,
            "POST",
            CHAT,
            &json!({"messages": [
            {"role": "assistant", "function_call": {"name": own, "arguments": own}}, {"role": "function", "name": own, "content": own}]}),
        ),
        send(SERVICE, "POST", format!("{CHAT}/stream"), &json!({"messages": says(format!("{own} in a stream"))})),
        send(SERVICE, "POST", format!("{CHAT}/stream"), &json!({"messages": says(format!("mock:cut-error {own}"))})),
        send(SERVICE, "POST", format!("/api/v1/sessions?user_id={escaped}"), &Value::Null),
        get(SERVICE, format!("/api/v1/sessions/{escaped}")),
        get(SERVICE, format!("/api/v1/users/{escaped}/sessions")),
        send(SERVICE, "POST", format!("/api/v1/models/count-tokens?text={escaped}&model={escaped}"), &Value::Null),
        send(SERVICE, "POST", "/api/v1/embeddings", &json!({"input": [own], "text": own, "model": own})),
        send(
            SERVICE,
            "POST",
            "/api/v1/analysis/table",
            &json!({"base_id": own, "table_id": own, "table_name": own,
            "fields": [{"name": own, "type": own, "options": {own: own}}], "categories": ["structure"]}),
        ),
        send(
            SERVICE,
            "POST",
            "/api/v1/analysis/table",
            &json!({"base_id": table.base, "table_id": own, "table_name": own,
            "fields": [], "categories": [own]}),
        ),
        get(SERVICE, format!("/api/v1/analysis/batch/{escaped}/status")),
        get(
            SERVICE,
            format!("/api/v1/analysis/estimate-cost?num_tables={escaped}&categories={escaped}&model={escaped}"),
        ),
    ]
}

fn tools(canary: &Canary, table: &Table) -> Vec<Call> {
    const SERVICE: &str = "mcp-server";
    let own = own(canary);
    let sql = own.replace('\'', "''");
    let run = |tool: &str, arguments: Value| {
        send(SERVICE, "POST", format!("/api/v1/mcp/tools/{tool}/execute"), &json!({"arguments": arguments}))
    };
    let rpc = |method: &str, params: Value| {
        let body = json!({"jsonrpc": "2.0", "id": own, "method": method, "params": params});
        [send(SERVICE, "POST", "/api/v1/mcp/rpc", &body), send(SERVICE, "POST", "/mcp", &body)]
    };
    let meta = json!({"traceparent": format!("00-{:032x}-00f067aa0ba902b7-01", hash(own)),
        "baggage": format!("user.id={}", encoded(own)), "tracestate": format!("v={own}"), "progressToken": own});
    let mut calls = vec![
        run("query_database", json!({"query": format!("SELECT '{sql}' AS x")})),
        run("query_database", json!({"query": format!("SELECT {own}")})),
        run("query_database", json!({"query": format!("SELECT * FROM \"{}\"", own.replace('"', ""))})),
        run("query_database", json!({"query": format!("SELECT 1 AS x -- {own}")})),
        run(
            "query_database",
            json!({"query": format!("SELECT id FROM workflows WHERE name = '{sql}' AND nosuch = 1")}),
        ),
        run("query_database", json!({"query": "SELECT ? AS x", "params": [own]})),
        run("query_database", json!({"query": format!("DELETE FROM workflows WHERE name = '{sql}'")})),
        run("calculate", json!({"expression": own})),
        run("calculate", json!({"expression": format!("1 + {own}")})),
        run("search", json!({"query": own, "base_id": table.base, "table_id": table.id})),
        run("search", json!({"query": own, "base_id": own})),
        run("airtable_get_schema", json!({"base_id": own})),
        run("airtable_list_records", json!({"base_id": table.base, "table_id": table.id, "filter_by_formula": own})),
        run("airtable_get_record", json!({"base_id": own, "table_id": own, "record_id": own})),
        run(&encoded(own), json!({own: own})),
        run("calculate", json!({own: own, "expression": [own]})),
    ];
    calls.extend(rpc(own, json!({})));
    calls.extend(rpc("call_tool", json!({"name": own, "arguments": {own: own}, "_meta": meta})));
    calls.extend(rpc("tools/call", json!({"name": "calculate", "arguments": {"expression": own}, "_meta": meta})));
    calls.extend(rpc(
        "initialize",
        json!({"protocolVersion": own, "capabilities": {}, "clientInfo": {"name": own, "version": own}}),
    ));
    calls
}

fn workflows(canary: &Canary, table: &Table) -> Vec<Call> {
    const SERVICE: &str = "automation-services";
    let own = own(canary);
    let escaped = encoded(own);
    // As templates go: braces of a secret's surroundings are none.
    let plain = own.replace(['{', '}'], "");
    let make = |name: &str, steps: Value| json!({"name": name, "description": own, "config": {"steps": steps}, "triggers": ["manual"], "status": "active", "is_enabled": true});
    let wrong = json!([{"type": own}, {"type": "log", "message": 1, "output": own}, {"type": "delay", "seconds": own}]);
    vec![
        send(SERVICE, "POST", "/workflows", &make(own, wrong)),
        send(
            SERVICE,
            "POST",
            "/workflows",
            &json!({"name": own, "config": {"steps": [{"type": "log", "message": own}]},
            "triggers": [own, {"type": own}], "cron_expression": own, "status": "paused"}),
        ),
        send(SERVICE, "POST", "/workflows", &json!({"name": own, "config": own, "status": own, "is_enabled": own})),
        // Run by the test, which finds it by its description.
        send(
            SERVICE,
            "POST",
            "/workflows",
            &make(
                "run me",
                json!([
                    {"type": "log", "name": plain, "message": format!("logged {plain}")},
                    {"type": "condition", "condition": {"type": "equals", "left": plain, "right": own}, "continue_on_error": true},
                    {"type": "file_process", "file_id": plain, "continue_on_error": true},
                    {"type": "airtable_update", "base_id": plain, "table": plain, "record_id": plain, "fields": {own: own}, "continue_on_error": true},
                    {"type": "airtable_create", "base_id": table.base, "table": table.id, "fields": {own: own}, "continue_on_error": true},
                    {"type": "llm", "prompt": format!("Say {plain}"), "system": plain, "continue_on_error": true},
                    {"type": "llm", "prompt": plain, "model": plain},
                ]),
            ),
        ),
        send(SERVICE, "POST", format!("/workflows/validate-cron?cron_expression={escaped}"), &Value::Null),
        get(SERVICE, format!("/workflows/{escaped}")),
        get(SERVICE, format!("/workflows/{escaped}/executions?status={escaped}")),
        get(SERVICE, format!("/workflows/executions/{escaped}")),
        get(SERVICE, format!("/workflows/executions?status={escaped}&workflow_id={escaped}&skip={escaped}")),
        get(SERVICE, format!("/workflows?status={escaped}")),
        send(SERVICE, "PUT", format!("/workflows/{escaped}"), &json!({"name": own})),
    ]
}

fn files(canary: &Canary) -> Vec<Call> {
    const SERVICE: &str = "automation-services";
    let own = own(canary);
    let escaped = encoded(own);
    let name = own.replace(['"', '\n', '\r', '\\'], "_");
    let upload = |name: &str, kind: &str, content: &str| {
        Call {
        service: SERVICE,
        method: "POST".to_owned(),
        path: "/files/upload".to_owned(),
        kind: "multipart/form-data; boundary=cut".to_owned(),
        body: format!(
            "--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: {kind}\r\n\r\n{content}\r\n--cut--\r\n"
        )
        .into_bytes(),
    }
    };
    vec![
        upload(&format!("{name}.txt"), "text/plain", own),
        upload(&format!("{name}.xlsx"), "application/x", own),
        upload(&format!("a.{name}"), &name, own),
        get(SERVICE, format!("/files/{escaped}")),
        get(SERVICE, format!("/files/extract/{escaped}")),
        get(SERVICE, format!("/files?status={escaped}&limit={escaped}")),
        send(SERVICE, "POST", format!("/files/process/{escaped}"), &Value::Null),
        send(SERVICE, "DELETE", format!("/files/{escaped}"), &Value::Null),
    ]
}

/// What only makes sense after the calls: runs the workflow and processes the files that they made.
pub(crate) fn follow_up(call: &Call, reply: &Value, canary: &Canary) -> Option<Call> {
    let id = reply["id"].as_str().map_or_else(|| reply["id"].to_string(), str::to_owned);
    let own = own(canary);
    match call.path.as_str() {
        "/workflows" if reply["name"] == "run me" => {
            let body = json!({"trigger_data": {own: own, "filename": own, "content": own}});
            Some(send(call.service, "POST", format!("/workflows/{id}/trigger"), &body))
        }
        "/files/upload" => Some(send(call.service, "POST", format!("/files/process/{id}"), &Value::Null)),
        _ => None,
    }
}

/// A base with a table that has a text field.
pub(crate) fn table(demo: &Installation) -> Result<Table> {
    let mut gateway = demo.http("airtable-gateway")?;
    let bases = gateway.get("/api/v1/airtable/bases")?.ok()?.json()?;
    let bases = if bases["bases"].is_array() { &bases["bases"] } else { &bases };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let base = text(&bases[0]["id"]);
    let tables = gateway.get(&format!("/api/v1/airtable/bases/{base}/tables"))?.ok()?.json()?;
    let first = if tables["tables"].is_array() { tables["tables"][0].clone() } else { tables[0].clone() };
    let fields = first["fields"].as_array().cloned().unwrap_or_default();
    let field = fields.iter().find(|field| field["type"] == "singleLineText").map(|field| text(&field["name"]));
    let field = field.ok_or_else(|| anyhow::anyhow!("no text field in {first}"))?;
    Ok(Table { base, id: text(&first["id"]), field })
}
