//! Columns of a Parquet file back into [`AttributeColumns`]: the reverse of [`super::layout`].

use model::Value;
use protowire::Writer;

use super::layout::{OWN_PREFIX, REST_COLUMN};
use super::{AttributeColumn, AttributeColumns, AttributesBuilder, Scalar, ValueKind, Values, json, value};
use crate::table::{Column, ColumnSpec, ColumnType, Dict, NULL_ID};

/// Key and kind of a table column, `None` when it is no `attr.` column.
pub(crate) fn own_key(spec: &ColumnSpec) -> Option<(&str, ValueKind)> {
    let name = spec.name.strip_prefix(OWN_PREFIX)?;
    let kind = match spec.column_type {
        ColumnType::Utf8 => ValueKind::Str,
        ColumnType::Int64 => ValueKind::Int,
        ColumnType::Double => ValueKind::Double,
        ColumnType::Bool => ValueKind::Bool,
        _ => ValueKind::Any,
    };
    let key = name.strip_suffix(kind.suffix()).and_then(|name| name.strip_suffix('#')).unwrap_or(name);
    Some((key, kind))
}

/// True when a table column holds attributes.
pub(crate) fn is_attribute(spec: &ColumnSpec) -> bool {
    spec.name == REST_COLUMN || spec.name.starts_with(OWN_PREFIX)
}

impl AttributeColumns {
    /// The attributes in table columns that were read for the same rows; other columns must not be among them.
    pub(crate) fn from_table<'a>(columns: impl IntoIterator<Item = (&'a ColumnSpec, Column)>) -> Self {
        let mut done = Self::default();
        let mut rest = Self::default();
        for (spec, column) in columns {
            match (own_key(spec), column) {
                (Some((key, kind)), column) => done.columns.extend(restore_column(key, kind, column)),
                (None, Column::Dict { ids, dict }) => rest = restore_rest(&ids, &dict),
                (None, _) => {}
            }
        }
        done.columns.append(&mut rest.columns);
        done.spill = rest.spill;
        done
    }
}

fn restore_column(key: &str, kind: ValueKind, column: Column) -> Option<AttributeColumn> {
    let (rows, values) = match column {
        Column::Dict { ids, dict } => {
            let rows = (0..ids.len() as u32).filter(|&row| ids[row as usize] != NULL_ID).collect();
            let ids: Vec<u32> = ids.into_iter().filter(|&id| id != NULL_ID).collect();
            (rows, if kind == ValueKind::Str { Values::Str { ids, dict } } else { restore_any(ids, &dict) })
        }
        Column::Int { values, present } => {
            let (rows, values) = keep_present(values, &present);
            (rows, Values::Int(values))
        }
        Column::Double { values, present } => {
            let (rows, values) = keep_present(values, &present);
            (rows, Values::Double(values))
        }
        Column::Bool { values, present } => {
            let (rows, values) = keep_present(values, &present);
            (rows, Values::Bool(values))
        }
        Column::Fixed(_) => return None,
    };
    (!rows.is_empty()).then(|| AttributeColumn { key: key.into(), rows, values })
}

fn keep_present<T>(values: Vec<T>, present: &[bool]) -> (Vec<u32>, Vec<T>) {
    if present.is_empty() {
        return ((0..values.len() as u32).collect(), values);
    }
    let rows = (0..values.len() as u32).filter(|&row| present[row as usize]).collect();
    (rows, values.into_iter().zip(present).filter(|(_, present)| **present).map(|(value, _)| value).collect())
}

/// JSON texts back to `AnyValue` messages. Only entries in use are parsed: a dictionary is the whole row group's.
fn restore_any(mut ids: Vec<u32>, from: &Dict) -> Values {
    let mut dict = Dict::default();
    let mut remap = vec![NULL_ID; from.len()];
    for id in &mut ids {
        let new = &mut remap[*id as usize];
        if *new == NULL_ID {
            let parsed = serde_json::from_slice(from.get(*id)).ok().and_then(json::parse_value);
            *new = dict.push(&encode(&parsed.unwrap_or_default()));
        }
        *id = *new;
    }
    Values::Any { ids, dict }
}

fn encode(value: &Value) -> Vec<u8> {
    let mut writer = Writer::new();
    value::encode_value(value, &mut writer);
    writer.into_bytes()
}

fn restore_rest(ids: &[u32], dict: &Dict) -> AttributeColumns {
    let mut builder = AttributesBuilder::default();
    for (row, &id) in ids.iter().enumerate() {
        if id == NULL_ID {
            continue;
        }
        builder.skip_to(row as u32);
        for pair in json::parse_object(dict.get(id)).unwrap_or_default() {
            match &pair.value {
                Value::Str(text) => builder.push_scalar(&pair.key, Scalar::Str(text.as_bytes())),
                Value::Int(number) => builder.push_scalar(&pair.key, Scalar::Int(*number)),
                Value::Double(number) => builder.push_scalar(&pair.key, Scalar::Double(*number)),
                Value::Bool(flag) => builder.push_scalar(&pair.key, Scalar::Bool(*flag)),
                other => builder.push_scalar(&pair.key, Scalar::Any(&encode(other))),
            }
        }
        builder.finish_row();
    }
    builder.finish()
}
