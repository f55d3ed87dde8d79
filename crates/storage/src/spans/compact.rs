//! Several blocks as one: large row groups are copied as they are, small ones are joined.

use std::sync::Arc;

use model::TimeRange;
use store_api::StoreError;

use super::batch::SpanBatch;
use super::flush::{GROUP_ROWS, write_groups};
use super::open::{AttributeTable, OpenedSpans, PartTable};
use super::origin::Origin;
use super::tables::{Layouts, SpanTables};
use crate::attributes::AttributeLayout;
use crate::engine::block::BlockWriter;
use crate::engine::signal::BlockSummary;

/// Row groups of at least this size are copied: joining them would cost as much as it saves.
pub(crate) const COPY_ROWS: usize = GROUP_ROWS / 2;

/// Writes all rows of `inputs`, whose times lie in `range`; row groups of at least `copy_rows` are copied. At most two row groups are
/// in memory.
pub(crate) fn compact(
    inputs: &[Arc<OpenedSpans>],
    range: TimeRange,
    copy_rows: usize,
    writer: &mut BlockWriter,
) -> Result<BlockSummary, StoreError> {
    let layouts = union(inputs);
    let copyable: Vec<bool> = inputs.iter().map(|input| can_copy(input, &layouts)).collect();
    let mut tables = SpanTables::create(writer, layouts)?;
    let mut pending: Vec<Arc<SpanBatch>> = Vec::new();
    let mut pending_rows = 0;
    for (input, row_group) in in_order(inputs)? {
        let opened = &inputs[input];
        let rows = opened.spans.table.row_group_rows(row_group);
        if rows >= copy_rows && copyable[input] {
            tables.copy_group(opened, row_group)?;
            continue;
        }
        if pending_rows + rows > GROUP_ROWS {
            write_groups(&mut tables, &std::mem::take(&mut pending))?;
            pending_rows = 0;
        }
        pending.push(Arc::new(opened.batch(row_group, 0..rows)?));
        pending_rows += rows;
    }
    write_groups(&mut tables, &pending)?;
    for opened in inputs {
        let resources = opened.resources.iter().map(|(&hash, value)| Origin { hash, value: Arc::clone(value) });
        let scopes = opened.scopes.iter().map(|(&hash, value)| Origin { hash, value: Arc::clone(value) });
        tables.note(resources, scopes, Some(range));
    }
    tables.finish([
        &rest_keys(inputs, |opened| Some(&opened.spans)),
        &rest_keys(inputs, |opened| opened.events.as_ref().map(|part| &part.rows)),
        &rest_keys(inputs, |opened| opened.links.as_ref().map(|part| &part.rows)),
    ])
}

/// Row groups of all inputs by the time of their first span.
fn in_order(inputs: &[Arc<OpenedSpans>]) -> Result<Vec<(usize, usize)>, StoreError> {
    let mut order = Vec::new();
    for (input, opened) in inputs.iter().enumerate() {
        for row_group in 0..opened.spans.table.row_groups() {
            let first = opened.spans.table.int_min_max(row_group, "start_time")?.map(|times| times.0);
            order.push((first, input, row_group));
        }
    }
    order.sort_unstable();
    Ok(order.into_iter().map(|(_, input, row_group)| (input, row_group)).collect())
}

/// Columns that hold what any of the inputs has in columns.
fn union(inputs: &[Arc<OpenedSpans>]) -> Layouts {
    let parts = |part: fn(&OpenedSpans) -> &Option<PartTable>| {
        let tables = inputs.iter().filter_map(|opened| part(opened).as_ref());
        AttributeLayout::union(tables.flat_map(|part| part.rows.table.specs()))
    };
    Layouts {
        spans: AttributeLayout::union(inputs.iter().flat_map(|opened| opened.spans.table.specs())),
        events: parts(|opened| &opened.events),
        links: parts(|opened| &opened.links),
    }
}

/// Whether all columns of a block have the same name and type in the new one.
fn can_copy(opened: &OpenedSpans, layouts: &Layouts) -> bool {
    let part = |part: &Option<PartTable>, layout: &AttributeLayout| {
        part.as_ref().is_none_or(|part| layout.holds(part.rows.table.specs()))
    };
    layouts.spans.holds(opened.spans.table.specs())
        && part(&opened.events, &layouts.events)
        && part(&opened.links, &layouts.links)
}

fn rest_keys(inputs: &[Arc<OpenedSpans>], table: fn(&OpenedSpans) -> Option<&AttributeTable>) -> Vec<String> {
    inputs.iter().filter_map(|opened| table(opened)).flat_map(|table| table.rest_keys.iter().cloned()).collect()
}
