//! Prompts and completions in the form of the GenAI conventions: messages of typed parts.

use serde_json::{Value, json};

/// Gemini's contents, or its list of parts, as messages or parts of the conventions. Data such as images becomes its type only.
pub(super) fn of_gemini(content: &Value) -> Value {
    let items = content.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().map(|item| if item.get("parts").is_some() { message(item) } else { part(item) }).collect()
}

fn message(content: &Value) -> Value {
    let role = match content["role"].as_str() {
        Some("model") => "assistant",
        _ if content["parts"][0].get("functionResponse").is_some() => "tool",
        _ => "user",
    };
    let parts: Vec<Value> = content["parts"].as_array().into_iter().flatten().map(part).collect();
    let mut message = json!({"role": role, "parts": parts});
    if let Some(reason) = content.get("finishReason") {
        message["finish_reason"] = reason.clone();
    }
    message
}

fn part(part: &Value) -> Value {
    if let Some(text) = part.get("text") {
        let kind = if part["thought"] == json!(true) { "reasoning" } else { "text" };
        return json!({"type": kind, "content": text});
    }
    if let Some(call) = part.get("functionCall") {
        return json!({"type": "tool_call", "id": call["id"], "name": call["name"], "arguments": call["args"]});
    }
    if let Some(response) = part.get("functionResponse") {
        return json!({"type": "tool_call_response", "id": response["id"], "response": response["response"]});
    }
    let kind = part.as_object().and_then(|fields| fields.keys().next()).map_or("unknown", String::as_str);
    json!({"type": kind})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_all_kinds() {
        let told = of_gemini(&json!([
            {"role": "user", "parts": [{"text": "1+1?"}, {"inlineData": {"data": "AAAA"}}]},
            {"role": "model", "parts": [{"text": "hm", "thought": true}, {"functionCall": {"name": "f", "args": {}}}], "finishReason": "stop"},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"result": 2}}}]}]));
        assert_eq!(
            told,
            json!([
                {"role": "user", "parts": [{"type": "text", "content": "1+1?"}, {"type": "inlineData"}]},
                {"role": "assistant", "finish_reason": "stop", "parts": [
                    {"type": "reasoning", "content": "hm"}, {"type": "tool_call", "id": null, "name": "f", "arguments": {}}]},
                {"role": "tool", "parts": [{"type": "tool_call_response", "id": null, "response": {"result": 2}}]}])
        );
    }
}
