//! What Gemini answers, whole or in chunks.
//!
//! Answers stay JSON: parts go back to the model in the next round exactly as they came (signatures of thoughts included), and the
//! usage object is read by the `cost` crate.

use cost::gemini::StreamUsage;
use cost::{Usage, UsageError};
use serde_json::{Value, json};

/// A function that the model wants called.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FunctionCall {
    /// Gemini's id for it, if it gave one; the result repeats it.
    pub(crate) id: Option<String>,
    /// Name as declared.
    pub(crate) name: String,
    /// Arguments, an object.
    pub(crate) arguments: Value,
}

/// An answer of the model, collected from one or more chunks.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// Parts of the first candidate, as they came.
    pub(crate) parts: Vec<Value>,
    /// Why the model stopped, in Gemini's words; empty while it has not.
    finish: String,
    /// Why the prompt was refused, in Gemini's words.
    block: Option<String>,
    /// The model that answered.
    pub(crate) model: Option<String>,
    /// Gemini's id of the answer.
    pub(crate) id: Option<String>,
    usage: StreamUsage,
    usage_error: Option<UsageError>,
}

impl Answer {
    /// A whole answer.
    #[cfg(test)]
    pub(crate) fn of(body: &Value) -> Self {
        let mut answer = Self::default();
        answer.push(body);
        answer
    }

    /// Takes a chunk and gives the text in it that the user may see.
    pub(crate) fn push(&mut self, chunk: &Value) -> String {
        // A chunk with bad counters leaves what was known; the call is then not complete.
        if let Err(error) = self.usage.push(chunk) {
            self.usage_error = Some(error);
        }
        let text_of = |field: &str| chunk.get(field).and_then(Value::as_str).map(str::to_owned);
        self.model = text_of("modelVersion").or(self.model.take());
        self.id = text_of("responseId").or(self.id.take());
        if let Some(reason) = chunk.pointer("/promptFeedback/blockReason").and_then(Value::as_str) {
            self.block = Some(reason.to_owned());
        }
        let Some(candidate) = chunk.pointer("/candidates/0") else { return String::new() };
        if let Some(reason) = candidate.get("finishReason").and_then(Value::as_str) {
            reason.clone_into(&mut self.finish);
        }
        let parts = candidate.pointer("/content/parts").and_then(Value::as_array);
        let mut text = String::new();
        for part in parts.into_iter().flatten() {
            text.push_str(visible_text(part));
            self.parts.push(part.clone());
        }
        text
    }

    /// The text that the user may see, thoughts left out.
    #[cfg(test)]
    pub(crate) fn text(&self) -> String {
        self.parts.iter().map(visible_text).collect()
    }

    /// The functions that the model wants called, in order.
    pub(crate) fn function_calls(&self) -> Vec<FunctionCall> {
        let calls = self.parts.iter().filter_map(|part| part.get("functionCall"));
        calls
            .filter_map(|call| {
                Some(FunctionCall {
                    id: call.get("id").and_then(Value::as_str).map(str::to_owned),
                    name: call.get("name")?.as_str()?.to_owned(),
                    arguments: call.get("args").cloned().unwrap_or_else(|| json!({})),
                })
            })
            .collect()
    }

    /// Whether the model has said that it is done. A stream that broke off is not.
    pub(crate) fn finished(&self) -> bool {
        !self.finish.is_empty() || self.block.is_some()
    }

    /// Why it stopped, in the words of chat completions: `stop`, `length`, `content_filter` or `error`.
    pub(crate) fn finish_reason(&self) -> &'static str {
        if self.block.is_some() {
            return "content_filter";
        }
        match self.finish.as_str() {
            "STOP" | "FINISH_REASON_UNSPECIFIED" => "stop",
            "MAX_TOKENS" => "length",
            "SAFETY"
            | "RECITATION"
            | "BLOCKLIST"
            | "PROHIBITED_CONTENT"
            | "SPII"
            | "LANGUAGE"
            | "IMAGE_SAFETY"
            | "IMAGE_PROHIBITED_CONTENT"
            | "IMAGE_RECITATION" => "content_filter",
            _ => "error",
        }
    }

    /// What it used, as far as is known; `None` when nothing is.
    pub(crate) fn usage(&self) -> Option<&Usage> {
        self.usage.usage()
    }

    /// Whether the usage is final. If not, the cost is a lower bound.
    pub(crate) fn usage_is_final(&self) -> bool {
        self.finished() && self.usage_error.is_none()
    }

    /// Adds `tokens` of input when the answer itself did not say how many there were (embeddings).
    pub(crate) fn assume_input(&mut self, tokens: u64) {
        if self.usage.usage().is_none() {
            // A count made of a count cannot be refused.
            let _ = self.usage.push(&json!({"usageMetadata": {"promptTokenCount": tokens}}));
        }
    }

    /// Marks an answer that has no finish reason by its nature as complete (embeddings).
    pub(crate) fn complete(&mut self) {
        "STOP".clone_into(&mut self.finish);
    }
}

fn visible_text(part: &Value) -> &str {
    let thought = part.get("thought").and_then(Value::as_bool).unwrap_or(false);
    if thought { "" } else { part.get("text").and_then(Value::as_str).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thoughts_are_not_shown_and_parts_are_kept() {
        let answer = Answer::of(&json!({
            "candidates": [{"content": {"parts": [{"text": "hm", "thought": true}, {"text": "Paris."}]}, "finishReason": "STOP"}],
            "modelVersion": "gemini-2.5-flash", "responseId": "r1",
            "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 8, "thoughtsTokenCount": 53},
        }));
        assert_eq!((answer.text().as_str(), answer.parts.len(), answer.finish_reason()), ("Paris.", 2, "stop"));
        assert!(answer.usage_is_final());
        assert_eq!(answer.usage().expect("a usage").tokens.output_total(), 61);
    }

    #[test]
    fn function_calls_are_found() {
        let answer = Answer::of(&json!({"candidates": [{"content": {"parts": [
            {"functionCall": {"id": "7", "name": "calculate", "args": {"expression": "1+1"}}, "thoughtSignature": "c2ln"},
            {"functionCall": {"name": "list"}}, {"functionCall": {}}]}, "finishReason": "STOP"}]}));
        let calls = answer.function_calls();
        assert_eq!(calls.len(), 2);
        assert_eq!((calls[0].id.as_deref(), calls[0].name.as_str()), (Some("7"), "calculate"));
        assert_eq!(calls[1].arguments, json!({}));
    }

    #[test]
    fn a_blocked_prompt_is_finished_and_used_its_prompt() {
        let answer =
            Answer::of(&json!({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 9}}));
        assert_eq!((answer.finished(), answer.finish_reason(), answer.text().as_str()), (true, "content_filter", ""));
        assert_eq!(answer.usage().expect("a usage").tokens.input_total(), 9);
    }

    #[test]
    fn chunks_add_text_and_replace_usage() {
        let mut answer = Answer::default();
        let chunk = |text: &str, tokens: u64, finish: Value| {
            json!({"candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": finish}],
                "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": tokens}})
        };
        assert_eq!(answer.push(&chunk("Hel", 1, Value::Null)), "Hel");
        assert!(!answer.finished());
        assert_eq!(answer.push(&chunk("lo", 2, json!("MAX_TOKENS"))), "lo");
        assert_eq!((answer.text().as_str(), answer.finish_reason()), ("Hello", "length"));
        assert_eq!(answer.usage().expect("a usage").tokens.output_total(), 2);
    }
}
