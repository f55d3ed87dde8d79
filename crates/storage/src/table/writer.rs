//! Writes a table file: row group after row group, then indexes and footer.
//!
//! Memory: one column chunk at a time, plus the indexes of what is written.

use std::io::Write;

use store_api::StoreError;

use super::compress::Compressor;
use super::encode::{Encoder, Tools};
use super::frames::{self, Cut};
use super::header::{PageHeader, PageKind, encoding};
use super::index::{self, PageBounds, PagePlace};
use super::layout::{self, ChunkLayout, Codec, Extent, FileLayout, GroupLayout, MAGIC};
use super::raw::{RawChunk, Rows};
use super::reader::TableReader;
use super::{ColumnData, ColumnSpec, bloom};

/// How a table is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TableSettings {
    /// Level of Zstandard; 1 is as small as 3 on these pages within a few per cent and takes half the time.
    pub level: i32,
    /// Rows of a page. Small pages make point reads cheap, large ones compress better.
    pub page_rows: usize,
}

impl Default for TableSettings {
    fn default() -> Self {
        Self { level: 1, page_rows: 8192 }
    }
}

/// What is kept of a written chunk until the end of the file.
struct ChunkIndexes {
    pages: Vec<PagePlace>,
    /// Encoded; empty when there is none. Has no places in it, so it can be copied from file to file.
    column_index: Vec<u8>,
}

/// See the module.
pub(crate) struct TableWriter<W> {
    out: W,
    position: u64,
    settings: TableSettings,
    layout: FileLayout,
    indexes: Vec<Vec<ChunkIndexes>>,
    encoder: Encoder,
    raw: RawChunk,
    pages: PageWriter,
}

impl<W: Write + Send> TableWriter<W> {
    /// Starts a table with the usual settings.
    pub(crate) fn new(out: W, specs: Vec<ColumnSpec>) -> Result<Self, StoreError> {
        Self::with_settings(out, specs, TableSettings::default())
    }

    /// Starts a table.
    pub(crate) fn with_settings(out: W, specs: Vec<ColumnSpec>, settings: TableSettings) -> Result<Self, StoreError> {
        assert!((1..=index::PAGE_ROWS_MAX).contains(&settings.page_rows), "a page has 1 to 1,048,576 rows");
        let mut writer = Self {
            out,
            position: 0,
            settings,
            layout: FileLayout { specs, groups: Vec::new(), key_values: Vec::new() },
            indexes: Vec::new(),
            encoder: Encoder::default(),
            raw: RawChunk::default(),
            pages: PageWriter { zstd: Compressor::new(settings.level)?, frames: Vec::new(), out: Vec::new() },
        };
        writer.put(MAGIC)?;
        Ok(writer)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.position += bytes.len() as u64;
        self.out.write_all(bytes).map_err(|source| StoreError::Io { context: "cannot write a table".into(), source })
    }

    /// Writes a row group of `rows` rows, one [`ColumnData`] per column in the order of the specs. No rows: writes nothing.
    /// `InvalidInput` when the data does not fit the specs.
    pub(crate) fn write_row_group(&mut self, rows: usize, columns: &[ColumnData<'_>]) -> Result<(), StoreError> {
        if columns.len() != self.layout.specs.len() || u32::try_from(rows).is_err() {
            return Err(StoreError::InvalidInput(format!("a row group of {} columns does not fit", columns.len())));
        }
        if rows == 0 {
            return Ok(());
        }
        let mut chunks = Vec::with_capacity(columns.len());
        let mut indexes = Vec::with_capacity(columns.len());
        let mut blooms = Vec::with_capacity(columns.len());
        for (column, &data) in columns.iter().enumerate() {
            let spec = &self.layout.specs[column];
            let tools = Tools { zstd: &mut self.pages.zstd, raw: &mut self.raw };
            self.encoder.encode(spec, rows, self.settings.page_rows, data, tools)?;
            let mut filter = Vec::new();
            if !self.raw.hashes.is_empty() {
                bloom::encode(&self.raw.hashes, &mut filter);
            }
            blooms.push(filter);
            self.write_chunk(&mut chunks, &mut indexes)?;
        }
        self.end_group(rows as u64, chunks, indexes, blooms)
    }

    /// Copies a row group of another table without decoding it. The tables must agree in the type of each column that both
    /// have; a column that `from` lacks must be optional and is null; a column that only `from` has is left out.
    pub(crate) fn append_row_group(&mut self, from: &TableReader, row_group: usize) -> Result<(), StoreError> {
        let rows = from.row_group_rows(row_group);
        let mut chunks = Vec::with_capacity(self.layout.specs.len());
        let mut indexes = Vec::with_capacity(self.layout.specs.len());
        let mut blooms = Vec::with_capacity(self.layout.specs.len());
        for column in 0..self.layout.specs.len() {
            let spec = &self.layout.specs[column];
            let Some(source) = from.column(&spec.name) else {
                if !spec.optional {
                    return Err(StoreError::InvalidInput(format!("column {} is missing and not optional", spec.name)));
                }
                let present = vec![false; rows];
                let nulls = Rows { count: rows, per_page: self.settings.page_rows, present: &present, optional: true };
                self.raw.clear();
                self.raw.put_pages(nulls, encoding::PLAIN, |_, _| ());
                self.write_chunk(&mut chunks, &mut indexes)?;
                blooms.push(Vec::new());
                continue;
            };
            let other = from.spec(source);
            if other.column_type != spec.column_type || other.optional != spec.optional {
                return Err(StoreError::InvalidInput(format!("column {} differs between the tables", spec.name)));
            }
            let copy = from.raw_chunk(row_group, source)?;
            let mut chunk = copy.layout;
            let mut pages = copy.pages;
            let (from_start, start) = (chunk.start, self.position);
            chunk.data_start = chunk.data_start - from_start + start;
            chunk.start = start;
            for page in &mut pages {
                page.offset = page.offset - from_start + start;
            }
            self.put(&copy.bytes)?;
            chunks.push(chunk);
            indexes.push(ChunkIndexes { pages, column_index: copy.column_index });
            blooms.push(copy.bloom);
        }
        self.end_group(rows as u64, chunks, indexes, blooms)
    }

    /// Compresses and writes the chunk in `self.raw`.
    fn write_chunk(
        &mut self,
        chunks: &mut Vec<ChunkLayout>,
        indexes: &mut Vec<ChunkIndexes>,
    ) -> Result<(), StoreError> {
        let start = self.position;
        let (chunk, pages) = self.pages.assemble(&self.raw, start)?;
        let bytes = std::mem::take(&mut self.pages.out);
        self.put(&bytes)?;
        self.pages.out = bytes;
        let mut column_index = Vec::new();
        let bounds = &self.raw.bounds;
        if !bounds.pages.is_empty() {
            let nulls: Vec<u32> = self.raw.pages.iter().map(|page| page.nulls).collect();
            let order = i32::from(ascends(bounds, self.raw.int_bounds.is_some()));
            index::encode_column_index(bounds, &nulls, order, &mut column_index);
        }
        chunks.push(chunk);
        indexes.push(ChunkIndexes { pages, column_index });
        Ok(())
    }

    fn end_group(
        &mut self,
        rows: u64,
        mut chunks: Vec<ChunkLayout>,
        indexes: Vec<ChunkIndexes>,
        blooms: Vec<Vec<u8>>,
    ) -> Result<(), StoreError> {
        for (chunk, filter) in chunks.iter_mut().zip(blooms) {
            chunk.bloom = Extent { offset: self.position, length: filter.len() as u32 };
            self.put(&filter)?;
        }
        self.layout.groups.push(GroupLayout { rows, chunks });
        self.indexes.push(indexes);
        Ok(())
    }

    /// Writes indexes and footer with `key_values` in it; gives the size of the file. The output is flushed, not synced.
    pub(crate) fn finish(mut self, key_values: &[(String, String)]) -> Result<u64, StoreError> {
        self.layout.key_values = key_values.to_vec();
        let mut out = Vec::new();
        for (group, indexes) in self.layout.groups.iter_mut().zip(&self.indexes) {
            for (chunk, index) in group.chunks.iter_mut().zip(indexes) {
                let offset = self.position + out.len() as u64;
                chunk.column_index = Extent { offset, length: index.column_index.len() as u32 };
                out.extend_from_slice(&index.column_index);
            }
        }
        for (group, indexes) in self.layout.groups.iter_mut().zip(&self.indexes) {
            for (chunk, index) in group.chunks.iter_mut().zip(indexes) {
                let at = out.len();
                index::encode_offset_index(&index.pages, &mut out);
                chunk.offset_index = Extent { offset: self.position + at as u64, length: (out.len() - at) as u32 };
            }
        }
        out.extend_from_slice(&self.layout.encode());
        self.put(&out)?;
        self.out.flush().map_err(|source| StoreError::Io { context: "cannot write a table".into(), source })?;
        Ok(self.position)
    }
}

/// Whether both bounds never fall from page to page.
fn ascends(bounds: &PageBounds, ints: bool) -> bool {
    let rises = |left: &[u8], right: &[u8]| {
        if ints { layout::int_from(left) <= layout::int_from(right) } else { left <= right }
    };
    let mut pages = bounds.pages.iter().filter(|(least, _)| !least.is_empty());
    let Some(mut before) = pages.next() else { return false };
    pages.all(|page| {
        let ordered = rises(&before.0, &page.0) && rises(&before.1, &page.1);
        before = page;
        ordered
    })
}

/// Compresses pages and puts their headers before them.
struct PageWriter {
    zstd: Compressor,
    frames: Vec<u8>,
    out: Vec<u8>,
}

/// Compression that does not save at least this share is not worth the reader's time.
const SHRINK_LEAST_PERCENT: usize = 3;

impl PageWriter {
    /// The codec of a chunk, by its largest page: the format has one for all pages of a chunk.
    fn codec(&mut self, raw: &RawChunk) -> Result<Codec, StoreError> {
        let bodies = (0..raw.pages.len()).map(|index| raw.body(index)).chain([raw.dictionary.as_slice()]);
        let Some(largest) = bodies.max_by_key(|body| body.len()) else { return Ok(Codec::Plain) };
        // No entropy in a few bytes pays for a frame's header.
        if largest.len() < 32 {
            return Ok(Codec::Plain);
        }
        let shrinks = self.zstd.size_of(largest) * 100 <= largest.len() * (100 - SHRINK_LEAST_PERCENT);
        Ok(if shrinks { Codec::Zstd } else { Codec::Plain })
    }

    fn page(
        &mut self,
        kind: PageKind,
        values: u32,
        encoding: u8,
        codec: Codec,
        (body, cuts): (&[u8], &[Cut]),
    ) -> Result<u64, StoreError> {
        let stored = match codec {
            Codec::Plain => body,
            Codec::Zstd if cuts.len() > 1 => {
                self.frames.clear();
                frames::encode(body, cuts, &mut self.zstd, &mut self.frames)?;
                &self.frames
            }
            Codec::Zstd => self.zstd.compress(body)?,
        };
        let too_large = |_| StoreError::InvalidInput("a page is larger than 2 GiB".into());
        let uncompressed = i32::try_from(body.len()).map_err(too_large)? as u32;
        let compressed = i32::try_from(stored.len()).map_err(too_large)? as u32;
        let crc = Some(crc32fast::hash(stored));
        let at = self.out.len();
        PageHeader { kind, uncompressed, compressed, crc, values, encoding }.encode(&mut self.out);
        let header = self.out.len() - at;
        self.out.extend_from_slice(stored);
        Ok((header + body.len()) as u64)
    }

    /// Fills `self.out` with the chunk as it lies at `start` in the file.
    fn assemble(&mut self, raw: &RawChunk, start: u64) -> Result<(ChunkLayout, Vec<PagePlace>), StoreError> {
        self.out.clear();
        self.zstd.set_finer(raw.finer)?;
        let codec = self.codec(raw)?;
        let mut uncompressed = 0;
        let mut encodings = 1u16 << raw.encoding | 1 << encoding::RLE;
        if raw.entries > 0 {
            uncompressed +=
                self.page(PageKind::Dictionary, raw.entries, encoding::PLAIN, codec, (&raw.dictionary, &raw.cuts))?;
            encodings |= 1 << encoding::PLAIN;
        }
        let data_start = start + self.out.len() as u64;
        let mut places = Vec::with_capacity(raw.pages.len());
        for (index, page) in raw.pages.iter().enumerate() {
            let at = self.out.len();
            uncompressed += self.page(PageKind::Data, page.rows, raw.encoding, codec, (raw.body(index), &[]))?;
            let length = (self.out.len() - at) as u32;
            places.push(PagePlace { offset: start + at as u64, length, first_row: page.first_row });
        }
        let chunk = ChunkLayout {
            codec,
            encodings,
            start,
            data_start,
            length: self.out.len() as u64,
            uncompressed,
            nulls: raw.nulls(),
            int_bounds: raw.int_bounds,
            bloom: Extent::default(),
            offset_index: Extent::default(),
            column_index: Extent::default(),
        };
        Ok((chunk, places))
    }
}
