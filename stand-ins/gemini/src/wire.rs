//! Answers as bytes: the response objects and the headers that upstream sends with them.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Value;

use crate::tokens::Detail;

/// One answer, or one chunk of a stream.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) candidates: Vec<Candidate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prompt_feedback: Option<Value>,
    pub(crate) usage_metadata: Value,
    pub(crate) model_version: String,
    pub(crate) response_id: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Candidate {
    pub(crate) content: ModelContent,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finish_reason: Option<String>,
    pub(crate) index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) safety_ratings: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grounding_metadata: Option<Value>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct ModelContent {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) parts: Vec<Value>,
    pub(crate) role: &'static str,
}

/// Counters; those that are zero are left out.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Usage {
    pub(crate) prompt_token_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) candidates_token_count: u64,
    pub(crate) total_token_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) cached_content_token_count: u64,
    pub(crate) prompt_tokens_details: Vec<Detail>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) cache_tokens_details: Vec<Detail>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) candidates_tokens_details: Vec<Detail>,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) tool_use_prompt_token_count: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tool_use_prompt_tokens_details: Vec<Detail>,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) thoughts_token_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) service_tier: Option<String>,
}

impl Usage {
    /// Prompt (cached tokens are inside), answer, tools and thoughts.
    pub(crate) fn added_up(mut self) -> Self {
        self.total_token_count = self.prompt_token_count
            + self.candidates_token_count
            + self.tool_use_prompt_token_count
            + self.thoughts_token_count;
        self
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A JSON answer, indented as upstream does.
pub(crate) fn json_response<T: Serialize>(status: StatusCode, body: &T) -> Response {
    let mut text = serde_json::to_string_pretty(body).unwrap_or_else(|error| format!("{{\"unwritable\":\"{error}\"}}"));
    text.push('\n');
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    common_headers(response.headers_mut(), "application/json; charset=UTF-8");
    response
}

/// Headers of every answer.
pub(crate) fn common_headers(headers: &mut HeaderMap, content_type: &'static str) {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::VARY, HeaderValue::from_static("Origin, X-Origin, Referer"));
    // No real duration: answers stay equal, byte for byte.
    headers.insert(HeaderName::from_static("server-timing"), HeaderValue::from_static("gfet4t7; dur=1"));
}
