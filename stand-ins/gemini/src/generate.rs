//! From a checked request to the chunks of an answer with their cumulative usage.

use serde_json::{Value, json};

use crate::answer::{self, Body};
use crate::cache::{self, Prefixes};
use crate::catalogue::Model;
use crate::fault::ApiError;
use crate::random::Random;
use crate::request::Generate;
use crate::scenario::Scenario;
use crate::tokens::{self, Modality, Tokens};
use crate::wire::{Answer, Candidate, ModelContent, Usage};

/// Tokens that a chunk of a stream holds: a sentence or so, as recorded streams do.
const CHUNK_TOKENS: u64 = 16;
/// Chunks of one candidate at most, unless the scenario wants more.
const CHUNKS_MAX: usize = 40;

/// What the answer depends on besides the request.
#[derive(Debug)]
pub(crate) struct Setting<'a> {
    pub(crate) model: &'a Model,
    pub(crate) scenario: &'a Scenario,
    pub(crate) seed: u64,
    /// Which call of the server this is, from 1.
    pub(crate) call: u64,
    /// Tokens that the implicit cache serves.
    pub(crate) cached_tokens: u64,
    /// The call came over the Vertex path: `trafficType` instead of `serviceTier`.
    pub(crate) vertex: bool,
}

/// Tokens of the prompt that caches serve.
pub(crate) fn cached_tokens(model: &Model, request: &Generate, prefixes: &mut Prefixes) -> Result<u64, ApiError> {
    match &request.cached_content {
        Some(name) => cache::explicit(name),
        None => Ok(prefixes.visit(model, request)),
    }
}

/// The chunks of the answer: one for a plain call (`stream` false), else at least one.
pub(crate) fn chunks(request: &Generate, setting: &Setting<'_>, stream: bool) -> Vec<Value> {
    let scenario = setting.scenario;
    if !scenario.replay.is_empty() {
        let from = if stream { 0 } else { scenario.replay.len() - 1 };
        return scenario.replay[from..].to_vec();
    }
    let usage = prompt_usage(request, setting);
    if let Some(reason) = &scenario.block {
        let feedback = json!({"blockReason": reason, "safetyRatings": ratings("HIGH", true)});
        return vec![finished(Vec::new(), Some(feedback), usage, setting, None)];
    }
    let answer = answer::compose(setting.model, request, setting.seed);
    let usage = Usage {
        thoughts_token_count: answer.thought_tokens,
        tool_use_prompt_token_count: answer.tool_use_tokens,
        tool_use_prompt_tokens_details: text_details(answer.tool_use_tokens),
        ..usage
    };
    let pieces = pieces(&answer, scenario, stream);
    let total: u64 = pieces.iter().map(|piece| piece.tokens).sum();
    if !stream {
        let candidates = merged(pieces);
        let usage = Usage { candidates_token_count: total, candidates_tokens_details: text_details(total), ..usage };
        return vec![finished(candidates, None, usage, setting, None)];
    }
    let mut sent = 0;
    let last = pieces.len().saturating_sub(1);
    let chunk = |(at, piece): (usize, Piece)| {
        sent += piece.tokens;
        let details = if at == last { text_details(sent) } else { Vec::new() };
        let usage = Usage { candidates_token_count: sent, candidates_tokens_details: details, ..usage.clone() };
        let share = (at != last).then_some((sent, total));
        finished(vec![piece.candidate], None, usage, setting, share)
    };
    pieces.into_iter().enumerate().map(chunk).collect()
}

/// A part of a candidate and the visible tokens in it.
struct Piece {
    candidate: Candidate,
    tokens: u64,
}

fn pieces(answer: &answer::Answer, scenario: &Scenario, stream: bool) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (index, candidate) in answer.candidates.iter().enumerate() {
        let mut parts: Vec<(Vec<Value>, u64)> = Vec::new();
        if let Some(thoughts) = &candidate.thoughts {
            parts.push((vec![json!({"text": thoughts, "thought": true})], 0));
        }
        let finish = scenario.finish.as_deref().unwrap_or(candidate.finish);
        match &candidate.body {
            _ if silent(finish) => {}
            Body::Calls(calls) => {
                let tokens = calls.iter().map(|call| tokens::of_text(&call["functionCall"].to_string())).sum();
                parts.push((calls.clone(), tokens));
            }
            Body::Text(text) => {
                let halved = scenario.finish.as_deref() == Some("MAX_TOKENS");
                let text = if halved { cut(text, 2).swap_remove(0) } else { text.clone() };
                let count = if stream { chunk_count(&text, scenario) } else { 1 };
                let mut before = 0;
                let mut so_far = String::new();
                for piece in cut(&text, count) {
                    so_far.push_str(&piece);
                    // Counted over all of the text so far: rounding each piece would add tokens.
                    let tokens = tokens::of_text(&so_far) - before;
                    before += tokens;
                    parts.push((vec![json!({"text": piece})], tokens));
                }
            }
        }
        if parts.is_empty() {
            parts.push((Vec::new(), 0));
        }
        let last = parts.len() - 1;
        pieces.extend(parts.into_iter().enumerate().map(|(at, (parts, tokens))| {
            let candidate = Candidate {
                content: ModelContent { parts, role: "model" },
                finish_reason: (at == last).then(|| finish.to_owned()),
                index,
                safety_ratings: (at == last && finish == "SAFETY").then(|| ratings("HIGH", true)),
                grounding_metadata: answer.grounding.clone().filter(|_| at == last),
            };
            Piece { candidate, tokens }
        }));
    }
    pieces
}

/// Finish reasons after which nothing visible is sent.
fn silent(finish: &str) -> bool {
    matches!(finish, "SAFETY" | "PROHIBITED_CONTENT" | "BLOCKLIST" | "SPII" | "MALFORMED_FUNCTION_CALL")
}

/// Joins the pieces of each candidate for a plain answer.
fn merged(pieces: Vec<Piece>) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = Vec::new();
    for piece in pieces {
        match candidates.last_mut().filter(|last| last.index == piece.candidate.index) {
            Some(last) => {
                last.content.parts.extend(piece.candidate.content.parts);
                last.finish_reason = piece.candidate.finish_reason;
                last.safety_ratings = piece.candidate.safety_ratings;
                last.grounding_metadata = piece.candidate.grounding_metadata;
            }
            None => candidates.push(piece.candidate),
        }
    }
    candidates
}

fn chunk_count(text: &str, scenario: &Scenario) -> usize {
    if scenario.chunks > 0 {
        return scenario.chunks;
    }
    (tokens::of_text(text).div_ceil(CHUNK_TOKENS) as usize).clamp(1, CHUNKS_MAX)
}

/// At most that many pieces of about equal length, never inside a letter; an empty text is one empty piece.
fn cut(text: &str, count: usize) -> Vec<String> {
    let size = text.len().div_ceil(count.max(1)).max(1);
    let mut pieces = Vec::new();
    let mut rest = text;
    while rest.len() > size {
        let mut end = size;
        while !rest.is_char_boundary(end) {
            end += 1;
        }
        let (piece, tail) = rest.split_at(end);
        pieces.push(piece.to_owned());
        rest = tail;
    }
    if !rest.is_empty() || pieces.is_empty() {
        pieces.push(rest.to_owned());
    }
    pieces
}

fn prompt_usage(request: &Generate, setting: &Setting<'_>) -> Usage {
    let mut prompt = Tokens::of_request(request);
    if request.cached_content.is_some() {
        prompt.add(Modality::Text, setting.cached_tokens);
    }
    Usage {
        prompt_token_count: prompt.total(),
        prompt_tokens_details: prompt.details(),
        cached_content_token_count: setting.cached_tokens,
        cache_tokens_details: text_details(setting.cached_tokens),
        service_tier: tier(request, setting.scenario),
        ..Usage::default()
    }
}

/// The tier served: what the scenario says, else what was asked for, else standard.
pub(crate) fn tier(request: &Generate, scenario: &Scenario) -> Option<String> {
    let asked = request.service_tier.as_deref().filter(|tier| !tier.eq_ignore_ascii_case("unspecified"));
    let tier = scenario.service_tier.as_deref().or(asked).unwrap_or("standard");
    Some(tier.to_lowercase().trim_start_matches("service_tier_").to_owned())
}

fn text_details(count: u64) -> Vec<tokens::Detail> {
    let mut tokens = Tokens::default();
    tokens.add(Modality::Text, count);
    tokens.details()
}

fn ratings(probability: &str, blocked: bool) -> Value {
    json!([{"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": probability, "blocked": blocked}])
}

/// One answer object. `share`: (tokens sent, all tokens) for a chunk that is not the last, to scale usage that was set by hand.
fn finished(
    candidates: Vec<Candidate>,
    prompt_feedback: Option<Value>,
    usage: Usage,
    setting: &Setting<'_>,
    share: Option<(u64, u64)>,
) -> Value {
    let mut usage_metadata = match &setting.scenario.usage {
        Some(usage) => by_hand(usage, share),
        None => serde_json::to_value(usage.added_up()).unwrap_or_default(),
    };
    if setting.vertex && setting.scenario.usage.is_none() {
        let tier = usage_metadata.as_object_mut().and_then(|usage| usage.remove("serviceTier"));
        let traffic = match tier.as_ref().and_then(Value::as_str) {
            Some("flex") => "ON_DEMAND_FLEX",
            Some("priority") => "ON_DEMAND_PRIORITY",
            _ => "ON_DEMAND",
        };
        usage_metadata["trafficType"] = Value::from(traffic);
    }
    let answer = Answer {
        candidates,
        prompt_feedback,
        usage_metadata,
        model_version: setting.scenario.model_version.clone().unwrap_or_else(|| setting.model.version.to_owned()),
        response_id: response_id(setting.seed, setting.call),
    };
    serde_json::to_value(answer).unwrap_or_default()
}

/// Usage as it was set, with a total; in a chunk before the last, the visible tokens grow in step with the text.
fn by_hand(usage: &Value, share: Option<(u64, u64)>) -> Value {
    const ADDED: [&str; 4] =
        ["promptTokenCount", "candidatesTokenCount", "toolUsePromptTokenCount", "thoughtsTokenCount"];
    let mut usage = usage.clone();
    if let Some((sent, all)) = share {
        let visible = usage["candidatesTokenCount"].as_u64().unwrap_or(0);
        usage["candidatesTokenCount"] = Value::from(visible.saturating_mul(sent) / all.max(1));
        if let Some(fields) = usage.as_object_mut() {
            fields.remove("candidatesTokensDetails");
            fields.remove("totalTokenCount");
        }
    }
    if usage.get("totalTokenCount").is_none() {
        let total: u64 = ADDED.iter().filter_map(|name| usage[*name].as_u64()).sum();
        usage["totalTokenCount"] = Value::from(total);
    }
    usage
}

/// Looks like upstream's: 23 letters and digits; one for each call.
fn response_id(seed: u64, call: u64) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut random = Random::new(crate::random::hash(&[&seed.to_le_bytes(), &call.to_le_bytes()]));
    (0..23).map(|_| char::from(*random.pick(LETTERS))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_letters() {
        assert_eq!(cut("añbñ", 3), ["añ", "bñ"]);
        assert_eq!(cut("", 3), [""]);
        assert_eq!(cut("abcdef", 1), ["abcdef"]);
    }

    #[test]
    fn usage_by_hand_is_kept_and_scaled() {
        let usage = json!({"promptTokenCount": 100, "candidatesTokenCount": 50, "thoughtsTokenCount": 7});
        assert_eq!(by_hand(&usage, None)["totalTokenCount"], 157);
        let half = by_hand(&usage, Some((5, 10)));
        assert_eq!((&half["candidatesTokenCount"], &half["totalTokenCount"]), (&json!(25), &json!(132)));
    }
}
