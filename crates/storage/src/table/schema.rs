//! Columns as Parquet's schema tells them.

use store_api::StoreError;

use super::thrift::{TYPE_BINARY, TYPE_I32, TYPE_STRUCT, ThriftReader, ThriftWriter, damaged};
use super::{ColumnSpec, ColumnType};

/// Number of the physical type.
pub(super) fn physical(column_type: ColumnType) -> i32 {
    match column_type {
        ColumnType::Bool => 0,
        ColumnType::Int32 => 1,
        ColumnType::Int64 | ColumnType::TimestampNanos | ColumnType::TimestampMillis => 2,
        ColumnType::Double => 5,
        ColumnType::Utf8 | ColumnType::Json | ColumnType::Binary => 6,
        ColumnType::Fixed(_) => 7,
    }
}

/// An empty structure inside a union: the way Parquet writes an enumeration with room to grow.
pub(super) fn put_unit(writer: &mut ThriftWriter<'_>, id: i16) {
    writer.begin(id);
    writer.end();
}

/// Writes the schema element of a column.
pub(super) fn put_schema_element(writer: &mut ThriftWriter<'_>, spec: &ColumnSpec) {
    writer.item_begin();
    writer.i32(1, physical(spec.column_type));
    if let ColumnType::Fixed(width) = spec.column_type {
        writer.i32(2, width as i32);
    }
    writer.i32(3, i32::from(spec.optional));
    writer.binary(4, spec.name.as_bytes());
    // Field 6 is the older form of field 10, for readers that know only that; nanoseconds have none.
    match spec.column_type {
        ColumnType::Utf8 => writer.i32(6, 0),
        ColumnType::TimestampMillis => writer.i32(6, 9),
        ColumnType::Json => writer.i32(6, 19),
        _ => {}
    }
    let logical = match spec.column_type {
        ColumnType::Utf8 => 1,
        ColumnType::TimestampNanos | ColumnType::TimestampMillis => 8,
        ColumnType::Json => 12,
        _ => 0,
    };
    if logical != 0 {
        writer.begin(10);
        writer.begin(logical);
        if logical == 8 {
            writer.bool(1, true);
            writer.begin(2);
            put_unit(writer, if spec.column_type == ColumnType::TimestampNanos { 3 } else { 1 });
            writer.end();
        }
        writer.end();
        writer.end();
    }
    writer.end();
}

/// An element of the schema, of the kind that we know.
#[derive(Default)]
pub(super) struct SchemaElement {
    physical: Option<i64>,
    width: u64,
    repetition: i64,
    name: String,
    children: u64,
    logical: i16,
    unit: i16,
}

impl SchemaElement {
    pub(super) fn decode(reader: &mut ThriftReader<'_>) -> Result<Self, StoreError> {
        let mut element = Self::default();
        reader.fields(|reader, id, field_type| {
            match (id, field_type) {
                (1, TYPE_I32) => element.physical = Some(reader.int()?),
                (2, TYPE_I32) => element.width = reader.size()?,
                (3, TYPE_I32) => element.repetition = reader.int()?,
                (4, TYPE_BINARY) => element.name = reader.string()?,
                (5, TYPE_I32) => element.children = reader.size()?,
                (10, TYPE_STRUCT) => reader.fields(|reader, id, field_type| {
                    element.logical = id;
                    if (id, field_type) != (8, TYPE_STRUCT) {
                        return reader.skip(field_type);
                    }
                    reader.fields(|reader, id, field_type| {
                        if (id, field_type) != (2, TYPE_STRUCT) {
                            return reader.skip(field_type);
                        }
                        reader.fields(|reader, id, field_type| {
                            element.unit = id;
                            reader.skip(field_type)
                        })
                    })
                })?,
                _ => reader.skip(field_type)?,
            }
            Ok(())
        })?;
        Ok(element)
    }

    fn column_type(&self) -> Option<ColumnType> {
        Some(match (self.physical?, self.logical, self.unit) {
            (0, 0, _) => ColumnType::Bool,
            (1, 0, _) => ColumnType::Int32,
            (2, 0, _) => ColumnType::Int64,
            (2, 8, 1) => ColumnType::TimestampMillis,
            (2, 8, 3) => ColumnType::TimestampNanos,
            (5, 0, _) => ColumnType::Double,
            (6, 0, _) => ColumnType::Binary,
            (6, 1, _) => ColumnType::Utf8,
            (6, 12, _) => ColumnType::Json,
            // Wider than any id; keeps products of rows and width far from overflow.
            (7, 0, _) if (1..=1 << 16).contains(&self.width) => ColumnType::Fixed(self.width as usize),
            _ => return None,
        })
    }
}

/// The columns of a flat schema.
pub(super) fn specs(elements: &[SchemaElement]) -> Result<Vec<ColumnSpec>, StoreError> {
    let (root, columns) = elements.split_first().ok_or_else(|| damaged("no schema"))?;
    if root.children != columns.len() as u64 {
        return Err(damaged("the schema is not flat"));
    }
    columns
        .iter()
        .map(|element| {
            let name = &element.name;
            let column_type = element
                .column_type()
                .filter(|_| element.children == 0 && matches!(element.repetition, 0 | 1))
                .ok_or_else(|| damaged(&format!("column {name} has a type that is not ours")))?;
            let optional = element.repetition == 1;
            Ok(ColumnSpec { name: name.clone(), column_type, optional, bloom: false, page_index: false })
        })
        .collect()
}
