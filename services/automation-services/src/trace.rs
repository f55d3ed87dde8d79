//! How an execution stays one trace from its trigger to the last call, over time and processes.
//!
//! Whoever triggers an execution leaves an [`Origin`] in its row: the propagation headers of the moment, and on whose behalf. The run's
//! span begins below those headers. A run that is taken up again after a crash begins a trace of its own that links to the first run's
//! span: the old trace may be days old and closed. `workflow.id`, `workflow.type` and `workflow.execution_id` go into the baggage, from
//! where every span below takes them, here and in the services that are called.

use crate::names::TriggerType;
use crate::store::claims::Claimed;
use crate::store::executions::Headers;
use opentelemetry::baggage::{BaggageExt, KeyValueMetadata};
use opentelemetry::trace::{FutureExt, Link, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use std::time::Duration;
use telemetry::Business;

/// Where an execution comes from.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// On whose behalf.
    pub business: Business,
    /// Propagation headers of the trigger.
    pub headers: Headers,
}

impl Origin {
    /// The request that runs now; what it does not say about its sender is taken from `fallback`.
    pub fn current(fallback: &Business) -> Self {
        let business = merged(Business::of(&Context::current()), fallback);
        Self { headers: headers_of(&business.onto(&Context::current())), business }
    }
}

/// `business`, with what it does not know taken from `fallback`.
fn merged(business: Business, fallback: &Business) -> Business {
    Business {
        user_id: business.user_id.or_else(|| fallback.user_id.clone()),
        tenant_id: business.tenant_id.or_else(|| fallback.tenant_id.clone()),
        api_key_hash: business.api_key_hash.or_else(|| fallback.api_key_hash.clone()),
        cost_center: business.cost_center.or_else(|| fallback.cost_center.clone()),
    }
}

fn with_baggage(context: &Context, entries: impl IntoIterator<Item = (&'static str, String)>) -> Context {
    let new = entries.into_iter().map(|(key, value)| KeyValueMetadata::from(KeyValue::new(key, value)));
    context.with_baggage(entries_of(context).chain(new))
}

/// The baggage of `context`; of two entries with one key the later counts.
fn entries_of(context: &Context) -> impl Iterator<Item = KeyValueMetadata> {
    context
        .baggage()
        .iter()
        .map(|(key, (value, metadata))| KeyValueMetadata::new(key.clone(), value.clone(), metadata.clone()))
}

fn headers_of(context: &Context) -> Headers {
    let _scope = context.clone().attach();
    let mut headers = Headers::new();
    telemetry::inject_map(&mut headers);
    headers
}

/// A span that is open while an execution or a step runs.
#[derive(Debug)]
pub struct Run {
    context: Context,
}

impl Run {
    fn start(
        name: &'static str,
        kind: SpanKind,
        parent: &Context,
        attributes: Vec<KeyValue>,
        links: Vec<Link>,
    ) -> Self {
        let tracer = telemetry::tracer();
        let builder = tracer.span_builder(name).with_kind(kind).with_attributes(attributes).with_links(links);
        Self { context: parent.with_span(tracer.build_with_context(builder, parent)) }
    }

    /// The span of a run of `claimed`. `workflow.type` is what its config says (`config.type`), else what triggered it.
    pub fn execution(claimed: &Claimed) -> Self {
        let asked = telemetry::extract_map(&claimed.trace_parent);
        let (parent, links) = match &claimed.first_run {
            None => (asked, Vec::new()),
            Some(first) => {
                let first = telemetry::extract_map(first).span().span_context().clone();
                let link =
                    first.is_valid().then(|| Link::new(first, vec![KeyValue::new("workflow.link", "first_run")], 0));
                (Context::new().with_baggage(entries_of(&asked)), link.into_iter().collect())
            }
        };
        let kind =
            claimed.config.get("type").and_then(serde_json::Value::as_str).unwrap_or(claimed.trigger_type.as_str());
        let parent = with_baggage(
            &claimed.business.onto(&parent),
            [
                ("workflow.id", claimed.workflow_id.clone()),
                ("workflow.type", kind.to_owned()),
                ("workflow.execution_id", claimed.id.clone()),
            ],
        );
        let attributes = vec![
            KeyValue::new("workflow.name", claimed.workflow_name.clone()),
            KeyValue::new("workflow.trigger_type", claimed.trigger_type.as_str()),
            KeyValue::new("workflow.attempt", claimed.attempt),
        ];
        Self::start("workflow.execution", SpanKind::Internal, &parent, attributes, links)
    }

    /// The span of one step, below this one.
    pub fn step(&self, position: usize, name: &str, kind: &'static str) -> Self {
        let attributes = vec![
            KeyValue::new("workflow.step.number", position as i64 + 1),
            KeyValue::new("workflow.step.name", name.to_owned()),
            KeyValue::new("workflow.step.type", kind),
        ];
        Self::start(step_span(kind), SpanKind::Internal, &self.context, attributes, Vec::new())
    }

    /// Propagation headers of this span.
    pub fn headers(&self) -> Headers {
        headers_of(&self.context)
    }

    /// Runs `work` inside the span.
    pub async fn inside<F: Future>(&self, work: F) -> F::Output {
        work.with_context(self.context.clone()).await
    }

    /// Notes how it ended, under `workflow.status` or `workflow.step.status`, and how long it took.
    pub fn note(&self, prefix: &'static str, status: &'static str, took: Duration, error: Option<&str>) {
        let span = self.context.span();
        let took = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
        span.set_attribute(KeyValue::new(format!("{prefix}.status"), status));
        span.set_attribute(KeyValue::new(format!("{prefix}.duration_ms"), took));
        if let Some(error) = error {
            span.set_status(Status::error(error.to_owned()));
        }
    }

    /// Ends the span.
    pub fn end(self) {}
}

impl Drop for Run {
    fn drop(&mut self) {
        self.context.span().end();
    }
}

/// Names of spans are few: one per type of step.
fn step_span(kind: &'static str) -> &'static str {
    match kind {
        "log" => "workflow.step log",
        "file_process" => "workflow.step file_process",
        "airtable_create" => "workflow.step airtable_create",
        "airtable_update" => "workflow.step airtable_update",
        "delay" => "workflow.step delay",
        "condition" => "workflow.step condition",
        "llm" => "workflow.step llm",
        _ => "workflow.step",
    }
}

/// The root of a trace whose execution the clock asked for, and the span that is it. It is open while the execution is stored.
pub fn scheduled(workflow_id: &str, business: &Business, due: chrono::DateTime<chrono::Utc>) -> (Origin, Run) {
    let parent = with_baggage(
        &business.onto(&Context::new()),
        [("workflow.id", workflow_id.to_owned()), ("workflow.type", TriggerType::Scheduled.as_str().to_owned())],
    );
    let attributes = vec![KeyValue::new("workflow.scheduled_for", crate::variables::moment(due))];
    let run = Run::start("workflow.schedule", SpanKind::Internal, &parent, attributes, Vec::new());
    (Origin { business: business.clone(), headers: run.headers() }, run)
}
