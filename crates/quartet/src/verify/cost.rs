//! Check 6: the cost of one chat call is the same in its answer, its span, its log line and the metric, to the nano-dollar.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::probe::{Probe, Root, now_nanos};
use super::report::Item;
use super::stack::{Service, Stack};
use super::{logs, traces};
use crate::client::http::query_string;
use crate::client::trace::SpanRow;

/// The tenant that our calls are charged to, so that the metric has series of our own.
const TENANT: &str = "quartet-verify";
const METRIC: &str = "gen_ai_cost_usd_total";

/// The call that was made.
#[derive(Clone, Debug)]
pub(super) struct Chat {
    pub(super) root: Root,
    /// Nanoseconds since 1970.
    pub(super) started: u64,
    answer: Result<Usage, String>,
}

/// What the answer says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Usage {
    input: i64,
    output: i64,
    total: i64,
    nano_usd: i64,
}

/// USD as they stand in JSON or a text, in whole nano-dollars. A double has more digits than a cost needs.
fn nano_usd(usd: f64) -> i64 {
    (usd * 1e9).round() as i64
}

/// Asks llm-orchestrator for a short answer; `None` when it is left out.
pub(super) async fn chat(probe: &Probe, stack: &Stack, services: &[Service]) -> Option<Chat> {
    let url = services.iter().find(|service| service.name == "llm-orchestrator")?.url.as_ref()?;
    let (root, started) = (Root::new(), now_nanos());
    let headers = vec![
        ("traceparent", root.traceparent()),
        ("X-Tenant-ID", TENANT.to_owned()),
        ("X-User-ID", TENANT.to_owned()),
        ("X-Cost-Center", TENANT.to_owned()),
    ];
    let body = json!({"messages": [{"role": "user", "content": "Say in one sentence what a trace is."}]});
    let path = "/api/v1/chat/completions";
    let answer = match probe.call(url, path, headers, Some(&body)).await {
        Ok(answer) => super::probe::ok(url, path, answer).and_then(|answer| usage(&answer.body)),
        Err(reason) => Err(reason),
    };
    traces::send_root(stack, &root, "verify chat", started).await;
    Some(Chat { root, started, answer })
}

fn usage(body: &[u8]) -> Result<Usage, String> {
    let body: Value = serde_json::from_slice(body).map_err(|error| format!("the answer is no JSON: {error}"))?;
    let count = |name: &str| body["usage"][name].as_i64().ok_or_else(|| format!("the answer has no usage.{name}"));
    let cost = body["usage"]["cost"].as_f64().ok_or("the answer has no usage.cost")?;
    let usage = Usage {
        input: count("prompt_tokens")?,
        output: count("completion_tokens")?,
        total: count("total_tokens")?,
        nano_usd: nano_usd(cost),
    };
    if usage.total <= 0 { Err("usage.total_tokens is 0".into()) } else { Ok(usage) }
}

/// The cost metric of our tenant by series; empty while there is none.
pub(super) type Charged = BTreeMap<String, f64>;

/// Reads the metric; `None` when Prometheus is left out.
pub(super) async fn read_metric(probe: &Probe, stack: &Stack) -> Option<Result<Charged, String>> {
    let url = stack.prometheus.as_ref()?;
    let query = query_string(&[("query", Some(&format!("{METRIC}{{tenant_id=\"{TENANT}\"}}")))]);
    let answer = probe.store_json(url, &format!("/api/v1/query{query}")).await;
    Some(answer.map(|answer| {
        let series = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        let read = |series: Value| {
            let value = series["value"][1].as_str()?.parse().ok()?;
            Some((series["metric"].to_string(), value))
        };
        series.into_iter().filter_map(read).collect()
    }))
}

/// What was charged between two looks. A counter that fell began anew with its process.
fn charged(before: &Charged, after: &Charged) -> i64 {
    let moved = after.iter().map(|(series, &now)| {
        let then = before.get(series).copied().unwrap_or(0.0);
        if now < then { now } else { now - then }
    });
    nano_usd(moved.sum())
}

/// Compares what the stores say of the call with its answer.
pub(super) async fn look(
    probe: &Probe,
    stack: &Stack,
    chat: Option<&Chat>,
    before: Option<Result<Charged, String>>,
) -> Vec<Item> {
    let Some(chat) = chat else { return vec![Item::skipped("chat completion")] };
    let usage = match &chat.answer {
        Ok(usage) => *usage,
        Err(reason) => return vec![Item::of("chat completion", Err(reason.clone()))],
    };
    let Usage { input, output, total, nano_usd: cost } = usage;
    let said = format!("{total} tokens ({input} in, {output} out), {} USD", usd(cost));
    let mut items = vec![Item::of("answer", Ok(said))];
    items.push(match &stack.tempo {
        Some(tempo) => Item::of("span", probe.until(async || span(probe, tempo, chat, usage).await).await),
        None => Item::skipped("span"),
    });
    items.push(match &stack.loki {
        Some(loki) => Item::of("log line", probe.until(async || line(probe, loki, chat, usage).await).await),
        None => Item::skipped("log line"),
    });
    items.push(match before {
        None => Item::skipped("metric"),
        Some(Err(reason)) => Item::of("metric", Err(reason)),
        Some(Ok(before)) => {
            let moved = probe.until(async || metric(probe, stack, &before, cost).await).await;
            Item::of("metric", moved)
        }
    });
    items
}

/// Dollars with nine places.
fn usd(nano: i64) -> String {
    format!("{}.{:09}", nano / 1_000_000_000, nano.unsigned_abs() % 1_000_000_000)
}

fn same(what: &str, found: i64, expected: i64) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what} is {found}, the answer says {expected}")) }
}

async fn span(probe: &Probe, tempo: &str, chat: &Chat, usage: Usage) -> Result<String, String> {
    let spans = traces::fetch(probe, tempo, &chat.root.trace_id).await?;
    let is_call = |span: &&SpanRow| span.kind == "client" && span.name.starts_with("chat ");
    let calls: Vec<&SpanRow> = spans.iter().filter(is_call).collect();
    let [call] = calls[..] else { return Err(format!("{} spans named «chat …» of kind client", calls.len())) };
    let number =
        |name: &str| call.attributes.get(name).and_then(Value::as_f64).ok_or(format!("the span has no {name}"));
    same("gen_ai.usage.input_tokens", number("gen_ai.usage.input_tokens")? as i64, usage.input)?;
    same("ai.input_tokens", number("ai.input_tokens")? as i64, usage.input)?;
    let cost = nano_usd(number("ai.cost_usd")?);
    same("ai.cost_usd in nano-dollars", cost, usage.nano_usd)?;
    Ok(format!("{}: {} USD", call.name, usd(cost)))
}

async fn line(probe: &Probe, loki: &str, chat: &Chat, usage: Usage) -> Result<String, String> {
    let entry = logs::find_call(probe, loki, chat).await?;
    let cost = entry.label("ai_cost_usd").parse::<f64>().map_err(|_| "the line has no ai_cost_usd".to_owned())?;
    same("ai_cost_usd in nano-dollars", nano_usd(cost), usage.nano_usd)?;
    Ok(format!("{} USD, trace {}", usd(nano_usd(cost)), entry.label("trace_id")))
}

async fn metric(probe: &Probe, stack: &Stack, before: &Charged, cost: i64) -> Result<String, String> {
    let after = read_metric(probe, stack).await.unwrap_or_else(|| Ok(Charged::new()))?;
    let moved = charged(before, &after);
    same(&format!("what {METRIC} of tenant {TENANT} moved by, in nano-dollars,"), moved, cost)?;
    Ok(format!("{METRIC} moved by {} USD", usd(moved)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_needs_tokens_and_cost() {
        let body = br#"{"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"cost":0.0000021}}"#;
        assert_eq!(usage(body), Ok(Usage { input: 9, output: 3, total: 12, nano_usd: 2100 }));
        let without = br#"{"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"cost":null}}"#;
        assert_eq!(usage(without), Err("the answer has no usage.cost".into()));
    }

    #[test]
    fn counters_that_began_anew_count_from_zero() {
        let series = |pairs: &[(&str, f64)]| pairs.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
        let before: Charged = series(&[("a", 0.5), ("b", 0.25)]);
        assert_eq!(charged(&before, &series(&[("a", 0.5), ("b", 0.250_000_004), ("c", 0.000_000_001)])), 5);
        assert_eq!(charged(&before, &series(&[("a", 0.000_000_002), ("b", 0.25)])), 2);
    }

    #[test]
    fn dollars_have_nine_places() {
        assert_eq!(usd(1_002_000_003), "1.002000003");
    }
}
