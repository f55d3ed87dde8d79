//! Walks protobuf bytes field by field, without generated types and without copying.
//!
//! [`Fields`] yields `(field number, value)` pairs in wire order; a nested message is a byte slice that the caller walks in
//! turn, so unknown fields cost one skip. Groups (wire types 3 and 4) do not occur in the formats we read; they and
//! everything malformed give a [`WireError`]. [`Writer`] is the reverse, for answers and tests.
//!
//! Format: <https://protobuf.dev/programming-guides/encoding/>.

mod write;

pub use write::Writer;

/// Why bytes are not protobuf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The bytes end inside a field.
    #[error("protobuf ends inside a field")]
    Truncated,
    /// A varint of more than ten bytes.
    #[error("protobuf varint is longer than 10 bytes")]
    VarintTooLong,
    /// Wire type 3, 4, 6 or 7, or field number 0.
    #[error("protobuf has an invalid field tag")]
    InvalidTag,
    /// A field holds another wire type than its message says.
    #[error("protobuf field {0} has the wrong wire type")]
    WrongType(u32),
    /// A string field holds invalid UTF-8.
    #[error("protobuf string field {0} is not UTF-8")]
    NotUtf8(u32),
}

/// The value of one field as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WireValue<'a> {
    /// int32/64, uint32/64, sint32/64, bool, enum.
    Varint(u64),
    /// fixed64, sfixed64, double.
    Fixed64(u64),
    /// string, bytes, embedded message, packed repeated field.
    Bytes(&'a [u8]),
    /// fixed32, sfixed32, float.
    Fixed32(u32),
}

impl<'a> WireValue<'a> {
    /// A varint field's number, else [`WireError::WrongType`].
    #[inline]
    pub fn varint(self, field: u32) -> Result<u64, WireError> {
        match self {
            Self::Varint(number) => Ok(number),
            _ => Err(WireError::WrongType(field)),
        }
    }

    /// A fixed64 field's number.
    #[inline]
    pub fn fixed64(self, field: u32) -> Result<u64, WireError> {
        match self {
            Self::Fixed64(number) => Ok(number),
            _ => Err(WireError::WrongType(field)),
        }
    }

    /// A fixed32 field's number.
    #[inline]
    pub fn fixed32(self, field: u32) -> Result<u32, WireError> {
        match self {
            Self::Fixed32(number) => Ok(number),
            _ => Err(WireError::WrongType(field)),
        }
    }

    /// A double field's number.
    #[inline]
    pub fn double(self, field: u32) -> Result<f64, WireError> {
        self.fixed64(field).map(f64::from_bits)
    }

    /// A length-delimited field's bytes.
    #[inline]
    pub fn bytes(self, field: u32) -> Result<&'a [u8], WireError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(WireError::WrongType(field)),
        }
    }

    /// A string field's text.
    #[inline]
    pub fn str(self, field: u32) -> Result<&'a str, WireError> {
        std::str::from_utf8(self.bytes(field)?).map_err(|_| WireError::NotUtf8(field))
    }
}

/// Decodes a zigzag number (sint32, sint64).
#[inline]
pub fn zigzag(number: u64) -> i64 {
    ((number >> 1) as i64) ^ -((number & 1) as i64)
}

/// Iterates over the fields of one message.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Walks `message`.
    #[inline]
    pub fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The next field, `None` at the end. After an error the walk is over.
    #[inline]
    pub fn next_field(&mut self) -> Result<Option<(u32, WireValue<'a>)>, WireError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.read_varint()?;
        let field = (tag >> 3) as u32;
        if field == 0 || tag > u64::from(u32::MAX) {
            return Err(WireError::InvalidTag);
        }
        let value = match tag & 7 {
            0 => WireValue::Varint(self.read_varint()?),
            1 => WireValue::Fixed64(u64::from_le_bytes(*self.take_array::<8>()?)),
            2 => {
                let length = self.read_varint()?;
                WireValue::Bytes(self.take(length)?)
            }
            5 => WireValue::Fixed32(u32::from_le_bytes(*self.take_array::<4>()?)),
            _ => return Err(WireError::InvalidTag),
        };
        Ok(Some((field, value)))
    }

    /// Reads one bare varint, as packed repeated fields hold them; `None` at the end.
    #[inline]
    pub fn next_packed_varint(&mut self) -> Result<Option<u64>, WireError> {
        if self.rest.is_empty() { Ok(None) } else { self.read_varint().map(Some) }
    }

    #[inline]
    fn read_varint(&mut self) -> Result<u64, WireError> {
        let (&first, rest) = self.rest.split_first().ok_or(WireError::Truncated)?;
        if first < 0x80 {
            self.rest = rest;
            return Ok(u64::from(first));
        }
        self.read_long_varint()
    }

    fn read_long_varint(&mut self) -> Result<u64, WireError> {
        let mut number = 0u64;
        for (position, &byte) in self.rest.iter().enumerate().take(10) {
            number |= u64::from(byte & 0x7f) << (7 * position);
            if byte < 0x80 {
                self.rest = &self.rest[position + 1..];
                return Ok(number);
            }
        }
        Err(if self.rest.len() < 10 { WireError::Truncated } else { WireError::VarintTooLong })
    }

    #[inline]
    fn take(&mut self, length: u64) -> Result<&'a [u8], WireError> {
        if length > self.rest.len() as u64 {
            return Err(WireError::Truncated);
        }
        let (taken, rest) = self.rest.split_at(length as usize);
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    fn take_array<const N: usize>(&mut self) -> Result<&'a [u8; N], WireError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let mut writer = Writer::new();
        writer.varint(1, 300).fixed64(2, 7).fixed32(3, 9).str(4, "é").message(5, |inner| {
            inner.double(1, 1.5);
        });
        let bytes = writer.into_bytes();
        let mut fields = Fields::new(&bytes);
        assert_eq!(fields.next_field(), Ok(Some((1, WireValue::Varint(300)))));
        assert_eq!(fields.next_field(), Ok(Some((2, WireValue::Fixed64(7)))));
        assert_eq!(fields.next_field(), Ok(Some((3, WireValue::Fixed32(9)))));
        assert_eq!(fields.next_field().expect("text").expect("text").1.str(4), Ok("é"));
        let inner = fields.next_field().expect("message").expect("message").1.bytes(5).expect("bytes");
        assert_eq!(Fields::new(inner).next_field().expect("f").expect("f").1.double(1), Ok(1.5));
        assert_eq!(fields.next_field(), Ok(None));
    }

    #[test]
    fn malformed_bytes_are_errors() {
        let cases: [(&[u8], WireError); 5] = [
            (&[0x08], WireError::Truncated),
            (&[0x12, 5, 1], WireError::Truncated),
            (&[0x00, 1], WireError::InvalidTag),
            (&[0x0b], WireError::InvalidTag),
            (&[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1], WireError::VarintTooLong),
        ];
        for (bytes, error) in cases {
            assert_eq!(Fields::new(bytes).next_field(), Err(error), "{bytes:?}");
        }
    }
}
