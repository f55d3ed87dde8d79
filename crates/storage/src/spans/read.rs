//! Answers about traces, from heads and blocks.

use std::sync::Arc;

use model::{Span, TraceId};
use store_api::{ReadStats, StoreError};

use super::Spans;
use super::columns::TRACE_ID;
use super::head::Head;
use super::open::OpenedSpans;
use crate::engine::block::Block;

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
        // A trace's rows stand together.
        let rows = table.rows_equal(row_group, TRACE_ID, &id.0)?;
        if rows.is_empty() {
            continue;
        }
        let batch = opened.batch(row_group, rows)?;
        found.extend((0..batch.len() as u32).map(|row| batch.span(row)));
    }
    Ok(())
}
