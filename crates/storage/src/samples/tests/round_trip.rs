//! Whatever is written to heads is read back from heads, from blocks and from merged blocks.

use std::collections::BTreeMap;

use model::sample::STALE_NAN_BITS;
use model::{BucketSpan, Exemplar};
use proptest::prelude::*;

use super::*;
use crate::samples::series::SeriesMaker;

/// One sample of the model.
#[derive(Clone, Debug)]
enum Point {
    Float(f64),
    Histogram(f64),
}

type Model = BTreeMap<(String, i64), (Option<u64>, Option<u64>)>;

fn histogram(time: i64, sum: f64) -> NativeHistogram {
    NativeHistogram {
        time: UnixMillis(time),
        schema: 2,
        count: 3.0,
        sum,
        positive_spans: vec![BucketSpan { offset: -1, length: 2 }],
        positive_counts: vec![1.0, 2.0],
        ..NativeHistogram::default()
    }
}

fn attach(signal: &Samples, head: &Head, points: &[(usize, i64, Point)]) {
    let mut batch = Batch::default();
    let maker = SeriesMaker::default();
    for (id, time, point) in points {
        let series = batch.add(maker.make(labels("m", *id), None));
        match point {
            Point::Float(value) => {
                batch.floats.push(Float { series, delta: false, time: *time, start: time - time % 7, value: *value });
            }
            Point::Histogram(sum) => {
                let histogram = histogram(*time, *sum);
                batch.histograms.push(HistogramPoint { series, delta: false, start: 0, histogram });
            }
        }
    }
    signal.attach(head, batch);
}

fn bits(series: &[SeriesSamples]) -> Model {
    let mut found = Model::new();
    for series in series {
        assert!(series.floats.is_sorted_by(|a, b| a.time < b.time));
        assert!(series.histograms.is_sorted_by(|a, b| a.time < b.time));
        let name = series.labels.to_string();
        for Sample { time, value } in &series.floats {
            assert_eq!(found.insert((name.clone(), time.0), (Some(value.to_bits()), None)), None);
        }
        for entry in &series.histograms {
            assert_eq!(found.insert((name.clone(), entry.time.0), (None, Some(entry.sum.to_bits()))), None);
            assert_eq!(*entry, histogram(entry.time.0, entry.sum));
        }
    }
    found
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        (0..1000i64).prop_map(|n| n as f64),
        (-1000..1000i64).prop_map(|n| n as f64 / 100.0),
        (0..50i64).prop_map(|n| (n * 4096) as f64),
        any::<f64>(),
        Just(f64::from_bits(STALE_NAN_BITS)),
        Just(f64::INFINITY),
        Just(-0.0),
        0.0..1.0,
    ]
}

fn points() -> impl Strategy<Value = Vec<(usize, i64, Point)>> {
    let time = prop_oneof![0..60i64, 1_700_000_000_000..1_700_000_100_000i64];
    let point = prop_oneof![9 => value().prop_map(Point::Float), 1 => (0.0..9.0f64).prop_map(Point::Histogram)];
    prop::collection::vec((0..6usize, time, point), 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read(parts in prop::collection::vec(points(), 1..4)) {
        let signal = Samples::default();
        let folder = TestBlocks::new();
        let mut model: BTreeMap<(String, i64), Vec<(u64, bool)>> = BTreeMap::new();
        let mut heads = Vec::new();
        for points in &parts {
            let head = Arc::new(signal.new_head(&TenantId::default()));
            for some in points.chunks(7) {
                attach(&signal, &head, some);
            }
            for (id, time, point) in points {
                let (sum, is_histogram) = match point {
                    Point::Float(value) => (value.to_bits(), false),
                    Point::Histogram(sum) => (sum.to_bits(), true),
                };
                model.entry((labels("m", *id).to_string(), *time)).or_default().push((sum, is_histogram));
            }
            heads.push(head);
        }
        // A histogram wins over floats, the last write over earlier ones of its kind.
        let expected: Model = model.into_iter().map(|(key, writes)| {
            let last = |kind: bool| writes.iter().rev().find(|write| write.1 == kind).map(|write| write.0);
            (key, match last(true) { Some(sum) => (None, Some(sum)), None => (last(false), None) })
        }).collect();
        prop_assert_eq!(&bits(&select(&signal, &heads, &[], &[])), &expected);

        let blocks: Vec<_> = heads.iter().map(|head| flush(&signal, &folder, head)).collect();
        prop_assert_eq!(&bits(&select(&signal, &[], &blocks, &[])), &expected);
        prop_assert_eq!(&bits(&select(&signal, &heads[1..], &blocks[..1], &[])), &expected);

        let merged = folder.write(|writer| signal.compact(&blocks, writer));
        prop_assert_eq!(&bits(&select(&signal, &[], std::slice::from_ref(&merged), &[])), &expected);
        prop_assert_eq!(merged.files.meta.rows as usize, expected.len());

        // One series, part of the time.
        let range = TimeRange::new(UnixNanos(10_000_000), UnixNanos(1_700_000_050_000_000_000));
        let matchers = [Matcher::equal("id", "3")];
        let (found, _) = Source::new(&signal, &[], &[merged]).select(&matchers, range).expect("reads");
        let wanted = expected.iter().filter(|((name, time), _)| {
            *name == labels("m", 3).to_string() && (10..=1_700_000_050_000).contains(time)
        });
        prop_assert_eq!(bits(&found), wanted.map(|(key, value)| (key.clone(), *value)).collect::<Model>());
    }
}

#[test]
fn long_series_cross_row_groups() {
    let signal = Samples::default();
    let folder = TestBlocks::new();
    let head = Arc::new(signal.new_head(&TenantId::default()));
    let point = |n: usize| (n % 3, (n / 3) as i64 * 15_000, Point::Float((n * n % 1000) as f64 / 8.0));
    let all: Vec<_> = (0..900_000).map(point).collect();
    attach(&signal, &head, &all);
    let block = flush(&signal, &folder, &head);
    let from_head = select(&signal, &[head], &[], &[]);
    assert_eq!(select(&signal, &[], std::slice::from_ref(&block), &[]), from_head);
    let second = [Matcher::equal("id", "1")];
    assert_eq!(select(&signal, &[], std::slice::from_ref(&block), &second), from_head[1..2]);
    let merged = folder.write(|writer| signal.compact(&[block], writer));
    assert_eq!(select(&signal, &[], &[merged], &[]), from_head);
}

#[test]
fn labels_metadata_and_exemplars_survive() {
    let signal = Samples::default();
    let folder = TestBlocks::new();
    let head = Arc::new(signal.new_head(&TenantId::default()));
    let metadata =
        model::MetricMetadata { metric_type: model::MetricType::Counter, help: "h".into(), unit: "s".into() };
    let family = Arc::new(series::Family { name: "m".into(), metadata: metadata.clone() });
    let mut batch = Batch::default();
    let maker = SeriesMaker::default();
    let first = batch.add(maker.make(labels("m", 1), Some(family)));
    let second = batch.add(maker.make(labels("n\"\\\u{e9}", 2), None));
    for series in [first, second] {
        batch.floats.push(Float { series, delta: false, time: 5000, start: 1000, value: 1.5 });
    }
    let exemplar = Exemplar { labels: labels("t", 1), value: 0.5, time: UnixMillis(4000) };
    batch.exemplars.push((first, exemplar.clone()));
    batch.exemplars.push((first, exemplar.clone()));
    signal.attach(&head, batch);
    let block = flush(&signal, &folder, &head);
    let merged = folder.write(|writer| signal.compact(std::slice::from_ref(&block), writer));
    for (heads, blocks) in [(vec![head], vec![]), (vec![], vec![block]), (vec![], vec![merged])] {
        let source = Source::new(&signal, &heads, &blocks);
        let names = source.label_names(&[], TimeRange::ALL).expect("reads");
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["__name__", "id"]);
        let some = [vec![Matcher::equal("__name__", "m")], vec![Matcher::equal("id", "9")]];
        let values = source.label_values("id", &some, TimeRange::ALL).expect("reads");
        assert_eq!(values.into_iter().collect::<Vec<_>>(), ["1"]);
        let series = source.series(&[], TimeRange::ALL).expect("reads");
        assert_eq!(series, [labels("m", 1), labels("n\"\\\u{e9}", 2)]);
        let later = TimeRange::new(UnixNanos(6_000_000_000), UnixNanos(9_000_000_000));
        assert!(source.series(&[], later).expect("reads").is_empty());
        assert_eq!(source.metadata().expect("reads")["m"], std::slice::from_ref(&metadata));
        let exemplars = source.exemplars(&some, TimeRange::ALL).expect("reads");
        assert_eq!((exemplars.len(), &exemplars[0].exemplars), (1, &vec![exemplar.clone()]));
    }
}
