//! The API as a client sees it: each test talks to the routes of its own stand-in.

use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::scenario::Scenario;
use crate::{Options, router};

const KEY: &str = "test-key";

/// One stand-in.
struct Upstream(axum::Router);

/// An answer, read to its end.
struct Got {
    status: StatusCode,
    headers: http::HeaderMap,
    text: String,
    /// The body broke off.
    broken: bool,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The objects of an event stream.
    fn events(&self) -> Vec<Value> {
        let events = self.text.split("\r\n\r\n").filter(|event| !event.is_empty());
        events.map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap()).collect()
    }

    fn error(&self) -> (u16, String) {
        let error = &self.json()["error"];
        assert_eq!(error["code"], self.status.as_u16());
        (self.status.as_u16(), error["status"].as_str().unwrap().to_owned())
    }
}

impl Upstream {
    fn new(scenario: Value) -> Self {
        let scenario = Scenario::default().merged(&scenario).unwrap();
        Self(router(Options { seed: 7, keys: vec![KEY.to_owned()], scenario }))
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: String) -> Got {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.0.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (parts, mut body) = response.into_parts();
        let (mut bytes, mut broken) = (Vec::new(), false);
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => bytes.extend_from_slice(&frame.into_data().unwrap_or_default()),
                Err(_) => {
                    broken = true;
                    break;
                }
            }
        }
        Got { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes).unwrap(), broken }
    }

    async fn post(&self, target: &str, body: Value) -> Got {
        self.post_with(target, &[], body).await
    }

    async fn post_with(&self, target: &str, more: &[(&str, &str)], body: Value) -> Got {
        let mut headers = vec![("x-goog-api-key", KEY), ("content-type", "application/json")];
        headers.extend(more);
        self.send("POST", &format!("/v1beta/models/{target}"), &headers, body.to_string()).await
    }
}

fn question(text: &str) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": text}]}]})
}

fn adds_up(usage: &Value) {
    let of = |name: &str| usage[name].as_u64().unwrap_or(0);
    let sum =
        of("promptTokenCount") + of("candidatesTokenCount") + of("toolUsePromptTokenCount") + of("thoughtsTokenCount");
    assert_eq!(of("totalTokenCount"), sum, "{usage}");
}

const PLAIN: &str = "gemini-2.0-flash-exp:generateContent";
const THINKING: &str = "gemini-2.5-flash:generateContent";
const STREAM: &str = "gemini-2.5-flash:streamGenerateContent?alt=sse";

#[tokio::test]
async fn a_question_gets_a_text_with_usage() {
    let got = Upstream::new(json!({})).post(PLAIN, question("What is in my table?")).await;
    assert_eq!(got.status, StatusCode::OK);
    assert_eq!(got.headers["content-type"], "application/json; charset=UTF-8");
    let answer = got.json();
    let text = answer["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap();
    assert_eq!(answer["candidates"][0]["finishReason"], "STOP");
    assert_eq!(answer["modelVersion"], "gemini-2.0-flash-exp");
    let usage = &answer["usageMetadata"];
    assert_eq!(usage["promptTokenCount"], 5, "20 bytes");
    assert_eq!(usage["candidatesTokenCount"], text.len().div_ceil(4));
    assert_eq!(usage["promptTokensDetails"], json!([{"modality": "TEXT", "tokenCount": 5}]));
    assert!(usage.get("thoughtsTokenCount").is_none());
    adds_up(usage);
}

#[tokio::test]
async fn equal_seeds_and_questions_give_equal_answers() {
    let (one, two) = (Upstream::new(json!({})), Upstream::new(json!({})));
    two.post(THINKING, question("something else")).await;
    let (mut first, mut second) =
        (one.post(THINKING, question("same")).await.json(), two.post(THINKING, question("same")).await.json());
    assert_ne!(first["responseId"].take(), second["responseId"].take());
    assert_eq!(first, second);
    assert_ne!(first["candidates"], one.post(THINKING, question("other")).await.json()["candidates"]);
}

#[tokio::test]
async fn thinking_follows_the_budget() {
    let upstream = Upstream::new(json!({}));
    let ask = |config: Value| {
        let mut body = question("think");
        body["generationConfig"] = config;
        body
    };
    let free = upstream.post(THINKING, ask(json!({}))).await.json();
    assert!(free["usageMetadata"]["thoughtsTokenCount"].as_u64().unwrap() > 10);
    adds_up(&free["usageMetadata"]);
    let none = upstream.post(THINKING, ask(json!({"thinkingConfig": {"thinkingBudget": 0}}))).await.json();
    assert!(none["usageMetadata"].get("thoughtsTokenCount").is_none());
    let shown = upstream.post(THINKING, ask(json!({"thinkingConfig": {"includeThoughts": true}}))).await.json();
    assert_eq!(shown["candidates"][0]["content"]["parts"][0]["thought"], true);
    let short = upstream.post(THINKING, ask(json!({"maxOutputTokens": 8}))).await.json();
    assert_eq!(short["candidates"][0]["finishReason"], "MAX_TOKENS");
    let of = |name: &str| short["usageMetadata"][name].as_u64().unwrap_or(0);
    assert_eq!(of("thoughtsTokenCount") + of("candidatesTokenCount"), 8);
}

#[tokio::test]
async fn a_stream_is_events_with_cumulative_usage_and_the_same_text() {
    let upstream = Upstream::new(json!({}));
    let got = upstream.post(STREAM, question("tell me")).await;
    assert_eq!(got.headers["content-type"], "text/event-stream");
    assert!(got.text.ends_with("\r\n\r\n") && !got.text.contains("[DONE]") && !got.broken);
    let events = got.events();
    assert!(events.len() > 2);
    let mut before = 0;
    let mut text = String::new();
    for (at, event) in events.iter().enumerate() {
        assert_eq!(event["responseId"], events[0]["responseId"]);
        let sent = event["usageMetadata"]["candidatesTokenCount"].as_u64().unwrap();
        assert!(sent > before);
        before = sent;
        adds_up(&event["usageMetadata"]);
        assert_eq!(event["candidates"][0].get("finishReason").is_some(), at + 1 == events.len());
        text.push_str(event["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap());
    }
    let whole = upstream.post(THINKING, question("tell me")).await.json();
    assert_eq!(whole["candidates"][0]["content"]["parts"][0]["text"], text);
    assert_eq!(whole["usageMetadata"], events.last().unwrap()["usageMetadata"]);
}

#[tokio::test]
async fn without_alt_sse_a_stream_is_one_array_and_so_are_its_errors() {
    let upstream = Upstream::new(json!({"fail": ["2=503"]}));
    let target = "gemini-2.5-flash:streamGenerateContent";
    let got = upstream.post(target, question("tell me")).await;
    assert_eq!(got.headers["content-type"], "application/json; charset=UTF-8");
    assert!(got.json().as_array().unwrap().len() > 2);
    let failed = upstream.post(target, question("tell me")).await;
    assert_eq!(failed.status, 503);
    assert_eq!(failed.json()[0]["error"]["status"], "UNAVAILABLE");
}

#[tokio::test]
async fn cut_streams_break_or_carry_an_error() {
    let upstream = Upstream::new(json!({"cut": {"after": 2}}));
    let got = upstream.post(STREAM, question("tell me")).await;
    assert!(got.broken);
    assert_eq!(got.events().len(), 2);
    let error = r#"{"cut": {"after": 1, "with": "error"}}"#;
    let got = upstream.post_with(STREAM, &[("x-mock-scenario", error)], question("tell me")).await;
    assert!(!got.broken);
    assert_eq!(got.events()[1]["error"]["status"], "INTERNAL");
}

#[tokio::test]
async fn keys_and_models_are_checked() {
    let upstream = Upstream::new(json!({}));
    let path = format!("/v1beta/models/{PLAIN}");
    let body = question("x").to_string();
    let none = upstream.send("POST", &path, &[], body.clone()).await;
    assert_eq!(none.error(), (403, "PERMISSION_DENIED".to_owned()));
    let wrong = upstream.send("POST", &path, &[("x-goog-api-key", "wrong")], body.clone()).await;
    assert_eq!(wrong.error(), (400, "INVALID_ARGUMENT".to_owned()));
    assert_eq!(wrong.json()["error"]["details"][0]["reason"], "API_KEY_INVALID");
    let in_query = upstream.send("POST", &format!("{path}?key={KEY}"), &[], body).await;
    assert_eq!(in_query.status, 200);
    let unknown = upstream.post("gemini-9:generateContent", question("x")).await;
    assert_eq!(unknown.error(), (404, "NOT_FOUND".to_owned()));
    let message = unknown.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("models/gemini-9 is not found for API version v1beta"), "{message}");
    let wrong_method = upstream.post("text-embedding-004:generateContent", question("x")).await;
    assert_eq!(wrong_method.status, 404);
    assert_eq!(upstream.post("gemini-2.5-flash:sing", question("x")).await.status, 404);
}

#[tokio::test]
async fn every_fault_has_its_body() {
    let faults = [
        ("failed-precondition", 400, "FAILED_PRECONDITION"),
        ("service-disabled", 403, "PERMISSION_DENIED"),
        ("404", 404, "NOT_FOUND"),
        ("429", 429, "RESOURCE_EXHAUSTED"),
        ("exhausted", 429, "RESOURCE_EXHAUSTED"),
        ("499", 499, "CANCELLED"),
        ("500", 500, "INTERNAL"),
        ("503", 503, "UNAVAILABLE"),
        ("504", 504, "DEADLINE_EXCEEDED"),
    ];
    let upstream = Upstream::new(json!({}));
    for (name, code, status) in faults {
        let got = upstream.post(PLAIN, question(&format!("mock:{name}"))).await;
        assert_eq!(got.error(), (code, status.to_owned()), "{name}");
        assert!(got.headers.get("retry-after").is_none(), "upstream sends no Retry-After");
    }
    let html = upstream.post(PLAIN, question("mock:502")).await;
    assert!(html.status == 502 && html.text.starts_with("<!DOCTYPE html>"));
    assert!(upstream.post(PLAIN, question("mock:drop")).await.broken);
}

#[tokio::test]
async fn the_third_call_can_fail_with_retry_info() {
    let upstream = Upstream::new(json!({"fail": ["3=429@0.5"]}));
    assert_eq!(upstream.post(PLAIN, question("1")).await.status, 200);
    assert_eq!(upstream.post(PLAIN, question("2")).await.status, 200);
    let third = upstream.post(PLAIN, question("3")).await.json();
    let details = third["error"]["details"].as_array().unwrap();
    let types: Vec<_> =
        details.iter().map(|detail| detail["@type"].as_str().unwrap().rsplit('.').next().unwrap()).collect();
    assert_eq!(types, ["Help", "QuotaFailure", "RetryInfo"]);
    assert_eq!(details[2]["retryDelay"], "0.5s");
    assert_eq!(details[1]["violations"][0]["quotaDimensions"]["model"], "gemini-2.0-flash-exp");
    assert_eq!(upstream.post(PLAIN, question("4")).await.status, 200);
}

#[tokio::test]
async fn bad_requests_are_refused_in_upstreams_words() {
    let upstream = Upstream::new(json!({}));
    let cases = [
        (json!({}), "contents is not specified"),
        (json!({"contents": [{"role": "robot", "parts": [{"text": "x"}]}]}), "Please use a valid role: user, model."),
        (json!({"contents": [{"role": "user", "parts": []}]}), "parts must not be empty"),
        (
            json!({"contents": [{"parts": [{"text": "x"}]}], "generationConfig": {"temperature": 3}}),
            "temperature must be",
        ),
        (json!({"contents": [{"parts": [{"text": "x"}]}], "foo": 1}), "Unknown name \"foo\": Cannot find field."),
        (
            json!({"contents": [{"role": "user", "parts": [{"text": "x"}]},
                {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]}]}),
            "number of function response parts is equal",
        ),
    ];
    for (body, want) in cases {
        let got = upstream.post(PLAIN, body).await;
        assert_eq!(got.error(), (400, "INVALID_ARGUMENT".to_owned()));
        assert!(got.text.contains(&want.replace('"', "\\\"")), "{want}: {}", got.text);
    }
    let text = upstream.send("POST", &format!("/v1beta/models/{PLAIN}?key={KEY}"), &[], "{".to_owned()).await;
    assert_eq!(text.status, 400);
}

#[tokio::test]
async fn a_blocked_prompt_is_200_without_candidates() {
    let answer = Upstream::new(json!({"block": "PROHIBITED_CONTENT"})).post(PLAIN, question("x")).await.json();
    assert_eq!(answer["promptFeedback"]["blockReason"], "PROHIBITED_CONTENT");
    assert!(answer.get("candidates").is_none());
    adds_up(&answer["usageMetadata"]);
}

#[tokio::test]
async fn tiers_are_echoed_or_downgraded() {
    let upstream = Upstream::new(json!({}));
    let mut body = question("x");
    body["serviceTier"] = json!("flex");
    let got = upstream.post(PLAIN, body.clone()).await;
    assert_eq!(
        (got.headers["x-gemini-service-tier"].to_str().unwrap(), got.json()["usageMetadata"]["serviceTier"].as_str()),
        ("flex", Some("flex"))
    );
    body["serviceTier"] = json!("priority");
    let got = upstream.post_with(PLAIN, &[("x-mock-scenario", r#"{"service_tier":"standard"}"#)], body).await;
    assert_eq!(got.json()["usageMetadata"]["serviceTier"], "standard");
    assert!(upstream.post(PLAIN, question("x")).await.headers.get("x-gemini-service-tier").is_none());
}

#[tokio::test]
async fn usage_can_be_set_by_a_header() {
    let usage = r#"{"promptTokenCount":250000,"cachedContentTokenCount":100000,"candidatesTokenCount":3000,"thoughtsTokenCount":2000,"trafficType":"ON_DEMAND"}"#;
    let upstream = Upstream::new(json!({}));
    let got = upstream.post_with(THINKING, &[("x-mock-usage", usage)], question("x")).await.json();
    let mut want: Value = serde_json::from_str(usage).unwrap();
    want["totalTokenCount"] = json!(255_000);
    assert_eq!(got["usageMetadata"], want);
    let events = upstream.post_with(STREAM, &[("x-mock-usage", usage)], question("x")).await.events();
    assert_eq!(events.last().unwrap()["usageMetadata"], want);
    assert!(events[0]["usageMetadata"]["candidatesTokenCount"].as_u64().unwrap() < 3_000);
}

#[tokio::test]
async fn functions_are_called_and_their_answers_used() {
    let upstream = Upstream::new(json!({}));
    let mut body = question("List the bases of Airtable, please");
    body["tools"] = json!([{"functionDeclarations": [{"name": "airtable_list_bases", "description": "…"}]}]);
    let answer = upstream.post(THINKING, body.clone()).await.json();
    let part = &answer["candidates"][0]["content"]["parts"][0];
    assert_eq!(part["functionCall"], json!({"name": "airtable_list_bases", "args": {}}));
    assert_eq!(answer["candidates"][0]["finishReason"], "STOP");
    let contents = body["contents"].as_array_mut().unwrap();
    contents.push(answer["candidates"][0]["content"].clone());
    contents.push(json!({"role": "user", "parts": [{"functionResponse": {"name": "airtable_list_bases",
        "response": {"bases": [{"id": "appA1b2C3d4E5f6G7", "name": "CRM"}]}}}]}));
    let answer = upstream.post(THINKING, body.clone()).await.json();
    let text = answer["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap();
    assert!(text.contains("CRM") && text.contains("1 items"), "{text}");
    let third = upstream.post("gemini-3.5-flash:generateContent", {
        body["contents"].as_array_mut().unwrap().truncate(1);
        body
    });
    let part = third.await.json()["candidates"][0]["content"]["parts"][0].clone();
    assert!(part["thoughtSignature"].is_string() && part["functionCall"]["id"].is_string(), "{part}");
}

#[tokio::test]
async fn structured_answers_follow_their_schema() {
    let upstream = Upstream::new(json!({}));
    let mut body = question("Analyse the table");
    body["generationConfig"] = json!({"responseMimeType": "application/json", "responseSchema": {"type": "OBJECT",
        "properties": {"findings": {"type": "ARRAY", "minItems": 2, "maxItems": 2, "items": {"type": "OBJECT", "properties": {
            "severity": {"type": "STRING", "enum": ["low", "high"]}, "confidence": {"type": "NUMBER"},
            "count": {"type": "INTEGER", "minimum": 3, "maximum": 4}, "fix": {"$ref": "#/defs/fix"}}}}},
        "defs": {"fix": {"type": "STRING"}}}});
    let answer = upstream.post(PLAIN, body.clone()).await.json();
    let text = answer["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap();
    let value: Value = serde_json::from_str(text).unwrap();
    let findings = value["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 2);
    for finding in findings {
        assert!(["low", "high"].contains(&finding["severity"].as_str().unwrap()));
        assert!(finding["confidence"].is_f64() && finding["fix"].is_string());
        assert!((3..=4).contains(&finding["count"].as_i64().unwrap()));
    }
    body["generationConfig"] = json!({"responseMimeType": "application/json"});
    let free = upstream.post(PLAIN, body).await.json();
    let text = free["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap();
    assert!(serde_json::from_str::<Value>(text).unwrap()["findings"].is_array());
}

#[tokio::test]
async fn caches_are_part_of_the_prompt() {
    let upstream = Upstream::new(json!({}));
    let mut body = question("x");
    body["cachedContent"] = json!("cachedContents/report-4096");
    let usage = upstream.post(PLAIN, body).await.json()["usageMetadata"].clone();
    assert_eq!((&usage["cachedContentTokenCount"], &usage["promptTokenCount"]), (&json!(4096), &json!(4097)));
    let mut long = question(&"word ".repeat(1_000));
    let first = upstream.post(THINKING, long.clone()).await.json();
    assert!(first["usageMetadata"].get("cachedContentTokenCount").is_none());
    let contents = long["contents"].as_array_mut().unwrap();
    contents.push(json!({"role": "model", "parts": [{"text": "ok"}]}));
    contents.push(json!({"role": "user", "parts": [{"text": "more"}]}));
    let second = upstream.post(THINKING, long).await.json();
    assert_eq!(second["usageMetadata"]["cachedContentTokenCount"], 1_250);
    assert_eq!(second["usageMetadata"]["promptTokenCount"], 1_252);
}

#[tokio::test]
async fn tokens_are_counted_by_kind() {
    let body = json!({"contents": [{"parts": [{"text": "12345"}, {"inline_data": {"mime_type": "image/png", "data": "AAAA"}}]}]});
    let got = Upstream::new(json!({})).post("gemini-2.5-flash:countTokens", body).await.json();
    assert_eq!(got["totalTokens"], 260);
    assert_eq!(got["promptTokensDetails"][1], json!({"modality": "IMAGE", "tokenCount": 258}));
}

#[tokio::test]
async fn similar_texts_have_similar_embeddings() {
    let upstream = Upstream::new(json!({}));
    let content = |text: &str| json!({"model": "models/text-embedding-004", "content": {"parts": [{"text": text}]}});
    let body =
        json!({"requests": [content("red apple pie"), content("green apple pie"), content("quarterly tax report")]});
    let got = upstream.post("text-embedding-004:batchEmbedContents", body).await.json();
    let vectors: Vec<Vec<f64>> = got["embeddings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["values"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect())
        .collect();
    assert_eq!(vectors[0].len(), 768);
    let close = |a: usize, b: usize| vectors[a].iter().zip(&vectors[b]).map(|(x, y)| x * y).sum::<f64>();
    assert!((close(0, 0) - 1.0).abs() < 1e-4 && close(0, 1) > close(0, 2) + 0.3);
    assert_eq!(got["usageMetadata"]["promptTokenCount"], 4 + 4 + 5);
    assert!(got["usageMetadata"]["promptTokenDetails"].is_array());
    let mut one = content("x");
    one["outputDimensionality"] = json!(3);
    let got = upstream.post("gemini-embedding-001:embedContent", one).await.json();
    assert_eq!(got["embedding"]["values"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn models_are_listed_in_pages() {
    let upstream = Upstream::new(json!({}));
    let get = async |path: &str| upstream.send("GET", path, &[("x-goog-api-key", KEY)], String::new()).await;
    let page = get("/v1beta/models?pageSize=5").await.json();
    assert_eq!(page["models"].as_array().unwrap().len(), 5);
    let token = page["nextPageToken"].as_str().unwrap();
    let rest = get(&format!("/v1beta/models?pageSize=1000&pageToken={token}")).await.json();
    assert!(rest.get("nextPageToken").is_none());
    assert_eq!(get("/v1beta/models/gemini-2.5-pro").await.json()["thinking"], true);
    assert_eq!(get("/v1beta/models/none").await.error(), (404, "NOT_FOUND".to_owned()));
    assert_eq!(upstream.send("GET", "/v1beta/models", &[], String::new()).await.status, 403);
}

#[tokio::test]
async fn the_switches_work_while_it_runs() {
    let upstream = Upstream::new(json!({}));
    let json = [("content-type", "application/json")];
    let set = async |body: Value| upstream.send("PUT", "/_mock/scenario", &json, body.to_string()).await;
    assert_eq!(set(json!({"fail": ["1=500"]})).await.status, 200);
    assert_eq!(upstream.post(PLAIN, question("x")).await.status, 500);
    assert_eq!(upstream.post(PLAIN, question("x")).await.status, 200);
    assert_eq!(set(json!({"fails": []})).await.status, 400);
    let trace = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
    upstream.post_with(PLAIN, &[("traceparent", trace)], question("x")).await;
    let seen = upstream.send("GET", "/_mock/requests", &[], String::new()).await.json();
    assert_eq!(seen[2]["traceparent"], trace);
    set(json!({"replay": [{"chunk": 1}, {"chunk": 2}]})).await;
    assert_eq!(upstream.post(PLAIN, question("x")).await.json(), json!({"chunk": 2}));
    assert_eq!(upstream.post(STREAM, question("x")).await.events().len(), 2);
}

#[tokio::test]
async fn vertex_has_its_own_path_credentials_and_traffic_type() {
    let upstream = Upstream::new(json!({}));
    let path = "/v1beta1/projects/p/locations/global/publishers/google/models/gemini-2.5-flash:generateContent";
    let body = question("x").to_string();
    assert_eq!(upstream.send("POST", path, &[], body.clone()).await.status, 401);
    let got = upstream.send("POST", path, &[("authorization", "Bearer x")], body).await.json();
    assert_eq!(got["usageMetadata"]["trafficType"], "ON_DEMAND");
    assert!(got["usageMetadata"].get("serviceTier").is_none());
}

#[tokio::test(start_paused = true)]
async fn slow_calls_wait() {
    let upstream = Upstream::new(json!({"slow": ["2=3000"], "chunk_latency_ms": 50, "chunks": 3}));
    let begin = tokio::time::Instant::now();
    upstream.post(PLAIN, question("x")).await;
    assert!(begin.elapsed().as_millis() < 3_000);
    upstream.post(STREAM, question("x")).await;
    assert_eq!(begin.elapsed().as_millis(), 3_000 + 2 * 50);
}

#[tokio::test]
async fn it_can_be_started_in_a_test_of_a_service() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let running = crate::start(Options::default()).await.unwrap();
    let mut socket = tokio::net::TcpStream::connect(running.address).await.unwrap();
    socket.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
    running.shutdown().await.unwrap();
}
