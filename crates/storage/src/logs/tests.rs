//! The whole signal: what is sent is read back, from heads, from blocks, from merged blocks.

use std::sync::Arc;

use bytes::Bytes;
use model::{KeyValue, LogRecord, Resource, Scope, SpanId, TimeRange, TraceId, UnixNanos, Value};
use proptest::prelude::*;
use protowire::Writer;
use regex::Regex;
use store_api::{Direction, LineFilter, LineFilterOp, LogSelect, LogSelection, MatchOp, Matcher, Payload, WireFormat};

use super::*;
use crate::attributes::value::encode_value;
use crate::engine::testing::TestBlocks;

const RECEIVED: UnixNanos = UnixNanos(1_700_000_000_000_000_000);

fn attributes(out: &mut Writer, field: u32, pairs: &[KeyValue]) {
    for pair in pairs {
        out.message(field, |inner| {
            inner.str(1, &pair.key).message(2, |value| encode_value(&pair.value, value));
        });
    }
}

fn log_record(out: &mut Writer, record: &LogRecord) {
    out.fixed64(1, record.time.0).varint(2, record.severity_number as u64).str(3, &record.severity_text);
    out.message(5, |body| encode_value(&record.body, body));
    attributes(out, 6, &record.attributes);
    out.varint(7, u64::from(record.dropped_attributes_count)).fixed32(8, record.flags);
    if !record.trace_id.is_zero() {
        out.bytes(9, &record.trace_id.0);
    }
    if !record.span_id.is_zero() {
        out.bytes(10, &record.span_id.0);
    }
    out.fixed64(11, record.observed_time.0).str(12, &record.event_name);
}

/// An OTLP request with each record below a resource and scope of its own.
fn otlp_request(records: &[LogRecord]) -> Payload {
    let mut out = Writer::new();
    for record in records {
        out.message(1, |resource_logs| {
            resource_logs.message(1, |resource| {
                attributes(resource, 1, &record.resource.attributes);
                resource.varint(2, u64::from(record.resource.dropped_attributes_count));
            });
            resource_logs.message(2, |scope_logs| {
                scope_logs.message(1, |scope| {
                    scope.str(1, &record.scope.name).str(2, &record.scope.version);
                    attributes(scope, 3, &record.scope.attributes);
                });
                scope_logs.message(2, |log| log_record(log, record));
                scope_logs.str(3, &record.scope.schema_url);
            });
            resource_logs.str(3, &record.resource.schema_url);
        });
    }
    Payload { format: WireFormat::OtlpLogs, body: out.into_bytes().into(), encoded: None, received: RECEIVED }
}

/// One pushed entry: time, line, structured metadata.
type Entry<'a> = (u64, &'a str, &'a [(&'a str, &'a str)]);

fn push_request(streams: &[(&str, &[Entry<'_>])]) -> Payload {
    let mut out = Writer::new();
    for (labels, entries) in streams {
        out.message(1, |stream| {
            stream.str(1, labels);
            for (time, line, metadata) in *entries {
                stream.message(2, |entry| {
                    entry.message(1, |stamp| {
                        stamp.varint(1, time / 1_000_000_000).varint(2, time % 1_000_000_000);
                    });
                    entry.str(2, line);
                    for (name, value) in *metadata {
                        entry.message(3, |pair| {
                            pair.str(1, name).str(2, value);
                        });
                    }
                });
            }
        });
    }
    Payload { format: WireFormat::LokiPush, body: out.into_bytes().into(), encoded: None, received: RECEIVED }
}

/// Heads and blocks as a store would hold them.
#[derive(Default)]
struct Data {
    logs: Logs,
    heads: Vec<Arc<LogHead>>,
    blocks: Vec<Arc<Block<Logs>>>,
}

impl Data {
    fn append(&mut self, payload: &Payload) -> Appended {
        let decoded = self.logs.decode(payload).expect("decodes");
        if self.heads.is_empty() {
            self.heads.push(Arc::default());
        }
        if let Some(batch) = decoded.batch {
            self.logs.attach(&self.heads[self.heads.len() - 1], batch);
        }
        decoded.appended
    }

    fn flush(&mut self, blocks: &TestBlocks) {
        for head in std::mem::take(&mut self.heads) {
            self.blocks.push(blocks.write(|writer| self.logs.flush(&head, writer)));
        }
    }

    fn compact(&mut self, blocks: &TestBlocks) {
        let inputs = std::mem::take(&mut self.blocks);
        self.blocks.push(blocks.write(|writer| self.logs.compact(&inputs, writer)));
    }

    fn select(&self, select: &LogSelect) -> LogSelection {
        read::select(&self.logs, &self.heads, &self.blocks, select).expect("selects")
    }

    /// `time labels line metadata` of each entry, streams in order.
    fn show(&self, select: &LogSelect) -> Vec<String> {
        let streams = self.select(select).streams;
        let entries = streams.iter().flat_map(|stream| stream.entries.iter().map(move |entry| (stream, entry)));
        entries.map(|(s, e)| format!("{} {} {} {}", e.time.0, s.labels, e.line, e.metadata)).collect()
    }

    /// Every record, sorted by text.
    fn records(&self) -> Vec<String> {
        let mut records = Vec::new();
        let mut add = |batch: &LogBatch| (0..batch.rows()).for_each(|row| records.push(show_record(batch.record(row))));
        self.heads.iter().flat_map(|head| head.batches()).for_each(|batch| add(&batch));
        for block in &self.blocks {
            let block = block.opened(&self.logs).expect("opens");
            for group in 0..block.table.row_groups() {
                add(&block.group(group as u32).expect("reads"));
            }
        }
        records.sort();
        records
    }
}

/// Attributes have no order.
fn show_record(mut record: LogRecord) -> String {
    record.attributes.sort_by(|a, b| a.key.cmp(&b.key));
    Arc::make_mut(&mut record.resource).attributes.sort_by(|a, b| a.key.cmp(&b.key));
    format!("{record:?}")
}

fn all() -> LogSelect {
    LogSelect {
        matchers: Vec::new(),
        line_filters: Vec::new(),
        range: TimeRange::ALL,
        direction: Direction::Forward,
        limit: 0,
    }
}

fn contains(text: &str) -> LineFilter {
    LineFilter { any: vec![LineFilterOp::Contains(text.to_owned())] }
}

fn record(service: &str, time: u64, severity: i32, line: &str) -> LogRecord {
    LogRecord {
        time: UnixNanos(time),
        severity_number: severity,
        body: Value::from(line),
        resource: Arc::new(Resource {
            attributes: vec![KeyValue::new("service.name", service)],
            ..Resource::default()
        }),
        ..LogRecord::default()
    }
}

/// The same data in a head, in a block, and in a block merged from several.
fn in_all_forms(requests: &[Payload], check: impl Fn(&Data)) {
    let blocks = TestBlocks::new();
    let mut data = Data::default();
    requests.iter().for_each(|request| drop(data.append(request)));
    check(&data);
    data.flush(&blocks);
    check(&data);
    let mut data = Data::default();
    for request in requests {
        data.append(request);
        data.flush(&blocks);
    }
    check(&data);
    data.compact(&blocks);
    check(&data);
    let mut mixed = Data::default();
    for (number, request) in requests.iter().enumerate() {
        mixed.append(request);
        if number + 1 < requests.len() {
            mixed.flush(&blocks);
        }
    }
    check(&mixed);
}

#[test]
fn a_record_keeps_all_its_fields() {
    let nested = Value::KvList(vec![KeyValue::new("a", Value::Array(vec![1.into(), Value::Empty]))]);
    let full = LogRecord {
        time: UnixNanos(5_000_000_000),
        observed_time: UnixNanos(5_000_000_777),
        severity_number: 17,
        severity_text: "Error".into(),
        body: nested.clone(),
        attributes: vec![
            KeyValue::new("s", "x"),
            KeyValue::new("n", nested),
            KeyValue::new("b", Value::Bytes(vec![0])),
        ],
        dropped_attributes_count: 3,
        flags: 0x101,
        trace_id: TraceId([7; 16]),
        span_id: SpanId([8; 8]),
        event_name: "e".into(),
        resource: Arc::new(Resource {
            attributes: vec![KeyValue::new("service.name", "a"), KeyValue::new("host.cpus", 4)],
            dropped_attributes_count: 1,
            schema_url: "r".into(),
        }),
        scope: Arc::new(Scope {
            name: "lib".into(),
            version: "2".into(),
            attributes: vec![KeyValue::new("k", 1.5)],
            dropped_attributes_count: 0,
            schema_url: "s".into(),
        }),
    };
    let bodies =
        [Value::Empty, Value::Bool(true), Value::Int(-1), Value::Double(0.5), Value::Bytes(vec![255]), "".into()];
    let mut records: Vec<LogRecord> =
        bodies.into_iter().map(|body| LogRecord { body, time: UnixNanos(0), ..full.clone() }).collect();
    records.extend([full, LogRecord { time: UnixNanos(4_102_444_800_000_000_000), ..LogRecord::default() }]);
    let mut expected: Vec<String> = records.iter().cloned().map(show_record).collect();
    expected.sort();
    in_all_forms(&[otlp_request(&records[..3]), otlp_request(&records[3..])], |data| {
        assert_eq!(data.records(), expected)
    });
}

#[test]
fn streams_are_resources_by_level() {
    let request = otlp_request(&[
        record("cart", 30, 17, "failed"),
        record("cart", 10, 9, "begin"),
        record("shop", 20, 0, "level=warn hot"),
        record("cart", 40, 10, "end"),
    ]);
    in_all_forms(&[request], |data| {
        let cart = |level| format!(r#"{{level="{level}", service="cart", service_name="cart"}}"#);
        let expected = [
            format!(r#"30 {} failed {{detected_level="error", severity_number="17"}}"#, cart("error")),
            format!(r#"10 {} begin {{detected_level="info", severity_number="9"}}"#, cart("info")),
            format!(r#"40 {} end {{detected_level="info", severity_number="10"}}"#, cart("info")),
            r#"20 {level="warn", service="shop", service_name="shop"} level=warn hot {detected_level="warn"}"#
                .to_owned(),
        ];
        assert_eq!(data.show(&all()), expected);
    });
}

#[test]
fn pushed_streams_keep_their_labels() {
    let entries: [Entry<'_>; 2] = [(7, "ok", &[("user", "u1")]), (9, "ERROR bad", &[])];
    let request = push_request(&[(r#"{app="a", level="debug"}"#, &entries[..1]), (r#"{job="j"}"#, &entries[1..])]);
    in_all_forms(&[request], |data| {
        let expected = [
            r#"7 {app="a", level="debug", service_name="a"} ok {detected_level="debug", user="u1"}"#,
            r#"9 {job="j", service_name="j"} ERROR bad {detected_level="error"}"#,
        ];
        assert_eq!(data.show(&all()), expected);
    });
}

fn numbered(count: u64) -> Vec<Payload> {
    let line = |number: u64| format!("request {number} took {} ms", number * 7 % 13);
    let one = |n: u64| {
        record(["a", "b", "c"][(n % 3) as usize], n / 2 + 1, if n.is_multiple_of(5) { 17 } else { 9 }, &line(n))
    };
    let records: Vec<LogRecord> = (0..count).map(one).collect();
    records.chunks(97).map(otlp_request).collect()
}

#[test]
fn limits_take_the_right_end() {
    in_all_forms(&numbered(500), |data| {
        for (direction, limit) in [(Direction::Forward, 7), (Direction::Backward, 7), (Direction::Backward, 1000)] {
            let select = LogSelect { direction, limit, range: TimeRange::new(UnixNanos(50), UnixNanos(200)), ..all() };
            let mut times: Vec<u64> = data
                .select(&LogSelect { limit: 0, ..select.clone() })
                .streams
                .iter()
                .flat_map(|stream| stream.entries.iter().map(|entry| entry.time.0))
                .collect();
            assert_eq!(times.len(), 302, "two records each nanosecond");
            times.sort_unstable();
            if direction == Direction::Backward {
                times.reverse();
            }
            times.truncate(limit);
            let found = data.select(&select);
            let rising = |stream: &store_api::LogStream| {
                stream.entries.is_sorted_by(|a, b| {
                    if direction == Direction::Forward { a.time <= b.time } else { a.time >= b.time }
                })
            };
            assert!(found.streams.iter().all(rising));
            let mut of_found: Vec<u64> =
                found.streams.iter().flat_map(|stream| stream.entries.iter().map(|entry| entry.time.0)).collect();
            of_found.sort_unstable();
            times.sort_unstable();
            assert_eq!(of_found, times);
        }
    });
}

#[test]
fn matchers_and_filters_select() {
    let matcher = |name, op, value| Matcher::new(name, op, value).expect("valid");
    in_all_forms(&numbered(300), |data| {
        let count = |select: LogSelect| -> usize { data.select(&select).streams.iter().map(|s| s.entries.len()).sum() };
        let of = |matchers: Vec<Matcher>| count(LogSelect { matchers, ..all() });
        assert_eq!(of(vec![matcher("service_name", MatchOp::Equal, "a")]), 100);
        assert_eq!(
            of(vec![matcher("service_name", MatchOp::Regex, "a|b"), matcher("level", MatchOp::Equal, "error")]),
            40
        );
        assert_eq!(of(vec![matcher("absent", MatchOp::Equal, "")]), 300);
        assert_eq!(of(vec![matcher("absent", MatchOp::NotEqual, "")]), 0);
        let filtered = |any: Vec<LineFilterOp>| count(LogSelect { line_filters: vec![LineFilter { any }], ..all() });
        assert_eq!(filtered(vec![LineFilterOp::Contains("request 17 ".into())]), 1);
        assert_eq!(filtered(vec![LineFilterOp::Contains("request 1".into())]), 111);
        assert_eq!(filtered(vec![LineFilterOp::Contains("msrequest".into())]), 0, "not across lines");
        assert_eq!(filtered(vec![LineFilterOp::NotContains("request 1".into())]), 189);
        let regex = |text| LineFilterOp::Regex(Regex::new(text).expect("valid"));
        assert_eq!(filtered(vec![regex(r"^request \d took")]), 10);
        let both = vec![contains("request 2"), LineFilter { any: vec![LineFilterOp::NotContains("20".into())] }];
        let expected = (0..300u64)
            .map(|n| format!("request {n} took {} ms", n * 7 % 13))
            .filter(|line| line.contains("request 2") && !line.contains("20"));
        assert_eq!(count(LogSelect { line_filters: both, ..all() }), expected.count());
    });
}

#[test]
fn labels_and_series_are_listed() {
    in_all_forms(&numbered(100), |data| {
        let (logs, heads, blocks) = (&data.logs, &data.heads, &data.blocks);
        let names = read::label_names(logs, heads, blocks, &[], TimeRange::ALL).expect("reads");
        assert!(names.iter().eq(["level", "service", "service_name"]));
        let only_a = [Matcher::equal("service", "a")];
        let values = |name, matchers: &[Matcher], range| {
            read::label_values(logs, heads, blocks, name, matchers, range)
                .expect("reads")
                .into_iter()
                .collect::<Vec<_>>()
        };
        assert_eq!(values("service", &[], TimeRange::ALL), ["a", "b", "c"]);
        assert_eq!(values("service", &only_a, TimeRange::ALL), ["a"]);
        assert_eq!(values("service", &[], TimeRange::new(UnixNanos(1000), UnixNanos(2000))), [""; 0]);
        assert_eq!(values("nothing", &[], TimeRange::ALL), [""; 0]);
        let series = |selectors: &[Vec<Matcher>]| {
            read::series(logs, heads, blocks, selectors, TimeRange::ALL).expect("reads").len()
        };
        assert_eq!((series(&[]), series(&[only_a.to_vec()])), (6, 2));
    });
}

#[test]
fn what_is_wrong_is_rejected_alone() {
    let mut data = Data::default();
    let good = record("a", 1, 9, "fine");
    let long = record("a", 1, 9, &"x".repeat(builder::LINE_BYTES_MAX + 1));
    let appended = data.append(&otlp_request(&[good.clone(), long, good.clone()]));
    assert_eq!((appended.accepted, appended.rejected), (2, 1));
    let reason = appended.reason.expect("a reason");
    let expected = r#"max entry size '262144' bytes exceeded for stream '{level="info", service="a", service_name="a"}' while adding an entry with length '262145' bytes"#;
    assert_eq!(reason, expected);
    let late = LogRecord { time: UnixNanos(u64::MAX), ..good };
    let appended = data.append(&otlp_request(&[late]));
    assert_eq!((appended.accepted, appended.rejected), (0, 1));
    let mut bad_id = Writer::new();
    bad_id.message(1, |resource_logs| {
        resource_logs.message(2, |scope_logs| {
            scope_logs.message(2, |log| {
                log.bytes(9, &[1, 2]);
            });
        });
    });
    let appended = data.append(&Payload { body: bad_id.into_bytes().into(), ..otlp_request(&[]) });
    assert_eq!(appended.reason.as_deref(), Some("trace_id must be 16 bytes long or empty, got 2"));
    let entries: [Entry<'_>; 1] = [(1, "x", &[])];
    let appended = data.append(&push_request(&[("{", &entries), (r#"{a="b"}"#, &entries)]));
    assert_eq!((appended.accepted, appended.rejected), (1, 1));
    let broken = Payload { body: Bytes::from_static(&[0x0a, 0xff]), ..otlp_request(&[]) };
    assert!(data.logs.decode(&broken).is_err());
}

#[test]
fn a_request_of_nothing_but_resources_is_cut() {
    let mut data = Data::default();
    let records: Vec<LogRecord> = (0..10_050).map(|n| record(&format!("s{n}"), 1, 9, "x")).collect();
    let appended = data.append(&otlp_request(&records));
    assert_eq!((appended.accepted, appended.rejected), (10_000, 50));
    let expected = "request has records of more than 10000 different resources";
    assert_eq!(appended.reason.as_deref(), Some(expected));
}

#[test]
fn times_are_found_where_senders_have_none() {
    let observed = LogRecord { time: UnixNanos(0), observed_time: UnixNanos(3), ..record("a", 0, 9, "observed") };
    let none = record("a", 0, 9, "received");
    in_all_forms(&[otlp_request(&[observed, none])], |data| {
        let shown = data.show(&all());
        assert!(shown[0].starts_with("3 ") && shown[1].starts_with(&format!("{} ", RECEIVED.0)), "{shown:?}");
        assert!(!shown[0].contains("observed_timestamp"));
    });
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Empty),
        "[a-c]{0,3}".prop_map(Value::Str),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (-1e9..1e9).prop_map(Value::Double),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            prop::collection::vec(("[a-c]", inner).prop_map(|(k, v)| KeyValue { key: k, value: v }), 0..3)
                .prop_map(Value::KvList),
        ]
    })
}

fn any_record() -> impl Strategy<Value = LogRecord> {
    let attributes = prop::collection::btree_map("[a-d]{1,2}", any_value(), 0..4);
    let service = prop::option::of("[xy]");
    (attributes, service, any_value(), 0u64..50, 0i32..25, prop::option::of(any::<[u8; 16]>())).prop_map(
        |(attributes, service, body, time, severity_number, trace_id)| LogRecord {
            time: UnixNanos(time),
            observed_time: UnixNanos(time * 2),
            severity_number,
            body,
            attributes: attributes.into_iter().map(|(key, value)| KeyValue { key, value }).collect(),
            trace_id: TraceId(trace_id.unwrap_or_default()),
            resource: Arc::new(Resource {
                attributes: service.into_iter().map(|name| KeyValue::new("service.name", name)).collect(),
                ..Resource::default()
            }),
            ..LogRecord::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_records_survive_in_any_form(requests in prop::collection::vec(prop::collection::vec(any_record(), 1..20), 1..5)) {
        let mut expected: Vec<String> = requests.iter().flatten().cloned().map(show_record).collect();
        expected.sort();
        let payloads: Vec<Payload> = requests.iter().map(|records| otlp_request(records)).collect();
        let first = std::cell::OnceCell::new();
        in_all_forms(&payloads, |data| {
            assert_eq!(data.records(), expected);
            let mut shown = data.show(&all());
            shown.sort();
            assert_eq!(&shown, first.get_or_init(|| shown.clone()));
        });
    }
}
