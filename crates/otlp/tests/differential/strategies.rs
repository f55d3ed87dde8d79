//! Random requests as prost's types.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1 as pm;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn text() -> BoxedStrategy<String> {
    prop_oneof![4 => "[a-z.]{0,12}", 1 => ".{0,150}"].boxed()
}

fn any_value() -> BoxedStrategy<AnyValue> {
    let leaf = prop_oneof![
        1 => Just(None),
        4 => text().prop_map(|text| Some(Value::StringValue(text))),
        1 => any::<bool>().prop_map(|flag| Some(Value::BoolValue(flag))),
        2 => any::<i64>().prop_map(|number| Some(Value::IntValue(number))),
        1 => any::<f64>().prop_map(|number| Some(Value::DoubleValue(number))),
        1 => vec(any::<u8>(), 0..9).prop_map(|bytes| Some(Value::BytesValue(bytes))),
    ];
    leaf.prop_map(|value| AnyValue { value })
        .prop_recursive(3, 12, 3, |inner| {
            let array = vec(inner.clone(), 0..3).prop_map(|values| Value::ArrayValue(ArrayValue { values }));
            let list = vec((text(), inner), 0..3).prop_map(|pairs| {
                let pair = |(key, value)| KeyValue { key, value: Some(value), key_strindex: 0 };
                Value::KvlistValue(KeyValueList { values: pairs.into_iter().map(pair).collect() })
            });
            prop_oneof![array, list].prop_map(|value| AnyValue { value: Some(value) })
        })
        .boxed()
}

fn pairs() -> BoxedStrategy<Vec<KeyValue>> {
    let pair = (text(), option::of(any_value())).prop_map(|(key, value)| KeyValue { key, value, key_strindex: 0 });
    vec(pair, 0..4).boxed()
}

fn id() -> BoxedStrategy<Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 16), vec(any::<u8>(), 8), vec(any::<u8>(), 0..4)].boxed()
}

fn resource() -> BoxedStrategy<Option<Resource>> {
    let resource = (pairs(), any::<u32>()).prop_map(|(attributes, dropped_attributes_count)| Resource {
        attributes,
        dropped_attributes_count,
        entity_refs: Vec::new(),
    });
    option::of(resource).boxed()
}

fn scope() -> BoxedStrategy<Option<InstrumentationScope>> {
    let scope =
        (text(), text(), pairs(), any::<u32>()).prop_map(|(name, version, attributes, dropped_attributes_count)| {
            InstrumentationScope { name, version, attributes, dropped_attributes_count }
        });
    option::of(scope).boxed()
}

fn span() -> BoxedStrategy<Span> {
    let event = (any::<u64>(), text(), pairs(), any::<u32>()).prop_map(
        |(time_unix_nano, name, attributes, dropped_attributes_count)| span::Event {
            time_unix_nano,
            name,
            attributes,
            dropped_attributes_count,
        },
    );
    let link = (id(), id(), text(), pairs(), any::<u32>(), any::<u32>()).prop_map(
        |(trace_id, span_id, trace_state, attributes, dropped_attributes_count, flags)| span::Link {
            trace_id,
            span_id,
            trace_state,
            attributes,
            dropped_attributes_count,
            flags,
        },
    );
    let status = option::of((text(), 0..4).prop_map(|(message, code)| Status { message, code }));
    let head = (id(), id(), text(), id(), any::<u32>(), text(), -1..7, any::<u64>(), any::<u64>());
    let tail = (pairs(), vec(event, 0..3), vec(link, 0..3), any::<[u32; 3]>(), status);
    (head, tail)
        .prop_map(|(head, (attributes, events, links, dropped, status))| Span {
            trace_id: head.0,
            span_id: head.1,
            trace_state: head.2,
            parent_span_id: head.3,
            flags: head.4,
            name: head.5,
            kind: head.6,
            start_time_unix_nano: head.7,
            end_time_unix_nano: head.8,
            attributes,
            dropped_attributes_count: dropped[0],
            events,
            dropped_events_count: dropped[1],
            links,
            dropped_links_count: dropped[2],
            status,
        })
        .boxed()
}

/// A request of spans.
pub fn traces() -> BoxedStrategy<ExportTraceServiceRequest> {
    let scope_spans = (scope(), vec(span(), 0..4), text()).prop_map(|(scope, spans, schema_url)| ScopeSpans {
        scope,
        spans,
        schema_url,
    });
    let resource_spans = (resource(), vec(scope_spans, 0..3), text())
        .prop_map(|(resource, scope_spans, schema_url)| ResourceSpans { resource, scope_spans, schema_url });
    vec(resource_spans, 0..3).prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans }).boxed()
}

fn log_record() -> BoxedStrategy<LogRecord> {
    let head = (any::<u64>(), any::<u64>(), -1..30, text(), option::of(any_value()));
    (head, pairs(), any::<u32>(), any::<u32>(), id(), id(), text())
        .prop_map(|(head, attributes, dropped_attributes_count, flags, trace_id, span_id, event_name)| LogRecord {
            time_unix_nano: head.0,
            observed_time_unix_nano: head.1,
            severity_number: head.2,
            severity_text: head.3,
            body: head.4,
            attributes,
            dropped_attributes_count,
            flags,
            trace_id,
            span_id,
            event_name,
        })
        .boxed()
}

/// A request of log records.
pub fn logs() -> BoxedStrategy<ExportLogsServiceRequest> {
    let scope_logs = (scope(), vec(log_record(), 0..4), text())
        .prop_map(|(scope, log_records, schema_url)| ScopeLogs { scope, log_records, schema_url });
    let resource_logs = (resource(), vec(scope_logs, 0..3), text())
        .prop_map(|(resource, scope_logs, schema_url)| ResourceLogs { resource, scope_logs, schema_url });
    vec(resource_logs, 0..3).prop_map(|resource_logs| ExportLogsServiceRequest { resource_logs }).boxed()
}

fn exemplars() -> BoxedStrategy<Vec<pm::Exemplar>> {
    let value = option::of(prop_oneof![
        any::<f64>().prop_map(pm::exemplar::Value::AsDouble),
        any::<i64>().prop_map(pm::exemplar::Value::AsInt)
    ]);
    let exemplar = (pairs(), any::<u64>(), id(), id(), value).prop_map(
        |(filtered_attributes, time_unix_nano, span_id, trace_id, value)| pm::Exemplar {
            filtered_attributes,
            time_unix_nano,
            span_id,
            trace_id,
            value,
        },
    );
    vec(exemplar, 0..3).boxed()
}

fn number() -> BoxedStrategy<pm::NumberDataPoint> {
    let value = option::of(prop_oneof![
        any::<f64>().prop_map(pm::number_data_point::Value::AsDouble),
        any::<i64>().prop_map(pm::number_data_point::Value::AsInt)
    ]);
    (pairs(), any::<[u64; 2]>(), exemplars(), any::<u32>(), value)
        .prop_map(|(attributes, times, exemplars, flags, value)| pm::NumberDataPoint {
            attributes,
            start_time_unix_nano: times[0],
            time_unix_nano: times[1],
            exemplars,
            flags,
            value,
        })
        .boxed()
}

fn histogram() -> BoxedStrategy<pm::HistogramDataPoint> {
    let lists = (vec(any::<u64>(), 0..5), vec(any::<f64>(), 0..5));
    (pairs(), any::<[u64; 3]>(), lists, exemplars(), any::<u32>(), any::<[Option<f64>; 3]>())
        .prop_map(|(attributes, numbers, lists, exemplars, flags, optional)| pm::HistogramDataPoint {
            attributes,
            start_time_unix_nano: numbers[0],
            time_unix_nano: numbers[1],
            count: numbers[2],
            sum: optional[0],
            bucket_counts: lists.0,
            explicit_bounds: lists.1,
            exemplars,
            flags,
            min: optional[1],
            max: optional[2],
        })
        .boxed()
}

fn exponential() -> BoxedStrategy<pm::ExponentialHistogramDataPoint> {
    let buckets = || {
        let buckets = (any::<i32>(), vec(any::<u64>(), 0..5)).prop_map(|(offset, bucket_counts)| {
            pm::exponential_histogram_data_point::Buckets { offset, bucket_counts }
        });
        option::of(buckets)
    };
    let head = (pairs(), any::<[u64; 4]>(), any::<i32>(), any::<u32>(), any::<f64>());
    (head, buckets(), buckets(), exemplars(), any::<[Option<f64>; 3]>())
        .prop_map(|((attributes, numbers, scale, flags, zero_threshold), positive, negative, exemplars, optional)| {
            pm::ExponentialHistogramDataPoint {
                attributes,
                start_time_unix_nano: numbers[0],
                time_unix_nano: numbers[1],
                count: numbers[2],
                sum: optional[0],
                scale,
                zero_count: numbers[3],
                positive,
                negative,
                flags,
                exemplars,
                min: optional[1],
                max: optional[2],
                zero_threshold,
            }
        })
        .boxed()
}

fn summary() -> BoxedStrategy<pm::SummaryDataPoint> {
    let quantile =
        any::<[f64; 2]>().prop_map(|[quantile, value]| pm::summary_data_point::ValueAtQuantile { quantile, value });
    (pairs(), any::<[u64; 3]>(), any::<f64>(), vec(quantile, 0..4), any::<u32>())
        .prop_map(|(attributes, numbers, sum, quantile_values, flags)| pm::SummaryDataPoint {
            attributes,
            start_time_unix_nano: numbers[0],
            time_unix_nano: numbers[1],
            count: numbers[2],
            sum,
            quantile_values,
            flags,
        })
        .boxed()
}

fn metric() -> BoxedStrategy<pm::Metric> {
    let data = prop_oneof![
        vec(number(), 0..4).prop_map(|data_points| pm::metric::Data::Gauge(pm::Gauge { data_points })),
        (vec(number(), 0..4), 0..4, any::<bool>()).prop_map(|(data_points, aggregation_temporality, is_monotonic)| {
            pm::metric::Data::Sum(pm::Sum { data_points, aggregation_temporality, is_monotonic })
        }),
        (vec(histogram(), 0..3), 0..4).prop_map(|(data_points, aggregation_temporality)| {
            pm::metric::Data::Histogram(pm::Histogram { data_points, aggregation_temporality })
        }),
        (vec(exponential(), 0..3), 0..4).prop_map(|(data_points, aggregation_temporality)| {
            pm::metric::Data::ExponentialHistogram(pm::ExponentialHistogram { data_points, aggregation_temporality })
        }),
        vec(summary(), 0..3).prop_map(|data_points| pm::metric::Data::Summary(pm::Summary { data_points })),
    ];
    (text(), text(), text(), option::of(data))
        .prop_map(|(name, description, unit, data)| pm::Metric { name, description, unit, metadata: Vec::new(), data })
        .boxed()
}

/// A request of metrics.
pub fn metrics() -> BoxedStrategy<ExportMetricsServiceRequest> {
    let scope_metrics = (scope(), vec(metric(), 0..3), text())
        .prop_map(|(scope, metrics, schema_url)| pm::ScopeMetrics { scope, metrics, schema_url });
    let resource_metrics = (resource(), vec(scope_metrics, 0..3), text())
        .prop_map(|(resource, scope_metrics, schema_url)| pm::ResourceMetrics { resource, scope_metrics, schema_url });
    vec(resource_metrics, 0..2).prop_map(|resource_metrics| ExportMetricsServiceRequest { resource_metrics }).boxed()
}
