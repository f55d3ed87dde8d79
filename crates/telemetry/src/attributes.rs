//! The helpers of the services' contract: they set attributes on the current span.
//!
//! Names of `gen_ai.*` are those of the repository semantic-conventions-genai, where they moved to; the crate of names has them no more.

use std::time::Duration;

use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Array, Context, KeyValue, Value};
use opentelemetry_semantic_conventions::attribute as conventions;
use ring::hmac;

use crate::business::remember;
use crate::process;

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
    let mut attributes = vec![
        KeyValue::new("ai.provider", ai.provider.to_owned()),
        KeyValue::new("ai.model", ai.model.to_owned()),
        KeyValue::new("ai.tier", "llm"),
        KeyValue::new("ai.input_tokens", signed(ai.input_tokens)),
        KeyValue::new("ai.output_tokens", signed(ai.output_tokens)),
        KeyValue::new("gen_ai.provider.name", provider_name(ai.provider)),
        KeyValue::new("gen_ai.request.model", ai.model.to_owned()),
        KeyValue::new("gen_ai.usage.input_tokens", signed(ai.input_tokens)),
        KeyValue::new("gen_ai.usage.output_tokens", signed(ai.output_tokens)),
    ];
    let mut set_text = |key: &'static str, value: Option<&str>| {
        attributes.extend(value.map(|value| KeyValue::new(key, value.to_owned())));
    };
    set_text("gen_ai.operation.name", ai.operation);
    set_text("gen_ai.response.model", ai.response_model);
    set_text("gen_ai.response.id", ai.response_id);
    if let Some(reason) = ai.finish_reason {
        let reasons = Value::Array(Array::String(vec![reason.to_owned().into()]));
        attributes.push(KeyValue::new("gen_ai.response.finish_reasons", reasons));
    }
    let mut set_count = |ours: &'static str, theirs: &'static str, count: Option<u64>| {
        if let Some(count) = count {
            attributes.extend([ours, theirs].map(|key| KeyValue::new(key, signed(count))));
        }
    };
    set_count("ai.cached_tokens", "gen_ai.usage.cache_read.input_tokens", ai.cached_tokens);
    set_count("ai.reasoning_tokens", "gen_ai.usage.reasoning.output_tokens", ai.reasoning_tokens);
    if let Some(cost) = ai.cost_nanousd {
        attributes.push(KeyValue::new("ai.cost_usd", cost as f64 / 1e9));
        // The float is for people; sums are made of this.
        attributes.push(KeyValue::new("ai.cost_nanousd", cost));
    }
    set(attributes);
}

/// Sets user, tenant, key hash and cost centre on the current span and, inside a [`crate::scope`] (which server layers open for each
/// request), hands them down to spans that begin below it from now on, in this process and in those that it calls.
pub fn add_business_attributes(business: &Business) {
    set(business.entries().map(|(key, value)| KeyValue::new(key, value.to_owned())));
    Context::map_current(|context| remember(context, business.entries()));
}

/// Sets `workflow.*` on the current span; id and type are handed down as those of [`add_business_attributes`].
pub fn add_workflow_attributes(workflow: &Workflow<'_>) {
    let known = [("workflow.id", workflow.id), ("workflow.type", workflow.kind)];
    let mut attributes: Vec<KeyValue> =
        known.iter().map(|(key, value)| KeyValue::new(*key, (*value).to_owned())).collect();
    attributes.push(KeyValue::new("workflow.status", workflow.status.to_owned()));
    if let Some(duration) = workflow.duration {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        attributes.push(KeyValue::new("workflow.duration_ms", millis));
    }
    set(attributes);
    Context::map_current(|context| remember(context, known.into_iter()));
}

/// Sets `db.*` on the current span, under today's names and the contract's.
pub fn add_database_attributes(database: &Database<'_>) {
    let text = |key: &'static str, value: &str| KeyValue::new(key, value.to_owned());
    let mut attributes = vec![
        text(conventions::DB_SYSTEM_NAME, database.system),
        text("db.system", database.system),
        text(conventions::DB_OPERATION_NAME, database.operation),
        text("db.operation", database.operation),
    ];
    if let Some(table) = database.table {
        attributes.push(text(conventions::DB_COLLECTION_NAME, table));
        attributes.push(text("db.sql.table", table));
    }
    if let Some(rows) = database.rows_affected {
        attributes.push(KeyValue::new("db.rows_affected", signed(rows)));
    }
    if let Some(query) = database.query
        && process::with(|process| process.config.query_text)
    {
        attributes.push(KeyValue::new(conventions::DB_QUERY_TEXT, redact::sql(query).into_owned()));
    }
    set(attributes);
}

/// HMAC-SHA-256 of `key` by the deployment's salt (`TELEMETRY_KEY_SALT`), 16 hex characters; tells callers apart, holds no part of the key.
pub fn hash_api_key(key: &str) -> String {
    let tag = process::with(|process| hmac::sign(&process.key, key.as_bytes()));
    tag.as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `fast`, `normal`, `slow`, `very_slow` or `timeout_risk`; limits by `PERFORMANCE_THRESHOLD_*` (100, 500, 2000, 10000 ms).
pub fn performance_bucket(elapsed: Duration) -> &'static str {
    const NAMES: [&str; 4] = ["fast", "normal", "slow", "very_slow"];
    let limits = process::with(|process| process.config.thresholds);
    let within = limits.iter().position(|limit| elapsed < *limit);
    within.map_or("timeout_risk", |at| NAMES[at])
}

/// The conventions' names for the providers that the services know; others are passed on.
fn provider_name(provider: &str) -> String {
    match provider {
        "google" | "gemini" => "gcp.gemini",
        "vertex" => "gcp.vertex_ai",
        "azure" => "azure.ai.openai",
        "bedrock" => "aws.bedrock",
        other => other,
    }
    .to_owned()
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn set(attributes: impl IntoIterator<Item = KeyValue>) {
    Context::map_current(|context| context.span().set_attributes(attributes));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{InMemory, assert_span, attribute};
    use crate::{TraceContext, scope};

    #[test]
    fn both_dialects_of_a_model_call() {
        let telemetry = InMemory::install();
        {
            let _span = TraceContext::new("chat");
            add_ai_attributes(&Ai {
                provider: "google",
                model: "gemini-2.0-flash",
                input_tokens: 12,
                output_tokens: 3,
                cached_tokens: Some(4),
                cost_nanousd: Some(1_234_000),
                finish_reason: Some("stop"),
                ..Ai::default()
            });
        }
        let span = assert_span(&telemetry, "chat");
        let expected = [
            ("ai.provider", "google"),
            ("ai.tier", "llm"),
            ("ai.cost_usd", "0.001234"),
            ("ai.cost_nanousd", "1234000"),
            ("gen_ai.provider.name", "gcp.gemini"),
            ("gen_ai.request.model", "gemini-2.0-flash"),
            ("gen_ai.usage.input_tokens", "12"),
            ("gen_ai.usage.cache_read.input_tokens", "4"),
            ("gen_ai.response.finish_reasons", "[\"stop\"]"),
        ];
        for (key, value) in expected {
            assert_eq!(attribute(&span, key).as_deref(), Some(value), "{key}");
        }
    }

    #[test]
    fn business_reaches_spans_that_start_later() {
        let telemetry = InMemory::install();
        let request = scope(&Context::new()).attach();
        {
            let _outer = TraceContext::new("outer");
            let business = Business { tenant_id: Some("t1".to_owned()), ..Business::default() };
            add_business_attributes(&business);
            add_workflow_attributes(&Workflow { id: "w", kind: "manual", status: "running", duration: None });
            let _inner = TraceContext::new("inner");
        }
        drop(request);
        for name in ["outer", "inner"] {
            let span = assert_span(&telemetry, name);
            assert_eq!(attribute(&span, "tenant.id").as_deref(), Some("t1"), "{name}");
            assert_eq!(attribute(&span, "workflow.id").as_deref(), Some("w"), "{name}");
        }
        assert_eq!(attribute(&assert_span(&telemetry, "inner"), "workflow.status"), None);
    }

    #[test]
    fn statements_are_for_those_who_may_see_them() {
        for (environment, expected) in [("development", true), ("production", false)] {
            let telemetry = InMemory::with_variables(&[("ENVIRONMENT", environment), ("OTEL_SAMPLING_RATIO", "1")]);
            {
                let _span = TraceContext::new("query");
                let query = Some("SELECT 1");
                add_database_attributes(&Database {
                    system: "sqlite",
                    operation: "SELECT",
                    query,
                    ..Database::default()
                });
            }
            let span = assert_span(&telemetry, "query");
            assert_eq!(attribute(&span, "db.query.text").is_some(), expected);
            assert_eq!(attribute(&span, "db.system.name").as_deref(), Some("sqlite"));
        }
    }

    #[test]
    fn hashes_depend_on_the_salt_alone_and_show_nothing() {
        let key = "AIzaSyD-very-secret";
        let hash = |salt: &str| {
            let _telemetry = InMemory::with_variables(&[("TELEMETRY_KEY_SALT", salt)]);
            hash_api_key(key)
        };
        assert_eq!(hash("a"), hash("a"));
        assert_ne!(hash("a"), hash("b"));
        assert_eq!(hash("a").len(), 16);
        // RFC 4231, test case 2, cut to 8 bytes.
        let _telemetry = InMemory::with_variables(&[("TELEMETRY_KEY_SALT", "Jefe")]);
        assert_eq!(hash_api_key("what do ya want for nothing?"), "5bdcc146bf60754e");
    }

    #[test]
    fn buckets() {
        let bucket = |millis| performance_bucket(Duration::from_millis(millis));
        assert_eq!(
            [0, 99, 100, 499, 500, 1999, 2000, 9999, 10_000].map(bucket),
            ["fast", "fast", "normal", "normal", "slow", "slow", "very_slow", "very_slow", "timeout_risk"]
        );
        let _telemetry = InMemory::with_variables(&[("PERFORMANCE_THRESHOLD_FAST", "10")]);
        assert_eq!(bucket(50), "normal");
    }
}
