//! Properties over random tables: what is written is read, in each range, by us and by the `parquet` crate; appended row
//! groups are equal to written ones; damage is an error and never a panic.

use std::collections::BTreeSet;

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use proptest::prelude::*;

use super::sample::{self, Random, Sample, Value};
use super::{open, write};
use crate::table::reader::TableReader;
use crate::table::writer::{TableSettings, TableWriter};
use crate::table::{ColumnData, ColumnSpec, ColumnType};

fn table(samples: &[Sample], rows: usize, page_rows: usize) -> Vec<u8> {
    let specs = samples.iter().map(|sample| sample.spec.clone()).collect();
    let columns: Vec<ColumnData<'_>> = samples.iter().map(Sample::borrow).collect();
    write(specs, page_rows, |writer| writer.write_row_group(rows, &columns).expect("written"))
}

fn read(table: &TableReader, group: usize, spec: &ColumnSpec, range: std::ops::Range<usize>) -> Vec<Value> {
    let column = table.read(group, &spec.name, range).expect("read");
    sample::values(&column, spec)
}

fn check_dictionary(table: &TableReader, group: usize, sample: &Sample, values: &[Value]) {
    let name = &sample.spec.name;
    assert_eq!(table.has_values(group, name), values.iter().any(Option::is_some), "{name}");
    if let Some(dict) = table.dictionary(group, name).expect("read") {
        let distinct: BTreeSet<&[u8]> = values.iter().flatten().map(Vec::as_slice).collect();
        assert_eq!((0..dict.len() as u32).map(|id| dict.get(id)).collect::<BTreeSet<_>>(), distinct, "{name}");
        assert_eq!(dict.len(), distinct.len());
    }
}

fn check_pruning(table: &TableReader, group: usize, sample: &Sample, values: &[Value]) {
    let name = &sample.spec.name;
    for (row, value) in values.iter().enumerate().step_by(values.len() / 20 + 1) {
        let Some(value) = value else { continue };
        assert!(table.might_contain(group, name, value).expect("looked up"), "{name} row {row}");
        let range = match sample.spec.column_type {
            ColumnType::Fixed(_) => {
                let has = |other: &Value| other.as_ref() == Some(value);
                let first = values.iter().position(has).expect("the row itself");
                let last = values.iter().rposition(has).expect("the row itself");
                assert_eq!(table.rows_equal(group, name, value).expect("found"), first..last + 1, "{name} row {row}");
                let mut other = value.clone();
                other[0] ^= 0x55;
                let none = values.iter().all(|value| value.as_ref() != Some(&other));
                assert_eq!(table.rows_equal(group, name, &other).expect("sought").is_empty(), none);
                table.rows_maybe_equal(group, name, value)
            }
            ColumnType::Int64 | ColumnType::Int32 | ColumnType::TimestampNanos => {
                let number = crate::table::layout::int_from(value).expect("a number");
                let (least, greatest) = table.int_min_max(group, name).expect("known").expect("has values");
                assert!((least..=greatest).contains(&number));
                table.rows_maybe_between(group, name, number, number)
            }
            _ => continue,
        };
        assert!(range.expect("pruned").contains(&row), "{name} row {row}");
    }
}

/// A value of the `parquet` crate's generic reader in our form.
fn field(field: &Field) -> Value {
    Some(match field {
        Field::Null => return None,
        Field::Bool(value) => vec![u8::from(*value)],
        Field::Int(value) => value.to_le_bytes().to_vec(),
        Field::Long(value) | Field::TimestampMillis(value) => value.to_le_bytes().to_vec(),
        Field::Double(value) => value.to_bits().to_le_bytes().to_vec(),
        Field::Str(value) => value.as_bytes().to_vec(),
        Field::Bytes(value) => value.data().to_vec(),
        other => panic!("unexpected field {other:?}"),
    })
}

fn foreign_values(file: &[u8], columns: usize) -> Vec<Vec<Value>> {
    let reader = SerializedFileReader::new(Bytes::copy_from_slice(file)).expect("opened by the parquet crate");
    let mut all = vec![Vec::new(); columns];
    for row in reader.get_row_iter(None).expect("rows") {
        for (column, (_, value)) in row.expect("a row").get_column_iter().enumerate() {
            all[column].push(field(value));
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(seed in 1u64.., rows in 1usize..3000, page_rows in 1usize..1500) {
        let mut random = Random(seed);
        let page_rows = page_rows.max(rows / 40);
        let samples = sample::columns(&mut random, rows);
        let file = table(&samples, rows, page_rows);
        let foreign = foreign_values(&file, samples.len());
        let table = open(file).expect("opened");
        for (sample, foreign) in samples.iter().zip(foreign) {
            let values = sample.values();
            prop_assert_eq!(&foreign, &values, "{} by the parquet crate", &sample.spec.name);
            prop_assert_eq!(&read(&table, 0, &sample.spec, 0..rows), &values, "{}", &sample.spec.name);
            for _ in 0..6 {
                let start = random.below(rows as u64) as usize;
                let end = start + random.below((rows - start) as u64 + 1) as usize;
                let range = start..if random.below(2) == 0 { end } else { rows.min(start + 3) };
                let want = &values[range.clone()];
                prop_assert_eq!(&read(&table, 0, &sample.spec, range.clone()), want, "{} {:?}", &sample.spec.name, range);
            }
            check_pruning(&table, 0, sample, &values);
            check_dictionary(&table, 0, sample, &values);
        }
    }

    #[test]
    fn appended_groups_are_equal(seed in 1u64.., rows in 1usize..1000) {
        let mut random = Random(seed);
        let samples = sample::columns(&mut random, rows);
        let from = open(table(&samples, rows, 100)).expect("opened");
        // The target has one column more, and the columns in another order.
        let extra = ColumnSpec {
            name: "extra".into(), column_type: ColumnType::Utf8, optional: true, bloom: false, page_index: false,
        };
        let specs = samples.iter().rev().map(|sample| sample.spec.clone()).chain([extra.clone()]).collect();
        let file = write(specs, 64, |writer| {
            writer.append_row_group(&from, 0).expect("appended");
            writer.append_row_group(&from, 0).expect("appended");
        });
        let foreign = foreign_values(&file, samples.len() + 1);
        let to = open(file).expect("opened");
        prop_assert_eq!(to.rows(), 2 * rows as u64);
        for (sample, foreign) in samples.iter().rev().zip(foreign) {
            let values = sample.values();
            prop_assert_eq!(&foreign[rows..], &values[..]);
            prop_assert_eq!(read(&to, 1, &sample.spec, rows / 2..rows), &values[rows / 2..]);
            check_pruning(&to, 1, sample, &values);
        }
        prop_assert!(read(&to, 0, &extra, 0..rows).iter().all(Option::is_none));
    }

    #[test]
    fn damage_never_panics(seed in 1u64.., rows in 1usize..300, flips in 1usize..6, from_end in any::<bool>()) {
        let mut random = Random(seed);
        let samples = sample::columns(&mut random, rows);
        let mut file = table(&samples, rows, 64);
        for _ in 0..flips {
            let reach = if from_end { 12_000.min(file.len()) } else { file.len() };
            let at = file.len() - 1 - random.below(reach as u64) as usize;
            file[at] ^= 1 << random.below(8);
        }
        if random.below(8) == 0 {
            file.truncate(random.below(file.len() as u64) as usize);
        }
        let Ok(table) = open(file) else { return Ok(()) };
        for group in 0..table.row_groups() {
            let rows = table.row_group_rows(group);
            for sample in &samples {
                let name = &sample.spec.name;
                let _ = table.read(group, name, 0..rows);
                let _ = table.read(group, name, rows / 2..rows.min(rows / 2 + 1));
                let _ = table.dictionary(group, name);
                let _ = table.might_contain(group, name, b"anything");
                let _ = table.rows_maybe_equal(group, name, &[7; 16]);
                let _ = table.rows_equal(group, name, sample.values()[0].as_deref().unwrap_or(&[7; 16]));
                let _ = table.rows_maybe_between(group, name, 0, 1 << 60);
            }
            let specs = samples.iter().map(|sample| sample.spec.clone()).collect();
            let mut writer = TableWriter::with_settings(Vec::new(), specs, TableSettings::default()).expect("started");
            let _ = writer.append_row_group(&table, group);
        }
    }
}

#[test]
fn flipped_pages_fail_their_checksum() {
    let mut random = Random(7);
    let samples = sample::columns(&mut random, 500);
    let file = table(&samples, 500, 100);
    let intact = open(file.clone()).expect("opened");
    for sample in &samples {
        let values = sample.values();
        for page in 0..5 {
            let place = intact.page_place(0, &sample.spec.name, page);
            let mut file = file.clone();
            // The last byte of a page is in its body, which is under the checksum.
            file[(place.offset + u64::from(place.length) - 1) as usize] ^= 0x10;
            let damaged = open(file).expect("the footer is whole");
            assert!(damaged.read(0, &sample.spec.name, page * 100..page * 100 + 1).is_err());
            let other = (page + 1) % 5 * 100;
            assert_eq!(read(&damaged, 0, &sample.spec, other..other + 100), values[other..other + 100]);
        }
    }
}

#[test]
fn each_encoding_is_chosen_somewhere() {
    let mut seen = BTreeSet::new();
    for seed in 1..40 {
        let samples = sample::columns(&mut Random(seed), 2000);
        let file = table(&samples, 2000, 500);
        let reader = SerializedFileReader::new(Bytes::from(file)).expect("opened");
        for column in reader.metadata().row_group(0).columns() {
            seen.extend(column.encodings().map(|encoding| format!("{encoding:?}")));
        }
    }
    let all = [
        Encoding::PLAIN,
        Encoding::RLE,
        Encoding::RLE_DICTIONARY,
        Encoding::DELTA_BINARY_PACKED,
        Encoding::DELTA_LENGTH_BYTE_ARRAY,
        Encoding::BYTE_STREAM_SPLIT,
    ];
    assert_eq!(seen, all.iter().map(|encoding| format!("{encoding:?}")).collect());
}
