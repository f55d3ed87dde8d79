//! Headers and maps as the carriers of OpenTelemetry's propagators.

use std::borrow::Cow;
use std::collections::HashMap;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector};

/// Headers of which several lines are looked for; names that are known need not be parsed for each request.
static LISTS: [HeaderName; 3] =
    [HeaderName::from_static("baggage"), HeaderName::from_static("tracestate"), HeaderName::from_static("traceparent")];

/// Reads headers. Several lines of one list header (`baggage`, `tracestate`) are one list, as HTTP says; two of `traceparent` make
/// something that is none.
pub(super) struct HeaderReader<'a> {
    headers: &'a HeaderMap,
    joined: Vec<(&'static str, String)>,
}

impl<'a> HeaderReader<'a> {
    pub(super) fn new(headers: &'a HeaderMap) -> Self {
        let mut joined = Vec::new();
        for name in &LISTS {
            let mut lines = headers.get_all(name).iter();
            if lines.nth(1).is_some() {
                let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
                joined.push((name.as_str(), lines.collect::<Vec<_>>().join(",")));
            }
        }
        Self { headers, joined }
    }
}

impl Extractor for HeaderReader<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        if let Some((_, value)) = self.joined.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)) {
            return Some(value);
        }
        self.headers.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.headers.keys().map(HeaderName::as_str).collect()
    }
}

pub(super) struct HeaderWriter<'a>(pub(super) &'a mut HeaderMap);

impl Injector for HeaderWriter<'_> {
    fn set(&mut self, key: &str, value: String) {
        if value.is_empty() {
            return;
        }
        // Baggage keys that are no header names cannot travel this way.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

/// Reads a map whose keys may be in any case.
pub(super) struct MapReader<'a>(pub(super) &'a HashMap<String, String>);

impl Extractor for MapReader<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        if let Some(value) = self.0.get(key) {
            return Some(value);
        }
        self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_str())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

pub(super) struct MapWriter<'a>(pub(super) &'a mut HashMap<String, String>);

impl Injector for MapWriter<'_> {
    fn set(&mut self, key: &str, value: String) {
        if !value.is_empty() {
            self.0.insert(key.to_ascii_lowercase(), value);
        }
    }
}

/// Percent-decoding that leaves alone what is none.
pub(super) fn decoded(text: &str) -> Cow<'_, str> {
    match crate::config::percent_decode(text) {
        Some(decoded) => Cow::Owned(decoded),
        None => Cow::Borrowed(text),
    }
}
