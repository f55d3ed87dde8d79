//! Finding the rows of one id without decoding the column.

use std::ops::Range;

use store_api::StoreError;

use super::header::{PageKind, encoding};
use super::index::PagePlace;
use super::page::{self, Levels};
use super::reader::TableReader;
use super::thrift::damaged;
use super::{Column, ColumnType, rle};

impl TableReader {
    /// The rows of a Fixed column that have `value`: from the first such row to the last, empty when none has it. Where rows of
    /// one id stand together, as those of a trace do, these are exactly its rows.
    ///
    /// Looks the value up in the dictionary first (16 bytes a trace), so a value that is not there costs one read and one pass
    /// over the ids, and one that is there the index pages, which are some bytes a trace.
    pub(crate) fn rows_equal(&self, row_group: usize, column: &str, value: &[u8]) -> Result<Range<usize>, StoreError> {
        let index = self.find(column)?;
        let ColumnType::Fixed(width) = self.spec(index).column_type else {
            return Err(StoreError::InvalidInput(format!("column {column} has no fixed width")));
        };
        if value.len() != width || (self.spec(index).optional && value.iter().all(|&byte| byte == 0)) {
            return Ok(0..0);
        }
        let chunk = self.chunk(row_group, index);
        let rows = self.row_group_rows(row_group);
        if !chunk.has_dictionary() {
            let Column::Fixed(bytes) = self.read(row_group, column, 0..rows)? else { return Ok(0..0) };
            return Ok(span_of(places(&bytes, width, value)));
        }
        let dictionary = self.fetch(chunk.start..chunk.data_start)?;
        let (_, entries) = page::open(&dictionary, PageKind::Dictionary, chunk.codec)?;
        let wanted: Vec<u32> = places(&entries, width, value).map(|place| place as u32).collect();
        if wanted.is_empty() {
            return Ok(0..0);
        }
        let pages = self.pages(row_group, index)?;
        let bytes = self.fetch(chunk.data_start..chunk.range().end)?;
        let optional = self.spec(index).optional;
        let body = |number: usize| {
            let at = (pages[number].offset - chunk.data_start) as usize;
            let page_rows = page_rows(pages, number, rows);
            let (header, body) =
                page::open(&bytes[at..at + pages[number].length as usize], PageKind::Data, chunk.codec)?;
            if header.values as usize != page_rows || header.encoding != encoding::RLE_DICTIONARY {
                return Err(damaged("a page has a wrong number of rows or encoding"));
            }
            Ok((body, page_rows))
        };
        // Indexes ascend, for the writer numbers runs in their order: the first of each page tells which pages to look into.
        let mut candidates = 0..0;
        for number in 0..pages.len() {
            let (body, page_rows) = body(number)?;
            match first_index(&body, page_rows, optional)? {
                Some(first) if first < wanted[0] => candidates.start = number,
                Some(first) if first > wanted[wanted.len() - 1] => break,
                _ => {}
            }
            candidates.end = number + 1;
        }
        let mut found = 0..0;
        for number in candidates {
            let (body, page_rows) = body(number)?;
            let range = rows_in_page(&body, page_rows, optional, &wanted)?;
            if !range.is_empty() {
                let first_row = pages[number].first_row as usize;
                let start = if found.is_empty() { first_row + range.start } else { found.start };
                found = start..first_row + range.end;
            }
        }
        Ok(found)
    }
}

fn page_rows(pages: &[PagePlace], number: usize, rows: usize) -> usize {
    pages.get(number + 1).map_or(rows, |next| next.first_row as usize) - pages[number].first_row as usize
}

/// The first index of a page; `None` when it has only nulls.
fn first_index(mut body: &[u8], rows: usize, optional: bool) -> Result<Option<u32>, StoreError> {
    if Levels::take(&mut body, rows, optional)?.values() == 0 {
        return Ok(None);
    }
    let (&width, packed) = body.split_first().ok_or_else(|| damaged("a page ends early"))?;
    rle::first(packed, width.into()).map(Some)
}

/// Which of the values of `width` bytes are `value`.
fn places<'a>(bytes: &'a [u8], width: usize, value: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    // Ids differ in their first bytes nearly always: one comparison of a word each.
    let values = bytes.chunks_exact(width).enumerate();
    values.filter(move |(_, other)| other[0] == value[0] && *other == value).map(|(place, _)| place)
}

fn span_of(rows: impl Iterator<Item = usize>) -> Range<usize> {
    rows.fold(0..0, |range, row| if range.is_empty() { row..row + 1 } else { range.start..row + 1 })
}

/// The rows of an index page from the first to the last that has one of the indexes `wanted`.
fn rows_in_page(mut body: &[u8], rows: usize, optional: bool, wanted: &[u32]) -> Result<Range<usize>, StoreError> {
    let levels = Levels::take(&mut body, rows, optional)?;
    let (&width, packed) = body.split_first().ok_or_else(|| damaged("a page ends early"))?;
    let (mut values, mut position) = (0..0, 0);
    rle::runs(packed, width.into(), levels.values(), |id, length| {
        if wanted.contains(&id) {
            let start = if values.is_empty() { position } else { values.start };
            values = start..position + length;
        }
        position += length;
    })?;
    let (present, _) = levels.slice(0..rows);
    if present.is_empty() || values.is_empty() {
        return Ok(values);
    }
    let with_value = present.iter().enumerate().filter(|(_, level)| **level == 1).map(|(row, _)| row);
    Ok(span_of(with_value.skip(values.start).take(values.len())))
}
