//! Where things are in a table file: the footer, in a compact form of our own.
//!
//! Only what our writer writes is understood; anything else (nested columns, other codecs) is refused when the file is opened.

use std::ops::Range;

use store_api::StoreError;

use super::thrift::{TYPE_BINARY, TYPE_I32, TYPE_LIST, TYPE_STRUCT, TYPE_TRUE, ThriftReader, ThriftWriter, damaged};
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

fn physical(column_type: ColumnType) -> i32 {
    match column_type {
        ColumnType::Bool => 0,
        ColumnType::Int32 => 1,
        ColumnType::Int64 | ColumnType::TimestampNanos | ColumnType::TimestampMillis => 2,
        ColumnType::Double => 5,
        ColumnType::Utf8 | ColumnType::Json | ColumnType::Binary => 6,
        ColumnType::Fixed(_) => 7,
    }
}

/// An empty structure inside a union: the way Parquet writes an enumeration with room to grow.
fn put_unit(writer: &mut ThriftWriter<'_>, id: i16) {
    writer.begin(id);
    writer.end();
}

fn put_schema_element(writer: &mut ThriftWriter<'_>, spec: &ColumnSpec) {
    writer.item_begin();
    writer.i32(1, physical(spec.column_type));
    if let ColumnType::Fixed(width) = spec.column_type {
        writer.i32(2, width as i32);
    }
    writer.i32(3, i32::from(spec.optional));
    writer.binary(4, spec.name.as_bytes());
    // Field 6 is the older form of field 10, for readers that know only that; nanoseconds have none.
    match spec.column_type {
        ColumnType::Utf8 => writer.i32(6, 0),
        ColumnType::TimestampMillis => writer.i32(6, 9),
        ColumnType::Json => writer.i32(6, 19),
        _ => {}
    }
    let logical = match spec.column_type {
        ColumnType::Utf8 => 1,
        ColumnType::TimestampNanos | ColumnType::TimestampMillis => 8,
        ColumnType::Json => 12,
        _ => 0,
    };
    if logical != 0 {
        writer.begin(10);
        writer.begin(logical);
        if logical == 8 {
            writer.bool(1, true);
            writer.begin(2);
            put_unit(writer, if spec.column_type == ColumnType::TimestampNanos { 3 } else { 1 });
            writer.end();
        }
        writer.end();
        writer.end();
    }
    writer.end();
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

#[derive(Default)]
struct SchemaElement {
    physical: Option<i64>,
    width: u64,
    repetition: i64,
    name: String,
    children: u64,
    logical: i16,
    unit: i16,
}

impl SchemaElement {
    fn decode(reader: &mut ThriftReader<'_>) -> Result<Self, StoreError> {
        let mut element = Self::default();
        reader.fields(|reader, id, field_type| {
            match (id, field_type) {
                (1, TYPE_I32) => element.physical = Some(reader.int()?),
                (2, TYPE_I32) => element.width = reader.size()?,
                (3, TYPE_I32) => element.repetition = reader.int()?,
                (4, TYPE_BINARY) => element.name = reader.string()?,
                (5, TYPE_I32) => element.children = reader.size()?,
                (10, TYPE_STRUCT) => reader.fields(|reader, id, field_type| {
                    element.logical = id;
                    if (id, field_type) != (8, TYPE_STRUCT) {
                        return reader.skip(field_type);
                    }
                    reader.fields(|reader, id, field_type| {
                        if (id, field_type) != (2, TYPE_STRUCT) {
                            return reader.skip(field_type);
                        }
                        reader.fields(|reader, id, field_type| {
                            element.unit = id;
                            reader.skip(field_type)
                        })
                    })
                })?,
                _ => reader.skip(field_type)?,
            }
            Ok(())
        })?;
        Ok(element)
    }

    fn column_type(&self) -> Option<ColumnType> {
        Some(match (self.physical?, self.logical, self.unit) {
            (0, 0, _) => ColumnType::Bool,
            (1, 0, _) => ColumnType::Int32,
            (2, 0, _) => ColumnType::Int64,
            (2, 8, 1) => ColumnType::TimestampMillis,
            (2, 8, 3) => ColumnType::TimestampNanos,
            (5, 0, _) => ColumnType::Double,
            (6, 0, _) => ColumnType::Binary,
            (6, 1, _) => ColumnType::Utf8,
            (6, 12, _) => ColumnType::Json,
            // Wider than any id; keeps products of rows and width far from overflow.
            (7, 0, _) if (1..=1 << 16).contains(&self.width) => ColumnType::Fixed(self.width as usize),
            _ => return None,
        })
    }
}

fn specs(elements: &[SchemaElement]) -> Result<Vec<ColumnSpec>, StoreError> {
    let (root, columns) = elements.split_first().ok_or_else(|| damaged("no schema"))?;
    if root.children != columns.len() as u64 {
        return Err(damaged("the schema is not flat"));
    }
    columns
        .iter()
        .map(|element| {
            let name = &element.name;
            let column_type = element
                .column_type()
                .filter(|_| element.children == 0 && matches!(element.repetition, 0 | 1))
                .ok_or_else(|| damaged(&format!("column {name} has a type that is not ours")))?;
            let optional = element.repetition == 1;
            Ok(ColumnSpec { name: name.clone(), column_type, optional, bloom: false, page_index: false })
        })
        .collect()
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

fn extent_length(reader: &mut ThriftReader<'_>) -> Result<u32, StoreError> {
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

/// Rows of a page at most; bounds what a damaged file can make a reader allocate.
pub(super) const PAGE_ROWS_MAX: usize = 1 << 20;

/// A data page's place and its first row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PagePlace {
    pub offset: u64,
    /// Header included.
    pub length: u32,
    pub first_row: u32,
}

/// The offset index of a chunk.
pub(super) fn encode_offset_index(pages: &[PagePlace], out: &mut Vec<u8>) {
    let mut writer = ThriftWriter::new(out);
    writer.list(1, TYPE_STRUCT, pages.len());
    for page in pages {
        writer.item_begin();
        writer.i64(1, page.offset as i64);
        writer.i32(2, page.length as i32);
        writer.i64(3, page.first_row.into());
        writer.end();
    }
    writer.end();
}

/// Decodes an offset index and checks it against its chunk of `rows` rows.
pub(super) fn decode_offset_index(data: &[u8], chunk: &ChunkLayout, rows: u64) -> Result<Vec<PagePlace>, StoreError> {
    let mut pages = Vec::new();
    ThriftReader::new(data).fields(|reader, id, field_type| {
        if (id, field_type) != (1, TYPE_LIST) {
            return reader.skip(field_type);
        }
        let items = reader.list()?.1;
        pages.reserve_exact(items);
        for _ in 0..items {
            let mut page = PagePlace { offset: 0, length: 0, first_row: 0 };
            reader.fields(|reader, id, field_type| {
                match id {
                    1 => page.offset = reader.size()?,
                    2 => page.length = extent_length(reader)?,
                    3 => page.first_row = extent_length(reader)?,
                    _ => reader.skip(field_type)?,
                }
                Ok(())
            })?;
            pages.push(page);
        }
        Ok(())
    })?;
    let mut end = chunk.data_start;
    for (index, page) in pages.iter().enumerate() {
        let rises = if index == 0 { page.first_row == 0 } else { page.first_row > pages[index - 1].first_row };
        if page.offset != end || !rises || u64::from(page.first_row) >= rows {
            return Err(damaged("an offset index is wrong"));
        }
        end = page.offset + u64::from(page.length);
    }
    let page_rows = |index: usize| {
        pages.get(index + 1).map_or(rows, |page| page.first_row.into()) - u64::from(pages[index].first_row)
    };
    if (0..pages.len()).any(|index| page_rows(index) > PAGE_ROWS_MAX as u64) {
        return Err(damaged("a page has too many rows"));
    }
    if end != chunk.range().end || (rows > 0) == pages.is_empty() {
        return Err(damaged("an offset index is wrong"));
    }
    Ok(pages)
}

/// Smallest and greatest value of each page of a chunk; both empty for a page of nulls.
#[derive(Clone, Debug, Default)]
pub(super) struct PageBounds {
    pub pages: Vec<(Box<[u8]>, Box<[u8]>)>,
}

/// The column index of a chunk: bounds and nulls of each page. `order` is 0 for unordered, 1 for ascending.
pub(super) fn encode_column_index(bounds: &PageBounds, nulls: &[u32], order: i32, out: &mut Vec<u8>) {
    let mut writer = ThriftWriter::new(out);
    writer.list(1, TYPE_TRUE, bounds.pages.len());
    for (least, _) in &bounds.pages {
        writer.item_bool(least.is_empty());
    }
    writer.list(2, TYPE_BINARY, bounds.pages.len());
    for (least, _) in &bounds.pages {
        writer.item_binary(least);
    }
    writer.list(3, TYPE_BINARY, bounds.pages.len());
    for (_, greatest) in &bounds.pages {
        writer.item_binary(greatest);
    }
    writer.i32(4, order);
    writer.list(5, super::thrift::TYPE_I64, nulls.len());
    for &count in nulls {
        writer.item_int(count.into());
    }
    writer.end();
}

/// Decodes the bounds of a column index of `pages` pages; each value must have `width` bytes.
pub(super) fn decode_column_index(data: &[u8], pages: usize, width: usize) -> Result<PageBounds, StoreError> {
    let (mut least, mut greatest): (Vec<Box<[u8]>>, Vec<Box<[u8]>>) = (Vec::new(), Vec::new());
    ThriftReader::new(data).fields(|reader, id, field_type| {
        let list = match (id, field_type) {
            (2, TYPE_LIST) => &mut least,
            (3, TYPE_LIST) => &mut greatest,
            _ => return reader.skip(field_type),
        };
        for _ in 0..reader.list()?.1 {
            let value = reader.binary()?;
            if value.len() != width && !value.is_empty() {
                return Err(damaged("a column index is wrong"));
            }
            list.push(value.into());
        }
        Ok(())
    })?;
    if least.len() != pages || greatest.len() != pages {
        return Err(damaged("a column index is wrong"));
    }
    Ok(PageBounds { pages: least.into_iter().zip(greatest).collect() })
}
