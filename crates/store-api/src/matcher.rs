//! One condition on a label, as PromQL and LogQL selectors have them.

use regex::Regex;

/// How a label is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Regex,
    /// `!~`
    NotRegex,
}

/// `name op "value"`. A label that is absent compares as the empty text. Regular expressions are anchored at both ends.
#[derive(Clone, Debug)]
pub struct Matcher {
    name: String,
    op: MatchOp,
    value: String,
    regex: Option<Regex>,
}

impl Matcher {
    /// Builds a matcher; fails when `value` is a regular expression that does not compile.
    pub fn new(name: &str, op: MatchOp, value: &str) -> Result<Self, regex::Error> {
        let regex = match op {
            // `(?s)`: Prometheus 3 lets `.` match newlines.
            MatchOp::Regex | MatchOp::NotRegex => Some(Regex::new(&format!("^(?s:{value})$"))?),
            MatchOp::Equal | MatchOp::NotEqual => None,
        };
        Ok(Self { name: name.to_owned(), op, value: value.to_owned(), regex })
    }

    /// `name="value"`.
    pub fn equal(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), op: MatchOp::Equal, value: value.to_owned(), regex: None }
    }

    /// The label.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The comparison.
    pub fn op(&self) -> MatchOp {
        self.op
    }

    /// The text or regular expression.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// True when a label of value `text` (empty for an absent one) satisfies the condition.
    pub fn matches(&self, text: &str) -> bool {
        let is_match = || self.regex.as_ref().is_some_and(|regex| regex.is_match(text));
        match self.op {
            MatchOp::Equal => text == self.value,
            MatchOp::NotEqual => text != self.value,
            MatchOp::Regex => is_match(),
            MatchOp::NotRegex => !is_match(),
        }
    }

    /// True when an absent label satisfies the condition. A selector needs one matcher for which this is false.
    pub fn matches_empty(&self) -> bool {
        self.matches("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_expressions_are_anchored() {
        let matcher = Matcher::new("job", MatchOp::Regex, "a|b.").expect("valid");
        assert!(matcher.matches("a") && matcher.matches("bc"));
        assert!(!matcher.matches("ab") && !matcher.matches("") && !matcher.matches_empty());
    }
}
