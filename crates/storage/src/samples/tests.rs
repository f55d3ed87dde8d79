//! Requests in, heads and blocks, answers out.

mod measure;
mod remote;
mod round_trip;

use std::sync::Arc;

use model::{Labels, NativeHistogram, Sample, TimeRange, UnixMillis, UnixNanos};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{metric::Data, *};
use prost::Message;
use store_api::{Matcher, SeriesSamples};

use super::batch::{Float, HistogramPoint};
use super::read::Source;
use super::*;
use crate::engine::testing::TestBlocks;

/// What a test reads.
fn select(
    signal: &Samples,
    heads: &[Arc<Head>],
    blocks: &[Arc<Block<Samples>>],
    matchers: &[Matcher],
) -> Vec<SeriesSamples> {
    Source::new(signal, heads, blocks).select(matchers, TimeRange::ALL).expect("reads").0
}

fn flush(signal: &Samples, blocks: &TestBlocks, head: &Head) -> Arc<Block<Samples>> {
    blocks.write(|writer| signal.flush(head, writer))
}

fn labels(name: &str, id: usize) -> Labels {
    let pairs = [("__name__", name.to_owned()), ("id", id.to_string())];
    pairs.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}

/// A gauge of a metric and resource of their own, so that every cache learns something.
fn gauge_request(number: usize) -> Payload {
    let point = NumberDataPoint {
        time_unix_nano: 1_000_000_000,
        value: Some(number_data_point::Value::AsInt(number as i64)),
        ..NumberDataPoint::default()
    };
    let data = Some(Data::Gauge(Gauge { data_points: vec![point] }));
    let metric = Metric { name: format!("gauge.{number}"), data, ..Metric::default() };
    let scope_metrics = vec![ScopeMetrics { metrics: vec![metric], ..ScopeMetrics::default() }];
    let value = opentelemetry_proto::tonic::common::v1::any_value::Value::IntValue(number as i64);
    let value = Some(opentelemetry_proto::tonic::common::v1::AnyValue { value: Some(value) });
    let attribute =
        opentelemetry_proto::tonic::common::v1::KeyValue { key: "service.name".into(), value, ..Default::default() };
    let resource =
        opentelemetry_proto::tonic::resource::v1::Resource { attributes: vec![attribute], ..Default::default() };
    let resource = ResourceMetrics { resource: Some(resource), scope_metrics, ..ResourceMetrics::default() };
    let body = ExportMetricsServiceRequest { resource_metrics: vec![resource] }.encode_to_vec().into();
    Payload { format: WireFormat::OtlpMetrics, body, encoded: None, received: UnixNanos(1) }
}

#[test]
fn connections_learn_series_at_the_same_time() {
    let signal = Samples::default();
    let head = Arc::new(signal.new_head(&TenantId::default()));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (signal, head) = (&signal, &head);
            // Each two threads send the same series.
            scope.spawn(move || (0..300).for_each(|n| append(signal, head, &gauge_request(thread / 2 * 1000 + n))));
        }
    });
    let found = select(&signal, &[head], &[], &[]);
    assert_eq!(found.len(), 1200);
    assert!(found.iter().all(|series| series.floats.len() == 1));
}

/// A delta sum of `value` over `(start, time]`, in seconds.
fn delta_request(value: i64, start: u64, time: u64) -> Payload {
    let point = NumberDataPoint {
        start_time_unix_nano: start * 1_000_000_000,
        time_unix_nano: time * 1_000_000_000,
        value: Some(number_data_point::Value::AsInt(value)),
        ..NumberDataPoint::default()
    };
    let sum = Sum { data_points: vec![point], aggregation_temporality: 1, is_monotonic: true };
    let metric = Metric { name: "hits".into(), data: Some(Data::Sum(sum)), ..Metric::default() };
    let scope_metrics = vec![ScopeMetrics { metrics: vec![metric], ..ScopeMetrics::default() }];
    let request =
        ExportMetricsServiceRequest { resource_metrics: vec![ResourceMetrics { scope_metrics, ..Default::default() }] };
    let body = request.encode_to_vec().into();
    Payload { format: WireFormat::OtlpMetrics, body, encoded: None, received: UnixNanos(1) }
}

fn append(signal: &Samples, head: &Head, payload: &Payload) {
    let decoded = signal.decode(payload).expect("valid");
    signal.attach(head, decoded.batch.expect("has samples"));
}

fn values(series: &[SeriesSamples]) -> Vec<(i64, f64)> {
    series.iter().flat_map(|series| series.floats.iter().map(|sample| (sample.time.0, sample.value))).collect()
}

#[test]
fn totals_of_deltas_outlive_heads_and_restarts() {
    let tenant = TenantId::default();
    let blocks = TestBlocks::new();
    let signal = Samples::default();
    let first = Arc::new(signal.new_head(&tenant));
    append(&signal, &first, &delta_request(3, 0, 10));
    append(&signal, &first, &delta_request(4, 10, 20));
    append(&signal, &first, &delta_request(4, 10, 20));
    let second = Arc::new(signal.new_head(&tenant));
    append(&signal, &second, &delta_request(5, 20, 30));
    let block = flush(&signal, &blocks, &first);
    let hits = [Matcher::equal("__name__", "hits_total")];
    let expected = [(10_000, 3.0), (20_000, 7.0), (30_000, 12.0)];
    assert_eq!(values(&select(&signal, &[second], std::slice::from_ref(&block), &hits)), expected);

    // The process dies; the second head is replayed, and a merged block still knows the total.
    let restarted = Samples::default();
    let merged = blocks.write(|writer| restarted.compact(std::slice::from_ref(&block), writer));
    restarted.restore(&tenant, std::slice::from_ref(&merged)).expect("restores");
    let head = Arc::new(restarted.new_head(&tenant));
    append(&restarted, &head, &delta_request(5, 20, 30));
    append(&restarted, &head, &delta_request(1, 30, 40));
    let found = values(&select(&restarted, &[head], &[merged], &hits));
    assert_eq!(found[..3], expected);
    assert_eq!(found[3..], [(40_000, 13.0)]);
}

#[test]
fn a_head_without_samples_of_a_series_gives_no_series() {
    let signal = Samples::default();
    let tenant = TenantId::default();
    let blocks = TestBlocks::new();
    let (first, second) = (signal.new_head(&tenant), signal.new_head(&tenant));
    append(&signal, &first, &delta_request(1, 0, 10));
    append(&signal, &second, &delta_request(1, 10, 20));
    // Known from before, but late: no sample, no series.
    let third = signal.new_head(&tenant);
    append(&signal, &third, &delta_request(1, 10, 20));
    let block = flush(&signal, &blocks, &third);
    assert_eq!(block.files.meta.rows, 0);
    assert!(select(&signal, &[], &[block], &[]).is_empty());
}

#[test]
fn head_size_is_an_account() {
    let signal = Samples::default();
    let head = signal.new_head(&TenantId::default());
    assert_eq!(signal.size(&head).rows, 0);
    append(&signal, &head, &delta_request(1, 0, 10));
    append(&signal, &head, &delta_request(1, 10, 20));
    let size = signal.size(&head);
    assert_eq!(size.rows, 2);
    assert!((300..3000).contains(&size.bytes), "{size:?}");
    assert_eq!((size.oldest, size.newest), (Some(UnixNanos(10_000_000_000)), Some(UnixNanos(20_000_000_000))));
}
