//! The fields of spans and events as values.

use std::fmt;

use opentelemetry::trace::{SpanKind, Status};
use opentelemetry::{KeyValue, StringValue, Value};
use tracing::field::{Field, Visit};

/// `r#type` is how Rust spells a field called `type`.
fn name(field: &Field) -> &'static str {
    let name = field.name();
    name.strip_prefix("r#").unwrap_or(name)
}

/// Fields of an event: `message` apart, the rest in order.
#[derive(Default)]
pub(super) struct EventFields {
    pub(super) message: String,
    pub(super) fields: Vec<(&'static str, Value)>,
}

impl EventFields {
    fn push(&mut self, field: &Field, value: Value) {
        if field.name() == "message" {
            self.message = value.as_str().into_owned();
        } else {
            self.fields.push((name(field), value));
        }
    }
}

/// Fields of a span: those with a meaning (`otel.*`) apart.
#[derive(Default)]
pub(super) struct SpanFields {
    pub(super) attributes: Vec<KeyValue>,
    pub(super) name: Option<String>,
    pub(super) kind: Option<SpanKind>,
    pub(super) status: Option<Status>,
}

impl SpanFields {
    fn push(&mut self, field: &Field, value: Value) {
        match field.name() {
            "otel.name" => self.name = Some(value.as_str().into_owned()),
            "otel.kind" => self.kind = kind(&value.as_str()),
            "otel.status_code" => self.status = status(&value.as_str(), self.status.take()),
            "otel.status_description" | "otel.status_message" => {
                self.status = Some(Status::error(value.as_str().into_owned()));
            }
            _ => self.attributes.push(KeyValue::new(name(field), value)),
        }
    }
}

fn kind(text: &str) -> Option<SpanKind> {
    let kinds = [
        ("server", SpanKind::Server),
        ("client", SpanKind::Client),
        ("producer", SpanKind::Producer),
        ("consumer", SpanKind::Consumer),
        ("internal", SpanKind::Internal),
    ];
    kinds.into_iter().find(|(name, _)| text.eq_ignore_ascii_case(name)).map(|(_, kind)| kind)
}

/// A description that was given already is kept.
fn status(code: &str, known: Option<Status>) -> Option<Status> {
    if code.eq_ignore_ascii_case("ok") {
        Some(Status::Ok)
    } else if code.eq_ignore_ascii_case("error") {
        Some(known.filter(|status| matches!(status, Status::Error { .. })).unwrap_or_else(|| Status::error("")))
    } else {
        known
    }
}

/// Attributes are signed 64-bit; what does not fit keeps its digits as text.
fn wide(number: impl TryInto<i64> + fmt::Display + Copy) -> Value {
    number.try_into().map_or_else(|_| Value::from(number.to_string()), Value::I64)
}

macro_rules! visit {
    ($type:ty) => {
        impl Visit for $type {
            fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                self.push(field, Value::from(format!("{value:?}")));
            }

            fn record_str(&mut self, field: &Field, value: &str) {
                self.push(field, Value::String(StringValue::from(value.to_owned())));
            }

            fn record_bool(&mut self, field: &Field, value: bool) {
                self.push(field, Value::Bool(value));
            }

            fn record_i64(&mut self, field: &Field, value: i64) {
                self.push(field, Value::I64(value));
            }

            fn record_u64(&mut self, field: &Field, value: u64) {
                self.push(field, wide(value));
            }

            fn record_i128(&mut self, field: &Field, value: i128) {
                self.push(field, wide(value));
            }

            fn record_u128(&mut self, field: &Field, value: u128) {
                self.push(field, wide(value));
            }

            fn record_f64(&mut self, field: &Field, value: f64) {
                self.push(field, Value::F64(value));
            }

            fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
                self.push(field, Value::from(crate::span::with_causes(value)));
            }
        }
    };
}

visit!(EventFields);
visit!(SpanFields);
