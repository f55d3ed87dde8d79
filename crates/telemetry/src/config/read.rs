//! Typed reading of variables: a value that means nothing is an error that names the variable and says what would be right.

use std::str::FromStr;
use std::time::Duration;

use crate::Error;

/// Where variables come from: the process's environment, or a table in tests.
pub(super) struct Variables<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
}

impl<'a> Variables<'a> {
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup }
    }

    /// The trimmed value; an empty one counts as unset, as OpenTelemetry asks.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let value = (self.lookup)(name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// The first of `names` that is set, with its name.
    pub(super) fn first<'n>(&self, names: &[&'n str]) -> Option<(&'n str, String)> {
        names.iter().find_map(|name| Some((*name, self.text(name)?)))
    }

    pub(super) fn parsed<T: FromStr>(&self, name: &str, expected: &str) -> Result<Option<T>, Error> {
        self.text(name).map(|value| value.parse().map_err(|_| invalid(name, &value, expected))).transpose()
    }

    /// A whole number within `range`.
    pub(super) fn number(&self, name: &str, range: std::ops::RangeInclusive<u64>) -> Result<Option<u64>, Error> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        match self.parsed::<u64>(name, &expected)? {
            Some(number) if !range.contains(&number) => Err(invalid(name, &number.to_string(), &expected)),
            other => Ok(other),
        }
    }

    pub(super) fn millis(&self, name: &str, range: std::ops::RangeInclusive<u64>) -> Result<Option<Duration>, Error> {
        Ok(self.number(name, range)?.map(Duration::from_millis))
    }

    /// `true`, `false`, and the ways people write them.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Error> {
        let Some(value) = self.text(name) else { return Ok(None) };
        match value.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(Some(true)),
            "false" | "0" | "no" | "off" => Ok(Some(false)),
            _ => Err(invalid(name, &value, "true or false")),
        }
    }

    /// A ratio from 0 to 1.
    pub(super) fn ratio(&self, name: &str) -> Result<Option<f64>, Error> {
        const EXPECTED: &str = "a ratio from 0.0 to 1.0";
        match self.parsed::<f64>(name, EXPECTED)? {
            Some(ratio) if !(0.0..=1.0).contains(&ratio) => Err(invalid(name, &ratio.to_string(), EXPECTED)),
            other => Ok(other),
        }
    }

    /// One of the words of `table`, in any case.
    pub(super) fn word<T: Clone>(&self, name: &str, table: &[(&str, T)]) -> Result<Option<T>, Error> {
        let Some(value) = self.text(name) else { return Ok(None) };
        let found = table.iter().find(|(word, _)| value.eq_ignore_ascii_case(word));
        found.map(|(_, meaning)| Some(meaning.clone())).ok_or_else(|| invalid(name, &value, &one_of(table)))
    }

    /// An http or https address.
    pub(super) fn address(&self, name: &str) -> Result<Option<String>, Error> {
        let Some(value) = self.text(name) else { return Ok(None) };
        match url::Url::parse(&value) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(Some(value)),
            _ => Err(invalid(name, &masked_url(&value), "an http:// or https:// address")),
        }
    }
}

/// `a, b or c`
pub(super) fn one_of<T>(table: &[(&str, T)]) -> String {
    let words: Vec<&str> = table.iter().map(|(word, _)| *word).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.join(""),
    }
}

pub(super) fn invalid(name: &str, value: &str, expected: &str) -> Error {
    Error::Variable { name: name.to_owned(), value: value.to_owned(), expected: expected.to_owned() }
}

/// An address without user and password, for error messages.
pub(super) fn masked_url(value: &str) -> String {
    match value.rsplit_once('@') {
        Some((before, host)) => {
            let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
            format!("{scheme}://…@{host}")
        }
        None => value.to_owned(),
    }
}

/// `key=value` pairs separated by commas, values percent-decoded (the format of `OTEL_RESOURCE_ATTRIBUTES` and of baggage).
pub(super) fn pairs(name: &str, text: &str, secret: bool) -> Result<Vec<(String, String)>, Error> {
    let mut pairs = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let shown = if secret { "…" } else { part };
        let split = part.split_once('=').map(|(key, value)| (key.trim(), value.trim()));
        let Some((key, value)) = split.filter(|(key, _)| !key.is_empty()) else {
            return Err(invalid(name, shown, "key=value pairs separated by commas"));
        };
        let decode = |text: &str| {
            percent_decode(text).ok_or_else(|| invalid(name, shown, "percent-encoding (%2C for a comma) of UTF-8 text"))
        };
        pairs.push((decode(key)?, decode(value)?));
    }
    Ok(pairs)
}

/// `None` for a `%` without two hexadecimal digits after it, and for bytes that are no UTF-8.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}
