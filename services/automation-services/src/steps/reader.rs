//! Reads the members of one step and notes what is wrong with them, under the path that the user knows.

use serde_json::{Map, Value};
use service_kit::problem::FieldError;

/// Longest text of a step, in bytes: prompts are long, whole books are not prompts.
const TEXT_BYTES_MAX: usize = 100_000;

/// The members of one object.
pub(super) struct Reader<'a> {
    members: &'a Map<String, Value>,
    /// The object `config` inside, where parameters may stand as well.
    config: Option<&'a Map<String, Value>>,
    path: String,
    faults: &'a mut Vec<FieldError>,
}

impl<'a> Reader<'a> {
    /// A reader of `value`, which must be an object.
    pub(super) fn new(value: &'a Value, path: String, faults: &'a mut Vec<FieldError>) -> Option<Self> {
        match value {
            Value::Object(members) => {
                Some(Self { members, config: members.get("config").and_then(Value::as_object), path, faults })
            }
            _ => {
                faults.push(FieldError { field: path, reason: "must be an object".to_owned() });
                None
            }
        }
    }

    /// Notes that `member` is wrong.
    pub(super) fn fault(&mut self, member: &str, reason: impl Into<String>) {
        let outer = self.members.contains_key(member) || self.config.is_none_or(|config| !config.contains_key(member));
        let inner = if outer { "" } else { "config." };
        self.faults.push(FieldError { field: format!("{}.{inner}{member}", self.path), reason: reason.into() });
    }

    /// The member as it is written.
    pub(super) fn value(&self, member: &str) -> Option<&'a Value> {
        self.members.get(member).or_else(|| self.config?.get(member))
    }

    /// A text that must be there and say something.
    pub(super) fn text(&mut self, member: &str) -> Option<String> {
        match self.value(member) {
            Some(Value::String(text)) if text.trim().is_empty() => {
                self.fault(member, "must not be empty");
                None
            }
            None | Some(Value::Null) => {
                self.fault(member, "is missing");
                None
            }
            _ => self.optional_text(member),
        }
    }

    /// A text that may be missing. A wrong one is noted and counts as missing.
    pub(super) fn optional_text(&mut self, member: &str) -> Option<String> {
        match self.value(member)? {
            Value::Null => None,
            Value::String(text) if text.len() > TEXT_BYTES_MAX => {
                self.fault(member, format!("is longer than {TEXT_BYTES_MAX} bytes"));
                None
            }
            Value::String(text) => Some(text.clone()),
            _ => {
                self.fault(member, "must be a text");
                None
            }
        }
    }

    /// A text, number or truth value, as text. Must be there; may be empty.
    pub(super) fn scalar(&mut self, member: &str) -> Option<String> {
        match self.value(member) {
            Some(value @ (Value::String(_) | Value::Number(_) | Value::Bool(_))) => {
                Some(crate::template::text_of(value))
            }
            None | Some(Value::Null) => {
                self.fault(member, "is missing");
                None
            }
            Some(_) => {
                self.fault(member, "must be a text or a number");
                None
            }
        }
    }

    /// An object that must be there and not be empty.
    pub(super) fn object(&mut self, member: &str) -> Option<Map<String, Value>> {
        let reason = match self.value(member) {
            Some(Value::Object(object)) if !object.is_empty() => return Some(object.clone()),
            Some(Value::Object(_)) => "must not be empty",
            Some(Value::Null) | None => "is missing",
            Some(_) => "must be an object",
        };
        self.fault(member, reason);
        None
    }

    /// A reader of the object `member`, which must be there.
    pub(super) fn nested(&mut self, member: &str) -> Option<Reader<'_>> {
        match self.value(member) {
            Some(Value::Object(members)) => {
                Some(Reader { members, config: None, path: format!("{}.{member}", self.path), faults: self.faults })
            }
            found => {
                self.fault(member, if found.is_none_or(Value::is_null) { "is missing" } else { "must be an object" });
                None
            }
        }
    }

    /// A truth value; false when missing.
    pub(super) fn flag(&mut self, member: &str) -> bool {
        match self.value(member) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => {
                self.fault(member, "must be true or false");
                false
            }
        }
    }

    /// A number within its range, if it is there.
    pub(super) fn number(&mut self, member: &str, min: f64, max: f64) -> Option<f64> {
        match self.value(member)? {
            Value::Null => None,
            value => {
                let number = value.as_f64().filter(|number| (min..=max).contains(number));
                if number.is_none() {
                    self.fault(member, format!("must be a number from {min} to {max}"));
                }
                number
            }
        }
    }
}
