//! Loki's JSON push body as protobuf, so that everything behind the receiver knows one form.

use std::borrow::Cow;
use std::fmt;

use protowire::Writer;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::labels::quote;
use crate::error::DecodeError;

/// Transcodes a body of `/loki/api/v1/push` with content type `application/json` into `logproto.PushRequest` bytes:
/// `{"streams": [{"stream": {"app": "cart"}, "values": [["<ns>", "line", {"name": "value"}]]}]}`. Times, lines, label values and metadata values
/// must be strings; unknown keys are ignored. Errors name line and column.
pub fn loki_json_to_protobuf(body: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut out = Writer::new();
    let mut json = serde_json::Deserializer::from_slice(body);
    Part::Request
        .with(&mut out)
        .deserialize(&mut json)
        .and_then(|()| json.end())
        .map_err(|error| DecodeError::Json(format!("couldn't parse push request: {error}")))?;
    Ok(out.into_bytes())
}

/// What stands at a place of the body.
#[derive(Clone, Copy)]
enum Part {
    /// `{"streams": …}`
    Request,
    /// `[stream, …]`
    Streams,
    /// `{"stream": …, "values": …}`
    Stream,
    /// `{"app": "cart"}`
    Labels,
    /// `[entry, …]`
    Entries,
    /// `["<ns>", "line", {…}]`
    Entry,
    /// `{"name": "value"}`
    Metadata,
}

impl Part {
    fn with(self, out: &mut Writer) -> Seed<'_> {
        Seed { part: self, out }
    }
}

struct Seed<'w> {
    part: Part,
    out: &'w mut Writer,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        match self.part {
            Part::Request | Part::Stream | Part::Labels | Part::Metadata => json.deserialize_map(self),
            Part::Streams | Part::Entries | Part::Entry => json.deserialize_seq(self),
        }
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.part {
            Part::Request => "an object with \"streams\"",
            Part::Streams => "an array of streams",
            Part::Stream => "an object with \"stream\" and \"values\"",
            Part::Labels => "an object of label values, which are strings",
            Part::Entries => "an array of entries",
            Part::Entry => "an entry [\"<time in ns>\", \"<line>\", {metadata}]",
            Part::Metadata => "an object of structured metadata, whose values are strings",
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut labels = String::new();
        while let Some(Text(key)) = map.next_key()? {
            match (self.part, key.as_ref()) {
                (Part::Request, "streams") => map.next_value_seed(Part::Streams.with(self.out))?,
                (Part::Stream, "stream") => map.next_value_seed(Part::Labels.with(self.out))?,
                (Part::Stream, "values") => map.next_value_seed(Part::Entries.with(self.out))?,
                (Part::Labels, name) => {
                    let Text(value) = map.next_value()?;
                    labels.push(if labels.is_empty() { '{' } else { ',' });
                    labels.push_str(name);
                    labels.push('=');
                    quote(&value, &mut labels);
                }
                (Part::Metadata, name) => {
                    let Text(value) = map.next_value()?;
                    self.out.message(3, |pair| {
                        pair.str(1, name).str(2, &value);
                    });
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if matches!(self.part, Part::Labels) {
            labels.push_str(if labels.is_empty() { "{}" } else { "}" });
            self.out.str(1, &labels);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let (field, inner) = match self.part {
            Part::Streams => (1, Part::Stream),
            Part::Entries => (2, Part::Entry),
            _ => return self.visit_entry(seq),
        };
        loop {
            let before = self.out.len();
            let start = self.out.begin(field);
            if seq.next_element_seed(inner.with(self.out))?.is_none() {
                self.out.truncate(before);
                return Ok(());
            }
            self.out.end(start);
        }
    }
}

impl Seed<'_> {
    fn visit_entry<'de, A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Text(time) = seq.next_element()?.ok_or_else(|| A::Error::custom("an entry has no time"))?;
        let time: i64 =
            time.parse().map_err(|_| A::Error::custom(format_args!("time {time:?} is not a number of nanoseconds")))?;
        let Text(line) = seq.next_element()?.ok_or_else(|| A::Error::custom("an entry has no line"))?;
        self.out.message(1, |timestamp| {
            timestamp.varint(1, time.div_euclid(1_000_000_000) as u64);
            timestamp.varint(2, time.rem_euclid(1_000_000_000) as u64);
        });
        self.out.str(2, &line);
        if seq.next_element_seed(Part::Metadata.with(self.out))?.is_some() {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
        }
        Ok(())
    }
}

/// A JSON string, borrowed from the body where it has no escapes.
struct Text<'de>(Cow<'de, str>);

impl<'de> serde::Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        json.deserialize_str(TextVisitor)
    }
}
