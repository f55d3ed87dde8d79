//! What a call tells: answer, span, metric and log line agree to the nano-dollar, however the call ends.

use std::time::Duration;

use crate::support::{Stack, chat_body, flash_cost};
use ::telemetry::testing::{InMemory, assert_child, assert_span, attribute, error};
use opentelemetry::trace::SpanKind;
use opentelemetry_sdk::trace::SpanData;
use serde_json::{Value, json};

/// The only span of this name, once it has ended: a server's span ends a moment after its answer.
async fn ended(telemetry: &InMemory, name: &str) -> SpanData {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    let mut pause = tokio::time::interval(Duration::from_millis(5));
    while telemetry.spans().iter().all(|span| span.name != name) && tokio::time::Instant::now() < deadline {
        pause.tick().await;
    }
    assert_span(telemetry, name)
}

fn line(telemetry: &InMemory, message: &str) -> Value {
    let lines = telemetry.lines();
    let mut found = lines
        .iter()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["message"] == message);
    found.next().unwrap_or_else(|| panic!("no line `{message}`: {lines:?}"))
}

fn nano(usd: f64) -> i64 {
    (usd * 1e9).round() as i64
}

#[tokio::test]
async fn answer_span_metric_and_log_agree() {
    let telemetry = InMemory::install();
    let stack = Stack::start(json!({})).await;
    let request = stack
        .request("POST", "/api/v1/chat/completions")
        .json(&chat_body("Count to three", json!({"temperature": 0.5})));
    let request = request.header("x-user-id", "ada").header("x-tenant-id", "acme").header("x-cost-center", "r-and-d");
    let got = stack.send(request.header("x-api-key", "very-secret-key")).await;
    let usage = got.json()["usage"].clone();
    let cost = usage["cost_nanousd"].as_i64().expect("a cost");
    assert_eq!(cost, flash_cost(&usage));

    let chat = ended(&telemetry, "chat gemini-2.5-flash").await;
    assert_eq!(chat.span_kind, SpanKind::Client);
    let expected = [
        ("gen_ai.operation.name", "chat".to_owned()),
        ("gen_ai.provider.name", "gcp.gemini".to_owned()),
        ("gen_ai.request.model", "gemini-2.5-flash".to_owned()),
        ("gen_ai.response.model", "gemini-2.5-flash".to_owned()),
        ("gen_ai.usage.input_tokens", usage["prompt_tokens"].to_string()),
        ("gen_ai.usage.output_tokens", usage["completion_tokens"].to_string()),
        ("gen_ai.usage.reasoning.output_tokens", usage["reasoning_tokens"].to_string()),
        ("gen_ai.request.temperature", "0.5".to_owned()),
        ("ai.provider", "google".to_owned()),
        ("ai.operation", "chat_completion".to_owned()),
        ("ai.tier", "llm".to_owned()),
        ("ai.cost_nanousd", cost.to_string()),
        ("ai.cost_status", "computed".to_owned()),
        ("user.id", "ada".to_owned()),
        ("tenant.id", "acme".to_owned()),
        ("cost.center", "r-and-d".to_owned()),
    ];
    for (key, value) in expected {
        assert_eq!(attribute(&chat, key), Some(value), "{key}");
    }
    assert_eq!(attribute(&chat, "ai.cost_usd").map(|usd| nano(usd.parse().expect("a number"))), Some(cost));
    let mut keys: Vec<_> = chat.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
    keys.sort_unstable();
    let all = keys.len();
    keys.dedup();
    assert_eq!(keys.len(), all, "an attribute is given twice: {keys:?}");
    let server = ended(&telemetry, "POST /api/v1/chat/completions").await;
    assert_child(&server, &chat);
    let spans = telemetry.spans();
    let http =
        spans.iter().find(|span| span.name.contains(":generateContent")).expect("the request to Gemini has a span");
    assert_child(&chat, http);

    let line = line(&telemetry, "LLM API call completed");
    let context = &line["context"];
    assert_eq!((&context["ai_provider"], &context["ai_model"]), (&json!("google"), &json!("gemini-2.5-flash")));
    assert_eq!(
        (context["ai_cost_nanousd"].as_i64(), context["ai_cost_usd"].as_f64().map(nano)),
        (Some(cost), Some(cost))
    );
    assert_eq!(context["ai_input_tokens"], usage["prompt_tokens"]);
    assert!(context["duration_ms"].as_u64().is_some());
    assert_eq!(line["span_id"], chat.span_context.span_id().to_string());

    assert_eq!(nano(telemetry.count("gen_ai.cost.usd")), cost);
    assert_eq!(telemetry.count("gen_ai.tokens") as u64, usage["total_tokens"].as_u64().expect("a count"));
    assert_eq!(telemetry.count("gen_ai.client.token.usage"), 2.0, "one record for each type");
    assert_eq!(telemetry.count("gen_ai.client.operation.duration"), 1.0);
    let everything = format!("{:?} {:?} {:?}", telemetry.spans(), telemetry.lines(), telemetry.metrics());
    for secret in ["very-secret-key", "test-key", "Count to three"] {
        assert!(!everything.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_is_billed() {
    let telemetry = InMemory::install();
    let stack = Stack::start(json!({"chunks": 50, "chunk_latency_ms": 100})).await;
    let request =
        stack.request("POST", "/api/v1/chat/completions/stream").json(&chat_body("Tell me a long story", json!({})));
    let mut response = request.send().await.expect("an answer");
    let mut seen = String::new();
    while !seen.contains("\"content\"") {
        let bytes = response.chunk().await.expect("a chunk").expect("more to come");
        seen.push_str(&String::from_utf8_lossy(&bytes));
    }
    drop(response);
    let chat = ended(&telemetry, "chat gemini-2.5-flash").await;
    let status = (attribute(&chat, "ai.cost_status"), attribute(&chat, "error.type"));
    assert_eq!(status, (Some("lower_bound".to_owned()), Some("cancelled".to_owned())));
    let cost: i64 = attribute(&chat, "ai.cost_nanousd").expect("a cost").parse().expect("a number");
    assert!(cost > 0);
    assert_eq!(line(&telemetry, "LLM API call cancelled")["context"]["ai_cost_nanousd"], json!(cost));
    assert_eq!(nano(telemetry.count("gen_ai.cost.usd")), cost);
}

#[tokio::test]
async fn a_stream_tells_its_first_chunk() {
    let telemetry = InMemory::install();
    let stack = Stack::start(json!({"chunks": 4})).await;
    let got = stack.chat("Count to three", json!({"stream": true})).await;
    let events = got.events();
    let last: Value = serde_json::from_str(&events[events.len() - 2]).expect("JSON");
    let chat = ended(&telemetry, "chat gemini-2.5-flash").await;
    assert_eq!(attribute(&chat, "gen_ai.request.stream").as_deref(), Some("true"));
    assert!(attribute(&chat, "gen_ai.response.time_to_first_chunk").is_some());
    assert_eq!(attribute(&chat, "ai.cost_nanousd"), Some(last["usage"]["cost_nanousd"].to_string()));
    assert_eq!(telemetry.count("gen_ai.client.operation.time_to_first_chunk"), 1.0);
    assert_eq!(telemetry.count("gen_ai.client.operation.time_per_output_chunk"), 3.0);
}

#[tokio::test]
async fn failures_cost_nothing_and_unknown_costs_are_not_zero() {
    let telemetry = InMemory::install();
    let stack = Stack::start(json!({})).await;
    stack.chat("mock:429", json!({})).await;
    let chat = ended(&telemetry, "chat gemini-2.5-flash").await;
    assert_eq!(attribute(&chat, "error.type").as_deref(), Some("429"));
    assert!(error(&chat).is_some());
    assert_eq!(
        (attribute(&chat, "ai.cost_status").as_deref(), attribute(&chat, "ai.cost_nanousd").as_deref()),
        (Some("zero"), Some("0"))
    );
    assert_eq!(attribute(&chat, "gen_ai.usage.input_tokens"), None);
    assert_eq!(telemetry.count("gen_ai.client.token.usage"), 0.0);
    assert_eq!(line(&telemetry, "LLM API call failed")["context"]["error_type"], "429");
    drop(telemetry);

    let telemetry = InMemory::install();
    let stack = Stack::start_with(json!({"latency_ms": 2000}), &[("GEMINI_TIMEOUT", "0.05")]).await;
    let got = stack.chat("Hello", json!({})).await;
    assert_eq!(got.status, 504, "{}", got.text);
    let chat = ended(&telemetry, "chat gemini-2.5-flash").await;
    assert_eq!(
        (attribute(&chat, "ai.cost_status").as_deref(), attribute(&chat, "ai.cost_nanousd")),
        (Some("unknown"), None)
    );
    assert_eq!(telemetry.count("gen_ai.unpriced.calls"), 1.0);
}

#[tokio::test]
async fn functions_are_spans_between_calls_and_carry_the_trace() {
    let telemetry = InMemory::install();
    let stack = Stack::start(json!({})).await;
    let got = stack.chat("Use calculate(6*7) please.", json!({"tool_choice": "auto"})).await;
    let server = ended(&telemetry, "POST /api/v1/chat/completions").await;
    let spans = telemetry.spans();
    let chats: Vec<_> = spans.iter().filter(|span| span.name == "chat gemini-2.5-flash").collect();
    assert_eq!(chats.len(), 2);
    let tool = assert_span(&telemetry, "execute_tool calculate");
    for span in [chats[0], chats[1], &tool] {
        assert_child(&server, span);
    }
    let sum: i64 = chats
        .iter()
        .map(|chat| attribute(chat, "ai.cost_nanousd").expect("a cost").parse::<i64>().expect("a number"))
        .sum();
    assert_eq!(got.json()["usage"]["cost_nanousd"], json!(sum), "the answer is the sum of its calls");
    assert_eq!(nano(telemetry.count("gen_ai.cost.usd")), sum);

    let (headers, body) = stack.mcp.of("tools/call").remove(0);
    let meta = body["params"]["_meta"]["traceparent"].as_str().expect("trace context in _meta").to_owned();
    assert!(meta.contains(&tool.span_context.span_id().to_string()), "{meta}");
    let header = headers["traceparent"].to_str().expect("text");
    assert!(header.contains(&server.span_context.trace_id().to_string()), "{header}");
}

#[tokio::test]
async fn prompts_are_captured_only_when_asked_for_and_without_secrets() {
    let prompt = "My key is AIzaSyA1234567890abcdefghijklmnopqrstuv, what now?";
    for (mode, seen, secret) in [("off", false, false), ("redacted", true, false), ("full", true, true)] {
        let telemetry = InMemory::with_variables(&[("TELEMETRY_CAPTURE_CONTENT", mode)]);
        let stack = Stack::start(json!({})).await;
        stack.chat(prompt, json!({})).await;
        let chat = ended(&telemetry, "chat gemini-2.5-flash").await;
        let input = attribute(&chat, "gen_ai.input.messages").unwrap_or_default();
        assert_eq!((input.contains("what now?"), input.contains("AIzaSyA12345")), (seen, secret), "{mode}: {input}");
        assert_eq!(attribute(&chat, "gen_ai.output.messages").is_some(), seen);
    }
}

#[tokio::test]
async fn cost_tracking_can_be_turned_off() {
    let telemetry = InMemory::install();
    let stack = Stack::start_with(json!({}), &[("ENABLE_LLM_COST_TRACKING", "false")]).await;
    let usage = stack.chat("Hello", json!({})).await.json()["usage"].clone();
    assert_eq!(usage["cost_nanousd"].as_i64(), Some(flash_cost(&usage)), "the caller still learns it");
    let chat = ended(&telemetry, "chat gemini-2.5-flash").await;
    assert_eq!((attribute(&chat, "ai.cost_usd"), telemetry.count("gen_ai.cost.usd")), (None, 0.0));
}
