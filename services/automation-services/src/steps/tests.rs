//! What is accepted, and the fields that refusals name.

use super::*;
use serde_json::json;

#[test]
fn the_contract_is_accepted() {
    let config = json!({"steps": [
        {"type": "log", "message": "hello {filename}"},
        {"type": "file_process", "file_id": "{file_id}"},
        {"type": "file_process"},
        {"type": "airtable_create", "table": "Docs", "base_id": "app1", "fields": {"Name": "{filename}"}, "typecast": true},
        {"type": "airtable_update", "config": {"table": "Docs", "record_id": "{step_3_result.id}", "fields": {"n": 1}}},
        {"type": "delay", "seconds": 2.5, "name": "rest"},
        {"type": "delay", "seconds": "{trigger_data.wait}"},
        {"type": "condition", "condition": {"type": "contains", "left": "{content}", "right": 7}, "on_false": "stop"},
        {"type": "llm", "prompt": "{content}", "model": "m", "output": "summary", "tools": [{"name": "calculate"}],
         "continue_on_error": true, "timeout_seconds": 5, "unknown": 1},
    ]});
    let steps = parse(&config).unwrap();
    let kinds: Vec<&str> = steps.iter().map(|step| step.action.kind()).collect();
    assert_eq!(
        kinds,
        [
            "log",
            "file_process",
            "file_process",
            "airtable_create",
            "airtable_update",
            "delay",
            "delay",
            "condition",
            "llm"
        ]
    );
    assert_eq!(steps[2].action, Action::FileProcess { file_id: "{file_id}".to_owned() });
    assert_eq!(steps[5].name, "rest");
    assert_eq!(steps[5].action, Action::Delay { seconds: "2.5".to_owned() });
    assert!(matches!(&steps[7].action, Action::Condition { right, otherwise: Otherwise::Stop, .. } if right == "7"));
    let llm = &steps[8];
    assert!(llm.continue_on_error && llm.timeout == Some(Duration::from_secs(5)) && !llm.action.is_repeatable());
    assert_eq!(llm.output.as_deref(), Some("summary"));
    assert!(!steps[3].action.is_repeatable() && steps[4].action.is_repeatable());
}

#[test]
fn refusals_name_the_field() {
    let step = |step: Value| json!({"steps": [{"type": "log", "message": "x"}, step]});
    for (config, expected) in [
        (json!(null), "config: must be an object"),
        (json!({}), "config.steps: is missing"),
        (json!({"steps": {}}), "config.steps: must be a list"),
        (json!({"steps": []}), "config.steps: needs at least one step"),
        (json!({"steps": vec![1; 101]}), "config.steps: has 101 steps, at most 100 are allowed"),
        (step(json!(1)), "config.steps[1]: must be an object"),
        (step(json!({})), "config.steps[1].type: is missing"),
        (
            step(json!({"type": "mail"})),
            "config.steps[1].type: `mail` is not one of log, file_process, airtable_create, airtable_update, delay, condition, llm",
        ),
        (step(json!({"type": "log", "message": " "})), "config.steps[1].message: must not be empty"),
        (step(json!({"type": "log", "config": {"message": 5}})), "config.steps[1].config.message: must be a text"),
        (
            step(json!({"type": "log", "message": "x".repeat(100_001)})),
            "config.steps[1].message: is longer than 100000 bytes",
        ),
        (
            step(json!({"type": "airtable_create"})),
            "config.steps[1].table: is missing; config.steps[1].fields: is missing",
        ),
        (
            step(json!({"type": "airtable_update", "table": "t", "fields": []})),
            "config.steps[1].record_id: is missing; config.steps[1].fields: must be an object",
        ),
        (step(json!({"type": "delay"})), "config.steps[1].seconds: is missing"),
        (step(json!({"type": "delay", "seconds": -1})), "config.steps[1].seconds: must be a number from 0 to 86400"),
        (step(json!({"type": "delay", "seconds": "NaN"})), "config.steps[1].seconds: must be a number from 0 to 86400"),
        (step(json!({"type": "condition"})), "config.steps[1].condition: is missing"),
        (
            step(json!({"type": "condition", "condition": {"type": "like", "left": "a", "right": []}})),
            "config.steps[1].condition.type: `like` is not one of equals, not_equals, contains, not_contains; \
             config.steps[1].condition.right: must be a text or a number",
        ),
        (
            step(
                json!({"type": "condition", "condition": {"type": "equals", "left": "a", "right": "b"}, "on_false": "x"}),
            ),
            "config.steps[1].on_false: `x` is not one of continue, stop, fail",
        ),
        (step(json!({"type": "llm"})), "config.steps[1].prompt: is missing"),
        (
            step(json!({"type": "llm", "prompt": "p", "temperature": 3})),
            "config.steps[1].temperature: must be a number from 0 to 2",
        ),
        (
            step(json!({"type": "llm", "prompt": "p", "output": "1x"})),
            "config.steps[1].output: must be a name of at most 64 letters, digits and `_` that begins with a letter",
        ),
        (
            step(json!({"type": "llm", "prompt": "p", "output": "step_3_result"})),
            "config.steps[1].output: `step_3_result` is a name that every workflow has already",
        ),
        (
            step(json!({"type": "log", "message": "m", "continue_on_error": 1})),
            "config.steps[1].continue_on_error: must be true or false",
        ),
        (
            step(json!({"type": "log", "message": "m", "timeout_seconds": 0})),
            "config.steps[1].timeout_seconds: must be a number from 0.001 to 3600",
        ),
    ] {
        let faults = parse(&config).unwrap_err();
        let told: Vec<String> = faults.iter().map(|fault| format!("{}: {}", fault.field, fault.reason)).collect();
        assert_eq!(told.join("; "), expected);
    }
}

#[test]
fn a_question_without_tools_may_be_asked_again() {
    for (more, repeatable) in [
        (json!({}), true),
        (json!({"tool_choice": "none", "tools": [{"name": "calculate"}]}), true),
        (json!({"tool_choice": "auto"}), false),
        (json!({"tools": []}), false),
    ] {
        let mut step = json!({"type": "llm", "prompt": "p"});
        step.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        let steps = parse(&json!({"steps": [step]})).unwrap();
        assert_eq!(steps[0].action.is_repeatable(), repeatable, "{more}");
    }
}
