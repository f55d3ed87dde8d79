//! What the model "thinks of": a text, a value of a wanted shape, or calls of the declared functions.
//!
//! Everything is decided from the request and the seed alone. Not here: counting what a prompt costs, framing, faults.

mod arguments;
mod call;
mod prose;
mod shaped;

use serde_json::{Value, json};

use crate::catalogue::Model;
use crate::random::{Random, hash};
use crate::request::Generate;
use crate::tokens;

/// One candidate before it is cut into chunks.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    /// A summary of the thoughts, if it was asked for.
    pub(crate) thoughts: Option<String>,
    pub(crate) body: Body,
    pub(crate) finish: &'static str,
}

/// The visible part of a candidate.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    Text(String),
    /// Parts with `functionCall`.
    Calls(Vec<Value>),
}

/// All of an answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) thought_tokens: u64,
    pub(crate) tool_use_tokens: u64,
    pub(crate) grounding: Option<Value>,
}

/// Decides the answer.
pub(crate) fn compose(model: &Model, request: &Generate, seed: u64) -> Answer {
    let config = &request.generation_config;
    let own_seed = config.seed.unwrap_or(0);
    let contents: Vec<String> = request.contents.iter().map(|content| format!("{content:?}")).collect();
    let state = hash(&[
        &seed.to_le_bytes(),
        model.id.as_bytes(),
        &own_seed.to_le_bytes(),
        contents.join("\n").as_bytes(),
        format!("{:?}", request.system_instruction).as_bytes(),
    ]);
    let mut random = Random::new(state);
    let thought_tokens = thought_tokens(model, request, &mut random);
    let searches = request.tools.iter().any(|tool| tool.google_search.is_some());
    let built_in = searches
        || request
            .tools
            .iter()
            .any(|tool| tool.url_context.is_some() || tool.file_search.is_some() || tool.code_execution.is_some());
    let room = config.max_output_tokens.map(|max| (max.max(0) as u64).saturating_sub(thought_tokens));
    let count = config.candidate_count.unwrap_or(1).clamp(1, 8);
    let candidates = (0..count).map(|_| candidate(model, request, room, thought_tokens, &mut random)).collect();
    Answer {
        candidates,
        thought_tokens,
        tool_use_tokens: if built_in { random.between(180, 900) } else { 0 },
        grounding: searches.then(|| grounding(&request.prompt())),
    }
}

fn candidate(
    model: &Model,
    request: &Generate,
    room: Option<u64>,
    thought_tokens: u64,
    random: &mut Random,
) -> Candidate {
    let include = request.generation_config.thinking_config.include_thoughts && thought_tokens > 0;
    let thoughts = include.then(|| prose::thoughts(&request.prompt()));
    let calls = call::calls(request, random);
    if !calls.is_empty() {
        let parts = calls.into_iter().map(|(name, args)| call_part(model, &name, args, random)).collect();
        return Candidate { thoughts, body: Body::Calls(parts), finish: "STOP" };
    }
    let text = match shaped::wanted(&request.generation_config) {
        Some(shape) => shaped::text(&shape, request, random),
        None => prose::text(request, random),
    };
    let (text, finish) = limited(text, &request.generation_config.stop_sequences, room);
    Candidate { thoughts, body: Body::Text(text), finish }
}

fn call_part(model: &Model, name: &str, args: Value, random: &mut Random) -> Value {
    let mut call = json!({"name": name, "args": args});
    if !model.third_generation() {
        return json!({"functionCall": call});
    }
    call["id"] = Value::from(format!("{:08x}", random.next() as u32));
    // Base64 of nothing in particular: clients must send it back unchanged.
    json!({"functionCall": call, "thoughtSignature": format!("Ct{:016x}{:016x}", random.next(), random.next())})
}

/// Half of the output limit at most: where upstream would use all of it for thoughts, the answer here still says something.
fn thought_tokens(model: &Model, request: &Generate, random: &mut Random) -> u64 {
    let config = &request.generation_config;
    let natural = random.between(24, 180);
    let budget = match config.thinking_config.thinking_budget {
        // -1 means "as much as you like".
        Some(budget) if budget >= 0 => budget as u64,
        _ => u64::MAX,
    };
    let limit = config.max_output_tokens.map_or(u64::MAX, |max| max.max(0) as u64 / 2);
    if model.thinks { natural.min(budget).min(limit) } else { 0 }
}

/// Stops at the first stop sequence (which is not sent) and at the token limit.
fn limited(mut text: String, stops: &[String], room: Option<u64>) -> (String, &'static str) {
    let stop = stops.iter().filter(|stop| !stop.is_empty()).filter_map(|stop| text.find(stop.as_str())).min();
    if let Some(stop) = stop {
        text.truncate(stop);
    }
    let Some(room) = room.filter(|room| tokens::of_text(&text) > *room) else {
        return (text, "STOP");
    };
    let mut end = (room * 4) as usize;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    (text, "MAX_TOKENS")
}

fn grounding(prompt: &str) -> Value {
    let query: String = prompt.split_whitespace().take(6).collect::<Vec<_>>().join(" ");
    json!({
        "webSearchQueries": [query],
        "groundingChunks": [{"web": {"uri": "https://example.com/stand-in", "title": "example.com"}}],
        "groundingSupports": [],
        "searchEntryPoint": {"renderedContent": "<div></div>"},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_cut_at_letters_and_say_so() {
        assert_eq!(limited("añb".to_owned(), &[], Some(0)), (String::new(), "MAX_TOKENS"));
        assert_eq!(limited("ééééé".to_owned(), &[], Some(1)), ("éé".to_owned(), "MAX_TOKENS"));
        assert_eq!(limited("one END two".to_owned(), &["END".to_owned()], Some(50)), ("one ".to_owned(), "STOP"));
    }
}
