//! OTLP/JSON requests as protobuf, so that everything behind the receiver knows one form.
//!
//! The transcoder is driven by the tables of `schema`: it passes over the text once, looks each key up in its message's table and
//! writes the field at once. Rules (OTLP specification, "JSON Protobuf Encoding"): keys in lowerCamelCase (snake_case is taken too),
//! unknown keys and nulls ignored, trace and span ids in hex of either case, other bytes in base64, 64-bit integers as numbers or
//! strings, enums as numbers (names are taken too), `"NaN"`, `"Infinity"`, `"-Infinity"`.
//!
//! An id that is no hex becomes the single byte 0, which no reader takes for an id: the span is refused, not its request. Nesting is
//! bounded by serde_json at 128 levels of JSON.

mod scalar;
mod schema;
mod surrogates;

use std::fmt;

use protowire::Writer;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::error::DecodeError;
use scalar::Number;
use schema::{Field, Kind, Message};

/// `ExportTraceServiceRequest` bytes of its JSON.
pub fn traces_to_protobuf(body: &[u8]) -> Result<Vec<u8>, DecodeError> {
    transcode(body, &schema::TRACES)
}

/// `ExportLogsServiceRequest` bytes of its JSON.
pub fn logs_to_protobuf(body: &[u8]) -> Result<Vec<u8>, DecodeError> {
    transcode(body, &schema::LOGS)
}

/// `ExportMetricsServiceRequest` bytes of its JSON.
pub fn metrics_to_protobuf(body: &[u8]) -> Result<Vec<u8>, DecodeError> {
    transcode(body, &schema::METRICS)
}

/// `AnyValue` bytes of its JSON.
pub(crate) fn any_value_to_protobuf(body: &[u8]) -> Result<Vec<u8>, DecodeError> {
    transcode(body, &schema::ANY_VALUE)
}

fn transcode(body: &[u8], message: &'static Message) -> Result<Vec<u8>, DecodeError> {
    transcode_strictly(body, message).or_else(|error| {
        // JavaScript cuts strings between the halves of an emoji and sends the lone half as an escape. Serde_json refuses it; one bad
        // character should not cost a request.
        let mended = surrogates::mend(body).ok_or_else(|| DecodeError::Json(error.to_string()))?;
        transcode_strictly(&mended, message).map_err(|error| DecodeError::Json(error.to_string()))
    })
}

fn transcode_strictly(body: &[u8], message: &'static Message) -> Result<Vec<u8>, serde_json::Error> {
    let mut out = Writer::new();
    let mut json = serde_json::Deserializer::from_slice(body);
    json.deserialize_map(MessageVisitor { message, out: &mut out })?;
    json.end()?;
    Ok(out.into_bytes())
}

/// Writes the fields of one message.
struct MessageVisitor<'w> {
    message: &'static Message,
    out: &'w mut Writer,
}

impl<'de> Visitor<'de> for MessageVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object ({})", self.message.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut guess = 0;
        while let Some(found) = map.next_key_seed(KeySeed { message: self.message, guess })? {
            match found {
                Some(at) => {
                    let field = &self.message.fields[at];
                    guess = at + 1;
                    map.next_value_seed(FieldSeed { field, in_array: false, out: self.out })?;
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// Finds a key's place in the table of its message.
struct KeySeed {
    message: &'static Message,
    /// Senders write keys in the order of the table.
    guess: usize,
}

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Option<usize>;
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Option<usize>, D::Error> {
        json.deserialize_identifier(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Option<usize>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }
    fn visit_str<E>(self, key: &str) -> Result<Option<usize>, E> {
        Ok(self.message.find(key, self.guess))
    }
}

/// Writes one field, or one element of a repeated field.
struct FieldSeed<'w> {
    field: &'static Field,
    in_array: bool,
    out: &'w mut Writer,
}

impl<'de> DeserializeSeed<'de> for FieldSeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl FieldSeed<'_> {
    fn number<E: Error>(self, number: Number) -> Result<(), E> {
        match scalar::write_number(self.field, number, self.out) {
            Ok(()) => Ok(()),
            Err(reason) => Err(E::custom(format_args!("{}: {reason}", self.field.name))),
        }
    }
}

impl<'de> Visitor<'de> for FieldSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.repeated && !self.in_array {
            return write!(f, "an array for {}", self.field.name);
        }
        write!(f, "{} for {}", self.field.kind.expected(), self.field.name)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<(), E> {
        match self.field.kind {
            Kind::Bool => {
                self.out.varint(self.field.number, u64::from(flag));
                Ok(())
            }
            _ => Err(E::invalid_type(serde::de::Unexpected::Bool(flag), &self)),
        }
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.number(Number::Unsigned(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.number(Number::Signed(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.number(Number::Float(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        match scalar::write_text(self.field, text, self.out) {
            Ok(()) => Ok(()),
            Err(reason) => Err(E::custom(format_args!("{}: {reason}", self.field.name))),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        if !self.field.repeated || self.in_array {
            return Err(A::Error::invalid_type(serde::de::Unexpected::Seq, &self));
        }
        while seq.next_element_seed(FieldSeed { field: self.field, in_array: true, out: self.out })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let Kind::Message(message) = self.field.kind else {
            return Err(A::Error::invalid_type(serde::de::Unexpected::Map, &self));
        };
        if self.field.repeated && !self.in_array {
            return Err(A::Error::invalid_type(serde::de::Unexpected::Map, &self));
        }
        let start = self.out.begin(self.field.number);
        MessageVisitor { message, out: self.out }.visit_map(map)?;
        self.out.end(start);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
