//! Chat completions against the stand-in: answers, streams, refusals, sessions.

use crate::support::{Stack, chat_body, flash_cost};
use serde_json::{Value, json};

#[tokio::test]
async fn an_answer_has_its_usage_and_its_cost() {
    let stack = Stack::start(json!({})).await;
    let got = stack.chat("What is the capital of France?", json!({"temperature": 0.2, "max_tokens": 200})).await;
    assert_eq!(got.status, 200, "{}", got.text);
    let body = got.json();
    assert_eq!((&body["model"], &body["object"]), (&json!("gemini-2.5-flash"), &json!("chat.completion")));
    assert_eq!(body["choices"][0]["message"]["role"], "assistant");
    assert!(!body["choices"][0]["message"]["content"].as_str().expect("a text").is_empty());
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    let usage = &body["usage"];
    assert_eq!(
        usage["total_tokens"],
        json!(
            usage["prompt_tokens"].as_u64().expect("a count") + usage["completion_tokens"].as_u64().expect("a count")
        )
    );
    assert_eq!((usage["cost_nanousd"].as_i64(), &usage["cost_status"]), (Some(flash_cost(usage)), &json!("computed")));
    assert_eq!(usage["cost"].as_f64().map(|cost| (cost * 1e9).round()), Some(flash_cost(usage) as f64));
    assert!(body["created"].as_i64().is_some() && body["id"].as_str().is_some());
}

#[tokio::test]
async fn an_answering_model_without_a_price_is_priced_as_the_one_asked_for() {
    let stack =
        Stack::start_with(json!({"model_version": "gemini-9-mystery"}), &[("GEMINI_MODEL", "gemini-2.5-pro")]).await;
    let got = stack.chat("Hello", json!({"model": null})).await.json();
    assert!(got["usage"]["cost"].as_f64().is_some_and(|cost| cost > 0.0), "priced by the request's model: {got}");
}

#[tokio::test]
async fn both_paths_stream() {
    let stack = Stack::start(json!({"chunks": 4})).await;
    let whole = stack.chat("Tell me about Paris", json!({})).await.json();
    for (path, more) in
        [("/api/v1/chat/completions", json!({"stream": true})), ("/api/v1/chat/completions/stream", json!({}))]
    {
        let got = stack.post(path, &chat_body("Tell me about Paris", more)).await;
        assert_eq!(got.status, 200, "{}", got.text);
        assert!(got.headers["content-type"].to_str().expect("text").starts_with("text/event-stream"));
        let mut events = got.events();
        assert_eq!(events.pop().as_deref(), Some("[DONE]"));
        let chunks: Vec<Value> = events.iter().map(|event| serde_json::from_str(event).expect("JSON")).collect();
        let text: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
        assert_eq!(text, whole["choices"][0]["message"]["content"].as_str().expect("a text"));
        assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
        assert_eq!(chunks[chunks.len() - 2]["choices"][0]["finish_reason"], "stop");
        let last = chunks.last().expect("a chunk");
        assert_eq!(last["choices"], json!([]));
        assert_eq!(last["usage"]["cost_nanousd"].as_i64(), Some(flash_cost(&last["usage"])));
        assert_eq!(last["usage"]["completion_tokens"], whole["usage"]["completion_tokens"]);
        assert!(last["session_id"].as_str().is_some());
    }
}

#[tokio::test]
async fn refusals_of_upstream_keep_their_meaning() {
    let stack = Stack::start(json!({})).await;
    let expected = [
        ("mock:400", 400),
        ("mock:api-key-invalid", 401),
        ("mock:403", 403),
        ("mock:404", 400),
        ("mock:429", 429),
        ("mock:500", 502),
        ("mock:502", 502),
        ("mock:503", 502),
        ("mock:504", 504),
        ("mock:drop", 502),
    ];
    for (word, status) in expected {
        for streamed in [false, true] {
            let got = stack.chat(word, json!({"stream": streamed})).await;
            assert_eq!(got.status, status, "{word} {streamed}: {}", got.text);
            assert_eq!(got.headers["content-type"], "application/problem+json", "{word}");
            assert!(got.json()["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
            assert!(!got.text.contains("test-key"), "{}", got.text);
        }
    }
    assert_eq!(stack.chat("mock:429", json!({})).await.headers["retry-after"], "34");
}

#[tokio::test]
async fn a_short_wait_is_waited_and_tried_again() {
    let stack = Stack::start_with(json!({"fail": ["1=429@0.01", "2=503"]}), &[("GEMINI_RETRIES", "3")]).await;
    let got = stack.chat("Hello", json!({})).await;
    assert_eq!(got.status, 200, "{}", got.text);
    assert_eq!(got.json()["usage"]["cost_status"], "computed");
    let stack = Stack::start_with(json!({"fail": ["1=quota-day@0.01"]}), &[("GEMINI_RETRIES", "3")]).await;
    assert_eq!(stack.chat("Hello", json!({})).await.status, 429, "a quota of the day is not tried again");
}

#[tokio::test]
async fn a_stream_that_breaks_off_says_so_and_bills() {
    // With time between chunks, the first is on its way before the connection breaks.
    let stack = Stack::start(json!({"chunks": 4, "chunk_latency_ms": 50})).await;
    for word in ["mock:cut", "mock:cut-error"] {
        let got = stack.chat(&format!("Tell me a story {word}"), json!({"stream": true})).await;
        assert_eq!(got.status, 200);
        let events = got.events();
        let failed: Value = serde_json::from_str(&events[events.len() - 3]).expect("JSON");
        assert!(failed["error"]["status"].as_u64().is_some_and(|status| status >= 500), "{failed}");
        let last: Value = serde_json::from_str(&events[events.len() - 2]).expect("JSON");
        assert_eq!(
            (&last["usage"]["cost_status"], events.last().map(String::as_str)),
            (&json!("lower_bound"), Some("[DONE]"))
        );
        assert!(last["usage"]["cost_nanousd"].as_i64().is_some_and(|cost| cost > 0));
    }
}

#[tokio::test]
async fn a_blocked_prompt_is_an_answer() {
    let stack = Stack::start(json!({})).await;
    let body = stack.chat("mock:block", json!({})).await.json();
    assert_eq!(
        (&body["choices"][0]["finish_reason"], &body["choices"][0]["message"]["content"]),
        (&json!("content_filter"), &json!(""))
    );
    assert!(body["usage"]["prompt_tokens"].as_u64().is_some_and(|tokens| tokens > 0));
    let body = stack.chat("mock:max-tokens", json!({})).await.json();
    assert_eq!(body["choices"][0]["finish_reason"], "length");
}

#[tokio::test]
async fn wrong_fields_are_named() {
    let stack = Stack::start(json!({})).await;
    for (more, field) in [
        (json!({"messages": []}), "messages"),
        (json!({"temperature": 3}), "temperature"),
        (json!({"temperature": "hot"}), "temperature"),
        (json!({"max_tokens": 0}), "max_tokens"),
        (json!({"thinking_budget": -1}), "thinking_budget"),
        (json!({"messages": [{"role": "robot", "content": "x"}]}), "messages[0].role"),
        (json!({"tools": [{}]}), "tools[0]"),
        (json!({"tool_choice": "maybe"}), "tool_choice"),
        (json!({"model": "a b"}), "model"),
    ] {
        let got = stack.chat("x", more).await;
        assert_eq!((got.status, got.fields()), (422, vec![field.to_owned()]), "{}", got.text);
    }
    assert_eq!(stack.upstream().await.as_array().map(Vec::len), Some(0), "nothing was asked");
}

#[tokio::test]
async fn a_session_is_continued_and_ends() {
    let stack = Stack::start(json!({})).await;
    let session = stack.post("/api/v1/sessions?user_id=ada", &Value::Null).await;
    assert_eq!(session.status, 200, "{}", session.text);
    let id = session.json()["session_id"].as_str().expect("an id").to_owned();
    let first = stack.chat("My name is Ada.", json!({"session_id": id})).await.json();
    let second = stack.chat("What is my name?", json!({"session_id": id})).await.json();
    assert_eq!(second["session_id"], json!(id));
    let tokens = |answer: &Value| answer["usage"]["prompt_tokens"].as_u64().expect("a count");
    assert!(tokens(&second) > tokens(&first), "the second prompt holds the first exchange");

    let messages = stack.get(&format!("/api/v1/sessions/{id}/messages?limit=3")).await.json();
    let roles: Vec<_> =
        messages["messages"].as_array().expect("a list").iter().map(|one| one["role"].clone()).collect();
    assert_eq!(roles, ["assistant", "user", "assistant"]);
    assert_eq!(stack.get(&format!("/api/v1/sessions/{id}")).await.json()["message_count"], 4);
    let of_ada = stack.get("/api/v1/users/ada/sessions").await.json();
    assert_eq!((&of_ada["total"], &of_ada["sessions"][0]["session_id"]), (&json!(1), &json!(id)));

    assert_eq!(stack.get(&format!("/api/v1/sessions/{id}/messages?limit=0")).await.fields(), ["limit"]);
    assert_eq!(stack.send(stack.request("DELETE", &format!("/api/v1/sessions/{id}"))).await.status, 200);
    for path in [format!("/api/v1/sessions/{id}"), format!("/api/v1/sessions/{id}/messages")] {
        assert_eq!(stack.get(&path).await.status, 404);
    }
    assert_eq!(stack.chat("Hello?", json!({"session_id": id})).await.status, 404);
    assert_eq!(stack.get("/api/v1/users/ada/sessions").await.json()["total"], 0);
}

#[tokio::test]
async fn tokens_and_vectors() {
    let stack = Stack::start(json!({})).await;
    let counted = stack
        .send(stack.request("POST", "/api/v1/models/count-tokens?text=hello%20world&model=gemini-2.5-flash"))
        .await;
    assert_eq!((counted.status, &counted.json()["token_count"]), (200, &json!(3)), "{}", counted.text);
    let counted = stack.post("/api/v1/models/count-tokens", &json!({"text": "hello world"})).await;
    assert_eq!(counted.json()["total_tokens"], 3, "{}", counted.text);
    assert_eq!(stack.send(stack.request("POST", "/api/v1/models/count-tokens")).await.fields(), ["text"]);

    for (input, vectors) in [(json!("hello world"), 1), (json!(["one", "two", "three"]), 3)] {
        let got = stack.post("/api/v1/embeddings", &json!({"input": input})).await;
        let body = got.json();
        assert_eq!((got.status, body["data"].as_array().map(Vec::len)), (200, Some(vectors)), "{}", got.text);
        assert!(body["data"][0]["embedding"].as_array().is_some_and(|vector| vector.len() > 8));
        // 0.15 USD per million tokens.
        let tokens = body["usage"]["prompt_tokens"].as_i64().expect("a count");
        assert_eq!(body["usage"]["cost_nanousd"].as_i64(), Some(tokens * 150), "{body}");
    }
    let unknown = stack.post("/api/v1/embeddings", &json!({"input": "x", "model": "text-embedding-004"})).await.json();
    assert_eq!(
        (&unknown["usage"]["cost"], &unknown["usage"]["cost_status"]),
        (&Value::Null, &json!("unknown")),
        "no price is not no cost: {unknown}"
    );
    assert_eq!(stack.post("/api/v1/embeddings", &json!({"input": []})).await.fields(), ["input"]);
}

#[tokio::test]
async fn the_document_describes_every_route() {
    let stack = Stack::start(json!({})).await;
    let document = stack.get("/openapi.json").await.json();
    for path in [
        "/api/v1/chat/completions",
        "/api/v1/chat/completions/stream",
        "/api/v1/sessions",
        "/api/v1/sessions/{id}",
        "/api/v1/sessions/{id}/messages",
        "/api/v1/users/{user_id}/sessions",
        "/api/v1/models/count-tokens",
        "/api/v1/embeddings",
        "/api/v1/analysis/table",
        "/api/v1/analysis/batch",
        "/api/v1/analysis/batch/{job_id}/status",
        "/api/v1/analysis/batch/{job_id}/results",
        "/api/v1/analysis/estimate-cost",
        "/api/v1/analysis/categories",
    ] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
    let ready = stack.get("/ready").await;
    assert_eq!(ready.status, 200, "{}", ready.text);
}
