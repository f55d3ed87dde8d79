//! Rows in equal rows out, through the builder, through joining, and through table columns.

use model::{KeyValue, Value};
use otlp::view::{AnyValueView, KeyValueView};
use proptest::prelude::*;

use super::concat::AttributesConcat;
use super::*;
use crate::table::{Column, NULL_ID};

type Rows = Vec<Vec<KeyValue>>;

fn build(rows: &[Vec<KeyValue>]) -> AttributeColumns {
    let mut builder = AttributesBuilder::default();
    for row in rows {
        push_all(&mut builder, row);
        builder.finish_row();
    }
    builder.finish()
}

fn push_all(builder: &mut AttributesBuilder, row: &[KeyValue]) {
    for pair in row {
        let mut writer = protowire::Writer::new();
        value::encode_value(&pair.value, &mut writer);
        let bytes = writer.into_bytes();
        let scalar = match &pair.value {
            Value::Str(text) => Scalar::Str(text.as_bytes()),
            Value::Int(number) => Scalar::Int(*number),
            Value::Double(number) => Scalar::Double(*number),
            Value::Bool(flag) => Scalar::Bool(*flag),
            _ => Scalar::Any(&bytes),
        };
        builder.push_scalar(&pair.key, scalar);
    }
}

/// What a reader should see: the last value of each key, by key.
fn expected(row: &[KeyValue]) -> Vec<KeyValue> {
    let mut last: Vec<KeyValue> = Vec::new();
    for pair in row {
        last.retain(|other| other.key != pair.key);
        last.push(pair.clone());
    }
    sorted(last)
}

fn sorted(mut row: Vec<KeyValue>) -> Vec<KeyValue> {
    row.sort_by(|a, b| a.key.cmp(&b.key));
    row
}

fn check(columns: &AttributeColumns, rows: &[Vec<KeyValue>]) {
    for (at, row) in rows.iter().enumerate() {
        assert_eq!(sorted(columns.row(at as u32)), expected(row), "row {at}");
    }
    for column in &columns.columns {
        assert!(column.rows.is_sorted_by(|a, b| a < b), "rows of {} rise", column.key);
    }
}

fn through_table(inputs: &[AttributeInput<'_>], rows: usize, total: u64) -> AttributeColumns {
    let layout = AttributeLayout::plan(inputs.iter().map(|input| input.columns), total);
    let specs = layout.specs();
    let columns: Vec<Column> = layout.gather(inputs, rows);
    AttributeColumns::from_table(specs.iter().zip(columns))
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Empty),
        "[a-c]{0,3}".prop_map(Value::Str),
        any::<bool>().prop_map(Value::Bool),
        (0i64..4).prop_map(Value::Int),
        any::<i64>().prop_map(Value::Int),
        prop::num::f64::NORMAL.prop_map(Value::Double),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let pair = ("[a-b]", inner.clone()).prop_map(|(key, value)| KeyValue { key, value });
        prop_oneof![
            prop::collection::vec(inner, 0..3).prop_map(Value::Array),
            prop::collection::vec(pair, 0..3).prop_map(Value::KvList),
        ]
    })
}

fn rows() -> impl Strategy<Value = Rows> {
    let key = prop_oneof![Just("a"), Just("b"), Just("http.url"), Just("k#int"), Just("")];
    let pair = (key, value()).prop_map(|(key, value)| KeyValue { key: key.to_owned(), value });
    prop::collection::vec(prop::collection::vec(pair, 0..6), 0..12)
}

proptest! {
    #[test]
    fn rows_survive_the_builder(rows in rows()) {
        check(&build(&rows), &rows);
    }

    #[test]
    fn rows_survive_joining(batches in prop::collection::vec(rows(), 0..5)) {
        let mut concat = AttributesConcat::default();
        for rows in &batches {
            concat.add(&build(rows), rows.len() as u32);
        }
        check(&concat.finish(), &batches.concat());
    }

    #[test]
    fn rows_survive_table_columns(batches in prop::collection::vec(rows(), 0..4), rare in any::<bool>()) {
        let columns: Vec<AttributeColumns> = batches.iter().map(|rows| build(rows)).collect();
        let all = batches.concat();
        // Reversed order; the first row is left out.
        let mut place = all.len() as u32;
        let places: Vec<Vec<u32>> = batches.iter().map(|rows| rows.iter().map(|_| {
            place -= 1;
            if place as usize + 1 == all.len() { NULL_ID } else { place }
        }).collect()).collect();
        let inputs: Vec<AttributeInput<'_>> = columns.iter().zip(&places)
            .map(|(columns, places)| AttributeInput { columns, places }).collect();
        // With a large total every key is rare and goes into the JSON column.
        let total = if rare { 1 << 40 } else { all.len() as u64 };
        let back = through_table(&inputs, all.len(), total);
        let mut wanted: Rows = all.into_iter().rev().collect();
        if let Some(last) = wanted.last_mut() { last.clear(); }
        check(&back, &wanted);
    }
}

#[test]
fn repeated_texts_are_known_by_address_and_memory_is_used_again() {
    let text = "one two".to_owned();
    let row = |value| {
        [
            KeyValueView { key: "k", value: AnyValueView::Str(value) },
            KeyValueView { key: "n", value: AnyValueView::Int(1) },
        ]
    };
    let mut builder = AttributesBuilder::default();
    for _ in 0..2 {
        builder.push_row(&row(&text[..3]));
        builder.push_row(&row(&text[..3]));
        builder.push_row(&row(&text[4..]));
        builder.push_row(&[]);
        let wanted = |value: &str| vec![KeyValue::new("k", value), KeyValue::new("n", 1)];
        check(&builder.take(), &[wanted("one"), wanted("one"), wanted("two"), Vec::new()]);
    }
    assert!(builder.take().columns.is_empty());
}

#[test]
fn too_many_keys_spill_and_survive() {
    let wide = |value: i64| (0..3000).map(|n| KeyValue::new(format!("key{n}"), value)).collect::<Vec<_>>();
    let mut first = wide(1);
    first.extend(wide(2));
    let rows = vec![first, Vec::new(), wide(3)];
    let columns = build(&rows);
    assert_eq!(columns.columns.len(), builder::KEYS_MAX);
    check(&columns, &rows);
    let places = [0, 1, 2];
    check(&through_table(&[AttributeInput { columns: &columns, places: &places }], 3, 3), &rows);
}

#[test]
fn frequent_keys_get_columns_and_second_kinds_a_suffix() {
    let mut rows: Rows = (0..600).map(|n| vec![KeyValue::new("a", n), KeyValue::new("s", "x")]).collect();
    rows[5] = vec![KeyValue::new("a", "five"), KeyValue::new("once", true)];
    rows[6] = vec![KeyValue::new("a", "six"), KeyValue::new("a#b", true)];
    rows[7] = vec![KeyValue::new("a", "seven")];
    let columns = build(&rows);
    let layout = AttributeLayout::plan([&columns], 600);
    let names: Vec<String> = layout.specs().into_iter().map(|spec| spec.name).collect();
    assert_eq!(names, ["attr.a", "attr.a#str", "attr.s", "attributes_rest"]);
    assert_eq!(layout.rest_keys().iter().collect::<Vec<_>>(), ["a#b", "once"]);
}
