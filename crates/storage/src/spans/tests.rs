//! Spans in equal spans out: through a request, joined batches, blocks and compacted blocks.

use std::sync::Arc;

use model::{
    KeyValue, Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanLink, StatusCode, TimeRange, TraceId, UnixNanos,
    Value,
};
use proptest::prelude::*;
use store_api::{Intrinsic, Tag, TagScope, TagValue};

use super::batch::SpanBatch;
use super::head::Head;
use super::open::OpenedSpans;
use super::testing::{all_spans, comparable, open, payload, request};
use super::{Spans, compact, concat, flush, read};
use crate::engine::block::BlockWriter;
use crate::engine::signal::{BlockSummary, Signal};

fn decode(spans: &[Span]) -> SpanBatch {
    decode_with(&Spans::default(), spans)
}

fn decode_with(signal: &Spans, spans: &[Span]) -> SpanBatch {
    signal.decode(&request(spans)).expect("well formed").batch.expect("valid spans")
}

fn rows(batch: &SpanBatch) -> Vec<Span> {
    (0..batch.len() as u32).map(|row| batch.span(row)).collect()
}

fn write(
    work: impl FnOnce(&mut BlockWriter) -> Result<BlockSummary, store_api::StoreError>,
) -> (BlockSummary, Arc<OpenedSpans>) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut writer = BlockWriter::in_folder(folder.path().to_owned());
    let summary = work(&mut writer).expect("writes");
    (summary, open(folder.path()))
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z]{1,3}", Just("é\"\n".to_owned())]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => text().prop_map(Value::Str),
        2 => any::<i64>().prop_map(Value::Int),
        1 => (-5i64..5).prop_map(Value::Int),
        1 => prop::num::f64::NORMAL.prop_map(Value::Double),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => Just(Value::Empty),
        1 => prop::collection::vec(any::<u8>(), 0..3).prop_map(Value::Bytes),
        1 => prop::collection::vec(text().prop_map(Value::Str), 0..3).prop_map(Value::Array),
    ]
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    prop::collection::btree_map("[a-e]", value(), 0..4)
        .prop_map(|pairs| pairs.into_iter().map(|(key, value)| KeyValue { key, value }).collect())
}

fn count() -> impl Strategy<Value = u32> {
    prop_oneof![5 => Just(0), 1 => any::<u32>()]
}

fn trace_id() -> impl Strategy<Value = TraceId> {
    // Ids that share their first eight bytes with others, and ids that do not.
    (prop_oneof![Just(0u8), any::<u8>()], 1u8..5).prop_map(|(first, last)| {
        let mut id = [7; 16];
        (id[0], id[15]) = (first, last);
        TraceId(id)
    })
}

fn span_id() -> impl Strategy<Value = SpanId> {
    (1u8..30).prop_map(|last| SpanId([0, 0, 0, 0, 0, 0, 1, last]))
}

fn time() -> impl Strategy<Value = UnixNanos> {
    prop_oneof![
        4 => (0u64..1000).prop_map(|n| UnixNanos(1_700_000_000_000_000_000 + n)),
        1 => Just(UnixNanos(0)),
        1 => Just(UnixNanos(u64::MAX)),
        1 => Just(UnixNanos(4_102_444_800_000_000_000)),
    ]
}

fn event() -> impl Strategy<Value = SpanEvent> {
    (time(), text(), attributes(), count()).prop_map(|(time, name, attributes, dropped_attributes_count)| SpanEvent {
        time,
        name,
        attributes,
        dropped_attributes_count,
    })
}

fn link() -> impl Strategy<Value = SpanLink> {
    (trace_id(), span_id(), text(), attributes(), count(), count()).prop_map(
        |(trace_id, span_id, trace_state, attributes, dropped_attributes_count, flags)| SpanLink {
            trace_id,
            span_id,
            trace_state,
            attributes,
            dropped_attributes_count,
            flags,
        },
    )
}

fn origin() -> impl Strategy<Value = (Arc<Resource>, Arc<Scope>)> {
    (attributes(), count(), text(), text()).prop_map(|(attributes, dropped_attributes_count, schema_url, name)| {
        let scope = Scope { name, schema_url: schema_url.clone(), attributes: attributes.clone(), ..Scope::default() };
        (Arc::new(Resource { attributes, dropped_attributes_count, schema_url }), Arc::new(scope))
    })
}

fn span() -> impl Strategy<Value = Span> {
    let ids = (trace_id(), span_id(), prop_oneof![Just(SpanId::default()), span_id()], time(), time());
    let words = (text(), text(), text(), any::<u8>(), 0u8..4, count());
    let parts = (attributes(), prop::collection::vec(event(), 0..3), prop::collection::vec(link(), 0..2));
    (ids, words, parts, (count(), count(), count()), origin()).prop_map(|(ids, words, parts, dropped, origin)| Span {
        trace_id: ids.0,
        span_id: ids.1,
        parent_span_id: ids.2,
        start: ids.3,
        end: ids.4,
        name: words.0,
        trace_state: words.1,
        status_message: words.2,
        kind: SpanKind(words.3),
        status_code: StatusCode(words.4),
        flags: words.5,
        attributes: parts.0,
        events: parts.1,
        links: parts.2,
        dropped_attributes_count: dropped.0,
        dropped_events_count: dropped.1,
        dropped_links_count: dropped.2,
        resource: origin.0,
        scope: origin.1,
    })
}

fn batches() -> impl Strategy<Value = Vec<Vec<Span>>> {
    prop::collection::vec(prop::collection::vec(span(), 1..8), 1..5)
}

fn check_block(opened: &OpenedSpans, spans: &[Span]) {
    assert_eq!(comparable(all_spans(opened)), comparable(spans.to_vec()));
    let mut ids: Vec<TraceId> = spans.iter().map(|span| span.trace_id).collect();
    ids.push(TraceId([9; 16]));
    for id in ids {
        let mut found = Vec::new();
        read::trace_of_block(opened, id, &mut found).expect("reads");
        let wanted = spans.iter().filter(|span| span.trace_id == id).cloned().collect();
        assert_eq!(comparable(found), comparable(wanted));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn spans_survive_a_request_and_joining(batches in batches()) {
        // One signal decodes them all, so the memory of one request is used again for the next.
        let signal = Spans::default();
        let decoded: Vec<Arc<SpanBatch>> = batches.iter().map(|spans| Arc::new(decode_with(&signal, spans))).collect();
        for (batch, spans) in decoded.iter().zip(&batches) {
            prop_assert_eq!(comparable(rows(batch)), comparable(spans.clone()));
        }
        prop_assert_eq!(comparable(rows(&concat::concat(&decoded))), comparable(batches.concat()));
    }

    #[test]
    fn spans_survive_a_block_and_compaction(blocks in prop::collection::vec(batches(), 1..4)) {
        let mut opened = Vec::new();
        for batches in &blocks {
            let decoded: Vec<Arc<SpanBatch>> = batches.iter().map(|spans| Arc::new(decode(spans))).collect();
            let (summary, block) = write(|writer| flush::flush(&decoded, writer));
            prop_assert_eq!(summary.rows as usize, batches.concat().len());
            check_block(&block, &batches.concat());
            opened.push(block);
        }
        let all = blocks.concat().concat();
        let (summary, joined) = write(|writer| compact::compact(&opened, TimeRange::ALL, 1 << 16, writer));
        prop_assert_eq!(summary.rows as usize, all.len());
        prop_assert_eq!(joined.spans.table.row_groups(), 1);
        check_block(&joined, &all);
        // With a limit of one row every row group is copied.
        let (_, copied) = write(|writer| compact::compact(&opened, TimeRange::ALL, 1, writer));
        check_block(&copied, &all);
    }
}

/// A simple valid span.
fn plain(trace: u8, id: u8) -> Span {
    Span {
        trace_id: TraceId([trace; 16]),
        span_id: SpanId([id; 8]),
        name: format!("op {id}"),
        kind: SpanKind(2),
        start: UnixNanos(1_700_000_000_000_000_000 + u64::from(id)),
        end: UnixNanos(1_700_000_000_000_000_500),
        resource: Arc::new(Resource {
            attributes: vec![KeyValue::new("service.name", format!("svc{}", trace % 3))],
            ..Resource::default()
        }),
        ..Span::default()
    }
}

#[test]
fn invalid_ids_are_refused_one_by_one() {
    let mut spans = vec![plain(1, 1), plain(0, 2), plain(1, 0), plain(1, 3)];
    spans[3].parent_span_id = SpanId([4; 8]);
    let decoded = Spans::default().decode(&request(&spans)).expect("well formed");
    assert_eq!((decoded.appended.accepted, decoded.appended.rejected), (2, 2));
    assert_eq!(decoded.appended.reason.as_deref(), Some("trace ids must not be all zero"));
    let mut short = protowire::Writer::new();
    short.message(1, |r| {
        r.message(2, |s| {
            s.message(2, |span| {
                span.bytes(1, &[1; 15]).bytes(2, &[1; 8]);
            });
        });
    });
    let decoded = Spans::default().decode(&payload(short.into_bytes())).expect("well formed");
    assert!(decoded.batch.is_none());
    assert_eq!(decoded.appended.reason.as_deref(), Some("trace ids must be 128 bit, received 120 bits"));
    assert!(Spans::default().decode(&payload(vec![0x0a, 5, 1])).is_err());
    assert!(Spans::default().decode(&payload(Vec::new())).expect("empty is fine").batch.is_none());
}

#[test]
fn single_spans_in_a_head_are_joined_and_found() {
    let spans = Spans::default();
    let head = Head::default();
    for n in 0..1000u32 {
        let span = plain((n % 250 + 1) as u8, (n / 250 + 1) as u8);
        head.attach(spans.decode(&request(&[span])).expect("valid").batch.expect("a span"));
    }
    assert!(head.batches().len() < 70, "{} batches", head.batches().len());
    let size = head.size();
    assert_eq!(size.rows, 1000);
    let bytes: usize = head.batches().iter().map(|batch| batch.heap_bytes()).sum();
    assert_eq!(size.bytes, bytes as u64);
    let mut found = Vec::new();
    head.trace(TraceId([77; 16]), &mut found);
    assert_eq!(comparable(found), comparable((1..=4).map(|id| plain(77, id)).collect()));
}

#[test]
fn parents_are_found_by_distance_and_by_id() {
    let mut spans: Vec<Span> = (1..=100).map(|id| plain(5, id)).collect();
    for span in &mut spans[1..] {
        span.parent_span_id = SpanId([span.span_id.0[0] / 2; 8]);
    }
    spans[40].parent_span_id = SpanId([200; 8]);
    let (_, block) = write(|writer| flush::flush(&[Arc::new(decode(&spans))], writer));
    check_block(&block, &spans);
}

#[test]
fn tags_are_listed_from_heads_and_blocks() {
    let signal = Spans::default();
    let mut spans: Vec<Span> = (1..=9).map(|id| plain(id, id)).collect();
    for (n, span) in spans.iter_mut().enumerate() {
        span.attributes = vec![KeyValue::new("n", n as i64 % 2), KeyValue::new("s", "text")];
        span.events =
            vec![SpanEvent { name: "e".into(), attributes: vec![KeyValue::new("x", 1.5)], ..SpanEvent::default() }];
        span.scope = Arc::new(Scope { name: "lib".into(), version: "1".into(), ..Scope::default() });
    }
    spans[3].attributes.push(KeyValue::new("rare", true));
    let (head, empty) = (Head::default(), Head::default());
    head.attach(decode(&spans));
    let (_, block) = write(|writer| flush::flush(&head.batches(), writer));
    let heads = [Arc::new(head)];
    let values = |tag: &Tag| {
        let from_head = read::tag_values(&signal, &heads, &[], tag, 0).expect("reads").0;
        let mut from_block = super::tags::Values::new(0);
        from_block.of_block(&block, tag).expect("reads");
        assert_eq!(from_head, from_block.into_sorted(), "{tag:?}");
        from_head
    };
    let span_tag = |key: &str| Tag::Scoped(TagScope::Span, key.into());
    assert_eq!(values(&span_tag("n")), [TagValue::Int(0), TagValue::Int(1)]);
    assert_eq!(values(&span_tag("rare")), [TagValue::Bool(true)]);
    assert_eq!(values(&span_tag("absent")), []);
    assert_eq!(values(&Tag::Anywhere("service.name".into())).len(), 3);
    assert_eq!(values(&Tag::Scoped(TagScope::Event, "x".into())), [TagValue::Double(1.5f64.to_bits())]);
    assert_eq!(values(&Tag::Intrinsic(Intrinsic::Kind)), [TagValue::Keyword("server")]);
    assert_eq!(values(&Tag::Intrinsic(Intrinsic::Status)), [TagValue::Keyword("unset")]);
    assert_eq!(values(&Tag::Intrinsic(Intrinsic::RootName)).len(), 9);
    assert_eq!(values(&Tag::Intrinsic(Intrinsic::RootServiceName)).len(), 3);
    assert_eq!(values(&Tag::Intrinsic(Intrinsic::EventName)), [TagValue::Str("e".into())]);
    assert_eq!(values(&Tag::Intrinsic(Intrinsic::InstrumentationVersion)), [TagValue::Str("1".into())]);
    let names = read::tag_names(&signal, &heads, &[]).expect("reads").0;
    assert_eq!(names.span.iter().collect::<Vec<_>>(), ["n", "rare", "s"]);
    let mut of_block = store_api::TagNames::default();
    super::tags::names_of_block(&block, &mut of_block);
    assert_eq!(of_block, names);
    assert_eq!(read::tag_names(&signal, &[Arc::new(empty)], &[]).expect("reads").0, store_api::TagNames::default());
}
