//! Answers about traces, from heads and blocks.

use std::ops::Range;
use std::sync::Arc;

use model::{Span, TraceId};
use store_api::{ReadStats, StoreError};

use super::Spans;
use super::columns::TRACE_ID;
use super::head::Head;
use super::open::OpenedSpans;
use crate::engine::block::Block;
use crate::table::Column;
use crate::table::reader::TableReader;

/// Ids that are read at a time in search of a trace: a page, as the table writer cuts them.
const SEARCH_ROWS: usize = 8192;

pub(crate) use super::tags::{tag_names, tag_values};

/// All spans of a trace, by start time.
pub(crate) fn trace(
    spans: &Spans,
    heads: &[Arc<Head>],
    blocks: &[Arc<Block<Spans>>],
    id: TraceId,
) -> Result<(Vec<Span>, ReadStats), StoreError> {
    let mut found = Vec::new();
    let mut stats = ReadStats::default();
    heads.iter().for_each(|head| head.trace(id, &mut found));
    for block in blocks {
        let opened = block.opened(spans)?;
        let before = opened.bytes_read();
        trace_of_block(&opened, id, &mut found)?;
        stats.inspected_blocks += 1;
        stats.inspected_bytes += opened.bytes_read() - before;
    }
    stats.inspected_rows = found.len() as u64;
    found.sort_by_key(|span| span.start);
    Ok((found, stats))
}

/// Adds the spans of a trace that a block has.
pub(crate) fn trace_of_block(opened: &OpenedSpans, id: TraceId, found: &mut Vec<Span>) -> Result<(), StoreError> {
    let table = &opened.spans.table;
    for row_group in 0..table.row_groups() {
        if !table.might_contain(row_group, TRACE_ID, &id.0)? {
            continue;
        }
        let Some(rows) = rows_of_trace(table, row_group, id)? else { continue };
        let batch = opened.batch(row_group, rows)?;
        found.extend((0..batch.len() as u32).map(|row| batch.span(row)));
    }
    Ok(())
}

/// The rows of a trace in a row group, which stand together. Reads ids until they are found.
fn rows_of_trace(table: &TableReader, row_group: usize, id: TraceId) -> Result<Option<Range<usize>>, StoreError> {
    let all = table.row_group_rows(row_group);
    let wanted = u128::from_ne_bytes(id.0);
    let mut found: Option<Range<usize>> = None;
    for first in (0..all).step_by(SEARCH_ROWS) {
        let column = table.read(row_group, TRACE_ID, first..all.min(first + SEARCH_ROWS))?;
        let Column::Fixed(ids) = column else { return Ok(None) };
        let ids = ids.as_chunks::<16>().0;
        let is_wanted = |other: &[u8; 16]| u128::from_ne_bytes(*other) == wanted;
        let from = match &found {
            Some(_) => 0,
            None => match ids.iter().position(is_wanted) {
                Some(from) => from,
                None => continue,
            },
        };
        let count = ids[from..].iter().take_while(|other| is_wanted(other)).count();
        let start = found.map_or(first + from, |rows| rows.start);
        found = Some(start..first + from + count);
        if from + count < ids.len() {
            break;
        }
    }
    Ok(found)
}
