//! Random columns of every type and shape, and their values in one comparable form.

use crate::table::{Column, ColumnData, ColumnSpec, ColumnType, Dict, NULL_ID};

/// xorshift64*: the tests need spread, not quality.
pub(super) struct Random(pub u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 11) % end.max(1)
    }
}

/// A column that owns its rows.
pub(super) struct Sample {
    pub spec: ColumnSpec,
    pub data: Data,
}

pub(super) enum Data {
    Dict { ids: Vec<u32>, dict: Dict },
    Fixed(Vec<u8>),
    Int { values: Vec<i64>, present: Vec<bool> },
    Double { values: Vec<f64>, present: Vec<bool> },
    Bool { values: Vec<bool>, present: Vec<bool> },
}

/// A value in the form in which the column stores it; `None` is null.
pub(super) type Value = Option<Vec<u8>>;

impl Sample {
    pub(super) fn borrow(&self) -> ColumnData<'_> {
        match &self.data {
            Data::Dict { ids, dict } => ColumnData::Dict { ids, dict },
            Data::Fixed(bytes) => ColumnData::Fixed(bytes),
            Data::Int { values, present } => ColumnData::Int { values, present },
            Data::Double { values, present } => ColumnData::Double { values, present },
            Data::Bool { values, present } => ColumnData::Bool { values, present },
        }
    }

    pub(super) fn values(&self) -> Vec<Value> {
        let column = match &self.data {
            Data::Dict { ids, dict } => Column::Dict { ids: ids.clone(), dict: dict.clone() },
            Data::Fixed(bytes) => Column::Fixed(bytes.clone()),
            Data::Int { values, present } => Column::Int { values: values.clone(), present: present.clone() },
            Data::Double { values, present } => Column::Double { values: values.clone(), present: present.clone() },
            Data::Bool { values, present } => Column::Bool { values: values.clone(), present: present.clone() },
        };
        values(&column, &self.spec)
    }
}

/// The rows of a column, comparable.
pub(super) fn values(column: &Column, spec: &ColumnSpec) -> Vec<Value> {
    fn zip<T: Copy>(values: &[T], present: &[bool], bytes: impl Fn(T) -> Vec<u8>) -> Vec<Value> {
        assert!(present.is_empty() || present.len() == values.len());
        let present = |row| present.get(row).copied().unwrap_or(true);
        values.iter().enumerate().map(|(row, &value)| present(row).then(|| bytes(value))).collect()
    }
    match column {
        Column::Dict { ids, dict } => ids.iter().map(|&id| (id != NULL_ID).then(|| dict.get(id).to_vec())).collect(),
        Column::Fixed(bytes) => {
            let ColumnType::Fixed(width) = spec.column_type else { panic!("wrong form") };
            let null = |value: &[u8]| spec.optional && value.iter().all(|&byte| byte == 0);
            bytes.chunks(width).map(|value| (!null(value)).then(|| value.to_vec())).collect()
        }
        Column::Int { values, present } => {
            zip(values, present, |value| value.to_le_bytes()[..spec.column_type.number_bytes()].to_vec())
        }
        Column::Double { values, present } => zip(values, present, |value| value.to_bits().to_le_bytes().to_vec()),
        Column::Bool { values, present } => zip(values, present, |value| vec![u8::from(value)]),
    }
}

const TYPES: [ColumnType; 11] = [
    ColumnType::Utf8,
    ColumnType::Json,
    ColumnType::Binary,
    ColumnType::Fixed(16),
    ColumnType::Fixed(8),
    ColumnType::Fixed(5),
    ColumnType::Int64,
    ColumnType::Int32,
    ColumnType::TimestampNanos,
    ColumnType::Double,
    ColumnType::Bool,
];

/// A column of each type, optional and not, in shapes that vary with the seed.
pub(super) fn columns(random: &mut Random, rows: usize) -> Vec<Sample> {
    let mut samples = Vec::new();
    for (index, &column_type) in TYPES.iter().enumerate() {
        for optional in [false, true] {
            let name = format!("c{index}.{optional}");
            let bloom = random.below(2) == 0 && column_type != ColumnType::Bool && column_type != ColumnType::Double;
            let page_index = random.below(2) == 0;
            let spec = ColumnSpec { name, column_type, optional, bloom, page_index };
            let data = data(random, rows, column_type, optional);
            samples.push(Sample { spec, data });
        }
    }
    samples
}

/// Numbers in one of six shapes: constant, few, rising, rising by jitter, repeating, any.
fn numbers(random: &mut Random, rows: usize) -> Vec<u64> {
    let (shape, start, few) = (random.below(6), random.next(), 1 + random.below(40));
    let mut value = start;
    (0..rows)
        .map(|row| match shape {
            0 => start,
            1 => random.below(few),
            2 => start.wrapping_add(row as u64 * 15_000),
            3 => {
                value = value.wrapping_add(random.below(1000));
                value
            }
            4 => (row as u64 % 37).wrapping_mul(start),
            _ => random.next(),
        })
        .collect()
}

fn present(random: &mut Random, rows: usize, optional: bool) -> Vec<bool> {
    if !optional {
        return Vec::new();
    }
    match random.below(4) {
        0 => Vec::new(),
        1 => vec![false; rows],
        2 => (0..rows).map(|row| row / 50 % 2 == 0).collect(),
        _ => (0..rows).map(|_| random.below(3) > 0).collect(),
    }
}

fn data(random: &mut Random, rows: usize, column_type: ColumnType, optional: bool) -> Data {
    let numbers = numbers(random, rows);
    let present = present(random, rows, optional);
    let absent = |row: usize| !present.is_empty() && !present[row];
    match column_type {
        ColumnType::Utf8 | ColumnType::Json | ColumnType::Binary => {
            let mut dict = Dict::default();
            dict.push(b"\"never used\"");
            let mut slots = std::collections::HashMap::new();
            let ids = numbers.iter().enumerate().map(|(row, number)| {
                // Empty is not JSON, and DuckDB refuses to read a column that says it is.
                let entry = if number % 11 == 0 && column_type != ColumnType::Json {
                    String::new()
                } else {
                    format!("\"entry {number}\"")
                };
                let id = *slots.entry(entry.clone()).or_insert_with(|| dict.push(entry.as_bytes()));
                if absent(row) { NULL_ID } else { id }
            });
            Data::Dict { ids: ids.collect(), dict }
        }
        ColumnType::Fixed(width) => {
            let bytes = numbers.iter().enumerate().flat_map(|(row, number)| {
                let mut value: Vec<u8> = number.to_be_bytes().into_iter().cycle().take(width).collect();
                value[width - 1] |= 1;
                if absent(row) {
                    value.fill(0);
                }
                value
            });
            Data::Fixed(bytes.collect())
        }
        ColumnType::Int32 => Data::Int { values: numbers.iter().map(|&n| i64::from(n as i32)).collect(), present },
        ColumnType::Double => {
            let scale = |&number: &u64| if number % 13 == 0 { f64::NAN } else { number as f64 / 8.0 };
            Data::Double { values: numbers.iter().map(scale).collect(), present }
        }
        ColumnType::Bool => Data::Bool { values: numbers.iter().map(|number| number % 2 == 0).collect(), present },
        _ => Data::Int { values: numbers.iter().map(|&number| number as i64).collect(), present },
    }
}
