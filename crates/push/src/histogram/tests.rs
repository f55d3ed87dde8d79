//! Tests of native histograms.

use model::{BucketSpan, NativeHistogram, UnixMillis};
use protowire::Writer;

use super::*;

fn span(offset: i32, length: u32) -> BucketSpan {
    BucketSpan { offset, length }
}

/// Two positive buckets of 2 and 3, one negative of 1, 4 in the zero bucket.
fn valid() -> NativeHistogram {
    NativeHistogram {
        schema: 3,
        zero_threshold: 0.001,
        zero_count: 4.0,
        count: 10.0,
        sum: 12.5,
        positive_spans: vec![span(-3, 1), span(2, 1)],
        positive_counts: vec![2.0, 3.0],
        negative_spans: vec![span(0, 1)],
        negative_counts: vec![1.0],
        ..Default::default()
    }
}

fn zigzagged(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

fn packed(out: &mut Writer, field: u32, deltas: &[i64]) {
    let start = out.begin(field);
    deltas.iter().for_each(|delta| out.raw_varint(zigzagged(*delta)));
    out.end(start);
}

#[test]
fn deltas_become_absolute_counts() {
    let mut out = Writer::new();
    out.varint(1, 10).double(3, 12.5).varint(4, zigzagged(3)).double(5, 0.001).varint(6, 4);
    out.message(8, |span| {
        span.varint(1, 0).varint(2, 1);
    });
    packed(&mut out, 9, &[1]);
    for (offset, length) in [(-3, 1), (2, 1)] {
        out.message(11, |span| {
            span.varint(1, zigzagged(offset)).varint(2, length);
        });
    }
    packed(&mut out, 12, &[2]);
    // The rest of the list not packed, which parsers must accept.
    out.varint(12, zigzagged(1)).varint(14, 2).varint(15, 1234).varint(17, 99);
    let view = decode_histogram(&out.into_bytes()).expect("well formed");
    assert_eq!(view.histogram, NativeHistogram { time: UnixMillis(1234), reset_hint: 2, ..valid() });
    assert_eq!(view.start_time, UnixMillis(99));
    assert_eq!(check_histogram(&view.histogram), Ok(()));
}

#[test]
fn float_counts_stay_as_they_are() {
    let mut out = Writer::new();
    out.double(2, 2.5).double(7, 1.0).double(13, 1.5).message(11, |span| {
        span.varint(2, 1);
    });
    let histogram = decode_histogram(&out.into_bytes()).expect("well formed").histogram;
    assert!(histogram.is_float);
    assert_eq!((histogram.count, histogram.zero_count, histogram.positive_counts.as_slice()), (2.5, 1.0, &[1.5][..]));
    assert_eq!(check_histogram(&histogram), Ok(()));
}

#[test]
fn overflowing_deltas_are_refused() {
    let mut out = Writer::new();
    out.varint(1, 1);
    packed(&mut out, 12, &[i64::MAX, 1]);
    assert_eq!(decode_histogram(&out.into_bytes()), Err(DecodeError::Histogram("bucket count overflows")));
}

#[test]
fn rules_of_prometheus() {
    let custom = NativeHistogram {
        schema: -53,
        count: 3.0,
        positive_spans: vec![span(0, 2)],
        positive_counts: vec![1.0, 2.0],
        custom_values: vec![0.5],
        ..Default::default()
    };
    let stale = NativeHistogram { sum: f64::from_bits(model::sample::STALE_NAN_BITS), ..Default::default() };
    let good = [
        valid(),
        custom.clone(),
        stale,
        NativeHistogram::default(),
        NativeHistogram { sum: f64::NAN, count: 11.0, ..valid() },
        NativeHistogram { is_float: true, count: 9.0, ..valid() },
    ];
    for histogram in good {
        assert_eq!(check_histogram(&histogram), Ok(()), "{histogram:?}");
    }
    let bad = [
        NativeHistogram { schema: 9, ..valid() },
        NativeHistogram { schema: -5, ..valid() },
        NativeHistogram { count: 11.0, ..valid() },
        NativeHistogram { count: 9.0, ..valid() },
        NativeHistogram { sum: f64::NAN, count: 9.0, ..valid() },
        NativeHistogram { positive_spans: vec![span(0, 3)], ..valid() },
        NativeHistogram { positive_spans: vec![span(0, 1), span(-1, 1)], ..valid() },
        NativeHistogram { positive_counts: vec![-2.0, 7.0], ..valid() },
        NativeHistogram { zero_count: -1.0, ..valid() },
        NativeHistogram { zero_threshold: f64::NAN, ..valid() },
        NativeHistogram { custom_values: vec![1.0], ..valid() },
        NativeHistogram { custom_values: vec![], ..custom.clone() },
        NativeHistogram { custom_values: vec![2.0, 1.0], ..custom.clone() },
        NativeHistogram { custom_values: vec![f64::INFINITY], ..custom.clone() },
        NativeHistogram { zero_count: 1.0, ..custom.clone() },
        NativeHistogram { positive_spans: vec![span(-1, 2)], ..custom.clone() },
        NativeHistogram { positive_spans: vec![span(0, u32::MAX), span(i32::MAX, u32::MAX)], ..custom },
    ];
    for histogram in bad {
        assert!(check_histogram(&histogram).is_err(), "{histogram:?}");
    }
}
