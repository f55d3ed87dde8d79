//! Tests of the walk over spans, and through it of the envelope that all signals share.

use model::{
    KeyValue, Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanLink, StatusCode, TraceId, UnixNanos, Value,
};
use opentelemetry_proto::tonic::trace::v1::TracesData;
use prost::Message;
use protowire::Writer;
use std::sync::Arc;

use super::*;
use crate::view::KeyValueView;
use crate::{PARTS_MAX, encode, value};

/// Writes down what it is given.
#[derive(Default)]
struct Lines(Vec<String>);

fn pairs(pairs: &[KeyValueView<'_>]) -> String {
    let pair = |pair: &KeyValueView<'_>| {
        let mut text = format!("{}=", pair.key);
        value::write_plain_json(pair.value, &mut text);
        text
    };
    pairs.iter().map(pair).collect::<Vec<_>>().join(",")
}

impl SpanSink for Lines {
    fn resource(&mut self, resource: &ResourceView<'_, '_>) {
        self.0.push(format!("resource {} {}", pairs(resource.attributes), resource.schema_url));
    }
    fn scope(&mut self, scope: &ScopeView<'_, '_>) {
        self.0.push(format!("scope {} {} {}", scope.name, pairs(scope.attributes), scope.schema_url));
    }
    fn span(&mut self, span: &SpanView<'_, '_>) {
        self.0.push(format!("span {} {}", span.name, pairs(span.attributes)));
    }
    fn malformed(&mut self, error: DecodeError) {
        self.0.push(format!("malformed {error}"));
    }
}

/// Ends a chain of calls on a [`Writer`].
fn do_nothing(_: &mut Writer) {}

fn attribute(out: &mut Writer, field: u32, key: &str, number: i64) {
    value::write_pairs(&[KeyValue::new(key, number)], field, out);
}

#[test]
fn parents_behind_their_children() {
    let mut request = Writer::new();
    request.message(1, |resource_spans| {
        resource_spans.message(2, |scope_spans| {
            scope_spans.message(2, |span| {
                span.str(5, "first");
            });
            scope_spans.str(3, "scope-url").message(1, |scope| {
                scope.str(1, "lib");
            });
        });
        resource_spans.str(3, "url");
        // A resource in two pieces is one resource.
        resource_spans.message(1, |resource| attribute(resource, 1, "a", 1));
        resource_spans.message(1, |resource| attribute(resource, 1, "b", 2));
    });
    request.message(1, |resource_spans| {
        resource_spans.message(1, |resource| attribute(resource, 1, "a", 3));
    });
    let mut lines = Lines::default();
    decode_traces(&request.into_bytes(), &mut lines).expect("valid");
    assert_eq!(lines.0, ["resource a=1,b=2 url", "scope lib  scope-url", "span first ", "resource a=3 "]);
}

fn request(spans: &[&dyn Fn(&mut Writer)]) -> Vec<u8> {
    let mut request = Writer::new();
    request.message(1, |resource_spans| {
        resource_spans.message(2, |scope_spans| {
            spans.iter().for_each(|span| {
                scope_spans.message(2, |out| span(out));
            });
        });
    });
    request.into_bytes()
}

fn walk(spans: &[&dyn Fn(&mut Writer)]) -> Vec<String> {
    let mut lines = Lines::default();
    decode_traces(&request(spans), &mut lines).expect("valid outside");
    lines.0.split_off(2)
}

#[test]
fn a_malformed_span_leaves_its_neighbours_alone() {
    let good = |out: &mut Writer| {
        out.str(5, "good");
        attribute(out, 9, "a", 1);
        attribute(out, 9, "b", 2);
    };
    let lines = walk(&[
        &good,
        &|out| do_nothing(out.bytes(5, b"\xff")),
        &good,
        // The second attribute fails half-way: its key is read, its value is not.
        &|out| {
            attribute(out, 9, "a", 1);
            out.message(9, |pair| {
                pair.str(1, "c").bytes(2, &[0x0a, 1, 0xff]);
            });
        },
        // The empty attribute at the place of the broken one.
        &|out| {
            attribute(out, 9, "a", 1);
            out.bytes(9, b"");
        },
        &good,
        &|out| do_nothing(out.varint(7, 1)),
        &|out| do_nothing(out.bytes(1, b"id").bytes(9, &[0x0a, 5, b'x'])),
    ]);
    let expected = [
        "span good a=1,b=2",
        "malformed invalid OTLP: protobuf string field 5 is not UTF-8",
        "span good a=1,b=2",
        "malformed invalid OTLP: protobuf string field 1 is not UTF-8",
        "span  a=1,=",
        "span good a=1,b=2",
        "malformed invalid OTLP: protobuf field 7 has the wrong wire type",
        "malformed invalid OTLP: protobuf ends inside a field",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_broken_outer_structure_is_an_error() {
    for request in [&[0x0a, 9, 1][..], &[0x08, 1], &[0x0a, 2, 0x12, 5], &[0x0a, 3, 0x1a, 1, 0xff], &[0xff]] {
        assert!(decode_traces(request, &mut Lines::default()).is_err(), "{request:?}");
    }
    assert_eq!(decode_traces(&[], &mut Lines::default()), Ok(()));
}

#[test]
fn huge_counts_cost_their_span_only() {
    let many = |field: u32| {
        move |out: &mut Writer| {
            for _ in 0..=PARTS_MAX {
                out.bytes(field, b"");
            }
        }
    };
    let lines = walk(&[&many(9), &many(11), &many(13), &|out| do_nothing(out.str(5, "good"))]);
    let expected = [
        "malformed invalid OTLP: a record has more than 65536 attributes",
        "malformed invalid OTLP: a record has more than 65536 events",
        "malformed invalid OTLP: a record has more than 65536 links",
        "span good ",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn repeated_attributes_keep_their_address() {
    struct Addresses(Vec<*const u8>);
    impl SpanSink for Addresses {
        fn resource(&mut self, _: &ResourceView<'_, '_>) {}
        fn scope(&mut self, _: &ScopeView<'_, '_>) {}
        fn span(&mut self, span: &SpanView<'_, '_>) {
            self.0.push(span.attributes[0].key.as_ptr());
        }
        fn malformed(&mut self, error: DecodeError) {
            panic!("{error}");
        }
    }
    let mut addresses = Addresses(Vec::new());
    let spans = [1, 1, 2].map(|number| move |out: &mut Writer| attribute(out, 9, "http.route", number));
    decode_traces(&request(&[&spans[0], &spans[1], &spans[2]]), &mut addresses).expect("valid");
    assert!(addresses.0.iter().all(|address| *address == addresses.0[0]));
}

#[test]
fn encoded_spans_are_grouped_and_prost_reads_them() {
    let resource = |name: &str| {
        Arc::new(Resource { attributes: vec![KeyValue::new("service.name", name)], ..Resource::default() })
    };
    let scope = Arc::new(Scope { name: "lib".into(), version: "1".into(), ..Scope::default() });
    let span = |name: &str, resource: &Arc<Resource>| Span {
        trace_id: TraceId([1; 16]),
        span_id: SpanId([2; 8]),
        name: name.into(),
        kind: SpanKind(2),
        start: UnixNanos(5),
        end: UnixNanos(6),
        flags: 257,
        status_code: StatusCode(2),
        status_message: "bad".into(),
        attributes: vec![KeyValue::new("x", Value::Array(vec![Value::Int(1), Value::Bool(true)]))],
        events: vec![SpanEvent { time: UnixNanos(7), name: "exception".into(), ..SpanEvent::default() }],
        links: vec![SpanLink { trace_id: TraceId([3; 16]), span_id: SpanId([4; 8]), ..SpanLink::default() }],
        resource: resource.clone(),
        scope: scope.clone(),
        ..Span::default()
    };
    // The third span's resource is equal to the first one's but another object.
    let spans = [span("a", &resource("x")), span("b", &resource("y")), span("c", &resource("x"))];
    let bytes = encode::traces_data(&spans);
    let data = TracesData::decode(bytes.as_slice()).expect("valid");
    let names: Vec<Vec<_>> = data
        .resource_spans
        .iter()
        .map(|resource| resource.scope_spans[0].spans.iter().map(|span| span.name.as_str()).collect())
        .collect();
    assert_eq!(names, [vec!["a", "c"], vec!["b"]]);
    let first = &data.resource_spans[0].scope_spans[0].spans[0];
    assert_eq!((first.kind, first.flags, first.events.len(), first.links.len()), (2, 257, 1, 1));
    assert_eq!(first.parent_span_id, b"");
    let mut lines = Lines::default();
    decode_traces(&bytes, &mut lines).expect("valid");
    assert_eq!(lines.0[..3], ["resource service.name=x ", "scope lib  ", "span a x=[1,true]"]);
}
