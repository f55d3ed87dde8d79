//! Which blocks to compact and which to delete. Pure decisions over block metas, so that they can be tested without files.

use model::UnixNanos;

use super::meta::BlockMeta;

/// How many blocks of one level are merged into one of the next. Eight keeps a tenant's blocks below 8 × levels while each
/// row is rewritten at most [`LEVEL_MAX`] times.
const FAN_IN: usize = 8;
/// Blocks of this level are not merged any further: 8³ flushes of 256 k rows is more than a day of a busy box.
const LEVEL_MAX: u32 = 3;
/// Rows of the largest merge, so that a compacted block stays below about 1 GiB.
const ROWS_MAX: u64 = 32_000_000;

/// Picks up to [`FAN_IN`] blocks of one tenant, adjacent in time and of one level, to merge. `metas` is oldest first.
pub(crate) fn pick_compaction(metas: &[&BlockMeta]) -> Option<Vec<String>> {
    (0..LEVEL_MAX).find_map(|level| {
        let of_level: Vec<_> = metas.iter().filter(|meta| meta.level == level).collect();
        let group = of_level.get(..FAN_IN)?;
        (group.iter().map(|meta| meta.rows).sum::<u64>() <= ROWS_MAX)
            .then(|| group.iter().map(|meta| meta.ulid.clone()).collect())
    })
}

/// True when every row of the block is older than `retention_ns` at `now`. Rows that were older than that when they arrived
/// (a backfill, a clock of 1970) are kept for the same time from their arrival; rows from the future count from arrival.
pub(crate) fn is_expired(meta: &BlockMeta, now: UnixNanos, retention_ns: u64) -> bool {
    let arrived = arrival_ns(meta);
    let too_old_on_arrival = arrived.saturating_sub(meta.max_time_ns) > retention_ns;
    let counts_from = if too_old_on_arrival { arrived } else { meta.max_time_ns.min(arrived) };
    now.0.saturating_sub(counts_from) > retention_ns
}

/// When the block was written, from its ULID.
pub(crate) fn arrival_ns(meta: &BlockMeta) -> u64 {
    ulid::Ulid::from_string(&meta.ulid).map_or(0, |ulid| ulid.timestamp_ms().saturating_mul(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_NS: u64 = 86_400_000_000_000;

    fn meta(arrived_ns: u64, max_time_ns: u64, level: u32, rows: u64) -> BlockMeta {
        BlockMeta {
            version: 1,
            ulid: ulid::Ulid::from_parts(arrived_ns / 1_000_000, u128::from(max_time_ns)).to_string(),
            tenant: "t".to_owned(),
            signal: "spans".to_owned(),
            rows,
            min_time_ns: max_time_ns,
            max_time_ns,
            level,
            wal_generations: vec![],
            replaces: vec![],
            files: vec![],
        }
    }

    #[test]
    fn eight_of_a_level_are_merged_oldest_first() {
        let metas: Vec<_> = (0..9).map(|n| meta(DAY_NS, n, 0, 10)).collect();
        let refs: Vec<_> = metas.iter().collect();
        assert_eq!(pick_compaction(&refs[..7]), None);
        let picked = pick_compaction(&refs).expect("eight are there");
        assert_eq!(picked, metas[..8].iter().map(|m| m.ulid.clone()).collect::<Vec<_>>());
        let huge: Vec<_> = (0..8).map(|n| meta(DAY_NS, n, 0, ROWS_MAX / 4)).collect();
        assert_eq!(pick_compaction(&huge.iter().collect::<Vec<_>>()), None, "too many rows");
        let top: Vec<_> = (0..8).map(|n| meta(DAY_NS, n, LEVEL_MAX, 1)).collect();
        assert_eq!(pick_compaction(&top.iter().collect::<Vec<_>>()), None, "top level");
    }

    #[test]
    fn retention_counts_from_event_time_unless_that_is_absurd() {
        let now = UnixNanos(100 * DAY_NS);
        let expired = |arrived, newest| is_expired(&meta(arrived, newest, 0, 1), now, 14 * DAY_NS);
        assert!(!expired(99 * DAY_NS, 98 * DAY_NS), "young");
        assert!(expired(90 * DAY_NS, 85 * DAY_NS), "old");
        assert!(!expired(99 * DAY_NS, 0), "1970, arrived yesterday");
        assert!(expired(80 * DAY_NS, 0), "1970, arrived long ago");
        assert!(!expired(99 * DAY_NS, 47_000 * DAY_NS), "2100, arrived yesterday");
        assert!(expired(80 * DAY_NS, 47_000 * DAY_NS), "2100, arrived long ago");
    }
}
