//! The rounds of one answer: ask the model, run the functions that it wants called, ask again.
//!
//! Limit: MAX_TOOL_ROUNDS; then the model is asked once more, without the right to call functions.

use std::collections::HashSet;
use std::sync::Arc;

use futures::future::join_all;
use opentelemetry::trace::FutureExt;
use serde_json::Value;
use tokio::sync::mpsc;

use super::translate::{Mode, Prompt};
use super::wire;
use crate::gemini::{Answer, Error, FunctionCall};
use crate::metering::{Call, Facts, Totals};
use crate::state::State;

/// What is to be answered.
#[derive(Debug)]
pub(crate) struct Task {
    /// The model to ask.
    pub(crate) model: String,
    /// What it is asked.
    pub(crate) prompt: Prompt,
    /// Functions that mcp-server runs. All others are for the caller.
    pub(crate) ours: HashSet<String>,
    /// The session, for the spans.
    pub(crate) session: Option<String>,
    /// `chat_completion`, `table_analysis`: `ai.operation` of the spans.
    pub(crate) purpose: &'static str,
}

/// What has been answered so far. Kept by the caller, so that it outlives an answer that is cut short.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// What the calls used and cost.
    pub(crate) totals: Totals,
    /// Text that the user may see.
    pub(crate) text: String,
    /// Gemini's id of the last call.
    pub(crate) id: Option<String>,
    /// The model that answered.
    pub(crate) model: Option<String>,
    /// Why it ended; empty while it has not.
    pub(crate) finish_reason: &'static str,
    /// A function that the caller shall run.
    pub(crate) function_call: Option<wire::Call>,
}

/// What happens while an answer is streamed.
#[derive(Debug)]
pub(crate) enum Event {
    /// The model has begun to answer.
    Begun,
    /// More text.
    Text(String),
}

/// Where events go; `None` asks for whole answers.
pub(crate) type Events = Option<mpsc::Sender<Event>>;

/// Answers. On an error, `progress` holds what was used before.
///
/// # Errors
/// When a call of the model fails. Functions do not fail: the model is told.
pub(crate) async fn converse(
    state: &Arc<State>,
    mut task: Task,
    events: &Events,
    progress: &mut Progress,
) -> Result<(), Error> {
    let rounds_max = state.config.tool_rounds_max;
    for round in 0..=rounds_max {
        if round == rounds_max {
            task.prompt.mode = Mode::None;
        }
        let answer = ask(state, &task, events, progress).await?;
        let calls = answer.function_calls();
        if calls.is_empty() || round == rounds_max {
            progress.finish_reason = answer.finish_reason();
            return Ok(());
        }
        if let Some(call) = calls.iter().find(|call| !task.ours.contains(&call.name)) {
            progress.finish_reason = "function_call";
            progress.function_call =
                Some(wire::Call { name: call.name.clone(), arguments: call.arguments.to_string() });
            return Ok(());
        }
        task.prompt.add_turn(&answer.parts);
        task.prompt.add_results(&run(state, calls).await);
        // A model that must call a function would never come to an end.
        if task.prompt.mode != Mode::Auto {
            task.prompt.mode = Mode::Auto;
        }
    }
    Ok(())
}

async fn run(state: &Arc<State>, calls: Vec<FunctionCall>) -> Vec<(FunctionCall, Value)> {
    let results = join_all(calls.iter().map(|call| state.tools.call(call))).await;
    calls.into_iter().zip(results).collect()
}

/// One call of the model.
async fn ask(state: &Arc<State>, task: &Task, events: &Events, progress: &mut Progress) -> Result<Answer, Error> {
    let body = task.prompt.body();
    let mut call = Call::begin(
        &state.metering,
        Facts {
            operation: "chat",
            purpose: task.purpose,
            model: task.model.clone(),
            stream: events.is_some(),
            session: task.session.clone(),
            body: body.clone(),
        },
    );
    let context = call.context();
    let outcome = match events {
        None => whole(state, &task.model, &body, &mut call, progress).with_context(context).await,
        Some(events) => streamed(state, &task.model, &body, &mut call, events, progress).with_context(context).await,
    };
    if let Err(error) = outcome {
        progress.totals.add(&call.fail(&error));
        return Err(error);
    }
    let (answer, charge) = call.finish();
    progress.totals.add(&charge);
    progress.id = answer.id.clone().or(progress.id.take());
    progress.model = answer.model.clone().or(progress.model.take());
    Ok(answer)
}

async fn whole(
    state: &State,
    model: &str,
    body: &Value,
    call: &mut Call,
    progress: &mut Progress,
) -> Result<(), Error> {
    let answer = state.gemini.generate(model, body).await?;
    progress.text.push_str(&call.push(&answer));
    Ok(())
}

async fn streamed(
    state: &State,
    model: &str,
    body: &Value,
    call: &mut Call,
    events: &mpsc::Sender<Event>,
    progress: &mut Progress,
) -> Result<(), Error> {
    let mut chunks = state.gemini.stream(model, body).await?;
    // A send fails when the caller has gone: the task around this is about to be dropped then.
    let _ = events.send(Event::Begun).await;
    while let Some(chunk) = chunks.next().await? {
        let text = call.push(&chunk);
        if !text.is_empty() {
            progress.text.push_str(&text);
            let _ = events.send(Event::Text(text)).await;
        }
    }
    if call.answer_is_finished() { Ok(()) } else { Err(Error::BrokeOff) }
}
