//! Masks secrets in requests before they are encoded: names, values, messages and bodies, on every signal.
//!
//! This is the last stop inside the process. It also drops all but the last value of an attribute that was set twice, because OTLP
//! wants keys to be unique and the SDK does not see to it, and cuts values at `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`.

use std::borrow::Cow;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;
use redact::Redactor;

/// Stands for a value whose key says that it is a secret.
pub(crate) const MASK: &str = "[REDACTED]";
/// Deeper values are nobody's telemetry; the limit keeps the walk off the end of the stack.
const DEPTH_MAX: u32 = 16;

/// The masks of one pipeline.
#[derive(Clone, Debug)]
pub(crate) struct Masks {
    redactor: Redactor,
    length_max: Option<usize>,
}

impl Masks {
    pub(crate) fn new(redactor: Redactor, length_max: Option<usize>) -> Self {
        Self { redactor, length_max }
    }

    pub(crate) fn span(&self, span: &mut Span) {
        self.text(&mut span.name);
        // Callers choose it: it comes with their `tracestate` header.
        self.text(&mut span.trace_state);
        self.attributes(&mut span.attributes);
        for event in &mut span.events {
            self.text(&mut event.name);
            self.attributes(&mut event.attributes);
        }
        for link in &mut span.links {
            self.text(&mut link.trace_state);
            self.attributes(&mut link.attributes);
        }
        if let Some(status) = &mut span.status {
            self.text(&mut status.message);
        }
    }

    pub(crate) fn log(&self, record: &mut LogRecord) {
        if let Some(body) = &mut record.body {
            self.value(body, DEPTH_MAX);
        }
        self.attributes(&mut record.attributes);
    }

    /// Metrics have few attributes, but anyone can put a URL into one. Names and units are constants of the code.
    pub(crate) fn metrics(&self, request: &mut ExportMetricsServiceRequest) {
        let scopes = request.resource_metrics.iter_mut().flat_map(|resource| &mut resource.scope_metrics);
        for metric in scopes.flat_map(|scope| &mut scope.metrics) {
            match &mut metric.data {
                Some(Data::Gauge(gauge)) => {
                    self.points(gauge.data_points.iter_mut().map(|point| &mut point.attributes))
                }
                Some(Data::Sum(sum)) => self.points(sum.data_points.iter_mut().map(|point| &mut point.attributes)),
                Some(Data::Histogram(data)) => {
                    self.points(data.data_points.iter_mut().map(|point| &mut point.attributes))
                }
                Some(Data::ExponentialHistogram(data)) => {
                    self.points(data.data_points.iter_mut().map(|point| &mut point.attributes));
                }
                Some(Data::Summary(data)) => {
                    self.points(data.data_points.iter_mut().map(|point| &mut point.attributes))
                }
                None => {}
            }
        }
    }

    pub(crate) fn attributes(&self, attributes: &mut Vec<KeyValue>) {
        keep_last(attributes);
        for attribute in attributes {
            match &mut attribute.value {
                Some(value) if self.redactor.key_is_secret(&attribute.key) => value.value = masked(),
                Some(value) => self.value(value, DEPTH_MAX),
                None => {}
            }
        }
    }

    fn points<'a>(&self, points: impl Iterator<Item = &'a mut Vec<KeyValue>>) {
        for attributes in points {
            self.attributes(attributes);
        }
    }

    fn value(&self, value: &mut AnyValue, depth: u32) {
        match &mut value.value {
            Some(Value::StringValue(text)) => self.text(text),
            // Bytes that hold a secret as text are as readable as text.
            Some(Value::BytesValue(bytes)) => {
                if let Ok(text) = std::str::from_utf8(bytes)
                    && let Cow::Owned(masked) = self.redactor.text(text)
                {
                    *bytes = masked.into_bytes();
                }
            }
            Some(Value::ArrayValue(_) | Value::KvlistValue(_)) if depth == 0 => value.value = masked(),
            Some(Value::ArrayValue(array)) => {
                array.values.iter_mut().for_each(|value| self.value(value, depth - 1));
            }
            Some(Value::KvlistValue(list)) => {
                for pair in &mut list.values {
                    match &mut pair.value {
                        Some(value) if self.redactor.key_is_secret(&pair.key) => value.value = masked(),
                        Some(value) => self.value(value, depth - 1),
                        None => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn text(&self, text: &mut String) {
        if let Cow::Owned(masked) = self.redactor.text(text) {
            *text = masked;
        }
        if let Some(max) = self.length_max
            && let Some((at, _)) = text.char_indices().nth(max)
        {
            text.truncate(at);
        }
    }
}

fn masked() -> Option<Value> {
    Some(Value::StringValue(MASK.to_owned()))
}

/// Marks each key in a set of bits by its length and its end; only a key whose bit is taken is compared with the others.
fn keep_last(attributes: &mut Vec<KeyValue>) {
    const WORDS: usize = 16;
    let mut seen = [0u64; WORDS];
    for at in (0..attributes.len()).rev() {
        let key = &attributes[at].key;
        let hash =
            key.bytes().rev().take(8).fold(key.len() as u64, |hash, byte| hash << 7 ^ hash >> 57 ^ u64::from(byte));
        // Fibonacci hashing: the upper bits depend on all.
        let place = (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54) as usize;
        let (word, bit) = (place / 64, 1 << (place % 64));
        if seen[word] & bit != 0 && attributes[at + 1..].iter().any(|later| later.key == *key) {
            attributes.remove(at);
        }
        seen[word] |= bit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(key: &str, value: &str) -> KeyValue {
        let value = AnyValue { value: Some(Value::StringValue(value.to_owned())) };
        KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
    }

    fn masks(length_max: Option<usize>) -> Masks {
        Masks::new(Redactor::new(redact::Options::default()), length_max)
    }

    #[test]
    fn the_last_of_a_key_stays() {
        let mut attributes = vec![pair("a", "1"), pair("b", "2"), pair("a", "3")];
        keep_last(&mut attributes);
        assert_eq!(attributes, [pair("b", "2"), pair("a", "3")]);
        let keys = |count: usize| (0..count).map(|key| pair(&format!("some.attribute.{key}"), "")).collect::<Vec<_>>();
        let mut many = keys(500);
        many.extend(keys(300));
        keep_last(&mut many);
        assert_eq!(many, [&keys(500)[300..], &keys(300)].concat());
    }

    #[test]
    fn trace_states_of_callers() {
        let key = format!("AKIA{}", "B2C3".repeat(4));
        let link = opentelemetry_proto::tonic::trace::v1::span::Link {
            trace_state: format!("vendor={key}"),
            ..Default::default()
        };
        let mut span = Span { trace_state: format!("a=1,vendor={key}"), links: vec![link], ..Span::default() };
        masks(None).span(&mut span);
        assert_eq!(span.trace_state, "a=1,vendor=[REDACTED:api-key]");
        assert_eq!(span.links[0].trace_state, "vendor=[REDACTED:api-key]");
    }

    #[test]
    fn secret_keys_and_long_values() {
        let mut attributes = vec![pair("authorization", "Bearer abc"), pair("text", "äöüß")];
        masks(Some(3)).attributes(&mut attributes);
        assert_eq!(attributes, [pair("authorization", MASK), pair("text", "äöü")]);
    }
}
