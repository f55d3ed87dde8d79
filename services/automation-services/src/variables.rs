//! The variables that the steps of one execution see.
//!
//! | name | value |
//! |---|---|
//! | `workflow_id`, `workflow_name`, `execution_id` | of this run |
//! | `trigger_data` | what the trigger brought, as an object; `{trigger_data.x}` reaches into it |
//! | `file_id`, `filename`, `file_size` (bytes), `content` | the file that triggered the run or was processed last; else empty |
//! | `created_at` | when that file was uploaded, else when the execution was asked for, RFC 3339 |
//! | `now` | the present moment, RFC 3339, new for every step |
//! | `step_1_result`, `step_2_result`, … | results of the steps so far, counted from 1; `step_2_result.id` reaches into one |
//! | what a step names as `output` | its result's `content` if it has one, else its result |

use crate::store::files::File;
use crate::template::Variables;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

const NAMES: [&str; 10] = [
    "workflow_id",
    "workflow_name",
    "execution_id",
    "trigger_data",
    "file_id",
    "filename",
    "file_size",
    "content",
    "created_at",
    "now",
];

/// Whether every execution has a variable of this name, so that no step may take it for its output.
pub fn is_reserved(name: &str) -> bool {
    let step = name.strip_prefix("step_").and_then(|rest| rest.strip_suffix("_result"));
    NAMES.contains(&name) || step.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A moment as templates show it.
pub fn moment(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The variables of an execution before its first step.
pub fn initial(
    workflow_id: &str,
    workflow_name: &str,
    execution_id: &str,
    trigger_data: &Value,
    created_at: DateTime<Utc>,
) -> Variables {
    let mut variables = Variables::new();
    variables.set("workflow_id", workflow_id);
    variables.set("workflow_name", workflow_name);
    variables.set("execution_id", execution_id);
    variables.set("created_at", moment(created_at));
    for name in ["file_id", "filename", "file_size", "content"] {
        // A trigger by hand may bring them itself.
        variables.set(name, trigger_data.get(name).cloned().unwrap_or_else(|| "".into()));
    }
    variables.set("trigger_data", trigger_data.clone());
    variables
}

/// Sets the variables of a file; `content` too when its text is known.
pub fn set_file(variables: &mut Variables, file: &File, text: Option<&str>) {
    variables.set("file_id", file.id.as_str());
    variables.set("filename", file.filename.as_str());
    variables.set("file_size", file.size_bytes);
    variables.set("created_at", moment(file.created_at));
    if let Some(text) = text {
        variables.set("content", text);
    }
}

/// Sets the result of the step at `position`, counted from 0.
pub fn set_result(variables: &mut Variables, position: usize, output: Option<&str>, result: &Value) {
    if let Some(name) = output {
        variables.set(name, result.get("content").unwrap_or(result).clone());
    }
    variables.set(format!("step_{}_result", position + 1), result.clone());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::render;
    use serde_json::json;

    #[test]
    fn names() {
        assert!(["now", "content", "step_1_result", "step_22_result"].into_iter().all(is_reserved));
        assert!(!["summary", "step_x_result", "steps"].into_iter().any(is_reserved));
    }

    #[test]
    fn a_run_by_hand() {
        let data = json!({"filename": "given.txt", "who": {"name": "Ann"}});
        let mut variables = initial("w", "Daily", "e", &data, "2026-11-22T10:00:00Z".parse().unwrap());
        set_result(&mut variables, 0, Some("answer"), &json!({"content": "42", "model": "m"}));
        set_result(&mut variables, 1, Some("plain"), &json!({"id": "rec1"}));
        let text = "{workflow_name} {filename} {trigger_data.who.name} {content}{created_at} {answer} {step_1_result.model} {plain.id}";
        assert_eq!(render(text, &variables).unwrap(), "Daily given.txt Ann 2026-11-22T10:00:00.000Z 42 m rec1");
    }
}
