//! Several lists of one series' samples to one: ordered by time, each time once. Where lists share a time, the later list wins,
//! and within a list the later entry.

use model::{NativeHistogram, Sample};

/// Something with a time.
pub(super) trait Timed {
    /// ms since 1970.
    fn time(&self) -> i64;
}

impl Timed for Sample {
    fn time(&self) -> i64 {
        self.time.0
    }
}

impl Timed for NativeHistogram {
    fn time(&self) -> i64 {
        self.time.0
    }
}

/// See the module. Lists come oldest writer first and may be out of order.
pub(super) fn merge_parts<T: Timed>(parts: Vec<Vec<T>>) -> Vec<T> {
    let mut all: Vec<T> = parts.into_iter().flatten().collect();
    if !all.is_sorted_by(|left, right| left.time() < right.time()) {
        all.sort_by_key(Timed::time);
        // Of equal times the last stays: the sort is stable.
        all.reverse();
        all.dedup_by_key(|entry| entry.time());
        all.reverse();
    }
    all
}

/// Like [`merge_parts`] for lists that are in order, each time once. That they follow each other is the common case.
pub(super) fn join_parts<T: Timed>(mut parts: Vec<Vec<T>>) -> Vec<T> {
    parts.retain(|part| !part.is_empty());
    if parts.len() <= 1 {
        return parts.pop().unwrap_or_default();
    }
    let follows = |pair: &[Vec<T>]| pair[0].last().map(Timed::time) < pair[1].first().map(Timed::time);
    if parts.windows(2).all(follows) { parts.into_iter().flatten().collect() } else { merge_parts(parts) }
}

/// Takes away the floats at whose time there is a histogram: a time holds one of them, and a histogram says more.
pub(super) fn histograms_win(floats: &mut Vec<Sample>, histograms: &[NativeHistogram]) {
    if !histograms.is_empty() && !floats.is_empty() {
        floats.retain(|float| histograms.binary_search_by_key(&float.time, |entry| entry.time).is_err());
    }
}

#[cfg(test)]
mod tests {
    use model::UnixMillis;

    use super::*;

    #[test]
    fn the_last_writer_wins() {
        let part = |entries: &[(i64, f64)]| -> Vec<Sample> {
            entries.iter().map(|&(time, value)| Sample { time: UnixMillis(time), value }).collect()
        };
        let merged = merge_parts(vec![part(&[(1, 1.0), (3, 1.0)]), vec![], part(&[(3, 2.0), (2, 2.0), (2, 3.0)])]);
        assert_eq!(merged, part(&[(1, 1.0), (2, 3.0), (3, 2.0)]));
        assert_eq!(merge_parts::<Sample>(vec![]), []);
        let (first, second) = (part(&[(1, 1.0), (3, 1.0)]), part(&[(3, 2.0), (4, 2.0)]));
        assert_eq!(join_parts(vec![first.clone(), vec![], second.clone()]), part(&[(1, 1.0), (3, 2.0), (4, 2.0)]));
        assert_eq!(join_parts(vec![second[1..].to_vec(), first.clone()]), part(&[(1, 1.0), (3, 1.0), (4, 2.0)]));
        assert_eq!(join_parts(vec![vec![], first.clone()]), first);
    }
}
