//! Metric names.

use super::unit::UnitWords;
use super::{NamingError, Strategy, is_only_underscores};

/// What a metric is, as far as its name depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedType {
    /// Monotonic sum: gets `_total`.
    Counter,
    /// Gauge: gets `_ratio` with unit `1`.
    Gauge,
    /// Anything else.
    Other,
}

/// Translates metric names.
#[derive(Clone, Debug, Default)]
pub(crate) struct MetricNamer {
    /// How.
    pub strategy: Strategy,
    /// Prefix of all names; empty for none.
    pub namespace: String,
}

impl MetricNamer {
    /// The Prometheus name of a metric.
    pub(crate) fn name(&self, name: &str, unit: &str, named_type: NamedType) -> Result<String, NamingError> {
        let result = match self.strategy {
            Strategy::NoTranslation => self.with_namespace(name.to_owned(), &self.namespace),
            Strategy::NoUtf8EscapingWithSuffixes => self.with_suffixes_utf8(name, unit, named_type),
            Strategy::UnderscoreEscapingWithoutSuffixes => {
                let plain = split(name, |c| is_word(c) || c == '_').join("_");
                escape_digit(self.with_namespace(plain, &sanitize_namespace(&self.namespace)))
            }
            Strategy::UnderscoreEscapingWithSuffixes => self.with_suffixes(name, unit, named_type),
        };
        if result.is_empty() {
            return Err(NamingError::EmptyMetric(name.to_owned()));
        }
        if result != name && is_only_underscores(&result) {
            return Err(NamingError::InvalidMetric { name: name.to_owned(), result });
        }
        Ok(result)
    }

    /// The unit in words, for metadata; empty without suffixes.
    pub(crate) fn unit(&self, unit: &str) -> String {
        if !self.strategy.has_suffixes() {
            return unit.to_owned();
        }
        UnitWords::new(unit, self.strategy.keeps_utf8()).joined()
    }

    fn with_namespace(&self, name: String, namespace: &str) -> String {
        if namespace.is_empty() || name.is_empty() { name } else { format!("{namespace}_{name}") }
    }

    fn with_suffixes(&self, name: &str, unit: &str, named_type: NamedType) -> String {
        let mut tokens: Vec<&str> = split(name, is_word);
        if tokens.is_empty() {
            return String::new();
        }
        let words = UnitWords::new(unit, false);
        let is_new = |tokens: &[&str], word: &str| !word.is_empty() && !tokens.contains(&word);
        let (main, per) = (is_new(&tokens, &words.main), is_new(&tokens, &words.per));
        if main {
            tokens.push(if per { words.main.trim_end_matches('_') } else { &words.main });
        }
        if per {
            tokens.extend(["per", &words.per]);
        }
        if let Some(suffix) = type_suffix(unit, named_type) {
            tokens.retain(|token| *token != suffix);
            tokens.push(suffix);
        }
        escape_digit(self.with_namespace(tokens.join("_"), &sanitize_namespace(&self.namespace)))
    }

    /// Suffixes that the name has already are taken off first, so that they end up once and in order.
    fn with_suffixes_utf8(&self, name: &str, unit: &str, named_type: NamedType) -> String {
        let words = UnitWords::new(unit, true);
        let per = if words.per.is_empty() { String::new() } else { format!("per_{}", words.per) };
        let suffixes = [words.main.as_str(), per.as_str(), type_suffix(unit, named_type).unwrap_or_default()];
        let mut result = self.with_namespace(name.to_owned(), &self.namespace);
        for suffix in suffixes.iter().rev().filter(|suffix| !suffix.is_empty()) {
            if let Some(rest) = result.strip_suffix(suffix) {
                result.truncate(rest.strip_suffix('_').unwrap_or(rest).len());
            }
        }
        for suffix in suffixes.iter().filter(|suffix| !suffix.is_empty()) {
            if !result.is_empty() {
                result.push('_');
            }
            result.push_str(suffix);
        }
        result
    }
}

fn type_suffix(unit: &str, named_type: NamedType) -> Option<&'static str> {
    match named_type {
        NamedType::Counter => Some("total"),
        NamedType::Gauge if unit.trim() == "1" => Some("ratio"),
        NamedType::Gauge | NamedType::Other => None,
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == ':'
}

/// The runs of characters that `keep` accepts.
fn split(text: &str, keep: impl Fn(char) -> bool) -> Vec<&str> {
    text.split(|c| !keep(c)).filter(|token| !token.is_empty()).collect()
}

fn sanitize_namespace(namespace: &str) -> String {
    split(namespace, |c| is_word(c) || c == '_').join("_")
}

/// A name may not begin with a digit.
fn escape_digit(name: String) -> String {
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}
