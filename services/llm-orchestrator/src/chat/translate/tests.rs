//! Roles, tools and settings end up where Gemini wants them.

use super::*;

fn request(body: Value) -> ChatRequest {
    service_kit::extract::json(body.to_string().as_bytes()).expect("a good request")
}

fn fields(body: Value) -> Vec<String> {
    let problem = service_kit::extract::json::<ChatRequest>(body.to_string().as_bytes()).expect_err("a bad request");
    problem.errors().iter().map(|error| error.field.clone()).collect()
}

#[test]
fn roles_become_contents_and_instructions() {
    let request = request(json!({"messages": [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "1+1?"},
        {"role": "assistant", "content": null, "function_call": {"name": "calculate", "arguments": "{\"expression\":\"1+1\"}"}},
        {"role": "function", "name": "calculate", "content": "2"}, {"role": "system", "content": "Be kind."}],
        "temperature": 0.5, "max_tokens": 9, "thinking_budget": 0}));
    let mut prompt = Prompt::default();
    prompt.add(&request.messages);
    prompt.configure(&request);
    assert_eq!(
        prompt.body(),
        json!({"contents": [
            {"role": "user", "parts": [{"text": "1+1?"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "calculate", "args": {"expression": "1+1"}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "calculate", "response": {"result": 2}}}]}],
            "systemInstruction": {"role": "user", "parts": [{"text": "Be brief.\n\nBe kind."}]},
            "generationConfig": {"temperature": 0.5, "maxOutputTokens": 9, "thinkingConfig": {"thinkingBudget": 0}}})
    );
}

#[test]
fn tools_come_in_four_forms() {
    let request = request(json!({"messages": [{"role": "user", "content": "x"}], "tools": [
        {"type": "function", "function": {"name": "a", "description": "d", "parameters": {"type": "object"}}},
        {"name": "b", "inputSchema": {"type": "object"}},
        {"functionDeclarations": [{"name": "c"}]},
        "calculate"]}));
    let tools = ToolRequest::read(&request).expect("good tools");
    let names: Vec<_> = tools.declared.iter().map(|tool| tool["name"].as_str().expect("a name")).collect();
    assert_eq!(
        (names, tools.named.as_slice(), tools.all),
        (vec!["a", "b", "c"], ["calculate".to_owned()].as_slice(), false)
    );
    assert_eq!(tools.declared[0]["parametersJsonSchema"], json!({"type": "object"}));
}

#[test]
fn choices_of_tools() {
    let read = |choice: Value, tools: Value| {
        ToolRequest::read(&request(
            json!({"messages": [{"role": "user", "content": "x"}], "tool_choice": choice, "tools": tools}),
        ))
    };
    assert!(read(json!("auto"), Value::Null).expect("good").all);
    assert!(!read(Value::Null, Value::Null).expect("good").wants_any());
    assert!(!read(json!("none"), json!(["calculate"])).expect("good").wants_any());
    let one = read(json!({"type": "function", "function": {"name": "a"}}), json!([{"name": "a"}])).expect("good");
    assert_eq!(one.mode, Mode::Any(vec!["a".into()]));
    assert_eq!(read(json!("sometimes"), Value::Null).expect_err("bad").0, "tool_choice");
    assert_eq!(read(Value::Null, json!([{"name": "a"}, {}])).expect_err("bad").0, "tools[1]");
}

#[test]
fn wrong_fields_are_named() {
    let user = json!({"role": "user", "content": "x"});
    assert_eq!(fields(json!({"messages": []})), ["messages"]);
    assert_eq!(fields(json!({})), ["messages"]);
    assert_eq!(fields(json!({"messages": [{"role": "robot", "content": "x"}]})), ["messages[0].role"]);
    assert_eq!(fields(json!({"messages": [{"role": "user"}]})), ["messages[0].content"]);
    assert_eq!(fields(json!({"messages": [{"role": "function", "content": "x"}]})), ["messages[0].name"]);
    assert_eq!(fields(json!({"messages": [{"role": "system", "content": "x"}]})), ["messages"]);
    assert_eq!(fields(json!({"messages": [user], "temperature": 2.5})), ["temperature"]);
    assert_eq!(fields(json!({"messages": [user], "max_tokens": 0})), ["max_tokens"]);
    assert_eq!(fields(json!({"messages": [user], "max_tokens": -1})), ["max_tokens"]);
    assert_eq!(fields(json!({"messages": [user], "thinking_budget": -1})), ["thinking_budget"]);
    assert_eq!(fields(json!({"messages": [user], "model": "../secret"})), ["model"]);
}
