//! Several batches one behind the other as one batch.

use std::sync::Arc;

use super::batch::{LogBatch, SparseColumn, TextColumn};
use super::source::Registry;
use crate::attributes::concat::{AttributesConcat, remap};
use crate::attributes::interner::Interner;
use crate::table::{Dict, NULL_ID};

/// Joins `batches` in their order. They must not hold more than `u32::MAX` bytes of lines together.
pub(crate) fn join(batches: &[Arc<LogBatch>]) -> LogBatch {
    let rows = batches.iter().map(|batch| batch.rows()).sum();
    let mut out = LogBatch {
        time: concat(batches, rows, |batch| &batch.time),
        time_source: concat(batches, rows, |batch| &batch.time_source),
        observed: concat(batches, rows, |batch| &batch.observed),
        severity_number: concat(batches, rows, |batch| &batch.severity_number),
        severity_text: join_texts(batches, rows, |batch| &batch.severity_text),
        level: concat(batches, rows, |batch| &batch.level),
        trace_id: concat(batches, rows, |batch| &batch.trace_id),
        span_id: concat(batches, rows, |batch| &batch.span_id),
        flags: concat(batches, rows, |batch| &batch.flags),
        dropped: concat(batches, rows, |batch| &batch.dropped),
        event_name: join_texts(batches, rows, |batch| &batch.event_name),
        ..LogBatch::default()
    };
    join_lines(batches, &mut out.lines);
    (out.resources, out.resource) = join_sources(batches, rows, |batch| (&batch.resources, &batch.resource));
    (out.scopes, out.scope) = join_sources(batches, rows, |batch| (&batch.scopes, &batch.scope));
    (out.streams, out.stream) = join_sources(batches, rows, |batch| (&batch.streams, &batch.stream));
    let mut attributes = AttributesConcat::default();
    let mut first_row = 0;
    for batch in batches {
        attributes.add(&batch.attributes, batch.rows() as u32);
        join_sparse(&batch.bodies, first_row, &mut out.bodies);
        first_row += batch.rows() as u32;
    }
    out.attributes = attributes.finish();
    out
}

fn concat<T: Copy>(batches: &[Arc<LogBatch>], rows: usize, column: impl Fn(&LogBatch) -> &Vec<T>) -> Vec<T> {
    let mut out = Vec::with_capacity(rows);
    batches.iter().for_each(|batch| out.extend_from_slice(column(batch)));
    out
}

fn join_texts(batches: &[Arc<LogBatch>], rows: usize, column: impl Fn(&LogBatch) -> &TextColumn) -> TextColumn {
    let mut out = TextColumn { ids: Vec::with_capacity(rows), dict: Dict::default() };
    let mut interner = Interner::default();
    for batch in batches {
        let column = column(batch);
        let new_ids = remap(&mut out.dict, &mut interner, &column.dict);
        out.ids.extend(column.ids.iter().map(|&id| if id == NULL_ID { NULL_ID } else { new_ids[id as usize] }));
    }
    out
}

fn join_lines(batches: &[Arc<LogBatch>], out: &mut Dict) {
    out.ends.reserve_exact(batches.iter().map(|batch| batch.lines.len()).sum());
    out.bytes.reserve_exact(batches.iter().map(|batch| batch.lines.bytes.len()).sum());
    for batch in batches {
        let base = out.bytes.len() as u32;
        out.bytes.extend_from_slice(&batch.lines.bytes);
        out.ends.extend(batch.lines.ends.iter().map(|end| base + end));
    }
}

fn join_sparse(column: &SparseColumn, first_row: u32, out: &mut SparseColumn) {
    for (at, row) in column.rows.iter().enumerate() {
        out.rows.push(first_row + row);
        out.values.push(column.values.get(at as u32));
    }
}

type Shared<T> = Vec<Arc<super::source::Named<T>>>;

fn join_sources<T>(
    batches: &[Arc<LogBatch>],
    rows: usize,
    column: impl Fn(&LogBatch) -> (&Shared<T>, &Vec<u32>),
) -> (Shared<T>, Vec<u32>) {
    let mut registry = Registry::default();
    let mut places = Vec::with_capacity(rows);
    for batch in batches {
        let (items, old) = column(batch);
        let new: Vec<u32> = items.iter().map(|item| registry.add(item)).collect();
        places.extend(old.iter().map(|&place| new.get(place as usize).copied().unwrap_or(NULL_ID)));
    }
    (registry.into_items(), places)
}
