//! One call of a model: its span, what it used, what it cost, told once, however it ends.
//!
//! Dropping a call that is not finished tells it as cancelled, with what was used until then: a client that goes away does not
//! make the bill smaller.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use cost::{Day, Flag, Priced, Status, Unpriced, Usage};
use opentelemetry::trace::{SpanKind, Status as SpanStatus, TraceContextExt, Tracer};
use opentelemetry::{Array, Context, KeyValue, StringValue, Value as Attribute};
use serde_json::Value;

use super::{Charge, Metering, OLD_PROVIDER, PROVIDER};
use crate::gemini::{Answer, Error};

/// What is known about a call when it begins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// `chat` or `embeddings`, of the GenAI conventions.
    pub(crate) operation: &'static str,
    /// `chat_completion`, `table_analysis` …: what it is for.
    pub(crate) purpose: &'static str,
    /// The model that is asked.
    pub(crate) model: String,
    /// Whether the answer is streamed.
    pub(crate) stream: bool,
    /// The session, if there is one.
    pub(crate) session: Option<String>,
    /// The request's body, for settings and, if content may be captured, for the prompt.
    pub(crate) body: Value,
}

/// A call that runs.
#[derive(Debug)]
pub(crate) struct Call {
    metering: Arc<Metering>,
    facts: Facts,
    context: Context,
    begun: Instant,
    day: Day,
    first_chunk: Option<Duration>,
    last_chunk: Option<Instant>,
    answer: Answer,
    told: bool,
}

/// How a call ended.
enum Ending<'a> {
    Answered,
    Failed(&'a Error),
    Cancelled,
}

impl Call {
    /// Opens the span, below the current one.
    pub(crate) fn begin(metering: &Arc<Metering>, facts: Facts) -> Self {
        let mut attributes = vec![
            KeyValue::new("gen_ai.operation.name", facts.operation),
            KeyValue::new("gen_ai.provider.name", PROVIDER),
            KeyValue::new("gen_ai.request.model", facts.model.clone()),
            KeyValue::new("server.address", metering.server_address.clone()),
            KeyValue::new("server.port", i64::from(metering.server_port)),
            KeyValue::new("ai.operation", facts.purpose),
            KeyValue::new("ai.provider", OLD_PROVIDER),
            KeyValue::new("ai.model", facts.model.clone()),
            KeyValue::new("ai.tier", "llm"),
        ];
        attributes.extend(settings(&facts));
        attributes.extend(prompt(&facts.body));
        let tracer = telemetry::tracer();
        let name = format!("{} {}", facts.operation, facts.model);
        let span = tracer.span_builder(name).with_kind(SpanKind::Client).with_attributes(attributes).start(&tracer);
        Self {
            metering: Arc::clone(metering),
            facts,
            context: Context::current_with_span(span),
            begun: Instant::now(),
            day: Day::of_unix_seconds(Utc::now().timestamp()),
            first_chunk: None,
            last_chunk: None,
            answer: Answer::default(),
            told: false,
        }
    }

    /// The span's context: the request to the provider runs in it.
    pub(crate) fn context(&self) -> Context {
        self.context.clone()
    }

    /// Takes a whole answer or a chunk of one and gives the text in it that the user may see.
    pub(crate) fn push(&mut self, chunk: &Value) -> String {
        let now = Instant::now();
        if self.facts.stream {
            match self.last_chunk.replace(now) {
                None => self.first_chunk = Some(now - self.begun),
                Some(last) => {
                    let seconds = (now - last).as_secs_f64();
                    self.metering.instruments.time_per_output_chunk.record(seconds, &self.labels());
                }
            }
        }
        self.answer.push(chunk)
    }

    /// Takes an answer of embeddings, which has no finish; `counted` stands in when it does not say what it used.
    pub(crate) fn push_embeddings(&mut self, answer: &Value, counted: Option<u64>) {
        self.answer.push(answer);
        self.answer.complete();
        if let Some(tokens) = counted {
            self.answer.assume_input(tokens);
        }
    }

    /// Whether the answer so far says what it used.
    pub(crate) fn usage_is_known(&self) -> bool {
        self.answer.usage().is_some()
    }

    /// Whether the model has said that it is done.
    pub(crate) fn answer_is_finished(&self) -> bool {
        self.answer.finished()
    }

    /// Ends a call that was answered.
    pub(crate) fn finish(mut self) -> (Answer, Charge) {
        let charge = self.tell(&Ending::Answered);
        (std::mem::take(&mut self.answer), charge)
    }

    /// Ends a call that failed.
    pub(crate) fn fail(mut self, error: &Error) -> Charge {
        self.tell(&Ending::Failed(error))
    }

    fn tell(&mut self, ending: &Ending<'_>) -> Charge {
        self.told = true;
        let elapsed = self.begun.elapsed();
        let charge = self.charge(ending);
        self.measure(ending, &charge, elapsed);
        self.mark(ending, &charge);
        self.log(ending, &charge, elapsed);
        self.context.span().end();
        charge
    }

    fn charge(&self, ending: &Ending<'_>) -> Charge {
        let usage = self.answer.usage();
        let priced = match (usage, ending) {
            (None, Ending::Failed(error)) if error.used_nothing() => Priced::zero(),
            (None, _) => Priced::Unpriced(Unpriced::Usage),
            (Some(usage), _) => self.price(usage),
        };
        Charge::new(usage, priced)
    }

    fn price(&self, usage: &Usage) -> Priced {
        let request = cost::Call {
            provider: PROVIDER,
            request_model: Some(&self.facts.model),
            response_model: self.answer.model.as_deref(),
            day: self.day,
            usage,
        };
        match self.metering.book.price(&request) {
            Priced::Bill(bill) if !self.answer.usage_is_final() && bill.status == Status::Computed => {
                Priced::Bill(cost::Bill { status: Status::LowerBound, ..bill })
            }
            priced => priced,
        }
    }

    /// Labels of the GenAI metrics, and of the counters beside who caused it.
    fn labels(&self) -> Vec<KeyValue> {
        let bounded = |label, value: &str| KeyValue::new(label, self.metering.labels.bounded(label, value));
        let mut labels = vec![
            KeyValue::new("gen_ai.operation.name", self.facts.operation),
            KeyValue::new("gen_ai.provider.name", PROVIDER),
            bounded("gen_ai.request.model", &self.facts.model),
            KeyValue::new("server.address", self.metering.server_address.clone()),
            KeyValue::new("server.port", i64::from(self.metering.server_port)),
        ];
        labels.extend(self.answer.model.as_deref().map(|model| bounded("gen_ai.response.model", model)));
        labels
    }

    /// Who caused it, as labels.
    fn cause(&self) -> Vec<KeyValue> {
        let business = telemetry::Business::of(&self.context);
        let known =
            [("tenant.id", business.tenant_id), ("user.id", business.user_id), ("cost.center", business.cost_center)];
        let known = known.into_iter().filter_map(|(key, value)| Some((key, value.filter(|value| !value.is_empty())?)));
        known.map(|(key, value)| KeyValue::new(key, self.metering.labels.bounded(key, &value))).collect()
    }

    fn measure(&self, ending: &Ending<'_>, charge: &Charge, elapsed: Duration) {
        let instruments = &self.metering.instruments;
        let labels = self.labels();
        let with = |extra: KeyValue| labels.iter().cloned().chain([extra]).collect::<Vec<_>>();
        match error_type(ending) {
            Some(kind) => instruments.duration.record(elapsed.as_secs_f64(), &with(KeyValue::new("error.type", kind))),
            None => instruments.duration.record(elapsed.as_secs_f64(), &labels),
        }
        if let Some(first) = self.first_chunk {
            instruments.time_to_first_chunk.record(first.as_secs_f64(), &labels);
        }
        let caused: Vec<_> = labels.iter().cloned().chain(self.cause()).collect();
        if self.answer.usage().is_some() {
            let of_type = [("input", charge.tokens.input_total()), ("output", charge.tokens.output_total())];
            for (kind, tokens) in
                of_type.into_iter().filter(|(kind, _)| self.facts.operation == "chat" || *kind == "input")
            {
                let kind = KeyValue::new("gen_ai.token.type", kind);
                instruments.token_usage.record(tokens, &with(kind.clone()));
                instruments.tokens.add(tokens, &caused.iter().cloned().chain([kind]).collect::<Vec<_>>());
            }
        }
        if self.metering.cost_tracking {
            match charge.priced.cost() {
                Some(cost) => instruments.cost.add(cost.to_usd(), &caused),
                None => instruments.unpriced.add(1, &caused),
            }
        }
    }

    fn mark(&self, ending: &Ending<'_>, charge: &Charge) {
        let span = self.context.span();
        let answer = &self.answer;
        let text = |key, value: &Option<String>| value.clone().map(|value| KeyValue::new(key, value));
        span.set_attributes(
            [text("gen_ai.response.model", &answer.model), text("gen_ai.response.id", &answer.id)]
                .into_iter()
                .flatten(),
        );
        if answer.finished() && self.facts.operation == "chat" {
            let reasons = vec![StringValue::from(answer.finish_reason())];
            span.set_attribute(KeyValue::new(
                "gen_ai.response.finish_reasons",
                Attribute::Array(Array::String(reasons)),
            ));
        }
        if let Some(first) = self.first_chunk {
            span.set_attribute(KeyValue::new("gen_ai.response.time_to_first_chunk", first.as_secs_f64()));
        }
        if answer.usage().is_some() {
            span.set_attributes(usage_attributes(charge));
        }
        if self.metering.cost_tracking {
            span.set_attributes(cost_attributes(&charge.priced));
        }
        span.set_attributes(completion(answer));
        if let Some(kind) = error_type(ending) {
            span.set_attribute(KeyValue::new("error.type", kind));
            let reason = match ending {
                Ending::Failed(error) => error.logged(),
                _ => "the caller went away".to_owned(),
            };
            span.set_status(SpanStatus::error(reason));
        }
    }

    fn log(&self, ending: &Ending<'_>, charge: &Charge, elapsed: Duration) {
        let _scope = self.context.clone().attach();
        let cost = charge.priced.cost().filter(|_| self.metering.cost_tracking);
        let known = self.answer.usage().is_some();
        macro_rules! line {
            ($level:ident, $message:literal $(, $field:ident = $value:expr)*) => {
                tracing::$level!(
                    ai_provider = OLD_PROVIDER,
                    ai_model = self.facts.model.as_str(),
                    ai_operation = self.facts.purpose,
                    ai_response_model = self.answer.model.as_deref(),
                    ai_response_id = self.answer.id.as_deref(),
                    ai_input_tokens = known.then(|| charge.tokens.input_total()),
                    ai_output_tokens = known.then(|| charge.tokens.output_total()),
                    ai_cost_usd = cost.map(cost::NanoUsd::to_usd),
                    ai_cost_nanousd = cost.map(|cost| cost.0),
                    ai_cost_status = charge.priced.status().name(),
                    duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
                    $($field = $value,)*
                    $message
                )
            };
        }
        match (ending, error_type(ending)) {
            (Ending::Failed(error), Some(kind)) => {
                line!(warn, "LLM API call failed", error_type = kind, error = error.logged())
            }
            (_, Some(kind)) => line!(warn, "LLM API call cancelled", error_type = kind),
            _ => line!(info, "LLM API call completed"),
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.told {
            self.tell(&Ending::Cancelled);
        }
    }
}

fn error_type(ending: &Ending<'_>) -> Option<String> {
    match ending {
        Ending::Answered => None,
        Ending::Failed(error) => Some(error.kind()),
        Ending::Cancelled => Some("cancelled".to_owned()),
    }
}

fn settings(facts: &Facts) -> Vec<KeyValue> {
    let generation = &facts.body["generationConfig"];
    let mut found = Vec::new();
    found.extend(generation["temperature"].as_f64().map(|value| KeyValue::new("gen_ai.request.temperature", value)));
    found.extend(generation["maxOutputTokens"].as_i64().map(|value| KeyValue::new("gen_ai.request.max_tokens", value)));
    found.extend(facts.session.clone().map(|session| KeyValue::new("gen_ai.conversation.id", session)));
    found.extend(facts.stream.then(|| KeyValue::new("gen_ai.request.stream", true)));
    found
}

fn int(key: &'static str, value: u64) -> KeyValue {
    KeyValue::new(key, i64::try_from(value).unwrap_or(i64::MAX))
}

fn usage_attributes(charge: &Charge) -> Vec<KeyValue> {
    let (input, output) = (charge.tokens.input_total(), charge.tokens.output_total());
    let (cached, reasoning) = Charge::cached_and_reasoning(&charge.tokens);
    vec![
        int("gen_ai.usage.input_tokens", input),
        int("gen_ai.usage.output_tokens", output),
        int("gen_ai.usage.cache_read.input_tokens", cached),
        int("gen_ai.usage.reasoning.output_tokens", reasoning),
        int("ai.input_tokens", input),
        int("ai.output_tokens", output),
        int("ai.cached_tokens", cached),
        int("ai.reasoning_tokens", reasoning),
    ]
}

fn cost_attributes(priced: &Priced) -> Vec<KeyValue> {
    let mut attributes = vec![KeyValue::new("ai.cost_status", priced.status().name())];
    if let Some(cost) = priced.cost() {
        attributes.push(KeyValue::new("ai.cost_usd", cost.to_usd()));
        attributes.push(KeyValue::new("ai.cost_nanousd", cost.0));
    }
    match priced {
        Priced::Unpriced(reason) => attributes.push(KeyValue::new("ai.cost_reason", reason.to_string())),
        Priced::Bill(bill) => {
            attributes.push(KeyValue::new("ai.service_tier", bill.tier.name()));
            attributes
                .extend(bill.price.as_ref().map(|price| KeyValue::new("ai.price_version", price.book_version.clone())));
            let flags: Vec<StringValue> = bill.flags.iter().copied().map(Flag::name).map(StringValue::from).collect();
            if !flags.is_empty() {
                attributes.push(KeyValue::new("ai.cost_flags", Attribute::Array(Array::String(flags))));
            }
        }
    }
    attributes
}

/// The prompt, if it may be captured.
fn prompt(body: &Value) -> Vec<KeyValue> {
    let mut found = Vec::new();
    if let Some(input) = body.get("contents").and_then(captured) {
        found.push(KeyValue::new("gen_ai.input.messages", input));
    }
    if let Some(system) = body.get("systemInstruction").and_then(|system| captured(&system["parts"])) {
        found.push(KeyValue::new("gen_ai.system_instructions", system));
    }
    found
}

/// The completion, if it may be captured.
fn completion(answer: &Answer) -> Option<KeyValue> {
    let content = serde_json::json!([{"role": "model", "parts": answer.parts, "finishReason": answer.finish_reason()}]);
    let told = (!answer.parts.is_empty()).then(|| captured(&content)).flatten()?;
    Some(KeyValue::new("gen_ai.output.messages", told))
}

/// Content as JSON text in the form of the GenAI conventions, if it may be captured.
fn captured(content: &Value) -> Option<String> {
    super::captured_text(|| super::content::of_gemini(content).to_string())
}
