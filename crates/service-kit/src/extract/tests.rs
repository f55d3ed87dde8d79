//! What the extractors answer to wrong input.

use serde::Deserialize;

use super::*;

#[derive(Debug, PartialEq, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
struct Chat {
    #[garde(length(min = 1), dive)]
    messages: Vec<Message>,
    #[serde(default)]
    #[garde(range(min = 0.0, max = 2.0))]
    temperature: Option<f64>,
}

#[derive(Debug, PartialEq, Deserialize, Validate)]
struct Message {
    #[garde(skip)]
    role: Role,
    #[garde(length(min = 1, max = 5))]
    content: String,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    User,
    System,
}

#[derive(Debug, PartialEq, Deserialize, Validate)]
struct List {
    #[serde(default)]
    #[garde(skip)]
    fields: Vec<String>,
    #[serde(default)]
    #[garde(range(min = 1, max = 100))]
    page_size: Option<u8>,
    #[serde(default)]
    #[garde(skip)]
    typecast: bool,
}

fn refused<T: std::fmt::Debug>(result: Result<T, Problem>) -> (u16, Vec<(String, String)>) {
    let problem = result.unwrap_err();
    let errors = problem.errors().iter().map(|error| (error.field.clone(), error.reason.clone())).collect();
    (problem.status().as_u16(), errors)
}

fn one(status: u16, field: &str, reason: &str) -> (u16, Vec<(String, String)>) {
    (status, vec![(field.to_owned(), reason.to_owned())])
}

#[test]
fn type_errors_of_a_body_name_the_field() {
    let chat = |text: &str| refused(json::<Chat>(text.as_bytes()));
    let role = chat(r#"{"messages":[{"role":"bot","content":"x"}]}"#);
    assert_eq!(role, one(422, "messages[0].role", "unknown variant `bot`, expected `user` or `system`"));
    let kind = chat(r#"{"messages":[{"role":"user","content":7}]}"#);
    assert_eq!(kind, one(422, "messages[0].content", "invalid type: integer `7`, expected a string"));
    let missing = chat(r#"{"temperature":1}"#);
    assert_eq!(missing, one(422, "messages", "is required"));
    let unknown = chat(r#"{"messages":[],"colour":1}"#);
    assert_eq!(unknown.1[0].0, "colour");
    assert_eq!(chat("[]").1[0].0, "body");
    assert_eq!(chat("null"), one(422, "body", "invalid type: null, expected an object"));
    let number = chat(r#"{"messages":[{"role":"user","content":"x"}],"temperature":"hot"}"#);
    assert_eq!(number, one(422, "temperature", "invalid type: string \"hot\", expected a number"));
    let list = chat(r#"{"messages":{}}"#);
    assert_eq!(list, one(422, "messages", "invalid type: map, expected a list"));
}

#[test]
fn a_body_that_is_not_json_is_a_bad_request() {
    for text in ["", "{", r#"{"messages":[]} x"#, "messages=1"] {
        assert_eq!(refused(json::<Chat>(text.as_bytes())), (400, vec![]), "{text}");
    }
}

#[test]
fn all_broken_rules_are_told() {
    let text = r#"{"messages":[{"role":"user","content":""},{"role":"user","content":"123456"}],"temperature":3}"#;
    let (status, errors) = refused(json::<Chat>(text.as_bytes()));
    let fields: Vec<&str> = errors.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!((status, fields), (422, vec!["messages[0].content", "messages[1].content", "temperature"]));
    assert_eq!(errors[2].1, "greater than 2");
}

#[test]
fn errors_are_bounded() {
    let message = r#"{"role":"user","content":""}"#;
    let text = format!(r#"{{"messages":[{}]}}"#, vec![message; 1000].join(","));
    assert_eq!(refused(json::<Chat>(text.as_bytes())).1.len(), ERRORS_MAX);
}

#[test]
fn queries_take_repeated_keys_and_name_what_is_wrong() {
    let expected = List { fields: vec!["a".into(), "b c".into()], page_size: Some(5), typecast: true };
    assert_eq!(query::<List>("fields=a&page_size=5&fields=b+c&typecast=true").unwrap(), expected);
    assert_eq!(query::<List>("").unwrap(), List { fields: vec![], page_size: None, typecast: false });
    assert_eq!(refused(query::<List>("page_size=many")).1[0].0, "page_size");
    assert_eq!(refused(query::<List>("page_size=101")), one(422, "page_size", "greater than 100"));
    assert_eq!(refused(query::<List>("typecast=1")).1[0].0, "typecast");
}

#[test]
fn content_types() {
    let of =
        |value: &'static str| is_json(&HeaderMap::from_iter([(CONTENT_TYPE, ::http::HeaderValue::from_static(value))]));
    assert!(of("application/json") && of("Application/JSON; charset=utf-8") && of("application/merge-patch+json"));
    assert!(!of("text/plain") && !of("image/svg+json") && !is_json(&HeaderMap::new()));
}
