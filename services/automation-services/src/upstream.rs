//! The two services that steps call: airtable-gateway and llm-orchestrator.
//!
//! A failing answer becomes a sentence for the step's `error`: status, and the `detail` of the problem that came with it.

use crate::steps::{Prompt, Table};
use http::Method;
use serde_json::{Map, Value, json};
use service_kit::http::{Error, Peer, Request, Response};
use std::time::Duration;
use telemetry::Business;

/// The longest answer that is read, in bytes. A model's answer is a few pages; a record is at most 100 KB.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// How much of an error's text is told.
const DETAIL_CHARS_MAX: usize = 500;

/// Why a call gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No base is named, by step or by configuration.
    #[error("base_id is missing: name it in the step or set AIRTABLE_BASE_ID")]
    NoBase,
    /// A name that cannot stand in an address.
    #[error("`{0}` cannot be the name of a base or a table")]
    Name(String),
    /// The service answered with a failing status.
    #[error("{service} answered {status}: {detail}")]
    Refused {
        /// Which service.
        service: &'static str,
        /// Its status.
        status: u16,
        /// Its reason.
        detail: String,
    },
    /// The service did not answer, or not with what was expected.
    #[error("{service} failed: {source}")]
    Failed {
        /// Which service.
        service: &'static str,
        /// What happened.
        source: Error,
    },
    /// The answer lacks what was asked for.
    #[error("{service} answered without {what}")]
    Incomplete {
        /// Which service.
        service: &'static str,
        /// What is missing.
        what: &'static str,
    },
}

const GATEWAY: &str = "airtable-gateway";
const ORCHESTRATOR: &str = "llm-orchestrator";

/// The two services.
#[derive(Debug, Clone)]
pub struct Upstream {
    gateway: Peer,
    orchestrator: Peer,
    base_id: Option<String>,
}

impl Upstream {
    /// At these addresses.
    pub fn new(gateway: Peer, orchestrator: Peer, base_id: Option<String>) -> Self {
        Self { gateway, orchestrator, base_id }
    }

    /// Creates one record; gives it: `id`, `fields`, `createdTime`.
    pub async fn create_record(
        &self,
        target: &Table,
        fields: &Value,
        business: &Business,
        time: Duration,
    ) -> Result<Value, CallError> {
        // Never sent twice: the first may have been carried out although no answer came.
        let request = self.records(Method::POST, target)?.json(&json!([fields])).idempotent(false);
        self.record(request, business, time).await
    }

    /// Changes fields of one record; gives it.
    pub async fn update_record(
        &self,
        target: &Table,
        record_id: &str,
        fields: &Value,
        business: &Business,
        time: Duration,
    ) -> Result<Value, CallError> {
        let request =
            self.records(Method::PATCH, target)?.json(&json!([{"id": record_id, "fields": fields}])).idempotent(true);
        self.record(request, business, time).await
    }

    fn records(&self, method: Method, target: &Table) -> Result<Request, CallError> {
        let base = target
            .base_id
            .as_deref()
            .filter(|base| !base.is_empty())
            .or(self.base_id.as_deref())
            .ok_or(CallError::NoBase)?;
        let path = format!("/api/v1/airtable/bases/{}/tables/{}/records", segment(base)?, segment(&target.table)?);
        let request =
            self.gateway.request(method, &path).template("/api/v1/airtable/bases/{base}/tables/{table}/records");
        Ok(if target.typecast { request.query("typecast", true) } else { request })
    }

    async fn record(&self, request: Request, business: &Business, time: Duration) -> Result<Value, CallError> {
        let answer = call(GATEWAY, request, business, time).await?;
        // The gateway answers with a list of records, or with an object that holds one.
        let list = answer.get("records").unwrap_or(&answer);
        let record = list.as_array().map_or(Some(list), |list| list.first());
        record
            .filter(|record| record.get("id").is_some())
            .cloned()
            .ok_or(CallError::Incomplete { service: GATEWAY, what: "a record" })
    }

    /// Asks a model; gives `content`, `model`, `usage` and `finish_reason`.
    pub async fn complete(&self, prompt: &Prompt, business: &Business, time: Duration) -> Result<Value, CallError> {
        let mut messages = Vec::new();
        if let Some(system) = &prompt.system {
            messages.push(json!({"role": "system", "content": system}));
        }
        messages.push(json!({"role": "user", "content": prompt.prompt}));
        let mut body = Map::new();
        body.insert("messages".to_owned(), messages.into());
        let members = [
            ("model", prompt.model.clone().map(Value::from)),
            ("temperature", prompt.temperature.map(Value::from)),
            ("max_tokens", prompt.max_tokens.map(Value::from)),
            ("tools", prompt.tools.clone()),
            ("tool_choice", prompt.tool_choice.clone()),
        ];
        body.extend(members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        // A question is asked again only when it did not arrive: each answer costs.
        let path = "/api/v1/chat/completions";
        let request = self.orchestrator.post(path).template(path).json(&body).idempotent(false);
        let answer = call(ORCHESTRATOR, request, business, time).await?;
        let choice =
            answer.pointer("/choices/0").ok_or(CallError::Incomplete { service: ORCHESTRATOR, what: "a choice" })?;
        let content = choice.pointer("/message/content").cloned().unwrap_or_else(|| "".into());
        let member = |value: &Value, name: &str| value.get(name).cloned().unwrap_or_default();
        Ok(json!({
            "content": content,
            "model": member(&answer, "model"),
            "finish_reason": member(choice, "finish_reason"),
            "usage": member(&answer, "usage"),
            "id": member(&answer, "id"),
            "session_id": member(&answer, "session_id"),
        }))
    }
}

/// Sends a request on behalf of `business`. The trace context and baggage go along by themselves; these headers are for services that
/// attribute by them.
async fn call(
    service: &'static str,
    request: Request,
    business: &Business,
    time: Duration,
) -> Result<Value, CallError> {
    let known = [
        ("x-user-id", &business.user_id),
        ("x-tenant-id", &business.tenant_id),
        ("x-cost-center", &business.cost_center),
    ];
    let mut request = request.timeout(time);
    for (name, value) in known {
        if let Some(value) = value {
            request = request.header(name, value);
        }
    }
    let failed = |source| CallError::Failed { service, source };
    let answer = request.send().await.map_err(failed)?;
    if !answer.status().is_success() {
        return Err(refused(service, answer).await);
    }
    let bytes = answer.bytes(ANSWER_BYTES_MAX).await.map_err(failed)?;
    serde_json::from_slice(&bytes).map_err(|error| failed(Error::Body(error)))
}

async fn refused(service: &'static str, answer: Response) -> CallError {
    let status = answer.status().as_u16();
    let body = answer.bytes(ANSWER_BYTES_MAX).await.unwrap_or_default();
    let document: Value = serde_json::from_slice(&body).unwrap_or_default();
    let told = document.get("detail").or_else(|| document.pointer("/error/message")).and_then(Value::as_str);
    let detail = told.map(str::to_owned).unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned());
    CallError::Refused { service, status, detail: detail.chars().take(DETAIL_CHARS_MAX).collect() }
}

/// One part of a path, with everything escaped that would end it. A lone dot or two would be resolved away, escaped or not.
fn segment(text: &str) -> Result<String, CallError> {
    if matches!(text, "" | "." | "..") {
        return Err(CallError::Name(text.to_owned()));
    }
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    Ok(out)
}
