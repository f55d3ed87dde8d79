//! Native histograms: bucket layouts, sums of two, and their JSON form in blocks.

use std::collections::BTreeMap;

use model::{BucketSpan, NativeHistogram, UnixMillis};
use serde::{Deserialize, Serialize};

/// Empty buckets between two populated ones that are stored as zeros rather than as a new span: a span costs as much.
const GAP_MAX: i64 = 2;

/// Heap and own bytes of a histogram.
pub(super) fn histogram_bytes(histogram: &NativeHistogram) -> usize {
    let spans = histogram.positive_spans.capacity() + histogram.negative_spans.capacity();
    let numbers = histogram.positive_counts.capacity() + histogram.negative_counts.capacity();
    size_of::<NativeHistogram>() + 8 * (spans + numbers + histogram.custom_values.capacity())
}

/// Spans and counts of populated buckets, given in rising order of index.
pub(super) fn layout(buckets: impl Iterator<Item = (i32, f64)>) -> (Vec<BucketSpan>, Vec<f64>) {
    let (mut spans, mut counts): (Vec<BucketSpan>, Vec<f64>) = (Vec::new(), Vec::new());
    let mut end = 0i64;
    for (index, count) in buckets.filter(|bucket| bucket.1 != 0.0) {
        let gap = i64::from(index) - end;
        match spans.last_mut() {
            Some(span) if gap <= GAP_MAX => {
                counts.extend(std::iter::repeat_n(0.0, gap as usize));
                span.length += gap as u32 + 1;
            }
            _ => spans.push(BucketSpan { offset: gap as i32, length: 1 }),
        }
        counts.push(count);
        end = i64::from(index) + 1;
    }
    (spans, counts)
}

/// Index and count of each bucket.
fn buckets<'a>(spans: &'a [BucketSpan], counts: &'a [f64]) -> impl Iterator<Item = (i32, f64)> + 'a {
    let mut index = 0i32;
    let indexes = spans.iter().flat_map(move |span| {
        let first = index.wrapping_add(span.offset);
        index = first.wrapping_add(span.length as i32);
        (0..span.length as i32).map(move |step| first.wrapping_add(step))
    });
    indexes.zip(counts.iter().copied())
}

/// The bucket that bucket `index` falls into when the schema is lowered by `steps`: each step joins two.
pub(super) fn lowered(index: i32, steps: u32) -> i32 {
    // Bucket i covers (base^(i-1), base^i], so pairs are (2n-1, 2n).
    (((i64::from(index) - 1) >> steps.min(32)) + 1) as i32
}

/// The sum of two histograms at the coarser of their schemas, with the time of `right`. Custom bounds must be the same, else
/// `right` stands alone, as after a reset.
pub(super) fn add_histograms(left: &NativeHistogram, right: &NativeHistogram) -> NativeHistogram {
    if left.custom_values != right.custom_values {
        return right.clone();
    }
    let schema = left.schema.min(right.schema);
    let side = |spans: fn(&NativeHistogram) -> (&[BucketSpan], &[f64])| {
        let mut sums = BTreeMap::new();
        for histogram in [left, right] {
            let steps = histogram.schema.abs_diff(schema);
            let (spans, counts) = spans(histogram);
            for (index, count) in buckets(spans, counts) {
                let index = if steps == 0 { index } else { lowered(index, steps) };
                *sums.entry(index).or_insert(0.0) += count;
            }
        }
        layout(sums.into_iter())
    };
    let (positive_spans, positive_counts) = side(|histogram| (&histogram.positive_spans, &histogram.positive_counts));
    let (negative_spans, negative_counts) = side(|histogram| (&histogram.negative_spans, &histogram.negative_counts));
    NativeHistogram {
        time: right.time,
        schema,
        zero_threshold: left.zero_threshold.max(right.zero_threshold),
        zero_count: left.zero_count + right.zero_count,
        count: left.count + right.count,
        sum: left.sum + right.sum,
        positive_spans,
        positive_counts,
        negative_spans,
        negative_counts,
        custom_values: right.custom_values.clone(),
        reset_hint: 0,
        is_float: left.is_float || right.is_float,
    }
}

/// The part of a histogram that has no column of its own. Spans are `[offset, length]` pairs.
#[derive(Serialize, Deserialize)]
struct Stored {
    schema: i32,
    zero_threshold: f64,
    zero_count: f64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    positive_spans: Vec<(i32, u32)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    positive_counts: Vec<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    negative_spans: Vec<(i32, u32)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    negative_counts: Vec<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    custom_values: Vec<f64>,
    #[serde(default, skip_serializing_if = "is_zero")]
    reset_hint: u8,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_float: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(number: &u8) -> bool {
    *number == 0
}

/// The histogram as JSON, but for time, count and sum. Its numbers must be finite, which ingest checks.
pub(super) fn to_json(histogram: &NativeHistogram) -> Vec<u8> {
    let pairs = |spans: &[BucketSpan]| spans.iter().map(|span| (span.offset, span.length)).collect();
    let stored = Stored {
        schema: histogram.schema,
        zero_threshold: histogram.zero_threshold,
        zero_count: histogram.zero_count,
        positive_spans: pairs(&histogram.positive_spans),
        positive_counts: histogram.positive_counts.clone(),
        negative_spans: pairs(&histogram.negative_spans),
        negative_counts: histogram.negative_counts.clone(),
        custom_values: histogram.custom_values.clone(),
        reset_hint: histogram.reset_hint,
        is_float: histogram.is_float,
    };
    serde_json::to_vec(&stored).expect("numbers and lists always become JSON")
}

/// Reads what [`to_json`] wrote.
pub(super) fn from_json(json: &[u8], time: i64, count: f64, sum: f64) -> Option<NativeHistogram> {
    let stored: Stored = serde_json::from_slice(json).ok()?;
    let spans =
        |pairs: Vec<(i32, u32)>| pairs.into_iter().map(|(offset, length)| BucketSpan { offset, length }).collect();
    Some(NativeHistogram {
        time: UnixMillis(time),
        schema: stored.schema,
        zero_threshold: stored.zero_threshold,
        zero_count: stored.zero_count,
        count,
        sum,
        positive_spans: spans(stored.positive_spans),
        positive_counts: stored.positive_counts,
        negative_spans: spans(stored.negative_spans),
        negative_counts: stored.negative_counts,
        custom_values: stored.custom_values,
        reset_hint: stored.reset_hint,
        is_float: stored.is_float,
    })
}

/// True when all that [`to_json`] writes is finite.
pub(super) fn is_finite(histogram: &NativeHistogram) -> bool {
    let lists = [&histogram.positive_counts, &histogram.negative_counts, &histogram.custom_values];
    histogram.zero_threshold.is_finite()
        && histogram.zero_count.is_finite()
        && lists.iter().all(|list| list.iter().all(|number| number.is_finite()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(schema: i32, buckets: &[(i32, f64)]) -> NativeHistogram {
        let (positive_spans, positive_counts) = layout(buckets.iter().copied());
        NativeHistogram { schema, positive_spans, positive_counts, count: 3.0, sum: 0.5, ..NativeHistogram::default() }
    }

    #[test]
    fn layouts_fill_small_gaps_and_split_at_large_ones() {
        let (spans, counts) = layout([(-3, 1.0), (0, 2.0), (1, 0.0), (9, 3.0)].into_iter());
        assert_eq!(spans, [BucketSpan { offset: -3, length: 4 }, BucketSpan { offset: 8, length: 1 }]);
        assert_eq!(counts, [1.0, 0.0, 0.0, 2.0, 3.0]);
        let back: Vec<_> = buckets(&spans, &counts).filter(|bucket| bucket.1 != 0.0).collect();
        assert_eq!(back, [(-3, 1.0), (0, 2.0), (9, 3.0)]);
    }

    #[test]
    fn sums_take_the_coarser_schema() {
        let sum = add_histograms(&histogram(1, &[(1, 1.0), (2, 2.0), (3, 4.0)]), &histogram(0, &[(1, 8.0)]));
        assert_eq!((sum.schema, sum.count), (0, 6.0));
        let back: Vec<_> = buckets(&sum.positive_spans, &sum.positive_counts).collect();
        assert_eq!(back, [(1, 11.0), (2, 4.0)]);
        assert_eq!([lowered(0, 1), lowered(-1, 1), lowered(-2, 1), lowered(5, 2)], [0, 0, -1, 2]);
    }

    #[test]
    fn json_gives_all_back() {
        let mut full = histogram(3, &[(-7, 1.0), (5, 0.1), (90, 1e300)]);
        (full.negative_spans, full.negative_counts) = layout([(4, 2.0)].into_iter());
        (full.reset_hint, full.is_float, full.zero_threshold) = (2, true, 1e-128);
        assert_eq!(from_json(&to_json(&full), 0, full.count, full.sum), Some(full));
    }
}
