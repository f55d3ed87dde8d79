//! Native histograms as the API shows them: count, sum and the populated buckets with their bounds.

use model::{BucketSpan, NativeHistogram};

use crate::json::Json;
use crate::number::format_float;

/// Schema of histograms with bounds of their own.
const CUSTOM_BOUNDS_SCHEMA: i32 = -53;

/// A populated bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bucket {
    /// 0 left end excluded, 1 right end excluded, 2 both, 3 none.
    pub(super) rule: u8,
    pub(super) lower: f64,
    pub(super) upper: f64,
    pub(super) count: f64,
}

/// Writes `{"count":…,"sum":…,"buckets":[…]}`; without populated buckets the key is absent.
pub(super) fn write_histogram(json: &mut Json, histogram: &NativeHistogram) {
    let buckets = buckets(histogram);
    json.object(|json| {
        json.key("count").quoted(format_float(histogram.count));
        json.key("sum").quoted(format_float(histogram.sum));
        if !buckets.is_empty() {
            json.key("buckets").array(|json| {
                for bucket in &buckets {
                    json.array(|json| {
                        json.raw(bucket.rule);
                        json.quoted(format_float(bucket.lower));
                        json.quoted(format_float(bucket.upper));
                        json.quoted(format_float(bucket.count));
                    });
                }
            });
        }
    });
}

/// Buckets with a count other than zero, from the lowest to the highest.
pub(super) fn buckets(histogram: &NativeHistogram) -> Vec<Bucket> {
    let zero = histogram.zero_threshold;
    let mut out = Vec::new();
    for (index, count) in indexed(&histogram.negative_spans, &histogram.negative_counts) {
        let lower = -bound(histogram, index);
        // A bucket that reaches into the zero bucket is cut there.
        let upper = (-bound(histogram, index.saturating_sub(1))).min(-zero);
        out.push(Bucket { rule: rule(true, false), lower, upper, count });
    }
    out.reverse();
    if histogram.zero_count != 0.0 {
        out.push(Bucket { rule: rule(true, true), lower: -zero, upper: zero, count: histogram.zero_count });
    }
    let is_custom = histogram.schema == CUSTOM_BOUNDS_SCHEMA;
    for (index, count) in indexed(&histogram.positive_spans, &histogram.positive_counts) {
        let lower = if is_custom {
            bound(histogram, index.saturating_sub(1))
        } else {
            bound(histogram, index.saturating_sub(1)).max(zero)
        };
        let includes_lower = is_custom && index == 0;
        out.push(Bucket { rule: rule(includes_lower, true), lower, upper: bound(histogram, index), count });
    }
    out.retain(|bucket| bucket.count != 0.0);
    out
}

fn rule(includes_lower: bool, includes_upper: bool) -> u8 {
    match (includes_lower, includes_upper) {
        (false, true) => 0,
        (true, false) => 1,
        (false, false) => 2,
        (true, true) => 3,
    }
}

/// Counts with their bucket indexes. The first span's offset is an index, the others are gaps.
fn indexed<'a>(spans: &'a [BucketSpan], counts: &'a [f64]) -> impl Iterator<Item = (i32, f64)> + 'a {
    let mut index = 0i32;
    let indexes = spans.iter().flat_map(move |span| {
        let first = index.saturating_add(span.offset);
        index = first.saturating_add_unsigned(span.length);
        first..index
    });
    indexes.zip(counts.iter().copied())
}

/// Upper bound of the positive bucket `index`. With exponential bounds that is `2^(index / 2^schema)`; Prometheus takes it from a
/// table, which differs from the computed value in the last digit here and there.
fn bound(histogram: &NativeHistogram, index: i32) -> f64 {
    if histogram.schema == CUSTOM_BOUNDS_SCHEMA {
        return match usize::try_from(index) {
            Err(_) => f64::NEG_INFINITY,
            Ok(index) => histogram.custom_values.get(index).copied().unwrap_or(f64::INFINITY),
        };
    }
    let exponent = f64::from(index) / f64::from(histogram.schema).exp2();
    // The bucket below the one for infinities ends at the largest finite number.
    if exponent == 1024.0 { f64::MAX } else { exponent.exp2() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(offset: i32, length: u32) -> BucketSpan {
        BucketSpan { offset, length }
    }

    #[test]
    fn exponential_buckets() {
        let histogram = NativeHistogram {
            schema: 0,
            zero_threshold: 0.001,
            zero_count: 1.0,
            count: 12.0,
            sum: 18.4,
            positive_spans: vec![span(0, 2), span(1, 1)],
            positive_counts: vec![2.0, 0.0, 3.0],
            negative_spans: vec![span(0, 2)],
            negative_counts: vec![4.0, 2.0],
            ..NativeHistogram::default()
        };
        let mut json = Json::new();
        write_histogram(&mut json, &histogram);
        let expected = r#"{"count":"12","sum":"18.4","buckets":[[1,"-2","-1","2"],[1,"-1","-0.5","4"],[3,"-0.001","0.001","1"],[0,"0.5","1","2"],[0,"4","8","3"]]}"#;
        assert_eq!(json.into_string(), expected);
    }

    #[test]
    fn custom_buckets_begin_and_end_at_infinity() {
        let histogram = NativeHistogram {
            schema: CUSTOM_BOUNDS_SCHEMA,
            custom_values: vec![1.0, 5.0],
            positive_spans: vec![span(0, 3)],
            positive_counts: vec![1.0, 2.0, 3.0],
            ..NativeHistogram::default()
        };
        let found: Vec<_> = buckets(&histogram).iter().map(|b| (b.rule, b.lower, b.upper, b.count)).collect();
        assert_eq!(found, [(3, f64::NEG_INFINITY, 1.0, 1.0), (0, 1.0, 5.0, 2.0), (0, 5.0, f64::INFINITY, 3.0)]);
    }

    #[test]
    fn without_buckets_the_key_is_absent() {
        let mut json = Json::new();
        write_histogram(&mut json, &NativeHistogram::default());
        assert_eq!(json.into_string(), r#"{"count":"0","sum":"0"}"#);
    }

    #[test]
    fn finer_and_coarser_schemas() {
        let at = |schema, index| bound(&NativeHistogram { schema, ..NativeHistogram::default() }, index);
        assert_eq!((at(1, 2), at(2, 4), at(-1, 1), at(-4, 1)), (2.0, 2.0, 4.0, 65536.0));
        assert_eq!((at(0, 1024), at(0, 1025)), (f64::MAX, f64::INFINITY));
    }
}
