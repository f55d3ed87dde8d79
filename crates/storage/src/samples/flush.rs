//! A head to a block.

use model::Labels;
use store_api::StoreError;

use super::block::write::{BlockBuilder, SeriesRows};
use super::head::Head;
use super::merge::histograms_win;
use crate::engine::block::BlockWriter;
use crate::engine::signal::BlockSummary;

/// Writes all samples of a sealed head. The lock is taken for one series at a time, so that readers go on.
pub(super) fn flush(head: &Head, writer: &mut BlockWriter) -> Result<BlockSummary, StoreError> {
    let (mut order, families) = {
        let inner = head.lock();
        let labels = |(slot, entry): (usize, &super::slot::Slot)| (entry.series.labels.clone(), slot as u32);
        let order: Vec<(Labels, u32)> = inner.slots.iter().enumerate().map(labels).collect();
        (order, inner.families.iter().cloned().collect::<Vec<_>>())
    };
    order.sort_unstable();
    let mut block = BlockBuilder::new(writer);
    families.iter().for_each(|family| block.family(family));
    for (labels, slot) in order {
        let mut rows = {
            let inner = head.lock();
            let slot = &inner.slots[slot as usize];
            SeriesRows {
                labels,
                floats: slot.floats(i64::MIN, i64::MAX),
                histograms: slot.histograms(i64::MIN, i64::MAX),
                starts: slot.starts().to_vec(),
                exemplars: slot.exemplars(i64::MIN, i64::MAX).cloned().collect(),
                is_delta: slot.is_delta,
            }
        };
        histograms_win(&mut rows.floats, &rows.histograms);
        rows.exemplars.sort_by_key(|exemplar| exemplar.time);
        block.series(&rows)?;
    }
    block.finish()
}
