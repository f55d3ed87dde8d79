//! The steps of a workflow: what a user may write, checked field by field, as typed values.
//!
//! `config.steps` is a list of objects with a `type`; its parameters stand beside it or in an object `config` of the step. Common to all:
//! `name`, `output` (a further name for the result in templates), `continue_on_error`, `timeout_seconds`. Members that are not known are
//! left alone, as the older service did. Every text may hold `{name}` templates (see `template.rs`).

mod reader;
#[cfg(test)]
mod tests;

use crate::condition::Comparison;
use reader::Reader;
use serde_json::{Map, Value};
use service_kit::problem::FieldError;
use std::time::Duration;

/// The most steps in one workflow. Each is a row of every execution.
pub const STEPS_MAX: usize = 100;

/// The longest that one `delay` may wait: a day. A cron expression is the better tool beyond it.
pub const DELAY_MAX: Duration = Duration::from_secs(86_400);

/// The longest time-out that a step may ask for.
pub const TIMEOUT_MAX: Duration = Duration::from_secs(3600);

/// One step, ready to run.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What the user calls it; the type by default.
    pub name: String,
    /// A further name of the result in templates.
    pub output: Option<String>,
    /// Whether the next step runs even if this one fails.
    pub continue_on_error: bool,
    /// The step's own time-out.
    pub timeout: Option<Duration>,
    /// What it does.
    pub action: Action,
}

/// What a step does. Texts are templates still.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Writes a line to the execution's log.
    Log {
        /// The line.
        message: String,
    },
    /// Extracts the text of an uploaded file.
    FileProcess {
        /// The file; the one that triggered the execution by default.
        file_id: String,
    },
    /// Creates a record by way of airtable-gateway.
    AirtableCreate {
        /// Where.
        target: Table,
        /// Cell values by field.
        fields: Map<String, Value>,
    },
    /// Changes some fields of a record by way of airtable-gateway.
    AirtableUpdate {
        /// Where.
        target: Table,
        /// The record.
        record_id: String,
        /// Cell values by field.
        fields: Map<String, Value>,
    },
    /// Waits.
    Delay {
        /// Seconds, as a number or a template of one.
        seconds: String,
    },
    /// Compares two texts.
    Condition {
        /// How.
        comparison: Comparison,
        /// One side.
        left: String,
        /// The other side.
        right: String,
        /// What follows when it does not hold.
        otherwise: Otherwise,
    },
    /// Asks a model by way of llm-orchestrator.
    Llm(Box<Prompt>),
}

/// A table of Airtable.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The base; AIRTABLE_BASE_ID by default.
    pub base_id: Option<String>,
    /// Id or name.
    pub table: String,
    /// Whether Airtable may turn texts into the field's type.
    pub typecast: bool,
}

/// What a condition that does not hold leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise {
    /// Only the result says so.
    Continue,
    /// The execution ends here, completed.
    Stop,
    /// The step fails.
    Fail,
}

/// A question to a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    /// The user's message.
    pub prompt: String,
    /// A system message before it.
    pub system: Option<String>,
    /// The model; the orchestrator's default when absent.
    pub model: Option<String>,
    /// 0 to 2.
    pub temperature: Option<f64>,
    /// The answer's length at most.
    pub max_tokens: Option<u64>,
    /// Tools, handed on as they are written.
    pub tools: Option<Value>,
    /// Handed on as it is written.
    pub tool_choice: Option<Value>,
}

impl Prompt {
    /// Whether the model can call nothing. A `tool_choice` other than `none` offers the tools of mcp-server even without a list.
    fn is_without_tools(&self) -> bool {
        match &self.tool_choice {
            Some(choice) => choice == "none",
            None => self.tools.is_none(),
        }
    }
}

impl Action {
    /// The `type` that a user writes.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Log { .. } => "log",
            Self::FileProcess { .. } => "file_process",
            Self::AirtableCreate { .. } => "airtable_create",
            Self::AirtableUpdate { .. } => "airtable_update",
            Self::Delay { .. } => "delay",
            Self::Condition { .. } => "condition",
            Self::Llm(_) => "llm",
        }
    }

    /// Whether a step that was cut off, and may or may not have had its effect, can simply run again. A record would be created twice,
    /// and tools of a model can do anything; all else reads, or sets what it sets.
    pub fn is_repeatable(&self) -> bool {
        match self {
            Self::AirtableCreate { .. } => false,
            Self::Llm(prompt) => prompt.is_without_tools(),
            _ => true,
        }
    }

    /// The time-out of a step that names none. A delay has none: it ends by itself.
    pub fn default_timeout(&self) -> Option<Duration> {
        match self {
            Self::Delay { .. } => None,
            // Tool calls of a model take several round trips.
            Self::Llm(_) => Some(Duration::from_secs(180)),
            Self::FileProcess { .. } => Some(crate::extract::TIME_MAX + Duration::from_secs(30)),
            _ => Some(Duration::from_secs(60)),
        }
    }
}

const KINDS: [&str; 7] = ["log", "file_process", "airtable_create", "airtable_update", "delay", "condition", "llm"];

/// The steps of a workflow's `config`, or every field of it that is wrong, by its path (`config.steps[1].table`).
pub fn parse(config: &Value) -> Result<Vec<Step>, Vec<FieldError>> {
    let fault = |field: &str, reason: String| Err(vec![FieldError { field: field.to_owned(), reason }]);
    let Some(config) = config.as_object() else { return fault("config", "must be an object".to_owned()) };
    let steps = match config.get("steps") {
        Some(Value::Array(steps)) if steps.is_empty() => {
            return fault("config.steps", "needs at least one step".to_owned());
        }
        Some(Value::Array(steps)) if steps.len() > STEPS_MAX => {
            return fault("config.steps", format!("has {} steps, at most {STEPS_MAX} are allowed", steps.len()));
        }
        Some(Value::Array(steps)) => steps,
        Some(_) => return fault("config.steps", "must be a list".to_owned()),
        None => return fault("config.steps", "is missing".to_owned()),
    };
    let mut faults = Vec::new();
    let parsed: Vec<Option<Step>> =
        steps.iter().enumerate().map(|(n, step)| parse_step(step, format!("config.steps[{n}]"), &mut faults)).collect();
    // A step without a value has left a fault; a fault without a missing step (a wrong option) counts as much.
    if faults.is_empty() { Ok(parsed.into_iter().flatten().collect()) } else { Err(faults) }
}

fn parse_step(step: &Value, path: String, faults: &mut Vec<FieldError>) -> Option<Step> {
    let mut reader = Reader::new(step, path, faults)?;
    let kind = reader.text("type")?;
    let action = match kind.as_str() {
        "log" => Action::Log { message: reader.text("message")? },
        "file_process" => {
            Action::FileProcess { file_id: reader.optional_text("file_id").unwrap_or_else(|| "{file_id}".to_owned()) }
        }
        "airtable_create" => {
            let (target, fields) = (table(&mut reader), reader.object("fields"));
            Action::AirtableCreate { target: target?, fields: fields? }
        }
        "airtable_update" => {
            let (target, record_id, fields) = (table(&mut reader), reader.text("record_id"), reader.object("fields"));
            Action::AirtableUpdate { target: target?, record_id: record_id?, fields: fields? }
        }
        "delay" => Action::Delay { seconds: delay(&mut reader)? },
        "condition" => condition(&mut reader)?,
        "llm" => Action::Llm(Box::new(prompt(&mut reader)?)),
        other => {
            reader.fault("type", format!("`{other}` is not one of {}", KINDS.join(", ")));
            return None;
        }
    };
    Some(Step {
        name: reader.optional_text("name").unwrap_or(kind),
        output: output(&mut reader),
        continue_on_error: reader.flag("continue_on_error"),
        timeout: reader.number("timeout_seconds", 0.001, TIMEOUT_MAX.as_secs_f64()).map(Duration::from_secs_f64),
        action,
    })
}

fn table(reader: &mut Reader<'_>) -> Option<Table> {
    Some(Table {
        base_id: reader.optional_text("base_id"),
        typecast: reader.flag("typecast"),
        table: reader.text("table")?,
    })
}

fn delay(reader: &mut Reader<'_>) -> Option<String> {
    match reader.value("seconds") {
        Some(Value::String(template)) if template.contains('{') => Some(template.clone()),
        Some(Value::String(text)) if text.parse::<f64>().is_ok_and(is_delay) => Some(text.clone()),
        Some(Value::Number(number)) if number.as_f64().is_some_and(is_delay) => Some(number.to_string()),
        None => {
            reader.fault("seconds", "is missing");
            None
        }
        Some(_) => {
            reader.fault("seconds", format!("must be a number from 0 to {}", DELAY_MAX.as_secs()));
            None
        }
    }
}

/// Whether `seconds` is a time that a delay may wait.
pub fn is_delay(seconds: f64) -> bool {
    (0.0..=DELAY_MAX.as_secs_f64()).contains(&seconds)
}

fn condition(reader: &mut Reader<'_>) -> Option<Action> {
    let otherwise = match reader.optional_text("on_false").as_deref() {
        None | Some("continue") => Otherwise::Continue,
        Some("stop") => Otherwise::Stop,
        Some("fail") => Otherwise::Fail,
        Some(other) => {
            reader.fault("on_false", format!("`{other}` is not one of continue, stop, fail"));
            return None;
        }
    };
    let mut inner = reader.nested("condition")?;
    let comparison = inner.text("type").and_then(|name| {
        let comparison = Comparison::parse(&name);
        if comparison.is_none() {
            inner.fault("type", format!("`{name}` is not one of {}", Comparison::WORDS.join(", ")));
        }
        comparison
    });
    let (left, right) = (inner.scalar("left"), inner.scalar("right"));
    Some(Action::Condition { comparison: comparison?, left: left?, right: right?, otherwise })
}

fn prompt(reader: &mut Reader<'_>) -> Option<Prompt> {
    let present = |value: Option<&Value>| value.filter(|value| !value.is_null()).cloned();
    Some(Prompt {
        system: reader.optional_text("system"),
        model: reader.optional_text("model"),
        temperature: reader.number("temperature", 0.0, 2.0),
        max_tokens: reader.number("max_tokens", 1.0, 1e6).map(|tokens| tokens as u64),
        tools: present(reader.value("tools")),
        tool_choice: present(reader.value("tool_choice")),
        prompt: reader.text("prompt")?,
    })
}

/// `output` names a variable, so it must read like one, and must not hide those of the contract.
fn output(reader: &mut Reader<'_>) -> Option<String> {
    let name = reader.optional_text("output")?;
    let first = name.bytes().next()?;
    let reads = (first.is_ascii_alphabetic() || first == b'_')
        && name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !reads {
        reader.fault("output", "must be a name of at most 64 letters, digits and `_` that begins with a letter");
    } else if crate::variables::is_reserved(&name) {
        reader.fault("output", format!("`{name}` is a name that every workflow has already"));
    }
    Some(name)
}
