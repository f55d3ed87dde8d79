//! Plain texts: a few sentences that fit a conversation about tables and workflows, and texts that use a function's answer.

use serde_json::Value;

use crate::random::Random;
use crate::request::Generate;

/// Bytes of a function's answer that a text repeats: enough to see in a test that it was used.
const QUOTED_BYTES_MAX: usize = 300;

const OPENINGS: &[&str] = &[
    "Here is what stands out.",
    "I looked at this from three sides.",
    "In short: the numbers are sound, with two exceptions.",
    "The answer depends on how the records are linked.",
    "There is a simple way to do that.",
];

const SENTENCES: &[&str] = &[
    "Most of the open items belong to one team, and half of them are older than two weeks.",
    "The status field mixes states and reasons; splitting it would make reports simpler.",
    "Records without an owner should get one before the next run.",
    "Two linked tables hold the same address, so an update in one place is lost in the other.",
    "A weekly summary by e-mail would be enough; the daily one is rarely opened.",
    "Filtering by the date of the last change keeps the list short.",
    "The totals agree with the invoices of the last quarter.",
    "An index on the customer column would pay off from about ten thousand rows on.",
    "If the deadline moves, the three dependent tasks have to move with it.",
    "The import can be repeated safely because it looks for the external key first.",
];

/// A text for the request: about the functions' answers if the last turn brings some, else general.
pub(super) fn text(request: &Generate, random: &mut Random) -> String {
    let answers: Vec<String> = request
        .contents
        .last()
        .map(|last| last.parts.as_slice())
        .unwrap_or_default()
        .iter()
        .filter_map(|part| part.function_response.as_ref())
        .map(|answer| about(&answer.name, &answer.response))
        .collect();
    if !answers.is_empty() {
        return answers.join(" ");
    }
    let mut sentences = vec![(*random.pick(OPENINGS)).to_owned()];
    for _ in 0..random.between(2, 6) {
        sentences.push((*random.pick(SENTENCES)).to_owned());
    }
    sentences.dedup();
    sentences.join(" ")
}

/// What a function answered, in words.
fn about(name: &str, response: &Value) -> String {
    let text = response.to_string();
    let quoted = clipped(&text);
    let mentions_error = response.as_object().is_some_and(|fields| fields.contains_key("error"));
    if mentions_error {
        return format!("The call of {name} failed, so I cannot answer completely: {quoted}.");
    }
    match longest_list(response) {
        Some(count) => format!("{name} returned {count} items: {quoted}."),
        None => format!("According to {name}: {quoted}."),
    }
}

fn longest_list(value: &Value) -> Option<usize> {
    match value {
        Value::Array(items) => Some(items.len()),
        Value::Object(fields) => fields.values().filter_map(longest_list).max(),
        _ => None,
    }
}

fn clipped(text: &str) -> String {
    if text.len() <= QUOTED_BYTES_MAX {
        return text.to_owned();
    }
    let mut end = QUOTED_BYTES_MAX;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

/// The summary that `includeThoughts` asks for.
pub(super) fn thoughts(prompt: &str) -> String {
    let words = prompt.split_whitespace().count();
    format!("**Reading the question**\n\nIt has {words} words. I will look for what is asked, then answer briefly.\n")
}

/// A sentence for a field of a structured answer.
pub(super) fn sentence(random: &mut Random) -> &'static str {
    let sentence: &&str = random.pick(SENTENCES);
    sentence
}
