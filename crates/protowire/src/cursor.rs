//! The fast way through a message whose fields are known: read a tag, then the value that its wire type says.

use crate::WireError;

/// Wire type of int32/64, uint32/64, sint32/64, bool, enum.
pub const VARINT: u32 = 0;
/// Wire type of fixed64, sfixed64, double.
pub const FIXED64: u32 = 1;
/// Wire type of string, bytes, embedded message, packed repeated field.
pub const BYTES: u32 = 2;
/// Wire type of fixed32, sfixed32, float.
pub const FIXED32: u32 = 5;

/// Deepest nesting of groups that [`Cursor::skip`] follows. Nobody writes groups since proto3; the limit is prost's.
const GROUP_DEPTH_MAX: usize = 100;

/// A position in a message. After an error the walk is over.
///
/// ```
/// use protowire::cursor::{BYTES, Cursor, VARINT};
///
/// let mut cursor = Cursor::new(&[0x08, 7, 0x12, 1, b'x']);
/// let (mut number, mut text) = (0, &[][..]);
/// while let Some(tag) = cursor.next_tag()? {
///     match tag {
///         (1, VARINT) => number = cursor.varint()?,
///         (2, BYTES) => text = cursor.bytes()?,
///         other => cursor.skip(other, 0b110)?,
///     }
/// }
/// assert_eq!((number, text), (7, &b"x"[..]));
/// # Ok::<(), protowire::WireError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// At the start of `message`.
    #[inline(always)]
    pub fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// Field number and wire type of the next field, `None` at the end. The value must be read or skipped before the next call.
    #[inline(always)]
    pub fn next_tag(&mut self) -> Result<Option<(u32, u32)>, WireError> {
        match *self.rest {
            [] => Ok(None),
            // One byte and a field number above zero.
            [tag @ 8..0x80, ref rest @ ..] => {
                self.rest = rest;
                Ok(Some((u32::from(tag >> 3), u32::from(tag & 7))))
            }
            _ => {
                let (tag, rest) = long_varint(self.rest)?;
                self.rest = rest;
                let tag = u32::try_from(tag).map_err(|_| WireError::InvalidTag)?;
                if tag < 8 { Err(WireError::InvalidTag) } else { Ok(Some((tag >> 3, tag & 7))) }
            }
        }
    }

    /// A value of type [`VARINT`].
    #[inline(always)]
    pub fn varint(&mut self) -> Result<u64, WireError> {
        match *self.rest {
            [byte @ 0..0x80, ref rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(byte))
            }
            _ => {
                let (number, rest) = long_varint(self.rest)?;
                self.rest = rest;
                Ok(number)
            }
        }
    }

    /// A value of type [`FIXED64`].
    #[inline(always)]
    pub fn fixed64(&mut self) -> Result<u64, WireError> {
        self.take_array::<8>().map(u64::from_le_bytes)
    }

    /// A value of type [`FIXED64`] that is a double.
    #[inline(always)]
    pub fn double(&mut self) -> Result<f64, WireError> {
        self.fixed64().map(f64::from_bits)
    }

    /// A value of type [`FIXED32`].
    #[inline(always)]
    pub fn fixed32(&mut self) -> Result<u32, WireError> {
        self.take_array::<4>().map(u32::from_le_bytes)
    }

    /// A value of type [`BYTES`].
    #[inline(always)]
    pub fn bytes(&mut self) -> Result<&'a [u8], WireError> {
        let length = self.varint()?;
        // A length that does not fit usize is longer than any message.
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// A value of type [`BYTES`] that is a string; `field` is for the error.
    #[inline]
    pub fn str(&mut self, field: u32) -> Result<&'a str, WireError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| WireError::NotUtf8(field))
    }

    /// Passes over the value of an unknown field. A field whose number is a bit of `known` is not unknown: it has the wrong type.
    #[inline(always)]
    pub fn skip(&mut self, tag: (u32, u32), known: u64) -> Result<(), WireError> {
        self.rest = skip_unknown(self.rest, tag, known)?;
        Ok(())
    }

    #[inline(always)]
    fn take_array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// The bytes that are still to be read.
    #[inline(always)]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// True at the end.
    #[inline(always)]
    pub fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }
}

// The slow paths take and return the bytes instead of the cursor: a cursor whose address nobody takes stays in registers, which
// made the walk over data points a quarter faster.

#[inline(never)]
fn long_varint(bytes: &[u8]) -> Result<(u64, &[u8]), WireError> {
    let mut number = 0u64;
    let mut rest = bytes;
    let mut shift = 0;
    while let Some((&byte, next)) = rest.split_first() {
        // The tenth byte holds the 64th bit and nothing else.
        if shift == 63 && byte > 1 {
            return Err(WireError::VarintTooLong);
        }
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok((number, next));
        }
        shift += 7;
        rest = next;
    }
    Err(WireError::Truncated)
}

#[inline(never)]
fn skip_unknown(rest: &[u8], (field, wire_type): (u32, u32), known: u64) -> Result<&[u8], WireError> {
    if field < 64 && known >> field & 1 == 1 {
        return Err(WireError::WrongType(field));
    }
    let mut cursor = Cursor::new(rest);
    skip_value(&mut cursor, (field, wire_type), 0)?;
    Ok(cursor.rest)
}

fn skip_value(cursor: &mut Cursor<'_>, (field, wire_type): (u32, u32), depth: usize) -> Result<(), WireError> {
    match wire_type {
        VARINT => drop(cursor.varint()?),
        FIXED64 => drop(cursor.fixed64()?),
        BYTES => drop(cursor.bytes()?),
        FIXED32 => drop(cursor.fixed32()?),
        3 if depth < GROUP_DEPTH_MAX => loop {
            match cursor.next_tag()?.ok_or(WireError::Truncated)? {
                (end, 4) if end == field => break,
                inner => skip_value(cursor, inner, depth + 1)?,
            }
        },
        _ => return Err(WireError::InvalidTag),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_of_all_types_are_passed_over() {
        // 20: varint, 21: fixed64, 22: bytes, 23: fixed32, 24: group{25: group{26: varint}}, then 1: varint.
        let mut bytes = vec![0xa0, 1, 0x80, 1, 0xa9, 1];
        bytes.extend([0; 8]);
        bytes.extend([0xb2, 1, 2, 9, 9, 0xbd, 1, 0, 0, 0, 0]);
        bytes.extend([0xc3, 1, 0xcb, 1, 0xd0, 1, 5, 0xcc, 1, 0xc4, 1, 0x08, 3]);
        let mut cursor = Cursor::new(&bytes);
        let mut number = 0;
        while let Some(tag) = cursor.next_tag().expect("tag") {
            match tag {
                (1, VARINT) => number = cursor.varint().expect("number"),
                other => cursor.skip(other, 1 << 1).expect("skipped"),
            }
        }
        assert_eq!(number, 3);
    }

    #[test]
    fn wrong_types_and_broken_groups_are_errors() {
        let cases: [(&[u8], WireError); 5] = [
            (&[0x09, 0, 0, 0, 0, 0, 0, 0, 0], WireError::WrongType(1)),
            (&[0x13], WireError::Truncated),
            (&[0x13, 0x1c], WireError::InvalidTag),
            (&[0x14], WireError::InvalidTag),
            (&[0x16], WireError::InvalidTag),
        ];
        for (bytes, error) in cases {
            let mut cursor = Cursor::new(bytes);
            let tag = cursor.next_tag().expect("tag").expect("field");
            assert_eq!(cursor.skip(tag, 1 << 1), Err(error), "{bytes:?}");
        }
        let deep = vec![0x13; 200];
        let mut cursor = Cursor::new(&deep);
        let tag = cursor.next_tag().expect("tag").expect("field");
        assert_eq!(cursor.skip(tag, 0), Err(WireError::InvalidTag));
    }
}
