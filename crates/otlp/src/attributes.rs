//! Key-values and nested values.
//!
//! [`Attributes`] keeps the slots of the record before: senders repeat keys in the same order, and often values, so a text that
//! equals its predecessor byte for byte is taken from there and needs no UTF-8 check. Its address is then the same too, by which a
//! reader may recognise it without comparing.

use protowire::{Fields, WireError};

use crate::error::DecodeError;
use crate::view::{AnyValueView, KeyValueView};
use crate::{NESTING_MAX, PARTS_MAX};

/// The attributes of one record, or of all events of a span.
#[derive(Debug, Default)]
pub(crate) struct Attributes<'a> {
    slots: Vec<KeyValueView<'a>>,
    used: usize,
}

impl<'a> Attributes<'a> {
    /// Forgets the record, keeps the slots as predictions.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.used = 0;
    }

    /// Number of attributes.
    #[inline]
    pub(crate) fn len(&self) -> u32 {
        self.used as u32
    }

    /// The attributes so far.
    #[inline]
    pub(crate) fn as_slice(&self) -> &[KeyValueView<'a>] {
        &self.slots[..self.used]
    }

    /// Reads a `KeyValue` message.
    #[inline]
    pub(crate) fn push(&mut self, message: &'a [u8]) -> Result<(), DecodeError> {
        if let Some(slot) = self.slots.get_mut(self.used) {
            read_key_value(message, slot)?;
        } else {
            if self.used >= PARTS_MAX {
                return Err(DecodeError::TooMany { what: "attributes" });
            }
            let mut slot = KeyValueView::default();
            read_key_value(message, &mut slot)?;
            self.slots.push(slot);
        }
        self.used += 1;
        Ok(())
    }
}

/// Appends to a list of parts with the limit of [`PARTS_MAX`].
#[inline]
pub(crate) fn push_part<T>(parts: &mut Vec<T>, part: T, what: &'static str) -> Result<(), DecodeError> {
    if parts.len() >= PARTS_MAX {
        return Err(DecodeError::TooMany { what });
    }
    parts.push(part);
    Ok(())
}

/// Reads a `KeyValue` into `slot`, which holds a guess. On an error the slot keeps valid texts, of no meaning.
#[inline]
fn read_key_value<'a>(message: &'a [u8], slot: &mut KeyValueView<'a>) -> Result<(), DecodeError> {
    // The form that every encoder writes: key, then value, both short.
    if let [0x0a, key_length @ 0..0x80, rest @ ..] = message
        && let Some((key, [0x12, value_length @ 0..0x80, value @ ..])) = rest.split_at_checked(usize::from(*key_length))
        && usize::from(*value_length) == value.len()
    {
        slot.key = read_text(key, 1, slot.key)?;
        return read_short_value(value, &mut slot.value);
    }
    read_any_key_value(message, slot)
}

fn read_any_key_value<'a>(message: &'a [u8], slot: &mut KeyValueView<'a>) -> Result<(), DecodeError> {
    let (mut key, mut value) = ("", AnyValueView::Empty);
    let mut fields = Fields::new(message);
    while let Some((field, wire)) = fields.next_field()? {
        match field {
            1 => key = read_text(wire.bytes(1)?, 1, slot.key)?,
            2 => merge_value(wire.bytes(2)?, &mut value, 0)?,
            3 => drop(wire.varint(3)?),
            _ => {}
        }
    }
    *slot = KeyValueView { key, value };
    Ok(())
}

/// Reads an `AnyValue` of less than 128 bytes; `slot` holds a guess.
#[inline]
fn read_short_value<'a>(message: &'a [u8], slot: &mut AnyValueView<'a>) -> Result<(), DecodeError> {
    match message {
        [0x0a, length, text @ ..] if usize::from(*length) == text.len() => {
            let guess = if let AnyValueView::Str(text) = *slot { text } else { "" };
            *slot = AnyValueView::Str(read_text(text, 1, guess)?);
        }
        [0x18, byte @ 0..0x80] => *slot = AnyValueView::Int(i64::from(*byte)),
        _ => {
            let mut value = AnyValueView::Empty;
            merge_value(message, &mut value, 0)?;
            *slot = value;
        }
    }
    Ok(())
}

#[inline]
fn read_text<'a>(bytes: &'a [u8], field: u32, guess: &'a str) -> Result<&'a str, WireError> {
    if bytes == guess.as_bytes() {
        return Ok(guess);
    }
    std::str::from_utf8(bytes).map_err(|_| WireError::NotUtf8(field))
}

/// Reads an `AnyValue` message whole.
pub(crate) fn read_value(message: &[u8]) -> Result<AnyValueView<'_>, DecodeError> {
    let mut value = AnyValueView::Empty;
    merge_value(message, &mut value, 0)?;
    Ok(value)
}

/// Reads an `AnyValue` into `value`, which it leaves alone when the message sets nothing. `depth` lists and arrays are around it.
pub(crate) fn merge_value<'a>(
    message: &'a [u8],
    value: &mut AnyValueView<'a>,
    depth: usize,
) -> Result<(), DecodeError> {
    let mut fields = Fields::new(message);
    while let Some((field, wire)) = fields.next_field()? {
        *value = match field {
            1 => AnyValueView::Str(wire.str(1)?),
            2 => AnyValueView::Bool(wire.varint(2)? != 0),
            3 => AnyValueView::Int(wire.varint(3)? as i64),
            4 => AnyValueView::Double(wire.double(4)?),
            5 => {
                check_array(wire.bytes(5)?, depth + 1)?;
                AnyValueView::Array(wire.bytes(5)?)
            }
            6 => {
                check_list(wire.bytes(6)?, depth + 1)?;
                AnyValueView::KvList(wire.bytes(6)?)
            }
            7 => AnyValueView::Bytes(wire.bytes(7)?),
            // `string_value_strindex`: an index into a table that only profiles have. It belongs to the oneof, so it unsets the rest.
            8 => {
                wire.varint(8)?;
                AnyValueView::Empty
            }
            _ => continue,
        };
    }
    Ok(())
}

fn check_depth(depth: usize) -> Result<(), DecodeError> {
    if depth > NESTING_MAX { Err(DecodeError::TooDeep) } else { Ok(()) }
}

/// Checks an `ArrayValue` that is `depth` deep.
fn check_array(message: &[u8], depth: usize) -> Result<(), DecodeError> {
    check_depth(depth)?;
    let mut fields = Fields::new(message);
    while let Some((field, wire)) = fields.next_field()? {
        if field == 1 {
            merge_value(wire.bytes(1)?, &mut AnyValueView::Empty, depth)?;
        }
    }
    Ok(())
}

/// Checks a `KeyValueList` that is `depth` deep.
fn check_list(message: &[u8], depth: usize) -> Result<(), DecodeError> {
    check_depth(depth)?;
    let mut fields = Fields::new(message);
    while let Some((field, wire)) = fields.next_field()? {
        if field == 1 {
            check_pair(wire.bytes(1)?, depth)?;
        }
    }
    Ok(())
}

fn check_pair(message: &[u8], depth: usize) -> Result<(), DecodeError> {
    let mut fields = Fields::new(message);
    while let Some((field, wire)) = fields.next_field()? {
        match field {
            1 => drop(wire.str(1)?),
            2 => merge_value(wire.bytes(2)?, &mut AnyValueView::Empty, depth)?,
            3 => drop(wire.varint(3)?),
            _ => {}
        }
    }
    Ok(())
}
