//! Finds the secrets of a message by walking its fields, so that none is cut or overrun.

use std::ops::Range;

use protowire::cursor::{BYTES, Cursor};
use protowire::{WireError, WireValue};
use redact::{Kind, Redactor};

use super::schema::{Field, Message};

/// Deeper messages are searched as if they were text; the decoders refuse values nested deeper than this anyway.
const DEPTH_MAX: usize = 64;

/// What is to be overwritten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) range: Range<usize>,
    pub(super) kind: Kind,
    /// In the name of a metric or label, where brackets are not allowed.
    pub(super) in_name: bool,
}

/// How the texts of a message are judged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Judge {
    Text,
    Url,
    /// The name said that the whole value is a secret.
    Whole,
}

pub(super) struct Walk<'a> {
    redactor: Redactor,
    body: &'a [u8],
    pub(super) edits: Vec<Edit>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(redactor: Redactor, body: &'a [u8]) -> Self {
        Self { redactor, body, edits: Vec::new() }
    }

    /// All secrets of the body, which is a `message`.
    pub(super) fn message(&mut self, message: &'static Message) {
        self.fields(0..self.body.len(), message, Judge::Text, 0);
    }

    fn fields(&mut self, range: Range<usize>, message: &'static Message, judge: Judge, depth: usize) {
        let body = self.body;
        let bytes = &body[range.clone()];
        let judge = if message.is_pair && judge != Judge::Whole { self.judge(bytes) } else { judge };
        let mut cursor = Cursor::new(bytes);
        loop {
            let begin = range.end - cursor.rest().len();
            match next(&mut cursor) {
                Ok(None) => return,
                // What cannot be read is refused by the store; until then it must not hold a secret either.
                Err(_) => return self.text(begin..range.end, Judge::Text, false),
                Ok(Some((_, None))) => {}
                Ok(Some((number, Some(value)))) => {
                    let end = range.end - cursor.rest().len();
                    let value = end - value.len()..end;
                    let is_key = message.is_pair && number == 1;
                    let judge = if is_key { Judge::Text } else { judge };
                    match message.field(number) {
                        Some(Field::Message(inner)) if depth < DEPTH_MAX => self.fields(value, inner, judge, depth + 1),
                        Some(Field::Opaque) => {}
                        Some(Field::Name) => self.text(value, judge, true),
                        Some(Field::Text | Field::Message(_)) => self.text(value, judge, false),
                        None => self.text(value, Judge::Text, false),
                    }
                }
            }
        }
    }

    /// How the value of a pair is judged, by its name.
    fn judge(&self, pair: &[u8]) -> Judge {
        let mut cursor = Cursor::new(pair);
        let mut key = &pair[..0];
        while let Ok(Some((number, value))) = next(&mut cursor) {
            if let (1, Some(value)) = (number, value) {
                key = value;
            }
        }
        let Ok(key) = std::str::from_utf8(key) else { return Judge::Text };
        if self.redactor.key_is_secret(key) {
            Judge::Whole
        } else if matches!(key, "url.full" | "url.query" | "http.url" | "http.target" | "url_full" | "url_query") {
            Judge::Url
        } else {
            Judge::Text
        }
    }

    fn text(&mut self, range: Range<usize>, judge: Judge, in_name: bool) {
        let text = &self.body[range.clone()];
        let found = match judge {
            Judge::Whole if text.is_empty() || redact::is_mask(text) => return,
            Judge::Whole => return self.edits.push(Edit { range, kind: Kind::Secret, in_name }),
            Judge::Text => self.redactor.find(text),
            Judge::Url => self.redactor.find_in_url(text),
        };
        self.edits.extend(found.into_iter().map(|found| {
            let range = range.start + found.start..range.start + found.end;
            Edit { range, kind: found.kind, in_name }
        }));
    }

    /// All secrets of a body that is an `io.prometheus.write.v2.Request`: texts stand in one table, and labels are pairs of places
    /// in it.
    pub(super) fn remote_write_v2(&mut self) {
        let mut symbols = Vec::new();
        let mut cursor = Cursor::new(self.body);
        loop {
            let begin = self.body.len() - cursor.rest().len();
            match next(&mut cursor) {
                Ok(None) => break,
                Err(_) => {
                    self.text(begin..self.body.len(), Judge::Text, false);
                    break;
                }
                Ok(Some((4, Some(value)))) => {
                    let end = self.body.len() - cursor.rest().len();
                    symbols.push((end - value.len()..end, Judge::Text));
                }
                Ok(Some((5, Some(_)) | (_, None))) => {}
                Ok(Some((_, Some(value)))) => {
                    let end = self.body.len() - cursor.rest().len();
                    self.text(end - value.len()..end, Judge::Text, false);
                }
            }
        }
        let is_secret = |range: &Range<usize>| {
            std::str::from_utf8(&self.body[range.clone()]).is_ok_and(|name| self.redactor.key_is_secret(name))
        };
        let secret: Vec<bool> = symbols.iter().map(|(range, _)| is_secret(range)).collect();
        if secret.contains(&true) {
            for pair in label_refs(self.body).chunks_exact(2) {
                let place = |reference: u64| usize::try_from(reference).ok();
                if place(pair[0]).and_then(|name| secret.get(name)) == Some(&true)
                    && let Some(value) = place(pair[1]).and_then(|value| symbols.get_mut(value))
                {
                    value.1 = Judge::Whole;
                }
            }
        }
        for (range, judge) in symbols {
            let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':');
            let in_name = self.body[range.clone()].iter().all(is_name);
            self.text(range, judge, in_name);
        }
    }
}

/// The references of all labels, of series and exemplars, one after another: each two are a pair.
fn label_refs(body: &[u8]) -> Vec<u64> {
    let mut refs = Vec::new();
    let mut cursor = Cursor::new(body);
    while let Ok(Some((number, value))) = next(&mut cursor) {
        let (5, Some(series)) = (number, value) else { continue };
        collect_refs(series, &mut refs);
        let mut cursor = Cursor::new(series);
        while let Ok(Some((number, value))) = next(&mut cursor) {
            if let (4, Some(exemplar)) = (number, value) {
                collect_refs(exemplar, &mut refs);
            }
        }
    }
    refs
}

/// Field 1, packed or not.
fn collect_refs(message: &[u8], refs: &mut Vec<u64>) {
    let mut fields = protowire::Fields::new(message);
    while let Ok(Some((number, value))) = fields.next_field() {
        match value {
            WireValue::Varint(reference) if number == 1 => refs.push(reference),
            WireValue::Bytes(packed) if number == 1 => {
                let mut packed = protowire::Fields::new(packed);
                while let Ok(Some(reference)) = packed.next_packed_varint() {
                    refs.push(reference);
                }
            }
            _ => {}
        }
    }
    // An odd one would shift all that follow; the decoder refuses it.
    refs.truncate(refs.len() / 2 * 2);
}

/// Number of a field, with its bytes if it is length-delimited.
type Next<'b> = (u32, Option<&'b [u8]>);

/// The next field; `None` at the end.
fn next<'b>(cursor: &mut Cursor<'b>) -> Result<Option<Next<'b>>, WireError> {
    match cursor.next_tag()? {
        None => Ok(None),
        Some((number, BYTES)) => Ok(Some((number, Some(cursor.bytes()?)))),
        Some(tag) => {
            cursor.skip(tag, 0)?;
            Ok(Some((tag.0, None)))
        }
    }
}
