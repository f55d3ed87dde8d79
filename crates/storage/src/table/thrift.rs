//! The Thrift compact protocol, as far as Parquet's metadata needs it.
//!
//! Writing is a thin layer over a byte vector. Reading never trusts a length: each is checked against what is left.

use store_api::StoreError;

pub(super) const TYPE_TRUE: u8 = 1;
const TYPE_FALSE: u8 = 2;
pub(super) const TYPE_I32: u8 = 5;
pub(super) const TYPE_I64: u8 = 6;
pub(super) const TYPE_BINARY: u8 = 8;
pub(super) const TYPE_LIST: u8 = 9;
pub(super) const TYPE_STRUCT: u8 = 12;

/// Parquet's own structures nest at most eight deep; more is damage.
const DEPTH_MAX: usize = 32;

/// Writes one structure (and what it nests) into a byte vector.
pub(super) struct ThriftWriter<'a> {
    out: &'a mut Vec<u8>,
    last: i16,
    outer: Vec<i16>,
}

impl<'a> ThriftWriter<'a> {
    /// Starts the outermost structure; [`Self::end`] closes it.
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, last: 0, outer: Vec::new() }
    }

    fn field(&mut self, id: i16, field_type: u8) {
        // All our writers go up in field ids with gaps below 16, which fits the short form.
        debug_assert!(id > self.last && id - self.last < 16, "field ids rise by less than 16");
        self.out.push((((id - self.last) as u8) << 4) | field_type);
        self.last = id;
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }

    fn zigzag(&mut self, value: i64) {
        self.varint(((value << 1) ^ (value >> 63)) as u64);
    }

    pub(super) fn bool(&mut self, id: i16, value: bool) {
        self.field(id, if value { TYPE_TRUE } else { TYPE_FALSE });
    }

    pub(super) fn i32(&mut self, id: i16, value: i32) {
        self.field(id, TYPE_I32);
        self.zigzag(i64::from(value));
    }

    pub(super) fn i64(&mut self, id: i16, value: i64) {
        self.field(id, TYPE_I64);
        self.zigzag(value);
    }

    pub(super) fn binary(&mut self, id: i16, value: &[u8]) {
        self.field(id, TYPE_BINARY);
        self.item_binary(value);
    }

    /// Opens a nested structure in a field; [`Self::end`] closes it.
    pub(super) fn begin(&mut self, id: i16) {
        self.field(id, TYPE_STRUCT);
        self.item_begin();
    }

    /// Closes the innermost structure.
    pub(super) fn end(&mut self) {
        self.out.push(0);
        self.last = self.outer.pop().unwrap_or(0);
    }

    /// Starts a list; its items follow through the `item_` functions.
    pub(super) fn list(&mut self, id: i16, item_type: u8, items: usize) {
        self.field(id, TYPE_LIST);
        if items < 15 {
            self.out.push(((items as u8) << 4) | item_type);
        } else {
            self.out.push(0xf0 | item_type);
            self.varint(items as u64);
        }
    }

    pub(super) fn item_int(&mut self, value: i64) {
        self.zigzag(value);
    }

    pub(super) fn item_bool(&mut self, value: bool) {
        self.out.push(if value { TYPE_TRUE } else { TYPE_FALSE });
    }

    pub(super) fn item_binary(&mut self, value: &[u8]) {
        self.varint(value.len() as u64);
        self.out.extend_from_slice(value);
    }

    /// Opens a structure that is an item of a list; [`Self::end`] closes it.
    pub(super) fn item_begin(&mut self) {
        self.outer.push(self.last);
        self.last = 0;
    }
}

/// What a damaged structure is reported as.
pub(super) fn damaged(what: &str) -> StoreError {
    StoreError::Corrupt(format!("parquet metadata: {what}"))
}

/// Reads structures from bytes.
pub(super) struct ThriftReader<'a> {
    data: &'a [u8],
    position: usize,
    depth: usize,
}

impl<'a> ThriftReader<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, position: 0, depth: 0 }
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    fn byte(&mut self) -> Result<u8, StoreError> {
        let byte = *self.data.get(self.position).ok_or_else(|| damaged("ends early"))?;
        self.position += 1;
        Ok(byte)
    }

    fn varint(&mut self) -> Result<u64, StoreError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(damaged("a number is too long"))
    }

    /// A 16, 32 or 64-bit number.
    pub(super) fn int(&mut self) -> Result<i64, StoreError> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A number that cannot be negative: an offset, a size, a count.
    pub(super) fn size(&mut self) -> Result<u64, StoreError> {
        u64::try_from(self.int()?).map_err(|_| damaged("a size is negative"))
    }

    pub(super) fn binary(&mut self) -> Result<&'a [u8], StoreError> {
        let length = self.varint()?;
        let rest = &self.data[self.position..];
        if length > rest.len() as u64 {
            return Err(damaged("a string is longer than the structure"));
        }
        self.position += length as usize;
        Ok(&rest[..length as usize])
    }

    pub(super) fn string(&mut self) -> Result<String, StoreError> {
        String::from_utf8(self.binary()?.to_vec()).map_err(|_| damaged("a string is not UTF-8"))
    }

    /// Calls `visit` for each field with its id and type; what `visit` does not read it must [`Self::skip`].
    pub(super) fn fields(
        &mut self,
        mut visit: impl FnMut(&mut Self, i16, u8) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(damaged("nests too deep"));
        }
        let mut last = 0i64;
        loop {
            let header = self.byte()?;
            if header == 0 {
                self.depth -= 1;
                return Ok(());
            }
            last = if header >> 4 == 0 { self.int()? } else { last + i64::from(header >> 4) };
            let id = i16::try_from(last).map_err(|_| damaged("a field id is out of range"))?;
            visit(self, id, header & 0x0f)?;
        }
    }

    /// Starts a list; gives the type and the number of its items, which is at most the number of bytes left.
    pub(super) fn list(&mut self) -> Result<(u8, usize), StoreError> {
        let header = self.byte()?;
        let items = if header >> 4 == 15 { self.varint()? } else { u64::from(header >> 4) };
        if items > (self.data.len() - self.position) as u64 {
            return Err(damaged("a list is longer than the structure"));
        }
        Ok((header & 0x0f, items as usize))
    }

    /// Passes over a value of a field.
    pub(super) fn skip(&mut self, field_type: u8) -> Result<(), StoreError> {
        match field_type {
            TYPE_TRUE | TYPE_FALSE => Ok(()),
            3 => self.byte().map(drop),
            4 | TYPE_I32 | TYPE_I64 => self.varint().map(drop),
            7 => (0..8).try_for_each(|_| self.byte().map(drop)),
            TYPE_BINARY => self.binary().map(drop),
            TYPE_LIST | 10 => {
                let (item_type, items) = self.list()?;
                for _ in 0..items {
                    // A flag takes a byte in a list, none in a field.
                    if matches!(item_type, TYPE_TRUE | TYPE_FALSE) {
                        self.byte().map(drop)?
                    } else {
                        self.skip(item_type)?
                    }
                }
                Ok(())
            }
            TYPE_STRUCT => self.fields(|reader, _, inner| reader.skip(inner)),
            _ => Err(damaged("unknown field type")),
        }
    }
}
