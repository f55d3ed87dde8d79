//! Round trips of whole tables.

use std::sync::Arc;

use bytes::Bytes;
use store_api::StoreError;

use super::reader::TableReader;
use super::writer::{TableSettings, TableWriter};
use super::{Column, ColumnData, ColumnSpec, ColumnType, Dict, NULL_ID};
use crate::engine::block::ReadAt;

mod bench;
mod random;
mod sample;

struct Memory(Bytes);

impl ReadAt for Memory {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, length: usize) -> Result<Bytes, StoreError> {
        let end = (offset as usize).checked_add(length).filter(|&end| end <= self.0.len());
        let end = end.ok_or_else(|| StoreError::Corrupt("read past the end".into()))?;
        Ok(self.0.slice(offset as usize..end))
    }
}

fn open(file: Vec<u8>) -> Result<TableReader, StoreError> {
    TableReader::open(Arc::new(Memory(file.into())))
}

fn write(specs: Vec<ColumnSpec>, page_rows: usize, groups: impl FnOnce(&mut TableWriter<&mut Vec<u8>>)) -> Vec<u8> {
    let mut file = Vec::new();
    let settings = TableSettings { page_rows, ..TableSettings::default() };
    let mut writer = TableWriter::with_settings(&mut file, specs, settings).expect("started");
    groups(&mut writer);
    let size = writer.finish(&[("k".into(), "v".into())]).expect("finished");
    assert_eq!(size, file.len() as u64);
    file
}

fn spec(name: &str, column_type: ColumnType, optional: bool) -> ColumnSpec {
    ColumnSpec { name: name.into(), column_type, optional, bloom: false, page_index: false }
}

#[test]
fn all_types_come_back() {
    let mut dict = Dict::default();
    for entry in ["unused", "a", "b", "c"] {
        dict.push(entry.as_bytes());
    }
    let rows = 100;
    let ids: Vec<u32> = (0..rows).map(|row| if row % 7 == 0 { NULL_ID } else { 1 + row % 3 }).collect();
    let fixed: Vec<u8> = (0..rows).flat_map(|row| (row / 9 + 1).to_be_bytes()).collect();
    let ints: Vec<i64> = (0..i64::from(rows)).map(|row| row * 1000).collect();
    let present: Vec<bool> = (0..rows).map(|row| row % 3 > 0).collect();
    let doubles: Vec<f64> = (0..rows).map(|row| f64::from(row) / 3.0).collect();
    let specs = vec![
        spec("s.x", ColumnType::Utf8, true),
        ColumnSpec { bloom: true, page_index: true, ..spec("id", ColumnType::Fixed(4), false) },
        ColumnSpec { page_index: true, ..spec("t", ColumnType::TimestampNanos, false) },
        spec("n", ColumnType::Int32, true),
        spec("d", ColumnType::Double, true),
        spec("f", ColumnType::Bool, true),
    ];
    let columns = [
        ColumnData::Dict { ids: &ids, dict: &dict },
        ColumnData::Fixed(&fixed),
        ColumnData::Int { values: &ints, present: &[] },
        ColumnData::Int { values: &ints, present: &present },
        ColumnData::Double { values: &doubles, present: &present },
        ColumnData::Bool { values: &present, present: &[] },
    ];
    let file = write(specs, 16, |writer| writer.write_row_group(rows as usize, &columns).expect("written"));
    let table = open(file).expect("opened");
    assert_eq!(table.rows(), 100);
    for range in [0..100, 0..0, 5..6, 15..33, 99..100] {
        let Column::Dict { ids: got, dict: entries } = table.read(0, "s.x", range.clone()).expect("read") else {
            panic!("wrong form");
        };
        let text = |id: u32, dict: &Dict| (id != NULL_ID).then(|| dict.get(id).to_vec());
        let got: Vec<_> = got.iter().map(|&id| text(id, &entries)).collect();
        let want: Vec<_> = ids[range.clone()].iter().map(|&id| text(id, &dict)).collect();
        assert_eq!(got, want);
        let Column::Fixed(got) = table.read(0, "id", range.clone()).expect("read") else { panic!("wrong form") };
        assert_eq!(got, fixed[range.start * 4..range.end * 4]);
        let Column::Int { values, .. } = table.read(0, "t", range.clone()).expect("read") else { panic!("wrong form") };
        assert_eq!(values, ints[range.clone()]);
    }
    assert!(table.might_contain(0, "id", &1u32.to_be_bytes()).expect("looked up"));
    assert_eq!(table.rows_maybe_equal(0, "id", &1u32.to_be_bytes()).expect("pruned"), 0..16);
    assert_eq!(table.rows_maybe_between(0, "t", 40_000, 40_000).expect("pruned"), 32..48);
    assert_eq!(table.int_min_max(0, "t").expect("bounds"), Some((0, 99_000)));
}

#[test]
fn a_large_dictionary_is_read_in_parts() {
    // 20,000 entries of over 40 bytes are some 25 frames; each stands twice, far from each other.
    let rows = 40_000u32;
    let mut dict = Dict::default();
    (0..rows / 2).for_each(|entry| {
        dict.push(format!("/v1/tenants/{}/documents/{entry:08}/parts", entry % 97).as_bytes());
    });
    let ids: Vec<u32> = (0..rows)
        .map(|row| if row % 11 == 3 { NULL_ID } else { row.wrapping_mul(2_654_435_761) % (rows / 2) })
        .collect();
    let columns = [ColumnData::Dict { ids: &ids, dict: &dict }];
    let specs = || vec![spec("path", ColumnType::Utf8, true)];
    let file = write(specs(), 8192, |writer| writer.write_row_group(rows as usize, &columns).expect("written"));
    let table = open(file.clone()).expect("opened");
    let text = |id: u32, dict: &Dict| (id != NULL_ID).then(|| dict.get(id).to_vec());
    for range in [0..3usize, 39_990..40_000, 8_190..8_195, 12_345..12_409, 100..900, 8_000..30_000, 0..40_000] {
        let Column::Dict { ids: got, dict: entries } = table.read(0, "path", range.clone()).expect("read") else {
            panic!("wrong form");
        };
        let got: Vec<_> = got.iter().map(|&id| text(id, &entries)).collect();
        let want: Vec<_> = ids[range.clone()].iter().map(|&id| text(id, &dict)).collect();
        assert_eq!(got, want, "{range:?}");
    }
    assert_eq!(table.dictionary(0, "path").expect("read").expect("a dictionary").len(), {
        let used: std::collections::BTreeSet<u32> = ids.iter().copied().filter(|&id| id != NULL_ID).collect();
        used.len()
    });
    // To others it is one page.
    let reader = parquet::file::reader::SerializedFileReader::new(Bytes::from(file)).expect("opened");
    let texts = parquet::file::reader::FileReader::get_row_iter(&reader, None).expect("rows").map(|row| {
        let row = row.expect("a row");
        parquet::record::RowAccessor::get_string(&row, 0).ok().map(|text| text.clone().into_bytes())
    });
    assert!(texts.eq(ids.iter().map(|&id| text(id, &dict))));
}
