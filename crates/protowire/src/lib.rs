//! Walks protobuf bytes field by field, without generated types and without copying.
//!
//! [`Fields`] yields `(field number, value)` pairs in wire order; a nested message is a byte slice that the caller walks in
//! turn, so unknown fields cost one skip; so do groups (wire types 3 and 4), which do not occur in the formats we read.
//! Everything malformed gives a [`WireError`]. [`Cursor`] is the same for hot loops. [`Writer`] is the reverse, for answers and tests.
//!
//! Format: <https://protobuf.dev/programming-guides/encoding/>.

pub mod cursor;
mod write;

pub use cursor::Cursor;
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
    /// Wire type 6 or 7, a group that does not end or is nested too deep, or field number 0.
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

/// Iterates over the fields of one message. [`cursor::Cursor`] is faster where the fields are known beforehand.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Fields<'a> {
    /// Walks `message`.
    #[inline]
    pub fn new(message: &'a [u8]) -> Self {
        Self { cursor: Cursor::new(message) }
    }

    /// The next field, `None` at the end. Groups are passed over. After an error the walk is over.
    #[inline]
    pub fn next_field(&mut self) -> Result<Option<(u32, WireValue<'a>)>, WireError> {
        while let Some((field, wire_type)) = self.cursor.next_tag()? {
            let value = match wire_type {
                cursor::VARINT => WireValue::Varint(self.cursor.varint()?),
                cursor::FIXED64 => WireValue::Fixed64(self.cursor.fixed64()?),
                cursor::BYTES => WireValue::Bytes(self.cursor.bytes()?),
                cursor::FIXED32 => WireValue::Fixed32(self.cursor.fixed32()?),
                _ => {
                    self.cursor.skip((field, wire_type), 0)?;
                    continue;
                }
            };
            return Ok(Some((field, value)));
        }
        Ok(None)
    }

    /// Reads one bare varint, as packed repeated fields hold them; `None` at the end.
    #[inline]
    pub fn next_packed_varint(&mut self) -> Result<Option<u64>, WireError> {
        if self.cursor.is_at_end() { Ok(None) } else { self.cursor.varint().map(Some) }
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
            (&[0x0c], WireError::InvalidTag),
            (&[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1], WireError::VarintTooLong),
        ];
        for (bytes, error) in cases {
            assert_eq!(Fields::new(bytes).next_field(), Err(error), "{bytes:?}");
        }
    }
}
