//! What each type of step does.

use super::Engine;
use crate::error::Error;
use crate::extract::ExtractError;
use crate::steps::{Action, Otherwise, Prompt, Step, Table, is_delay};
use crate::store::claims::Claimed;
use crate::template::{TemplateError, Variables, render, render_value};
use crate::upstream::CallError;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How much of a logged message is kept, in characters.
const MESSAGE_CHARS_MAX: usize = 10_000;

/// How much of a file's text a step's result shows; all of it is in `content`.
const PREVIEW_CHARS: usize = 500;

/// What a step did.
#[derive(Debug)]
pub(super) struct Done {
    /// What templates see.
    pub(super) result: Value,
    /// Lines for the execution's log: level and message.
    pub(super) logs: Vec<(&'static str, String)>,
}

impl From<Value> for Done {
    fn from(result: Value) -> Self {
        Self { result, logs: Vec::new() }
    }
}

/// Why a step failed. The text is the step's `error`.
#[derive(Debug, thiserror::Error)]
pub(super) enum StepError {
    /// A template has no text.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A service did not do it.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The file has no text.
    #[error(transparent)]
    Extract(#[from] ExtractError),
    /// The file is not there, or our own database failed.
    #[error(transparent)]
    Own(Error),
    /// A value is not what the step needs.
    #[error("{0}")]
    Value(String),
    /// It took too long.
    #[error("took longer than {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// A condition does not hold that must.
    #[error("the condition does not hold: `{left}` {comparison} `{right}`")]
    Condition {
        /// One side.
        left: String,
        /// How.
        comparison: &'static str,
        /// The other side.
        right: String,
    },
}

impl StepError {
    /// What spans and log lines say. Users read the whole text in the execution; it quotes their values, and those that a service
    /// behind us took to pieces, in which no mask recognises a secret.
    pub(super) fn logged(&self) -> String {
        match self {
            Self::Template(_) => "a template has no text".to_owned(),
            Self::Call(CallError::Name(_)) => "a name cannot stand in an address".to_owned(),
            Self::Call(CallError::Refused { service, status, .. }) => format!("{service} answered {status}"),
            Self::Value(_) => "a value is not what the step needs".to_owned(),
            Self::Condition { .. } => "the condition does not hold".to_owned(),
            other => other.to_string(),
        }
    }
}

impl From<Error> for StepError {
    fn from(error: Error) -> Self {
        match error {
            Error::Extract(error) => Self::Extract(error),
            other => Self::Own(other),
        }
    }
}

/// Runs one step within its time-out. `begun` is when it was begun first, in an earlier attempt perhaps.
pub(super) async fn perform(
    engine: &Engine,
    claimed: &Claimed,
    step: &Step,
    begun: DateTime<Utc>,
    variables: &Variables,
) -> Result<Done, StepError> {
    let limit = step.timeout.or_else(|| step.action.default_timeout());
    let work = act(engine, claimed, step, begun, variables, limit.unwrap_or(Duration::MAX));
    match limit {
        Some(limit) => tokio::time::timeout(limit, work).await.unwrap_or(Err(StepError::TimedOut(limit))),
        None => work.await,
    }
}

async fn act(
    engine: &Engine,
    claimed: &Claimed,
    step: &Step,
    begun: DateTime<Utc>,
    variables: &Variables,
    time: Duration,
) -> Result<Done, StepError> {
    let upstream = &engine.0.parts.upstream;
    match &step.action {
        Action::Log { message } => log(&render(message, variables)?),
        Action::FileProcess { file_id } => file_process(engine, &render(file_id, variables)?).await,
        Action::AirtableCreate { target, fields } => {
            let fields = rendered(fields, variables)?;
            let record = upstream.create_record(&table(target, variables)?, &fields, &claimed.business, time).await?;
            Ok(record.into())
        }
        Action::AirtableUpdate { target, record_id, fields } => {
            let (record_id, fields) = (render(record_id, variables)?, rendered(fields, variables)?);
            let record = upstream
                .update_record(&table(target, variables)?, &record_id, &fields, &claimed.business, time)
                .await?;
            Ok(record.into())
        }
        Action::Delay { seconds } => {
            let text = render(seconds, variables)?;
            let seconds = text.trim().parse().ok().filter(|seconds| is_delay(*seconds));
            let seconds =
                seconds.ok_or_else(|| StepError::Value(format!("`{text}` is not a number of seconds up to 86400")))?;
            // From its first begin: what a crash took counts.
            engine.clock().sleep_until(begun + Duration::from_secs_f64(seconds)).await;
            Ok(json!({"seconds": seconds}).into())
        }
        Action::Condition { comparison, left, right, otherwise } => {
            let (left, right) = (render(left, variables)?, render(right, variables)?);
            let holds = comparison.eval(&left, &right);
            if !holds && *otherwise == Otherwise::Fail {
                let short = |text: &str| text.chars().take(100).collect();
                return Err(StepError::Condition {
                    left: short(&left),
                    comparison: comparison.as_str(),
                    right: short(&right),
                });
            }
            let mut result = json!({"condition_met": holds});
            if !holds && *otherwise == Otherwise::Stop {
                result["stopped"] = true.into();
            }
            Ok(Done { result, logs: vec![("info", format!("condition is {}", if holds { "met" } else { "not met" }))] })
        }
        Action::Llm(prompt) => {
            let prompt = prompt_of(prompt, variables)?;
            Ok(upstream.complete(&prompt, &claimed.business, time).await?.into())
        }
    }
}

fn log(message: &str) -> Result<Done, StepError> {
    let message: String = message.chars().take(MESSAGE_CHARS_MAX).collect();
    Ok(Done { result: json!({"message": message}), logs: vec![("info", message)] })
}

/// Extracts a file's text, unless that was done; waits for another one who is at it.
async fn file_process(engine: &Engine, id: &str) -> Result<Done, StepError> {
    let file = engine.processed(id).await?;
    let (text, truncated) = engine.text_of(&file).await?.unwrap_or_default();
    let characters = text.chars().count();
    let result = json!({
        "file_id": file.id,
        "filename": file.filename,
        "file_size": file.size_bytes,
        "characters": characters,
        "truncated": truncated,
        "preview": text.chars().take(PREVIEW_CHARS).collect::<String>(),
        "metadata": file.metadata,
    });
    Ok(Done { result, logs: vec![("info", format!("{}: {characters} characters", file.filename))] })
}

fn rendered(fields: &Map<String, Value>, variables: &Variables) -> Result<Value, TemplateError> {
    let fields = fields.iter().map(|(name, value)| Ok((name.clone(), render_value(value, variables)?)));
    Ok(Value::Object(fields.collect::<Result<_, TemplateError>>()?))
}

fn table(target: &Table, variables: &Variables) -> Result<Table, TemplateError> {
    Ok(Table {
        base_id: target.base_id.as_deref().map(|base| render(base, variables)).transpose()?,
        table: render(&target.table, variables)?,
        typecast: target.typecast,
    })
}

fn prompt_of(prompt: &Prompt, variables: &Variables) -> Result<Prompt, TemplateError> {
    let optional = |text: &Option<String>| text.as_deref().map(|text| render(text, variables)).transpose();
    Ok(Prompt {
        prompt: render(&prompt.prompt, variables)?,
        system: optional(&prompt.system)?,
        model: optional(&prompt.model)?,
        ..prompt.clone()
    })
}
