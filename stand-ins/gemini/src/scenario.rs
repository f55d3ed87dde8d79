//! The knobs: what the stand-in does besides answering well. Set at start (flags), while running (`PUT /_mock/scenario`), for
//! one call (header `x-mock-scenario`, a JSON object; header `x-mock-usage`), or by a word in the prompt (`mock:429`).
//!
//! Limits: at most [`RULES_MAX`] failure rules.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Error;
use crate::fault::Fault;

/// What `RetryInfo` says unless a rule says otherwise: the recorded delay.
pub const RETRY_DELAY_S: f64 = 34.074_824_224;

/// Failure rules a scenario may have: more would be a mistake.
pub const RULES_MAX: usize = 64;

/// What may be set. All empty: the stand-in answers at once and never fails.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    /// Milliseconds before the first byte of a generated answer.
    pub latency_ms: u64,
    /// Milliseconds before each chunk of a stream but the first.
    pub chunk_latency_ms: u64,
    /// Chunks a stream is cut into; 0: by its length.
    pub chunks: usize,
    /// Which calls fail; the first rule that matches decides.
    pub fail: Vec<FailRule>,
    /// Which calls are slow.
    pub slow: Vec<SlowRule>,
    /// End streams early.
    pub cut: Option<Cut>,
    /// Block every prompt with this `blockReason` (`SAFETY`, `PROHIBITED_CONTENT`, …); the status stays 200.
    pub block: Option<String>,
    /// End every answer with this `finishReason` instead of the natural one.
    pub finish: Option<String>,
    /// The tier that is served, whatever was asked for: a downgraded priority call says `standard` here.
    pub service_tier: Option<String>,
    /// Sent as `usageMetadata` as it is; `totalTokenCount` is added up when missing.
    pub usage: Option<Value>,
    /// Sent as `modelVersion`.
    pub model_version: Option<String>,
    /// Whole answers to send instead of generated ones: the chunks of a stream; a plain call gets the last.
    pub replay: Vec<Value>,
}

/// Which calls a rule is for. Calls are counted from 1 over all models, `countTokens` and the like not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Nth(u64),
    Every(u64),
    Always,
}

impl Which {
    fn matches(self, call: u64) -> bool {
        match self {
            Self::Nth(nth) => call == nth,
            Self::Every(every) => call.is_multiple_of(every),
            Self::Always => true,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if text == "always" {
            return Some(Self::Always);
        }
        if let Some(every) = text.strip_prefix("every:") {
            return every.parse().ok().filter(|every| *every > 0).map(Self::Every);
        }
        text.parse().ok().filter(|nth| *nth > 0).map(Self::Nth)
    }
}

impl std::fmt::Display for Which {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nth(nth) => write!(out, "{nth}"),
            Self::Every(every) => write!(out, "every:{every}"),
            Self::Always => out.write_str("always"),
        }
    }
}

/// `WHICH=FAULT[@DELAY]`, for example `3=429@0.5` (the third call, retry after half a second) or `every:20=503`.
#[derive(Debug, Clone, PartialEq)]
pub struct FailRule {
    which: Which,
    name: String,
    fault: Fault,
    retry_delay_s: f64,
}

/// `WHICH=MILLISECONDS`, for example `every:15=3000`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlowRule {
    which: Which,
    latency_ms: u64,
}

impl std::str::FromStr for FailRule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = |reason: String| Error::Rule { rule: text.to_owned(), reason };
        let (which, what) = text.split_once('=').ok_or_else(|| bad("want WHICH=FAULT[@SECONDS]".to_owned()))?;
        let which = Which::parse(which).ok_or_else(|| bad("WHICH is a number from 1, every:N or always".to_owned()))?;
        let (name, delay) = match what.split_once('@') {
            Some((name, delay)) => (name, Some(delay)),
            None => (what, None),
        };
        let fault = Fault::parse(name).ok_or_else(|| bad(format!("FAULT is one of {}", Fault::names())))?;
        let retry_delay_s = match delay {
            None => RETRY_DELAY_S,
            Some(delay) => delay
                .trim_end_matches('s')
                .parse()
                .ok()
                .filter(|delay: &f64| delay.is_finite() && *delay >= 0.0)
                .ok_or_else(|| bad("the delay is a number of seconds".to_owned()))?,
        };
        Ok(Self { which, name: name.to_owned(), fault, retry_delay_s })
    }
}

impl std::fmt::Display for FailRule {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}={}@{}", self.which, self.name, self.retry_delay_s)
    }
}

impl std::str::FromStr for SlowRule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = |reason: &str| Error::Rule { rule: text.to_owned(), reason: reason.to_owned() };
        let (which, latency) = text.split_once('=').ok_or_else(|| bad("want WHICH=MILLISECONDS"))?;
        let which = Which::parse(which).ok_or_else(|| bad("WHICH is a number from 1, every:N or always"))?;
        let latency_ms = latency.parse().map_err(|_| bad("MILLISECONDS is a whole number"))?;
        Ok(Self { which, latency_ms })
    }
}

impl std::fmt::Display for SlowRule {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}={}", self.which, self.latency_ms)
    }
}

/// Rules are strings in JSON, the same as on the command line.
macro_rules! as_text {
    ($name:ty) => {
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

as_text!(FailRule);
as_text!(SlowRule);

/// How a stream ends early.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// Chunks that are still sent.
    pub after: usize,
    /// What follows them.
    #[serde(default)]
    pub with: CutWith,
}

/// What a cut looks like to the client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutWith {
    /// The connection breaks: the chunked body has no end.
    #[default]
    Disconnect,
    /// An `{"error": …}` object comes as one more event, then a proper end.
    Error,
    /// A proper end without a last chunk: no `finishReason`.
    End,
}

impl Scenario {
    /// Reads a JSON object over `self`: fields it does not name keep their value.
    ///
    /// # Errors
    /// [`Error::Scenario`] when a field is unknown or has a wrong value.
    pub fn merged(&self, over: &Value) -> Result<Self, Error> {
        let fields = over.as_object().ok_or_else(|| Error::Scenario("want a JSON object".to_owned()))?;
        let mut base = serde_json::to_value(self).map_err(|error| Error::Scenario(error.to_string()))?;
        for (key, value) in fields {
            base[key] = value.clone();
        }
        let merged: Self = serde_json::from_value(base).map_err(|error| Error::Scenario(error.to_string()))?;
        if merged.fail.len() > RULES_MAX || merged.slow.len() > RULES_MAX {
            return Err(Error::Scenario(format!("at most {RULES_MAX} rules")));
        }
        Ok(merged)
    }

    /// Applies the `mock:…` words of a prompt: a fault's name, `block`, `safety`, `slow`, `cut`, `cut-error`, `max-tokens`.
    pub(crate) fn with_words(mut self, prompt: &str) -> Self {
        for word in prompt.split_whitespace().filter_map(|word| word.strip_prefix("mock:")) {
            let word = word.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric());
            match word {
                "block" => self.block = Some("SAFETY".to_owned()),
                "safety" => self.finish = Some("SAFETY".to_owned()),
                "max-tokens" => self.finish = Some("MAX_TOKENS".to_owned()),
                "slow" => self.latency_ms = 3_000,
                "cut" => self.cut = Some(Cut { after: 1, with: CutWith::Disconnect }),
                "cut-error" => self.cut = Some(Cut { after: 1, with: CutWith::Error }),
                name => {
                    if let Some(fault) = Fault::parse(name) {
                        let rule = FailRule {
                            which: Which::Always,
                            name: name.to_owned(),
                            fault,
                            retry_delay_s: RETRY_DELAY_S,
                        };
                        self.fail.insert(0, rule);
                    }
                }
            }
        }
        self
    }

    /// The fault of that call and its retry delay.
    pub(crate) fn fault(&self, call: u64) -> Option<(Fault, f64)> {
        self.fail.iter().find(|rule| rule.which.matches(call)).map(|rule| (rule.fault, rule.retry_delay_s))
    }

    /// Milliseconds that call waits before its first byte.
    pub(crate) fn latency_ms(&self, call: u64) -> u64 {
        let slow = self.slow.iter().filter(|rule| rule.which.matches(call)).map(|rule| rule.latency_ms).max();
        self.latency_ms.max(slow.unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rules_read_back_as_written() {
        for text in ["3=429@0.5", "every:20=503@34.074824224", "always=quota-day@1"] {
            assert_eq!(text.parse::<FailRule>().unwrap().to_string(), text);
        }
        assert_eq!("every:15=3000".parse::<SlowRule>().unwrap().to_string(), "every:15=3000");
        for text in ["429", "0=429", "x=429", "1=teapot", "1=429@soon", "every:0=500"] {
            assert!(text.parse::<FailRule>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_first_matching_rule_decides() {
        let scenario = Scenario::default().merged(&json!({"fail": ["2=500", "every:2=503@1"]})).unwrap();
        let faults: Vec<_> = (1..=4).map(|call| scenario.fault(call).map(|(fault, _)| fault)).collect();
        assert_eq!(faults, [None, Some(Fault::Internal), None, Some(Fault::Unavailable)]);
    }

    #[test]
    fn merging_keeps_what_is_not_named_and_refuses_the_unknown() {
        let base = Scenario { latency_ms: 5, ..Scenario::default() };
        assert_eq!(
            base.merged(&json!({"chunks": 3})).unwrap(),
            Scenario { latency_ms: 5, chunks: 3, ..Scenario::default() }
        );
        assert!(base.merged(&json!({"latencyms": 3})).unwrap_err().to_string().contains("latencyms"));
        assert!(base.merged(&json!(3)).is_err());
    }

    #[test]
    fn words_of_the_prompt_ask_for_faults() {
        let scenario = Scenario::default().with_words("please mock:429, and mock:cut");
        assert_eq!(scenario.fault(7), Some((Fault::Quota, RETRY_DELAY_S)));
        assert_eq!(scenario.cut, Some(Cut { after: 1, with: CutWith::Disconnect }));
    }
}
