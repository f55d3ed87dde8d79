//! What stands before each page.

use store_api::StoreError;

use super::layout::extent_length;
use super::thrift::{TYPE_I32, TYPE_STRUCT, ThriftReader, ThriftWriter, damaged};

/// Numbers of Parquet's encodings.
pub(super) mod encoding {
    pub(crate) const PLAIN: u8 = 0;
    pub(crate) const RLE: u8 = 3;
    pub(crate) const DELTA_BINARY_PACKED: u8 = 5;
    pub(crate) const DELTA_LENGTH_BYTE_ARRAY: u8 = 6;
    pub(crate) const RLE_DICTIONARY: u8 = 8;
    pub(crate) const BYTE_STREAM_SPLIT: u8 = 9;
}

/// Kinds of pages that we write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageKind {
    Data,
    Dictionary,
}

/// What stands before a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageHeader {
    pub kind: PageKind,
    pub uncompressed: u32,
    pub compressed: u32,
    /// CRC-32 of the page as it lies in the file.
    pub crc: Option<u32>,
    pub values: u32,
    pub encoding: u8,
}

impl PageHeader {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let mut writer = ThriftWriter::new(out);
        writer.i32(1, if self.kind == PageKind::Data { 0 } else { 2 });
        writer.i32(2, self.uncompressed as i32);
        writer.i32(3, self.compressed as i32);
        if let Some(crc) = self.crc {
            writer.i32(4, crc as i32);
        }
        writer.begin(if self.kind == PageKind::Data { 5 } else { 7 });
        writer.i32(1, self.values as i32);
        writer.i32(2, self.encoding.into());
        if self.kind == PageKind::Data {
            writer.i32(3, encoding::RLE.into());
            writer.i32(4, encoding::RLE.into());
        }
        writer.end();
        writer.end();
    }

    /// Decodes the header at the start of `data`; gives it and its length.
    pub(super) fn decode(data: &[u8]) -> Result<(Self, usize), StoreError> {
        let mut header =
            Self { kind: PageKind::Data, uncompressed: 0, compressed: 0, crc: None, values: 0, encoding: 0 };
        let mut reader = ThriftReader::new(data);
        reader.fields(|reader, id, field_type| {
            match (id, field_type) {
                (1, TYPE_I32) => {
                    header.kind = match reader.int()? {
                        0 => PageKind::Data,
                        2 => PageKind::Dictionary,
                        _ => return Err(damaged("a page is of a kind that is not ours")),
                    }
                }
                (2, TYPE_I32) => header.uncompressed = extent_length(reader)?,
                (3, TYPE_I32) => header.compressed = extent_length(reader)?,
                (4, TYPE_I32) => header.crc = Some(reader.int()? as u32),
                (5 | 7, TYPE_STRUCT) => reader.fields(|reader, id, field_type| {
                    match (id, field_type) {
                        (1, TYPE_I32) => header.values = extent_length(reader)?,
                        (2, TYPE_I32) => header.encoding = reader.int()? as u8,
                        _ => reader.skip(field_type)?,
                    }
                    Ok(())
                })?,
                _ => reader.skip(field_type)?,
            }
            Ok(())
        })?;
        Ok((header, reader.position()))
    }
}
