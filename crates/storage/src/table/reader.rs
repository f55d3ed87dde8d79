//! Reads a table file: whole columns, or only the pages that a range of rows needs.
//!
//! Opening reads the footer (one read for all but very large ones). Page indexes are read when first used and kept; bloom
//! filters and dictionaries are read anew each time, the operating system caches them better than we would.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use store_api::StoreError;

use super::decode::{self, Decoder, Entries};
use super::header::{PageHeader, PageKind};
use super::index::{self, Bound, PageBounds, PagePlace};
use super::layout::{self, ChunkLayout, Codec, Extent, FileLayout, MAGIC};
use super::thrift::damaged;
use super::{Column, ColumnSpec, ColumnType, Dict, bloom, page};
use crate::engine::block::ReadAt;

/// First read from the end of a file: holds the footer of a usual block.
const TAIL_BYTES: u64 = 64 << 10;
/// A page header with its numbers is below this.
const PAGE_HEADER_MAX: u64 = 64;

#[derive(Default)]
struct ChunkCache {
    pages: OnceLock<Box<[PagePlace]>>,
    bounds: OnceLock<Option<Box<PageBounds>>>,
}

/// A column chunk to copy into another file.
pub(super) struct ChunkCopy {
    pub layout: ChunkLayout,
    pub bytes: Bytes,
    pub pages: Vec<PagePlace>,
    pub column_index: Vec<u8>,
    pub bloom: Vec<u8>,
}

/// See the module. Shared by threads.
pub(crate) struct TableReader {
    file: Arc<dyn ReadAt>,
    layout: FileLayout,
    /// Per row group, per column.
    caches: Vec<Vec<ChunkCache>>,
    bytes_read: AtomicU64,
}

impl TableReader {
    /// Opens a file. `Corrupt` when it is damaged or not of our making.
    pub(crate) fn open(file: Arc<dyn ReadAt>) -> Result<Self, StoreError> {
        let size = file.size();
        if size < 12 {
            return Err(damaged("the file is too short"));
        }
        let tail_start = size - size.min(TAIL_BYTES);
        let mut tail = file.read_at(tail_start, (size - tail_start) as usize)?;
        let mut bytes_read = tail.len() as u64;
        let end = tail.len();
        if &tail[end - 4..] != MAGIC {
            return Err(damaged("the file does not end as a table"));
        }
        let length = u32::from_le_bytes(tail[end - 8..end - 4].try_into().expect("four bytes")) as u64;
        let data_end = (size - 8).checked_sub(length).ok_or_else(|| damaged("the footer is longer than the file"))?;
        if data_end < tail_start {
            tail = file.read_at(data_end, (size - data_end) as usize)?;
            bytes_read += tail.len() as u64;
        }
        let from = tail.len() - 8 - length as usize;
        let layout = FileLayout::decode(&tail[from..tail.len() - 8], data_end)?;
        let caches =
            layout.groups.iter().map(|group| group.chunks.iter().map(|_| ChunkCache::default()).collect()).collect();
        Ok(Self { file, layout, caches, bytes_read: bytes_read.into() })
    }

    /// Rows of the whole table.
    pub(crate) fn rows(&self) -> u64 {
        self.layout.rows()
    }

    /// Number of row groups.
    pub(crate) fn row_groups(&self) -> usize {
        self.layout.groups.len()
    }

    /// Rows of one row group.
    pub(crate) fn row_group_rows(&self, row_group: usize) -> usize {
        self.layout.groups[row_group].rows as usize
    }

    /// Names of the columns in the order of the file.
    pub(crate) fn column_names(&self) -> impl Iterator<Item = &str> {
        self.layout.specs.iter().map(|spec| spec.name.as_str())
    }

    /// The columns in the order of the file.
    pub(crate) fn specs(&self) -> &[ColumnSpec] {
        &self.layout.specs
    }

    /// Key-value pairs of the footer.
    pub(crate) fn key_values(&self) -> &[(String, String)] {
        &self.layout.key_values
    }

    /// Bytes read from the file so far, for statistics.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.layout.specs.iter().position(|spec| spec.name == name)
    }

    pub(super) fn spec(&self, column: usize) -> &ColumnSpec {
        &self.layout.specs[column]
    }

    pub(super) fn find(&self, name: &str) -> Result<usize, StoreError> {
        self.column(name).ok_or_else(|| damaged(&format!("column {name} is missing")))
    }

    pub(super) fn chunk(&self, row_group: usize, column: usize) -> &ChunkLayout {
        &self.layout.groups[row_group].chunks[column]
    }

    pub(super) fn fetch(&self, range: Range<u64>) -> Result<Bytes, StoreError> {
        let length = (range.end - range.start) as usize;
        if length == 0 {
            return Ok(Bytes::new());
        }
        self.bytes_read.fetch_add(length as u64, Ordering::Relaxed);
        self.file.read_at(range.start, length)
    }

    fn fetch_extent(&self, extent: Extent) -> Result<Bytes, StoreError> {
        self.fetch(extent.offset..extent.offset + u64::from(extent.length))
    }

    pub(super) fn pages(&self, row_group: usize, column: usize) -> Result<&[PagePlace], StoreError> {
        let cache = &self.caches[row_group][column].pages;
        if let Some(pages) = cache.get() {
            return Ok(pages);
        }
        let chunk = self.chunk(row_group, column);
        let rows = self.layout.groups[row_group].rows;
        let pages = index::decode_offset_index(&self.fetch_extent(chunk.offset_index)?, chunk, rows)?;
        Ok(cache.get_or_init(|| pages.into()))
    }

    fn bounds(&self, row_group: usize, column: usize) -> Result<Option<&PageBounds>, StoreError> {
        let cache = &self.caches[row_group][column].bounds;
        if let Some(bounds) = cache.get() {
            return Ok(bounds.as_deref());
        }
        let chunk = self.chunk(row_group, column);
        let bounds = if chunk.column_index.is_empty() {
            None
        } else {
            let width = match self.spec(column).column_type {
                ColumnType::Fixed(width) => width,
                other => other.number_bytes(),
            };
            let pages = self.pages(row_group, column)?.len();
            Some(Box::new(index::decode_column_index(&self.fetch_extent(chunk.column_index)?, pages, width)?))
        };
        Ok(cache.get_or_init(|| bounds).as_deref())
    }

    /// Rows `rows` of a column in a row group. Reads and decodes only the pages that hold them. Columns of type Fixed come
    /// as [`Column::Fixed`], strings as [`Column::Dict`] whose dictionary may hold an entry twice.
    pub(crate) fn read(&self, row_group: usize, column: &str, rows: Range<usize>) -> Result<Column, StoreError> {
        self.read_ranges(row_group, column, std::slice::from_ref(&rows))
    }

    /// Like [`Self::read`] for the rows of several ranges, one behind the other. The dictionary is read once; a page that two
    /// ranges touch is read twice.
    pub(crate) fn read_ranges(
        &self,
        row_group: usize,
        column: &str,
        ranges: &[Range<usize>],
    ) -> Result<Column, StoreError> {
        let column = self.find(column)?;
        let count = self.row_group_rows(row_group);
        if let Some(rows) = ranges.iter().find(|rows| rows.start > rows.end || rows.end > count) {
            return Err(StoreError::InvalidInput(format!("rows {rows:?} of a row group of {count}")));
        }
        let mut decoder = Decoder::new(self.spec(column));
        let mut dictionary = None;
        for rows in ranges.iter().filter(|rows| !rows.is_empty()) {
            dictionary = self.decode_rows(&mut decoder, row_group, column, rows)?;
        }
        let chunk = self.chunk(row_group, column);
        let Some((lowest, highest)) = decoder.index_range() else { return decoder.finish(None) };
        if !chunk.has_dictionary() {
            return Err(damaged("a dictionary is missing"));
        }
        if let (None, Codec::Plain, ColumnType::Fixed(width)) =
            (&dictionary, chunk.codec, self.spec(column).column_type)
        {
            let (count, body) = self.some_entries(chunk, width, lowest, highest)?;
            return decoder.finish(Some(Entries::Values { count, body: &body, first: lowest }));
        }
        let dictionary = match dictionary {
            Some(dictionary) => dictionary,
            None => self.fetch(chunk.start..chunk.data_start)?,
        };
        if self.spec(column).column_type.is_string() {
            let strings = page::open_strings(&dictionary, chunk.codec, decoder.uses())?;
            return decoder.finish(Some(Entries::Strings(strings)));
        }
        let (header, body) = page::open(&dictionary, PageKind::Dictionary, chunk.codec)?;
        decoder.finish(Some(Entries::Values { count: header.values, body: &body, first: 0 }))
    }

    /// Decodes the pages that hold `rows`, which are not empty. Gives the dictionary page where it came with the same read.
    fn decode_rows(
        &self,
        decoder: &mut Decoder<'_>,
        row_group: usize,
        column: usize,
        rows: &Range<usize>,
    ) -> Result<Option<Bytes>, StoreError> {
        let count = self.row_group_rows(row_group);
        let chunk = self.chunk(row_group, column);
        let pages = self.pages(row_group, column)?;
        let first = pages.partition_point(|page| page.first_row as usize <= rows.start) - 1;
        let last = pages.partition_point(|page| (page.first_row as usize) < rows.end);
        // All from the first page on: then the dictionary before it comes with the same read.
        let whole = first == 0 && last == pages.len();
        let start = if whole { chunk.start } else { pages[first].offset };
        let end = pages[last - 1].offset + u64::from(pages[last - 1].length);
        let bytes = self.fetch(start..end)?;
        for (index, place) in pages.iter().enumerate().take(last).skip(first) {
            let at = (place.offset - start) as usize;
            let (header, body) = page::open(&bytes[at..at + place.length as usize], PageKind::Data, chunk.codec)?;
            let first_row = place.first_row as usize;
            let page_rows = pages.get(index + 1).map_or(count, |next| next.first_row as usize) - first_row;
            if header.values as usize != page_rows {
                return Err(damaged("a page has a wrong number of rows"));
            }
            let wanted = rows.start.max(first_row) - first_row..rows.end.min(first_row + page_rows) - first_row;
            decoder.page(&body, header.encoding, page_rows, wanted)?;
        }
        Ok((whole && chunk.has_dictionary()).then(|| bytes.slice(..(chunk.data_start - chunk.start) as usize)))
    }

    /// Entries `lowest..=highest` of an uncompressed dictionary of fixed width. Not under a checksum, for the checksum is
    /// over the whole dictionary, which we do not want to read for a few ids.
    fn some_entries(
        &self,
        chunk: &ChunkLayout,
        width: usize,
        lowest: u32,
        highest: u32,
    ) -> Result<(u32, Bytes), StoreError> {
        let head = self.fetch(chunk.start..chunk.data_start.min(chunk.start + PAGE_HEADER_MAX))?;
        let (header, header_bytes) = PageHeader::decode(&head)?;
        let start = chunk.start + header_bytes as u64;
        if header.kind != PageKind::Dictionary || u64::from(header.values) * width as u64 != chunk.data_start - start {
            return Err(damaged("a dictionary has a wrong size"));
        }
        if highest >= header.values {
            return Err(damaged("a page points outside the dictionary"));
        }
        let place = |entry: u64| start + entry * width as u64;
        Ok((header.values, self.fetch(place(lowest.into())..place(u64::from(highest) + 1))?))
    }

    /// Whether a row group may have `value` (as the column stores it: the bytes of an id or string; numbers little end
    /// first) by the bloom filter. True when there is no filter.
    pub(crate) fn might_contain(&self, row_group: usize, column: &str, value: &[u8]) -> Result<bool, StoreError> {
        let chunk = self.chunk(row_group, self.find(column)?);
        if chunk.bloom.is_empty() {
            return Ok(true);
        }
        let bitset = bloom::bitset_bytes(chunk.bloom.length).ok_or_else(|| damaged("a bloom filter is too short"))?;
        let hash = bloom::hash(value);
        let block = bloom::block_of(hash, u64::from(bitset) / bloom::BLOCK_BYTES as u64);
        let start = chunk.bloom.offset + u64::from(chunk.bloom.length - bitset) + block * bloom::BLOCK_BYTES as u64;
        let bytes = self.fetch(start..start + bloom::BLOCK_BYTES as u64)?;
        let block = bytes.first_chunk().ok_or_else(|| damaged("a bloom filter is too short"))?;
        Ok(bloom::block_contains(block, hash))
    }

    /// The rows of the pages that may have `value` in a Fixed column, by the bounds of pages. For tests of the bounds, which
    /// other readers prune by; ours has [`Self::rows_equal`].
    #[cfg(test)]
    pub(crate) fn rows_maybe_equal(
        &self,
        row_group: usize,
        column: &str,
        value: &[u8],
    ) -> Result<Range<usize>, StoreError> {
        self.rows_where(row_group, column, |least, greatest| least <= value && value <= greatest)
    }

    /// The rows of the pages that may have a number of `from..=to` in an Int column, by the bounds of pages: from the first such
    /// page to the last. All rows when there are no bounds, an empty range when no page can have one.
    pub(crate) fn rows_maybe_between(
        &self,
        row_group: usize,
        column: &str,
        from: i64,
        to: i64,
    ) -> Result<Range<usize>, StoreError> {
        self.rows_where(row_group, column, |least, greatest| {
            let bounds = layout::int_from(least).zip(layout::int_from(greatest));
            bounds.is_none_or(|(least, greatest)| least <= to && from <= greatest)
        })
    }

    fn rows_where(
        &self,
        row_group: usize,
        column: &str,
        may: impl Fn(&[u8], &[u8]) -> bool,
    ) -> Result<Range<usize>, StoreError> {
        let column = self.find(column)?;
        let rows = self.row_group_rows(row_group);
        let Some(bounds) = self.bounds(row_group, column)? else { return Ok(0..rows) };
        let matches = |(least, greatest): &(Bound, Bound)| !least.is_empty() && may(least, greatest);
        let Some(first) = bounds.pages.iter().position(matches) else { return Ok(0..0) };
        let last = bounds.pages.iter().rposition(matches).unwrap_or(first);
        let pages = self.pages(row_group, column)?;
        let end = pages.get(last + 1).map_or(rows, |page| page.first_row as usize);
        Ok(pages[first].first_row as usize..end)
    }

    /// Smallest and greatest number of an Int column in a row group; `None` when it has none.
    pub(crate) fn int_min_max(&self, row_group: usize, column: &str) -> Result<Option<(i64, i64)>, StoreError> {
        Ok(self.chunk(row_group, self.find(column)?).int_bounds)
    }

    /// Whether any row of a column in a row group has a value; false when there is no such column.
    pub(crate) fn has_values(&self, row_group: usize, column: &str) -> bool {
        let rows = self.layout.groups[row_group].rows;
        self.column(column).is_some_and(|column| self.chunk(row_group, column).nulls < rows)
    }

    /// The dictionary of a string column in a row group: each value that its rows have, and no other. To prove that a value is
    /// absent without reading rows. `None` when the chunk has no dictionary, because most of its values stand once.
    pub(crate) fn dictionary(&self, row_group: usize, column: &str) -> Result<Option<Dict>, StoreError> {
        let column = self.find(column)?;
        let chunk = self.chunk(row_group, column);
        if !self.spec(column).column_type.is_string() || !chunk.has_dictionary() {
            return Ok(None);
        }
        let bytes = self.fetch(chunk.start..chunk.data_start)?;
        decode::strings(&page::open_strings(&bytes, chunk.codec, |_| true)?).map(Some)
    }

    /// Bytes of a column in a row group before compression; 0 when there is no such column.
    pub(crate) fn uncompressed_bytes(&self, row_group: usize, column: &str) -> u64 {
        self.column(column).map_or(0, |column| self.chunk(row_group, column).uncompressed)
    }

    /// Where a page is, for tests that damage one.
    #[cfg(test)]
    pub(super) fn page_place(&self, row_group: usize, column: &str, page: usize) -> PagePlace {
        let column = self.find(column).expect("a column of the test");
        self.pages(row_group, column).expect("an intact index")[page]
    }

    /// Bytes of a column in a row group as stored, dictionary and page headers included; 0 when there is no such column.
    #[cfg(test)]
    pub(crate) fn compressed_bytes(&self, row_group: usize, column: &str) -> u64 {
        self.column(column).map_or(0, |column| self.chunk(row_group, column).length)
    }

    /// Codec and encodings of a chunk, for figures.
    #[cfg(test)]
    pub(super) fn describe(&self, row_group: usize, column: &str) -> String {
        let chunk = self.chunk(row_group, self.find(column).expect("a column of the test"));
        let encodings: Vec<_> = (0..16).filter(|bit| chunk.encodings >> bit & 1 == 1).collect();
        format!("{:?} {encodings:?} {} of {}", chunk.codec, chunk.length, chunk.uncompressed)
    }

    /// A chunk with its indexes, undecoded.
    pub(super) fn raw_chunk(&self, row_group: usize, column: usize) -> Result<ChunkCopy, StoreError> {
        let layout = self.chunk(row_group, column).clone();
        Ok(ChunkCopy {
            bytes: self.fetch(layout.range())?,
            pages: self.pages(row_group, column)?.to_vec(),
            column_index: self.fetch_extent(layout.column_index)?.to_vec(),
            bloom: self.fetch_extent(layout.bloom)?.to_vec(),
            layout,
        })
    }
}
