//! Check 5: log lines are in Loki under service, environment and level, and carry the id of their trace.

use std::time::Duration;

use serde_json::{Map, Value};

use super::cost::Chat;
use super::probe::{Probe, now_nanos};
use super::report::Item;
use super::stack::Stack;
use super::traces::Call;
use crate::client::http::query_string;

/// Labels that dashboards and the old integration test look for.
const LABELS: [&str; 3] = ["service", "environment", "level"];
/// Clocks of services and ours may differ by this.
const SKEW: Duration = Duration::from_secs(60);
/// Lines that one look reads; a busy service writes more in a minute, so the newest are read.
const LINES: &str = "5000";

/// A log line: its labels with its structured metadata, and the line.
pub(super) struct Entry {
    pub(super) labels: Map<String, Value>,
    pub(super) line: String,
}

impl Entry {
    pub(super) fn label(&self, name: &str) -> &str {
        self.labels.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

/// Looks for the label names, and for the line of the chat call.
pub(super) async fn look(probe: &Probe, stack: &Stack, calls: &[Call], chat: Option<&Chat>) -> Vec<Item> {
    let Some(loki) = &stack.loki else { return vec![Item::skipped("Loki")] };
    let names = probe.until(async || labels(probe, loki).await).await;
    let mut items = vec![Item::of("label names", names)];
    match chat {
        Some(chat) => {
            let line = probe.until(async || find_call(probe, loki, chat).await).await;
            items.push(Item::of("line of the chat call", line.map(|entry| describe(&entry))));
        }
        None if calls.is_empty() => {}
        None => items.push(Item::skipped("line of the chat call")),
    }
    items
}

async fn labels(probe: &Probe, loki: &str) -> Result<String, String> {
    let answer = probe.store_json(loki, "/loki/api/v1/labels").await?;
    let names: Vec<&str> = answer["data"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let missing: Vec<&str> = LABELS.into_iter().filter(|label| !names.contains(label)).collect();
    if missing.is_empty() { Ok(LABELS.join(", ")) } else { Err(format!("no label {}", missing.join(", "))) }
}

/// The line that llm-orchestrator writes when a call of a model ends, of this chat's trace.
pub(super) async fn find_call(probe: &Probe, loki: &str, chat: &Chat) -> Result<Entry, String> {
    let start = (chat.started.saturating_sub(SKEW.as_nanos() as u64)).to_string();
    let end = (now_nanos() + SKEW.as_nanos() as u64).to_string();
    let query = query_string(&[
        ("query", Some(r#"{service="llm-orchestrator"} |= "LLM API call completed""#)),
        ("start", Some(&start)),
        ("end", Some(&end)),
        ("limit", Some(LINES)),
    ]);
    let answer = probe.store_json(loki, &format!("/loki/api/v1/query_range{query}")).await?;
    let entries = entries(&answer["data"]);
    let lines = entries.len();
    let entry = entries.into_iter().find(|entry| entry.label("trace_id") == chat.root.trace_id);
    let id = &chat.root.trace_id;
    let entry = entry.ok_or_else(|| format!("none of {lines} lines of llm-orchestrator carries trace {id}"))?;
    match LABELS.into_iter().find(|label| entry.label(label).is_empty()) {
        Some(label) => Err(format!("the line has no label {label}")),
        None => Ok(entry),
    }
}

fn entries(data: &Value) -> Vec<Entry> {
    let streams = data["result"].as_array().into_iter().flatten();
    let of_stream = |stream: &Value| {
        let labels = stream["stream"].as_object().cloned().unwrap_or_default();
        let values = stream["values"].as_array().cloned().unwrap_or_default().into_iter();
        values
            .map(move |value| Entry { labels: labels.clone(), line: value[1].as_str().unwrap_or_default().to_owned() })
    };
    streams.flat_map(of_stream).collect()
}

fn describe(entry: &Entry) -> String {
    let labels = LABELS.map(|label| format!("{label}={}", entry.label(label))).join(" ");
    let line: String = entry.line.chars().take(80).collect();
    format!("{labels}: {line}")
}
