//! Where things are in a table file: the footer, in a compact form of our own.
//!
//! Only what our writer writes is understood; anything else (nested columns, other codecs) is refused when the file is opened.

use std::ops::Range;

use store_api::StoreError;

use super::schema::{SchemaElement, physical, put_schema_element, put_unit, specs};
use super::thrift::{TYPE_BINARY, TYPE_I32, TYPE_LIST, TYPE_STRUCT, ThriftReader, ThriftWriter, damaged};
use super::{ColumnSpec, ColumnType};

/// First and last bytes of a Parquet file.
pub(super) const MAGIC: &[u8; 4] = b"PAR1";

/// Compression of a column chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    /// None.
    Plain,
    /// Zstandard, each page a frame.
    Zstd,
}

/// A place in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extent {
    pub offset: u64,
    pub length: u32,
}

impl Extent {
    pub(super) fn is_empty(self) -> bool {
        self.length == 0
    }
}

/// One column of one row group.
#[derive(Clone, Debug)]
pub(super) struct ChunkLayout {
    pub codec: Codec,
    /// Bit per encoding, by the number that Parquet gives it.
    pub encodings: u16,
    /// First byte: of the dictionary page if there is one.
    pub start: u64,
    /// First byte of the data pages.
    pub data_start: u64,
    /// Bytes from `start`.
    pub length: u64,
    /// Bytes before compression, page headers included.
    pub uncompressed: u64,
    pub nulls: u64,
    /// Smallest and greatest value of an Int column with at least one value.
    pub int_bounds: Option<(i64, i64)>,
    /// Bloom filter with its header; empty when there is none.
    pub bloom: Extent,
    pub offset_index: Extent,
    /// Empty when there is none.
    pub column_index: Extent,
}

impl ChunkLayout {
    pub(super) fn range(&self) -> Range<u64> {
        self.start..self.start + self.length
    }

    pub(super) fn has_dictionary(&self) -> bool {
        self.data_start > self.start
    }
}

/// One row group.
#[derive(Clone, Debug)]
pub(super) struct GroupLayout {
    pub rows: u64,
    /// In the order of the columns.
    pub chunks: Vec<ChunkLayout>,
}

/// A whole file.
#[derive(Clone, Debug)]
pub(super) struct FileLayout {
    pub specs: Vec<ColumnSpec>,
    pub groups: Vec<GroupLayout>,
    pub key_values: Vec<(String, String)>,
}

fn put_statistics(writer: &mut ThriftWriter<'_>, spec: &ColumnSpec, chunk: &ChunkLayout) {
    writer.begin(12);
    writer.i64(3, chunk.nulls as i64);
    if let Some((least, greatest)) = chunk.int_bounds {
        let bytes = if spec.column_type == ColumnType::Int32 { 4 } else { 8 };
        writer.binary(5, &greatest.to_le_bytes()[..bytes]);
        writer.binary(6, &least.to_le_bytes()[..bytes]);
    }
    writer.end();
}

fn put_chunk(writer: &mut ThriftWriter<'_>, spec: &ColumnSpec, rows: u64, chunk: &ChunkLayout) {
    writer.item_begin();
    writer.i64(2, chunk.start as i64);
    writer.begin(3);
    writer.i32(1, physical(spec.column_type));
    writer.list(2, TYPE_I32, chunk.encodings.count_ones() as usize);
    for encoding in (0..16).filter(|bit| chunk.encodings >> bit & 1 == 1) {
        writer.item_int(encoding);
    }
    writer.list(3, TYPE_BINARY, 1);
    writer.item_binary(spec.name.as_bytes());
    writer.i32(4, if chunk.codec == Codec::Zstd { 6 } else { 0 });
    writer.i64(5, rows as i64);
    writer.i64(6, chunk.uncompressed as i64);
    writer.i64(7, chunk.length as i64);
    writer.i64(9, chunk.data_start as i64);
    if chunk.has_dictionary() {
        writer.i64(11, chunk.start as i64);
    }
    put_statistics(writer, spec, chunk);
    if !chunk.bloom.is_empty() {
        writer.i64(14, chunk.bloom.offset as i64);
        writer.i32(15, chunk.bloom.length as i32);
    }
    writer.end();
    writer.i64(4, chunk.offset_index.offset as i64);
    writer.i32(5, chunk.offset_index.length as i32);
    if !chunk.column_index.is_empty() {
        writer.i64(6, chunk.column_index.offset as i64);
        writer.i32(7, chunk.column_index.length as i32);
    }
    writer.end();
}

impl FileLayout {
    pub(super) fn rows(&self) -> u64 {
        self.groups.iter().map(|group| group.rows).sum()
    }

    /// The footer: metadata, its length, magic.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut writer = ThriftWriter::new(&mut out);
        writer.i32(1, 2);
        writer.list(2, TYPE_STRUCT, self.specs.len() + 1);
        writer.item_begin();
        writer.binary(4, b"schema");
        writer.i32(5, self.specs.len() as i32);
        writer.end();
        for spec in &self.specs {
            put_schema_element(&mut writer, spec);
        }
        writer.i64(3, self.rows() as i64);
        writer.list(4, TYPE_STRUCT, self.groups.len());
        for group in &self.groups {
            writer.item_begin();
            writer.list(1, TYPE_STRUCT, group.chunks.len());
            for (spec, chunk) in self.specs.iter().zip(&group.chunks) {
                put_chunk(&mut writer, spec, group.rows, chunk);
            }
            writer.i64(2, group.chunks.iter().map(|chunk| chunk.uncompressed as i64).sum());
            writer.i64(3, group.rows as i64);
            writer.end();
        }
        if !self.key_values.is_empty() {
            writer.list(5, TYPE_STRUCT, self.key_values.len());
            for (key, value) in &self.key_values {
                writer.item_begin();
                writer.binary(1, key.as_bytes());
                writer.binary(2, value.as_bytes());
                writer.end();
            }
        }
        writer.binary(6, concat!("quartet version ", env!("CARGO_PKG_VERSION")).as_bytes());
        // Says that min and max compare by the order of the type; without it readers ignore them.
        writer.list(7, TYPE_STRUCT, self.specs.len());
        for _ in &self.specs {
            writer.item_begin();
            put_unit(&mut writer, 1);
            writer.end();
        }
        writer.end();
        let length = out.len() as u32;
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(MAGIC);
        out
    }

    /// Decodes the metadata of a footer; `data_end` is where it begins in the file, and all places must lie before it.
    pub(super) fn decode(footer: &[u8], data_end: u64) -> Result<Self, StoreError> {
        let mut elements = Vec::new();
        let mut layout = Self { specs: Vec::new(), groups: Vec::new(), key_values: Vec::new() };
        ThriftReader::new(footer).fields(|reader, id, field_type| {
            match (id, field_type) {
                (2, TYPE_LIST) => {
                    for _ in 0..reader.list()?.1 {
                        elements.push(SchemaElement::decode(reader)?);
                    }
                    layout.specs = specs(&elements)?;
                }
                (4, TYPE_LIST) => {
                    for _ in 0..reader.list()?.1 {
                        layout.groups.push(decode_group(reader, &layout.specs)?);
                    }
                }
                (5, TYPE_LIST) => {
                    for _ in 0..reader.list()?.1 {
                        layout.key_values.push(decode_key_value(reader)?);
                    }
                }
                _ => reader.skip(field_type)?,
            }
            Ok(())
        })?;
        layout.check(data_end)?;
        Ok(layout)
    }

    fn check(&mut self, data_end: u64) -> Result<(), StoreError> {
        for group in &self.groups {
            if group.chunks.len() != self.specs.len() {
                return Err(damaged("a row group has a wrong number of columns"));
            }
            if group.rows > u64::from(u32::MAX) {
                return Err(damaged("a row group has too many rows"));
            }
            for chunk in &group.chunks {
                let inside = |offset: u64, length: u64| offset.checked_add(length).is_some_and(|end| end <= data_end);
                let extents = [chunk.bloom, chunk.offset_index, chunk.column_index];
                let ordered = chunk.start <= chunk.data_start && chunk.data_start - chunk.start <= chunk.length;
                if !ordered
                    || !inside(chunk.start, chunk.length)
                    || !extents.iter().all(|extent| inside(extent.offset, extent.length.into()))
                {
                    return Err(damaged("a column chunk lies outside the file"));
                }
            }
        }
        for (index, spec) in self.specs.iter_mut().enumerate() {
            spec.bloom = self.groups.iter().any(|group| !group.chunks[index].bloom.is_empty());
            spec.page_index = self.groups.iter().any(|group| !group.chunks[index].column_index.is_empty());
        }
        Ok(())
    }
}

fn decode_key_value(reader: &mut ThriftReader<'_>) -> Result<(String, String), StoreError> {
    let (mut key, mut value) = (String::new(), String::new());
    reader.fields(|reader, id, field_type| {
        match (id, field_type) {
            (1, TYPE_BINARY) => key = reader.string()?,
            (2, TYPE_BINARY) => value = reader.string()?,
            _ => reader.skip(field_type)?,
        }
        Ok(())
    })?;
    Ok((key, value))
}

fn decode_group(reader: &mut ThriftReader<'_>, specs: &[ColumnSpec]) -> Result<GroupLayout, StoreError> {
    let mut group = GroupLayout { rows: 0, chunks: Vec::with_capacity(specs.len()) };
    let mut values = Vec::with_capacity(specs.len());
    reader.fields(|reader, id, field_type| {
        match (id, field_type) {
            (1, TYPE_LIST) => {
                for index in 0..reader.list()?.1 {
                    let spec = specs.get(index).ok_or_else(|| damaged("a row group has too many columns"))?;
                    let (chunk, rows) = decode_chunk(reader, spec)?;
                    group.chunks.push(chunk);
                    values.push(rows);
                }
            }
            (3, _) => group.rows = reader.size()?,
            _ => reader.skip(field_type)?,
        }
        Ok(())
    })?;
    if values.iter().any(|&rows| rows != group.rows) {
        return Err(damaged("the columns of a row group differ in length"));
    }
    Ok(group)
}

pub(super) fn extent_length(reader: &mut ThriftReader<'_>) -> Result<u32, StoreError> {
    u32::try_from(reader.size()?).map_err(|_| damaged("a length is too large"))
}

/// The chunk and its number of values.
fn decode_chunk(reader: &mut ThriftReader<'_>, spec: &ColumnSpec) -> Result<(ChunkLayout, u64), StoreError> {
    let mut chunk = ChunkLayout {
        codec: Codec::Plain,
        encodings: 0,
        start: 0,
        data_start: 0,
        length: 0,
        uncompressed: 0,
        nulls: 0,
        int_bounds: None,
        bloom: Extent::default(),
        offset_index: Extent::default(),
        column_index: Extent::default(),
    };
    let mut values = 0;
    reader.fields(|reader, id, field_type| {
        match (id, field_type) {
            (3, TYPE_STRUCT) => values = decode_column_metadata(reader, spec, &mut chunk)?,
            (4, _) => chunk.offset_index.offset = reader.size()?,
            (5, _) => chunk.offset_index.length = extent_length(reader)?,
            (6, _) => chunk.column_index.offset = reader.size()?,
            (7, _) => chunk.column_index.length = extent_length(reader)?,
            _ => reader.skip(field_type)?,
        }
        Ok(())
    })?;
    Ok((chunk, values))
}

fn decode_column_metadata(
    reader: &mut ThriftReader<'_>,
    spec: &ColumnSpec,
    chunk: &mut ChunkLayout,
) -> Result<u64, StoreError> {
    let (mut values, mut dictionary) = (0, None);
    reader.fields(|reader, id, field_type| {
        match (id, field_type) {
            (1, TYPE_I32) => {
                if reader.int()? != i64::from(physical(spec.column_type)) {
                    return Err(damaged("a column chunk differs from the schema"));
                }
            }
            (2, TYPE_LIST) => {
                for _ in 0..reader.list()?.1 {
                    chunk.encodings |= 1u16.checked_shl(reader.int()? as u32).unwrap_or(0);
                }
            }
            (4, TYPE_I32) => {
                chunk.codec = match reader.int()? {
                    0 => Codec::Plain,
                    6 => Codec::Zstd,
                    _ => return Err(damaged("a column has a compression that is not ours")),
                }
            }
            (5, _) => values = reader.size()?,
            (6, _) => chunk.uncompressed = reader.size()?,
            (7, _) => chunk.length = reader.size()?,
            (9, _) => chunk.data_start = reader.size()?,
            (11, _) => dictionary = Some(reader.size()?),
            (12, TYPE_STRUCT) => decode_statistics(reader, spec, chunk)?,
            (14, _) => chunk.bloom.offset = reader.size()?,
            (15, _) => chunk.bloom.length = extent_length(reader)?,
            _ => reader.skip(field_type)?,
        }
        Ok(())
    })?;
    chunk.start = dictionary.unwrap_or(chunk.data_start);
    Ok(values)
}

/// A number as statistics and page bounds hold it: four or eight bytes, little end first.
pub(super) fn int_from(bytes: &[u8]) -> Option<i64> {
    match bytes.len() {
        4 => Some(i32::from_le_bytes(bytes.try_into().ok()?).into()),
        8 => Some(i64::from_le_bytes(bytes.try_into().ok()?)),
        _ => None,
    }
}

fn decode_statistics(
    reader: &mut ThriftReader<'_>,
    spec: &ColumnSpec,
    chunk: &mut ChunkLayout,
) -> Result<(), StoreError> {
    let (mut least, mut greatest) = (None, None);
    reader.fields(|reader, id, field_type| {
        match (id, field_type) {
            (3, _) => chunk.nulls = reader.size()?,
            (5, TYPE_BINARY) => greatest = int_from(reader.binary()?),
            (6, TYPE_BINARY) => least = int_from(reader.binary()?),
            _ => reader.skip(field_type)?,
        }
        Ok(())
    })?;
    if matches!(physical(spec.column_type), 1 | 2) {
        chunk.int_bounds = least.zip(greatest);
    }
    Ok(())
}
