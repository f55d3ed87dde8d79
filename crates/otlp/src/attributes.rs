//! Key-values and nested values.
//!
//! [`Attributes`] keeps the slots of the record before: senders repeat keys in the same order, and often values. An attribute that
//! equals its predecessor at the same place byte for byte is taken from there unread, and so is a single text. Its address is then
//! the same too, by which a reader may recognise it without comparing.

use protowire::cursor::{BYTES, Cursor, FIXED64, VARINT};
use protowire::{Fields, WireError};

use crate::error::DecodeError;
use crate::view::{AnyValueView, KeyValueView};
use crate::{NESTING_MAX, PARTS_MAX};

/// The attributes of one record, or of all events of a span.
#[derive(Debug, Default)]
pub(crate) struct Attributes<'a> {
    slots: Vec<KeyValueView<'a>>,
    /// The message that each slot was read from.
    messages: Vec<&'a [u8]>,
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

    /// Reads a `KeyValue` message. False when it is the same as the one at this place in the record before.
    #[inline]
    pub(crate) fn push(&mut self, message: &'a [u8]) -> Result<bool, DecodeError> {
        if let (Some(slot), Some(before)) = (self.slots.get_mut(self.used), self.messages.get_mut(self.used)) {
            self.used += 1;
            if same(before, message) {
                return Ok(false);
            }
            *before = message;
            if let Err(error) = read_key_value(message, slot) {
                // The empty message means the empty pair, so the two agree again.
                (*slot, *before) = (KeyValueView::default(), &[]);
                return Err(error);
            }
            return Ok(true);
        }
        self.push_first(message).map(|()| true)
    }

    #[inline(never)]
    fn push_first(&mut self, message: &'a [u8]) -> Result<(), DecodeError> {
        if self.used >= PARTS_MAX {
            return Err(DecodeError::TooMany { what: "attributes" });
        }
        let mut slot = KeyValueView::default();
        read_key_value(message, &mut slot)?;
        self.slots.push(slot);
        self.messages.push(message);
        self.used += 1;
        Ok(())
    }
}

/// Equality of short byte strings, without the call that `==` makes.
#[inline(always)]
fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    // Values differ at their ends more often than in front, where the key stands: the end is looked at first.
    if let (Some(x), Some(y)) = (a.last_chunk::<16>(), b.last_chunk::<16>()) {
        if x != y {
            return false;
        }
        // Without iterator adapters: these are not always inlined, and the call would cost more than the comparison.
        let (mut rest_a, mut rest_b) = (a, b);
        while let (Some((x, next_a)), Some((y, next_b))) =
            (rest_a.split_first_chunk::<16>(), rest_b.split_first_chunk::<16>())
        {
            if x != y {
                return false;
            }
            (rest_a, rest_b) = (next_a, next_b);
        }
        return true;
    }
    if let (Some(x), Some(y)) = (a.first_chunk::<8>(), b.first_chunk::<8>()) {
        return x == y && a.last_chunk::<8>() == b.last_chunk::<8>();
    }
    let mut at = 0;
    while at < a.len() && at < b.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
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

#[inline(never)]
fn read_any_key_value<'a>(message: &'a [u8], slot: &mut KeyValueView<'a>) -> Result<(), DecodeError> {
    let (mut key, mut value) = ("", AnyValueView::Empty);
    let mut cursor = Cursor::new(message);
    while let Some(tag) = cursor.next_tag()? {
        match tag {
            (1, BYTES) => key = read_text(cursor.bytes()?, 1, slot.key)?,
            (2, BYTES) => merge_value(cursor.bytes()?, &mut value, 0)?,
            (3, VARINT) => drop(cursor.varint()?),
            other => cursor.skip(other, 0b1110)?,
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
    if same(bytes, guess.as_bytes()) {
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
    let mut cursor = Cursor::new(message);
    while let Some(tag) = cursor.next_tag()? {
        *value = match tag {
            (1, BYTES) => AnyValueView::Str(cursor.str(1)?),
            (2, VARINT) => AnyValueView::Bool(cursor.varint()? != 0),
            (3, VARINT) => AnyValueView::Int(cursor.varint()? as i64),
            (4, FIXED64) => AnyValueView::Double(cursor.double()?),
            (5, BYTES) if matches!(value, AnyValueView::Array(_)) => return Err(DecodeError::Twice),
            (6, BYTES) if matches!(value, AnyValueView::KvList(_)) => return Err(DecodeError::Twice),
            (5, BYTES) => {
                let array = cursor.bytes()?;
                check_array(array, depth + 1)?;
                AnyValueView::Array(array)
            }
            (6, BYTES) => {
                let list = cursor.bytes()?;
                check_list(list, depth + 1)?;
                AnyValueView::KvList(list)
            }
            (7, BYTES) => AnyValueView::Bytes(cursor.bytes()?),
            // `string_value_strindex`: an index into a table that only profiles have. It belongs to the oneof, so it unsets the rest.
            (8, VARINT) => {
                cursor.varint()?;
                AnyValueView::Empty
            }
            other => {
                cursor.skip(other, 0b1_1111_1110)?;
                continue;
            }
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
    let mut value = AnyValueView::Empty;
    let mut fields = Fields::new(message);
    while let Some((field, wire)) = fields.next_field()? {
        match field {
            1 => drop(wire.str(1)?),
            2 => merge_value(wire.bytes(2)?, &mut value, depth)?,
            3 => drop(wire.varint(3)?),
            _ => {}
        }
    }
    Ok(())
}
