//! Tests of the walk over metrics.

use model::KeyValue;
use protowire::Writer;

use super::*;
use crate::value::write_pairs;
use crate::view::{ExponentialHistogramView, HistogramView, NumberView, PointView, SummaryView};

/// Writes down what it is given, and the attribute hashes.
#[derive(Default)]
struct Lines(Vec<String>, Vec<u64>);

impl MetricSink for Lines {
    fn resource(&mut self, _: &ResourceView<'_, '_>) {}
    fn scope(&mut self, _: &ScopeView<'_, '_>) {}
    fn metric(&mut self, metric: &MetricView<'_>) {
        self.0.push(format!("{} {:?}", metric.name, metric.data));
    }
    fn number(&mut self, point: &PointView<'_, '_>, value: NumberView) {
        self.0.push(format!("number {} {value:?}", point.time));
        self.1.push(point.attributes_hash);
    }
    fn histogram(&mut self, _: &PointView<'_, '_>, own: &HistogramView<'_>) {
        self.0.push(format!("histogram {:?} {:?}", own.bucket_counts, own.explicit_bounds));
    }
    fn exponential_histogram(&mut self, _: &PointView<'_, '_>, own: &ExponentialHistogramView<'_>) {
        self.0.push(format!("exponential {} {:?}", own.positive_offset, own.positive_counts));
    }
    fn summary(&mut self, _: &PointView<'_, '_>, own: &SummaryView<'_>) {
        self.0.push(format!("summary {:?}", own.quantiles));
    }
    fn malformed(&mut self, points: u64, error: DecodeError) {
        self.0.push(format!("malformed {points} {error}"));
    }
}

fn walk(fill: impl FnOnce(&mut Writer)) -> Lines {
    let mut request = Writer::new();
    request.message(1, |resource_metrics| {
        resource_metrics.message(2, fill);
    });
    let mut lines = Lines::default();
    decode_metrics(&request.into_bytes(), &mut lines).expect("valid outside");
    lines
}

fn point(out: &mut Writer, time: u64) {
    out.message(1, |point| {
        point.fixed64(3, time);
    });
}

#[test]
fn the_last_kind_of_data_wins_and_equal_kinds_add_up() {
    let lines = walk(|scope| {
        scope.message(2, |metric| {
            metric.message(5, |gauge| point(gauge, 1));
            for time in [2, 3] {
                metric.message(7, |sum| {
                    point(sum, time);
                    sum.varint(2, time - 1).varint(3, 1);
                });
            }
            metric.str(1, "m");
        });
        scope.message(2, |metric| {
            metric.str(1, "nothing");
        });
    });
    let expected =
        ["m Sum { temporality: Cumulative, monotonic: true }", "number 2 None", "number 3 None", "nothing None"];
    assert_eq!(lines.0, expected);
}

#[test]
fn malformed_points_and_metrics_are_counted() {
    let lines = walk(|scope| {
        scope.message(2, |metric| {
            metric.message(5, |gauge| {
                point(gauge, 1);
                gauge.bytes(1, &[0x09, 1]);
                point(gauge, 2);
            });
        });
        scope.message(2, |metric| {
            metric.bytes(1, b"\xff").message(5, |gauge| {
                point(gauge, 1);
                point(gauge, 2);
            });
        });
        scope.message(2, |metric| {
            metric.bytes(1, b"\xff");
        });
    });
    let not_utf8 = "invalid OTLP: protobuf string field 1 is not UTF-8";
    let expected = [
        " Gauge".to_owned(),
        "number 1 None".to_owned(),
        "malformed 1 invalid OTLP: protobuf ends inside a field".to_owned(),
        "number 2 None".to_owned(),
        format!("malformed 2 {not_utf8}"),
        format!("malformed 1 {not_utf8}"),
    ];
    assert_eq!(lines.0, expected);
}

#[test]
fn lists_may_be_packed_or_not() {
    let lines = walk(|scope| {
        scope.message(2, |metric| {
            metric.message(9, |histogram| {
                histogram.message(1, |point| {
                    let packed: Vec<u8> = [1u64, 2].iter().flat_map(|count| count.to_le_bytes()).collect();
                    point.bytes(6, &packed).fixed64(6, 3).double(7, 0.5).double(7, 1.5);
                });
                histogram.message(1, |point| {
                    point.bytes(6, &[0; 9]);
                });
            });
        });
        scope.message(2, |metric| {
            metric.message(10, |histogram| {
                histogram.message(1, |point| {
                    point.message(8, |buckets| {
                        buckets.varint(1, 3).bytes(2, &[1, 0x80, 1]).varint(2, 5);
                    });
                });
            });
        });
    });
    let expected = [
        " Histogram(Unspecified)",
        "histogram [1, 2, 3] [0.5, 1.5]",
        "malformed 1 invalid OTLP: protobuf ends inside a field",
        " ExponentialHistogram(Unspecified)",
        "exponential -2 [1, 128, 5]",
    ];
    assert_eq!(lines.0, expected);
}

#[test]
fn equal_attributes_have_equal_hashes() {
    let sets: [&[(&str, i64)]; 8] = [
        &[("a", 1), ("b", 2)],
        &[("a", 1), ("b", 2)],
        &[("a", 1)],
        &[],
        &[("b", 2), ("a", 1)],
        &[("a", 1), ("b", 3)],
        &[],
        &[("a", 1), ("b", 2)],
    ];
    let lines = walk(|scope| {
        scope.message(2, |metric| {
            metric.message(5, |gauge| {
                for set in sets {
                    let pairs: Vec<_> = set.iter().map(|(key, number)| KeyValue::new(*key, *number)).collect();
                    gauge.message(1, |point| write_pairs(&pairs, 7, point));
                }
            });
        });
    });
    for (a, hash_a) in sets.iter().zip(&lines.1) {
        for (b, hash_b) in sets.iter().zip(&lines.1) {
            assert_eq!(a == b, hash_a == hash_b, "{a:?} {b:?}");
        }
    }
    // A broken attribute between two points leaves no wrong hash behind.
    let lines = walk(|scope| {
        scope.message(2, |metric| {
            metric.message(5, |gauge| {
                for attribute in [&b"\x0a\x01a"[..], b"\x0a\x05a", b"", b"\x0a\x01a"] {
                    gauge.message(1, |point| {
                        point.bytes(7, attribute);
                    });
                }
            });
        });
    });
    assert_eq!((lines.1.len(), lines.1[0] == lines.1[2], lines.1[0] == lines.1[1]), (3, true, false));
}
