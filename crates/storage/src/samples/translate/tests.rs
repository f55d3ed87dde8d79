//! OTLP requests as prost writes them, and the series that come of them.

use model::sample::STALE_NAN_BITS;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::{metric::Data, *};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

use super::*;

fn text(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.into())) });
    KeyValue { key: key.into(), value, ..KeyValue::default() }
}

fn request(metrics: Vec<Metric>) -> Vec<u8> {
    let attributes = [
        ("service.name", "cart"),
        ("service.namespace", "shop"),
        ("service.instance.id", "i-1"),
        ("host.name", "h1"),
        ("service.version", "1.2"),
    ];
    let attributes = attributes.map(|(key, value)| text(key, value)).to_vec();
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    let resource = Some(Resource { attributes, ..Resource::default() });
    let resource_metrics = vec![ResourceMetrics { resource, scope_metrics, ..ResourceMetrics::default() }];
    ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
}

fn metric(name: &str, unit: &str, data: Data) -> Metric {
    let description = format!("help of {name}");
    Metric { name: name.into(), unit: unit.into(), description, data: Some(data), ..Metric::default() }
}

fn number(value: number_data_point::Value, attributes: Vec<KeyValue>) -> NumberDataPoint {
    NumberDataPoint {
        attributes,
        start_time_unix_nano: 500_000_000,
        time_unix_nano: 1_000_999_999,
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

fn sum(points: Vec<NumberDataPoint>, temporality: i32, is_monotonic: bool) -> Data {
    Data::Sum(Sum { data_points: points, aggregation_temporality: temporality, is_monotonic })
}

struct Outcome {
    lines: Vec<String>,
    accepted: u64,
    rejected: u64,
    reason: Option<String>,
}

/// Translates; each float sample is a line `{labels} value@time` (`+` before the value for deltas), `target_info` left out.
fn translate(translator: &Translator, metrics: Vec<Metric>) -> (Outcome, Batch) {
    let mut sink = TranslateSink::new(translator, UnixNanos(7_000_000));
    otlp::decode_metrics(&request(metrics), &mut sink).expect("valid");
    sink.finish();
    let line = |float: &Float| {
        let mut labels = sink.batch.series[float.series as usize].labels.clone();
        for common in ["job", "instance", "service_name", "service_namespace", "service_instance_id", "service_version"]
        {
            assert!(labels.get(common).is_some(), "{common} is missing in {labels}");
            labels.set(common, "");
        }
        let sign = if float.delta { "+" } else { "" };
        let value = if float.value.to_bits() == STALE_NAN_BITS { "stale".into() } else { float.value.to_string() };
        format!("{labels} {sign}{value}@{}", float.time)
    };
    let is_info =
        |float: &&Float| sink.batch.series[float.series as usize].labels.get("__name__") == Some("target_info");
    let lines = sink.batch.floats.iter().filter(|float| !is_info(float)).map(line).collect();
    let reason = sink.reason.take();
    let outcome = Outcome { lines, accepted: sink.accepted, rejected: sink.rejected, reason };
    (outcome, std::mem::take(&mut sink.batch))
}

fn lines(metrics: Vec<Metric>) -> Vec<String> {
    let translator = Translator::new(TranslateSettings::default(), 100);
    let first = translate(&translator, metrics.clone()).0;
    assert_eq!((first.rejected, &first.reason), (0, &None));
    // The second time the series come from the cache.
    assert_eq!(translate(&translator, metrics).0.lines, first.lines);
    first.lines
}

use number_data_point::Value::{AsDouble, AsInt};

#[test]
fn numbers() {
    let route = || vec![text("http.route", "/a"), text("9x", "y"), text("empty", "")];
    let gauge = Data::Gauge(Gauge { data_points: vec![number(AsDouble(0.5), route())] });
    let found = lines(vec![
        metric("cpu.utilization", "1", gauge),
        metric("http.requests", "{request}", sum(vec![number(AsInt(3), vec![])], 2, true)),
        metric("queue.size", "", sum(vec![number(AsInt(-3), vec![])], 2, false)),
        metric("bytes", "By", sum(vec![number(AsInt(4), vec![])], 1, true)),
    ]);
    assert_eq!(
        found,
        [
            r#"{__name__="cpu_utilization_ratio", http_route="/a", key_9x="y"} 0.5@1000"#,
            r#"{__name__="http_requests_total"} 3@1000"#,
            r#"{__name__="queue_size"} -3@1000"#,
            r#"{__name__="bytes_total"} +4@1000"#,
        ]
    );
}

#[test]
fn job_and_target_info() {
    let translator = Translator::new(TranslateSettings::default(), 100);
    let gauge = Data::Gauge(Gauge { data_points: vec![number(AsInt(1), vec![])] });
    let (_, batch) = translate(&translator, vec![metric("up", "", gauge)]);
    let labels: Vec<String> = batch.series.iter().map(|series| series.labels.to_string()).collect();
    assert_eq!(
        labels[1],
        r#"{__name__="target_info", host_name="h1", instance="i-1", job="shop/cart", service_version="1.2"}"#
    );
    assert_eq!(batch.floats[1].value, 1.0);
    let family = batch.series[0].family.as_ref().expect("has metadata");
    assert_eq!((family.name.as_str(), family.metadata.help.as_str()), ("up", "help of up"));
}

#[test]
fn histograms_and_summaries() {
    let point = HistogramDataPoint {
        time_unix_nano: 2_000_000,
        count: 6,
        sum: Some(9.5),
        bucket_counts: vec![1, 2, 3],
        explicit_bounds: vec![0.005, 10.0],
        ..HistogramDataPoint::default()
    };
    let histogram = Data::Histogram(Histogram { data_points: vec![point], aggregation_temporality: 2 });
    let quantile_values = vec![summary_data_point::ValueAtQuantile { quantile: 0.99, value: 7.0 }];
    let point =
        SummaryDataPoint { time_unix_nano: 2_000_000, count: 4, sum: 8.0, quantile_values, ..Default::default() };
    let found = lines(vec![
        metric("latency", "s", histogram),
        metric("old", "", Data::Summary(Summary { data_points: vec![point] })),
    ]);
    assert_eq!(
        found,
        [
            r#"{__name__="latency_seconds_count"} 6@2"#,
            r#"{__name__="latency_seconds_sum"} 9.5@2"#,
            r#"{__name__="latency_seconds_bucket", le="0.005"} 1@2"#,
            r#"{__name__="latency_seconds_bucket", le="10"} 3@2"#,
            r#"{__name__="latency_seconds_bucket", le="+Inf"} 6@2"#,
            r#"{__name__="old_count"} 4@2"#,
            r#"{__name__="old_sum"} 8@2"#,
            r#"{__name__="old", quantile="0.99"} 7@2"#,
        ]
    );
}

#[test]
fn exponential_histograms_and_exemplars() {
    let buckets = |offset, bucket_counts| Some(exponential_histogram_data_point::Buckets { offset, bucket_counts });
    let exemplar = Exemplar {
        filtered_attributes: vec![text("user", "u1")],
        time_unix_nano: 1_500_000,
        value: Some(exemplar::Value::AsDouble(0.25)),
        trace_id: vec![0xab; 16],
        span_id: vec![1; 8],
    };
    let point = |scale| ExponentialHistogramDataPoint {
        time_unix_nano: 2_000_000,
        count: 10,
        sum: Some(3.0),
        zero_count: 1,
        scale,
        positive: buckets(-1, vec![2, 3, 0, 4]),
        exemplars: vec![exemplar.clone()],
        ..ExponentialHistogramDataPoint::default()
    };
    let data_points = vec![point(3), point(9), point(-5)];
    let data = Data::ExponentialHistogram(ExponentialHistogram { data_points, aggregation_temporality: 2 });
    let translator = Translator::new(TranslateSettings::default(), 100);
    let (outcome, batch) = translate(&translator, vec![metric("size", "By", data)]);
    assert_eq!((outcome.accepted, outcome.rejected), (2, 1));
    assert_eq!(outcome.reason.as_deref(), Some(r#"histogram "size_bytes": scale -5 is below -4"#));
    let first = &batch.histograms[0].histogram;
    assert_eq!((first.schema, first.count, first.zero_threshold), (3, 10.0, 1e-128));
    assert_eq!((first.positive_spans[0].offset, &first.positive_counts), (0, &vec![2.0, 3.0, 0.0, 4.0]));
    // Buckets -1, 0, 2 of scale 9 are -1, 0, 1 of scale 8: one more in Prometheus' count.
    let second = &batch.histograms[1].histogram;
    assert_eq!((second.schema, second.positive_spans[0].offset), (8, 0));
    assert_eq!(second.positive_counts, [2.0, 3.0, 4.0]);
    let (series, exemplar) = &batch.exemplars[0];
    assert_eq!(batch.series[*series as usize].labels.get("__name__"), Some("size_bytes"));
    let id = "ab".repeat(16);
    assert_eq!(exemplar.labels.to_string(), format!(r#"{{span_id="0101010101010101", trace_id="{id}", user="u1"}}"#));
}

#[test]
fn bad_points_are_refused_and_the_others_stay() {
    let no_value = NumberDataPoint { time_unix_nano: 1, ..NumberDataPoint::default() };
    let stale = NumberDataPoint { flags: 1, ..no_value.clone() };
    let no_time = NumberDataPoint { value: Some(AsInt(1)), ..NumberDataPoint::default() };
    let bad_label = number(AsInt(1), vec![text("___", "x")]);
    let good = number(AsInt(1), vec![]);
    let bad_buckets = HistogramDataPoint { bucket_counts: vec![1], explicit_bounds: vec![1.0], ..Default::default() };
    let translator = Translator::new(TranslateSettings::default(), 100);
    let histogram = Data::Histogram(Histogram { data_points: vec![bad_buckets], aggregation_temporality: 2 });
    let (outcome, _) = translate(
        &translator,
        vec![
            metric("a", "", sum(vec![good.clone(), no_value, stale, no_time, bad_label], 2, true)),
            metric("b", "", sum(vec![good.clone()], 0, true)),
            metric("@#", "", sum(vec![good], 2, true)),
            metric("h", "", histogram),
        ],
    );
    assert_eq!(
        outcome.lines,
        [r#"{__name__="a_total"} 1@1000"#, r#"{__name__="a_total"} stale@0"#, r#"{__name__="a_total"} 1@7"#,]
    );
    assert_eq!((outcome.accepted, outcome.rejected), (3, 5));
    assert_eq!(outcome.reason.as_deref(), Some(r#"a point of metric "a_total" has no value"#));
}
