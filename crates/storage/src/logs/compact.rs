//! Several blocks into one.
//!
//! A row group that is large already, by rows or by lines, is copied as it stands, bytes and all; runs of small ones are read back, merged and written
//! anew. In memory at a time: the small row groups of one new row group, so at most two of that size.

use std::sync::Arc;

use store_api::StoreError;

use super::flush::{GROUP_LINE_BYTES_MAX, GROUP_ROWS_MAX, Output};
use super::open::LogBlock;
use super::slice::{Input, Slice, Sources, by_time};
use super::tables::{Run, column};
use crate::attributes::AttributeLayout;
use crate::engine::block::BlockWriter;
use crate::engine::signal::BlockSummary;

/// Rows from which on a row group is copied: half of the usual size.
const COPIED_ROWS_MIN: usize = GROUP_ROWS_MAX / 2;

/// Merges `blocks`, oldest first.
pub(crate) fn compact(blocks: &[Arc<LogBlock>], writer: &mut BlockWriter) -> Result<BlockSummary, StoreError> {
    // The columns that the inputs have, so that row groups can be copied.
    let attributes = AttributeLayout::union(blocks.iter().flat_map(|block| block.table.specs()));
    let mut out = Merged { output: Output::create(writer, attributes)?, sources: Sources::default() };
    let mut small: Vec<Group<'_>> = Vec::new();
    for group in groups(blocks) {
        let is_large = group.rows() >= COPIED_ROWS_MIN || group.line_bytes() >= GROUP_LINE_BYTES_MAX / 2;
        if is_large && out.can_copy(group) {
            out.copy(group)?;
            continue;
        }
        let (rows, line_bytes) = small
            .iter()
            .chain([&group])
            .fold((0, 0), |(rows, line_bytes), group| (rows + group.rows(), line_bytes + group.line_bytes()));
        if rows > GROUP_ROWS_MAX || line_bytes > GROUP_LINE_BYTES_MAX {
            out.merge(&std::mem::take(&mut small))?;
        }
        small.push(group);
    }
    out.merge(&small)?;
    out.output.finish(writer, &out.sources)
}

/// A row group of an input.
#[derive(Clone, Copy)]
struct Group<'b> {
    block: &'b LogBlock,
    row_group: u32,
}

impl Group<'_> {
    fn rows(&self) -> usize {
        self.block.table.row_group_rows(self.row_group as usize)
    }

    /// Bytes of lines and their encoding, before compression.
    fn line_bytes(&self) -> usize {
        self.block.table.uncompressed_bytes(self.row_group as usize, column::BODY) as usize
    }

    fn min_time(&self) -> Option<i64> {
        self.block.runs_of(self.row_group).iter().map(|run| run.min_time).min()
    }
}

/// All row groups by the time of their oldest record; equal ones in order of the blocks.
fn groups(blocks: &[Arc<LogBlock>]) -> Vec<Group<'_>> {
    let of_block = |block: &'_ Arc<LogBlock>| 0..block.table.row_groups() as u32;
    let all = blocks.iter().flat_map(|block| of_block(block).map(move |row_group| Group { block, row_group }));
    let mut groups: Vec<Group<'_>> = all.collect();
    groups.sort_by_cached_key(Group::min_time);
    groups
}

/// The block that is being written, with what its records share.
struct Merged {
    output: Output,
    sources: Sources,
}

impl Merged {
    /// False when an attribute's column has another name or type here than there, as happens when kinds of values are mixed; or
    /// when there is nothing to prove absence with.
    fn can_copy(&self, group: Group<'_>) -> bool {
        let has_trigrams = group.block.trigrams.row_groups() == group.block.table.row_groups();
        has_trigrams && self.output.attributes.holds(group.block.table.specs())
    }

    fn copy(&mut self, group: Group<'_>) -> Result<(), StoreError> {
        let output = &mut self.output;
        output.table.append_row_group(&group.block.table, group.row_group as usize)?;
        output.trigrams.append_row_group(&group.block.trigrams, group.row_group as usize)?;
        for run in group.block.runs_of(group.row_group) {
            let stream = self.sources.streams.add(&group.block.streams[run.stream as usize]);
            output.runs.push(Run { row_group: output.row_groups, stream, ..*run });
        }
        self.sources.resources.add_all(group.block.resources.values());
        self.sources.scopes.add_all(group.block.scopes.values());
        output.row_groups += 1;
        Ok(())
    }

    fn merge(&mut self, groups: &[Group<'_>]) -> Result<(), StoreError> {
        match groups {
            [] => return Ok(()),
            [group] if self.can_copy(*group) => return self.copy(*group),
            _ => {}
        }
        let read = |group: &Group<'_>| group.block.group(group.row_group);
        let batches = groups.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let inputs: Vec<Input> =
            batches.into_iter().map(|batch| Input::new(Arc::new(batch), &mut self.sources)).collect();
        self.output.write(&Slice::new(&inputs, &by_time(&inputs), &self.sources))
    }
}
