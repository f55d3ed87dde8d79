//! Tests of the rules that prost's own JSON does not show.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{metric, number_data_point};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use super::*;

/// The only span of a request whose span object is `json`.
fn span(json: &str) -> Span {
    let body = format!(r#"{{"resourceSpans": [{{"scopeSpans": [{{"spans": [{json}]}}]}}]}}"#);
    let bytes = traces_to_protobuf(body.as_bytes()).unwrap_or_else(|error| panic!("{error}: {body}"));
    let mut request = ExportTraceServiceRequest::decode(bytes.as_slice()).expect("valid");
    request.resource_spans.remove(0).scope_spans.remove(0).spans.remove(0)
}

#[test]
fn ids_are_hex_of_either_case_and_wrong_ones_spoil_only_themselves() {
    let id = |text: &str| span(&format!(r#"{{"traceId": "{text}"}}"#)).trace_id;
    assert_eq!(id("5B8EFFf798038103d269b633813fc60c")[..4], [0x5b, 0x8e, 0xff, 0xf7]);
    assert_eq!(id("5b8eff"), [0x5b, 0x8e, 0xff]);
    assert_eq!(id(""), b"");
    for wrong in ["xyz", "5b8", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", "+1", "é"] {
        assert_eq!(id(wrong), [0], "{wrong}");
    }
}

#[test]
fn integers_come_as_numbers_and_strings() {
    for number in ["1700000000000000000", "\"1700000000000000000\"", "1.7e18", "\"1.7e18\""] {
        let span = span(&format!(r#"{{"startTimeUnixNano": {number}}}"#));
        assert_eq!(span.start_time_unix_nano, 1_700_000_000_000_000_000, "{number}");
    }
    let span = span(r#"{"endTimeUnixNano": 18446744073709551615, "flags": 257, "droppedAttributesCount": "7"}"#);
    assert_eq!((span.end_time_unix_nano, span.flags, span.dropped_attributes_count), (u64::MAX, 257, 7));
}

#[test]
fn enums_come_as_numbers_and_names() {
    for (kind, number) in
        [("2", 2), ("\"SPAN_KIND_SERVER\"", 2), ("\"2\"", 2), ("\"SPAN_KIND_OF_2030\"", 0), ("99", 99)]
    {
        assert_eq!(span(&format!(r#"{{"kind": {kind}}}"#)).kind, number, "{kind}");
    }
}

#[test]
fn snake_case_is_taken_and_nulls_and_unknown_keys_are_ignored() {
    let json = r#"{"trace_id": "01", "start_time_unix_nano": 5, "name": null, "attributes": null, "status": null,
        "events": [null, {"name": "x"}], "Name": "no", "future": {"a": [1, {"b": null}]}, "dropped_attributes_count": 2}"#;
    let span = span(json);
    assert_eq!((span.trace_id, span.start_time_unix_nano, span.dropped_attributes_count), (vec![1], 5, 2));
    assert_eq!((span.name.as_str(), span.events.len(), span.status), ("", 1, None));
}

#[test]
fn odd_doubles_and_bytes() {
    let body = |point: &str| {
        let body = format!(
            r#"{{"resourceMetrics": [{{"scopeMetrics": [{{"metrics": [{{"gauge": {{"dataPoints": [{point}]}}}}]}}]}}]}}"#
        );
        let bytes = metrics_to_protobuf(body.as_bytes()).expect("valid");
        let request = ExportMetricsServiceRequest::decode(bytes.as_slice()).expect("valid");
        match &request.resource_metrics[0].scope_metrics[0].metrics[0].data {
            Some(metric::Data::Gauge(gauge)) => gauge.data_points[0].value,
            other => panic!("{other:?}"),
        }
    };
    use number_data_point::Value::{AsDouble, AsInt};
    assert_eq!(body(r#"{"asDouble": "-Infinity"}"#), Some(AsDouble(f64::NEG_INFINITY)));
    assert!(matches!(body(r#"{"asDouble": "NaN"}"#), Some(AsDouble(number)) if number.is_nan()));
    assert_eq!(body(r#"{"asDouble": 5}"#), Some(AsDouble(5.0)));
    assert_eq!(body(r#"{"asDouble": "0.5"}"#), Some(AsDouble(0.5)));
    // Zero is a value, not an absent one.
    assert_eq!(body(r#"{"asInt": 0}"#), Some(AsInt(0)));
    assert_eq!(body(r#"{"asInt": "-9223372036854775808"}"#), Some(AsInt(i64::MIN)));
    for bytes in ["-_8=", "-_8", "+/8=", "+/8"] {
        let json = format!(r#"{{"bytesValue": "{bytes}"}}"#);
        assert_eq!(any_value_to_protobuf(json.as_bytes()).expect("valid"), [0x3a, 2, 0xfb, 0xff], "{bytes}");
    }
}

#[test]
fn half_an_emoji_does_not_cost_the_request() {
    assert_eq!(span(r#"{"name": "cut \ud83d", "traceState": "\ud83d\ude00"}"#).name, "cut \u{fffd}");
}

#[test]
fn errors_name_their_place() {
    let cases = [
        ("", "EOF while parsing a value at line 1 column 0"),
        ("[]", "invalid type: sequence, expected an object (ExportTraceServiceRequest) at line 1 column 0"),
        ("{\n \"resourceSpans\": 5}", "resourceSpans: expected an object, not a number at line 2 column 19"),
        ("{\"resourceSpans\": {}}", "invalid type: map, expected an array for resourceSpans at line 1 column 20"),
        (r#"{"resourceSpans": [{"schemaUrl": 1}]}"#, "schemaUrl: expected a string, not a number at line 1 column 34"),
        (
            r#"{"resourceSpans": [{"schemaUrl": ["x"]}]}"#,
            "invalid type: sequence, expected a string for schemaUrl at line 1 column 34",
        ),
        (
            r#"{"resourceSpans": [{"resource": {"droppedAttributesCount": -1}}]}"#,
            "droppedAttributesCount: integer out of range at line 1 column 61",
        ),
        (
            r#"{"resourceSpans": [{"resource": {"droppedAttributesCount": 1.5}}]}"#,
            "droppedAttributesCount: not an integer at line 1 column 62",
        ),
        (r#"{"resourceSpans": [}"#, "expected value at line 1 column 20"),
        (r#"{} {}"#, "trailing characters at line 1 column 4"),
    ];
    for (body, expected) in cases {
        let error = traces_to_protobuf(body.as_bytes()).expect_err(body);
        assert_eq!(error.to_string(), format!("invalid OTLP/JSON: {expected}"), "{body}");
    }
}

#[test]
fn nesting_is_bounded() {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(100_000), close.repeat(100_000));
    let lists = deep("{\"arrayValue\":{\"values\":[", "]}}");
    let error = any_value_to_protobuf(lists.as_bytes()).expect_err("deep").to_string();
    assert!(error.contains("recursion limit exceeded"), "{error}");
    // What is passed over may be as deep as it likes: that takes no stack.
    for unknown in [lists, deep("[", "]")] {
        assert_eq!(any_value_to_protobuf(format!("{{\"unknown\": {unknown}}}").as_bytes()), Ok(Vec::new()));
    }
}
