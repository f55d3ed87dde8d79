//! When a declared function is called, and with what.
//!
//! `NONE`: never. `ANY`: always. `AUTO`: the functions that the question names in full, one after the other over the turns (all at
//! once if it says "parallel" or "both"); if it names none, the one whose name shares a noun with the question, once.

use serde_json::Value;

use super::arguments::{Said, expression};
use super::shaped::Builder;
use crate::random::Random;
use crate::request::{Content, Declaration, Generate};

/// Verbs in names of functions: sharing one of these says nothing.
const VERBS: &[&str] =
    &["list", "get", "create", "update", "delete", "run", "find", "read", "write", "set", "add", "make", "do", "fetch"];

/// The calls of this turn: names and arguments.
pub(super) fn calls(request: &Generate, random: &mut Random) -> Vec<(String, Value)> {
    let calling = &request.tool_config.function_calling_config;
    let allowed = &calling.allowed_function_names;
    let declared: Vec<&Declaration> = request
        .declarations()
        .filter(|declaration| allowed.is_empty() || allowed.contains(&declaration.name))
        .collect();
    if declared.is_empty() || calling.mode == "NONE" {
        return Vec::new();
    }
    let prompt = request.prompt();
    let done = called_since_the_question(&request.contents);
    let mut chosen = named(&declared, &prompt, &done);
    if chosen.is_empty() && done.is_empty() {
        chosen.extend(likely(&declared, &prompt));
    }
    if chosen.is_empty() && calling.mode == "ANY" {
        chosen.push(declared[0]);
    }
    let lower = prompt.to_lowercase();
    if !(lower.contains("parallel") || lower.contains("both")) {
        chosen.truncate(1);
    }
    let before: String = request.contents.iter().rev().map(|content| format!("{content:?}\n")).collect();
    let said = Said { prompt: &prompt, before: &before };
    chosen.into_iter().map(|declaration| (declaration.name.clone(), arguments(declaration, &said, random))).collect()
}

/// Functions called after the last turn in which the user said something.
fn called_since_the_question(contents: &[Content]) -> Vec<&str> {
    let question = contents
        .iter()
        .rposition(|content| content.role != "model" && content.parts.iter().any(|part| part.text.is_some()));
    let since = &contents[question.map_or(0, |at| at + 1)..];
    let parts = since.iter().flat_map(|content| &content.parts);
    parts.filter_map(|part| part.function_call.as_ref().map(|call| call.name.as_str())).collect()
}

/// Functions whose whole name stands in the prompt, in the prompt's order, without those already called.
fn named<'d>(declared: &[&'d Declaration], prompt: &str, done: &[&str]) -> Vec<&'d Declaration> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut found: Vec<(usize, &Declaration)> = declared
        .iter()
        .filter(|declaration| !done.contains(&declaration.name.as_str()))
        // A name that is an everyday word (`search`) is left to the nouns below unless it is written as a call.
        .filter_map(|declaration| {
            let name = declaration.name.as_str();
            let starts = prompt.match_indices(name).map(|(at, _)| at);
            let whole = |at: &usize| {
                let before = prompt[..*at].chars().next_back().is_some_and(is_name);
                let after = prompt[*at + name.len()..].chars().next().is_some_and(is_name);
                !before && !after && (name.contains('_') || prompt[*at + name.len()..].starts_with('('))
            };
            starts.into_iter().find(whole).map(|at| (at, *declaration))
        })
        .collect();
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, declaration)| declaration).collect()
}

/// The function that shares most nouns with the prompt.
fn likely<'d>(declared: &[&'d Declaration], prompt: &str) -> Option<&'d Declaration> {
    let words: Vec<String> = prompt
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| word.len() > 2)
        .map(|word| stem(&word.to_lowercase()).to_owned())
        .collect();
    let arithmetic = expression(prompt).is_some();
    let score = |declaration: &Declaration| {
        let mut score = 0;
        for part in declaration.name.split(['_', '-', '.']).map(|part| stem(part).to_lowercase()) {
            if words.contains(&part) {
                score += if VERBS.contains(&part.as_str()) { 1 } else { 10 };
            }
        }
        // A sum to do goes to whoever takes an expression.
        let schema = declaration.parameters.as_ref().or(declaration.parameters_json_schema.as_ref());
        if arithmetic && schema.is_some_and(|schema| schema.pointer("/properties/expression").is_some()) {
            score += 50;
        }
        score
    };
    let mut best: Option<(usize, &Declaration)> = None;
    for declaration in declared {
        let score = score(declaration);
        if score >= 10 && best.is_none_or(|(known, _)| score > known) {
            best = Some((score, declaration));
        }
    }
    best.map(|(_, declaration)| declaration)
}

fn stem(word: &str) -> &str {
    word.strip_suffix('s').filter(|stem| stem.len() > 2).unwrap_or(word)
}

fn arguments(declaration: &Declaration, said: &Said<'_>, random: &mut Random) -> Value {
    let schema = declaration.parameters.as_ref().or(declaration.parameters_json_schema.as_ref());
    let Some(schema) = schema else { return Value::Object(serde_json::Map::new()) };
    Builder { root: schema, said, all: false }.value(schema, "", 0, random)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ask(contents: Value, mode: &str) -> Vec<(String, Value)> {
        let tools = json!([{"functionDeclarations": [
            {"name": "airtable_list_bases", "description": "Lists bases", "parameters": {"type": "OBJECT", "properties": {}}},
            {"name": "airtable_list_records", "description": "Lists records", "parametersJsonSchema": {"type": "object",
             "properties": {"base_id": {"type": "string"}, "table_id": {"type": "string"}, "max_records": {"type": "integer"}},
             "required": ["base_id", "table_id"]}},
            {"name": "calculate", "description": "Sums", "parametersJsonSchema": {"type": "object",
             "properties": {"expression": {"type": "string"}}, "required": ["expression"]}},
        ]}]);
        let body = json!({"contents": contents, "tools": tools,
            "toolConfig": {"functionCallingConfig": {"mode": mode}}});
        let request = Generate::read(body.to_string().as_bytes()).unwrap();
        calls(&request, &mut Random::new(1))
    }

    fn question(text: &str) -> Value {
        json!([{"role": "user", "parts": [{"text": text}]}])
    }

    #[test]
    fn nouns_choose_the_function_and_ids_become_arguments() {
        let got = ask(question("How many records has table Tasks in appA1b2C3d4E5f6G7, max_records=3?"), "AUTO");
        let args = json!({"base_id": "appA1b2C3d4E5f6G7", "table_id": "Tasks", "max_records": 3});
        assert_eq!(got, [("airtable_list_records".to_owned(), args)]);
        assert_eq!(
            ask(question("What is 2 + 2 * 3?"), "AUTO"),
            [("calculate".to_owned(), json!({"expression": "2 + 2 * 3"}))]
        );
        assert_eq!(ask(question("Tell me a joke"), "AUTO"), []);
    }

    #[test]
    fn the_mode_is_obeyed() {
        assert_eq!(ask(question("What is 2 + 2?"), "NONE"), []);
        assert_eq!(ask(question("Tell me a joke"), "ANY").len(), 1);
    }

    #[test]
    fn named_functions_are_called_in_turn_and_then_never_again() {
        let asked = "Use airtable_list_bases, then calculate(6 * 7).";
        assert_eq!(ask(question(asked), "AUTO")[0].0, "airtable_list_bases");
        let mut contents = question(asked);
        let turn = |name: &str| {
            [
                json!({"role": "model", "parts": [{"functionCall": {"name": name, "args": {}}}]}),
                json!({"role": "user", "parts": [{"functionResponse": {"name": name, "response": {"ok": true}}}]}),
            ]
        };
        contents.as_array_mut().unwrap().extend(turn("airtable_list_bases"));
        assert_eq!(ask(contents.clone(), "AUTO"), [("calculate".to_owned(), json!({"expression": "(6 * 7)"}))]);
        contents.as_array_mut().unwrap().extend(turn("calculate"));
        assert_eq!(ask(contents, "AUTO"), []);
    }

    #[test]
    fn both_in_one_turn_when_asked_to() {
        let got = ask(question("In parallel: airtable_list_bases and calculate(1+1)"), "AUTO");
        assert_eq!(got.len(), 2);
    }
}
