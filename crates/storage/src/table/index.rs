//! Offset indexes (where the pages of a chunk are) and column indexes (between which values they lie).

use store_api::StoreError;

use super::layout::{ChunkLayout, extent_length};
use super::thrift::{TYPE_BINARY, TYPE_I64, TYPE_LIST, TYPE_STRUCT, TYPE_TRUE, ThriftReader, ThriftWriter, damaged};

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

/// A value as its column stores it.
pub(super) type Bound = Box<[u8]>;

/// Smallest and greatest value of each page of a chunk; both empty for a page of nulls.
#[derive(Clone, Debug, Default)]
pub(super) struct PageBounds {
    pub pages: Vec<(Bound, Bound)>,
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
    writer.list(5, TYPE_I64, nulls.len());
    for &count in nulls {
        writer.item_int(count.into());
    }
    writer.end();
}

/// Decodes the bounds of a column index of `pages` pages; each value must have `width` bytes.
pub(super) fn decode_column_index(data: &[u8], pages: usize, width: usize) -> Result<PageBounds, StoreError> {
    let (mut least, mut greatest) = (Vec::<Bound>::new(), Vec::<Bound>::new());
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
