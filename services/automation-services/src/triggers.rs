//! What starts a workflow besides requests and the clock: its list `triggers`.
//!
//! An item is a word (`"file_upload"`) or an object (`{"type": "file_upload", "extensions": [".csv"]}`). `manual` and `scheduled` may be
//! listed, as clients of the older service do; they say nothing more than what holds anyway.

use crate::names::TriggerType;
use serde_json::Value;
use service_kit::problem::FieldError;

/// More triggers than this are a mistake: there are four types.
const TRIGGERS_MAX: usize = 20;

/// Checks a list of triggers; gives what is wrong, by field.
pub fn check(triggers: &[Value]) -> Vec<FieldError> {
    let fault = |field: String, reason: String| FieldError { field, reason };
    if triggers.len() > TRIGGERS_MAX {
        return vec![fault(
            "triggers".to_owned(),
            format!("has {} items, at most {TRIGGERS_MAX} are allowed", triggers.len()),
        )];
    }
    let mut faults = Vec::new();
    for (n, trigger) in triggers.iter().enumerate() {
        let (field, word) = match trigger {
            Value::String(word) => (format!("triggers[{n}]"), Some(word.as_str())),
            Value::Object(object) => (format!("triggers[{n}].type"), object.get("type").and_then(Value::as_str)),
            _ => (format!("triggers[{n}]"), None),
        };
        match word {
            None => faults.push(fault(field, "must be a trigger's type, or an object with one".to_owned())),
            Some(word) if TriggerType::parse(word).is_none() => {
                faults.push(fault(field, format!("`{word}` is not one of {}", TriggerType::WORDS.join(", "))));
            }
            Some(_) => {}
        }
        let extensions = trigger.get("extensions").unwrap_or(&Value::Null);
        let texts = extensions.as_array().is_some_and(|list| list.iter().all(Value::is_string));
        if !extensions.is_null() && !texts {
            faults.push(fault(
                format!("triggers[{n}].extensions"),
                "must be a list of texts such as \".csv\"".to_owned(),
            ));
        }
    }
    faults
}

/// Whether `triggers` name an `event` with a file of `extension` (with its dot).
pub fn listens(triggers: &Value, event: TriggerType, extension: &str) -> bool {
    triggers.as_array().is_some_and(|list| {
        list.iter().any(|trigger| {
            let word = trigger.as_str().or_else(|| trigger.get("type")?.as_str());
            let wanted = match trigger.get("extensions").and_then(Value::as_array) {
                Some(list) if !list.is_empty() => list.iter().filter_map(Value::as_str).any(|wanted| {
                    wanted.trim_start_matches('.').eq_ignore_ascii_case(extension.trim_start_matches('.'))
                }),
                _ => true,
            };
            word == Some(event.as_str()) && wanted
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn who_listens() {
        let upload = TriggerType::FileUpload;
        for (triggers, expected) in [
            (json!([]), false),
            (json!(["manual", "file_processed"]), false),
            (json!(["file_upload"]), true),
            (json!([{"type": "file_upload"}]), true),
            (json!([{"type": "file_upload", "extensions": []}]), true),
            (json!([{"type": "file_upload", "extensions": ["PDF", ".csv"]}]), true),
            (json!([{"type": "file_upload", "extensions": [".pdf"]}]), false),
            (json!({"type": "file_upload"}), false),
        ] {
            assert_eq!(listens(&triggers, upload, ".csv"), expected, "{triggers}");
        }
    }

    #[test]
    fn faults_name_the_item() {
        let list = json!(["manual", "mail", 5, {"kind": "x"}, {"type": "file_upload", "extensions": "csv"}]);
        let faults = check(list.as_array().unwrap());
        let fields: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["triggers[1]", "triggers[2]", "triggers[3].type", "triggers[4].extensions"]);
    }
}
