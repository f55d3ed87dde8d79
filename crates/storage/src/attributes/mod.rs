//! Attributes of many rows in columns: one sparse column per key and kind of value.
//!
//! Spans, events, links and log records all keep their attributes in [`AttributeColumns`], in memory and when read back from
//! a block. Types are exact; the order of one row's attributes is not kept (OTLP gives it no meaning), and where a sender
//! repeats a key the last value wins.
//!
//! | file | owns |
//! |---|---|
//! | `mod.rs` | the columns and reading rows of them |
//! | [`builder`] | [`AttributesBuilder`]: rows in, columns out |
//! | [`interner`] | [`Interner`]: byte strings to ids of a [`Dict`] |
//! | [`concat`] | several batches' columns one behind the other |
//! | [`layout`] | which keys get a Parquet column of their own, and the dense columns to write |
//! | [`restore`] | columns of a Parquet file back into [`AttributeColumns`] |
//! | [`value`] | `AnyValue` bytes to [`Value`] and back |
//! | [`json`] | lossless JSON of values, for `attributes_rest` and for values that are lists |

pub(crate) mod builder;
pub(crate) mod concat;
pub(crate) mod interner;
pub(crate) mod json;
pub(crate) mod layout;
pub(crate) mod restore;
#[cfg(test)]
mod tests;
pub(crate) mod value;

pub(crate) use builder::AttributesBuilder;
pub(crate) use layout::{AttributeInput, AttributeLayout};

use model::{KeyValue, Value};

use crate::table::Dict;

/// Kind of the values of one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ValueKind {
    /// Text.
    Str,
    /// Integers.
    Int,
    /// Doubles.
    Double,
    /// Booleans.
    Bool,
    /// Everything else (arrays, lists, bytes, empty) as the bytes of an `AnyValue` message.
    Any,
}

impl ValueKind {
    /// How many there are.
    pub(crate) const COUNT: usize = 5;

    /// Suffix of a table column that holds a key's second kind.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Str => "str",
            Self::Int => "int",
            Self::Double => "double",
            Self::Bool => "bool",
            Self::Any => "any",
        }
    }
}

/// The values of one column, one per entry of [`AttributeColumn::rows`].
#[derive(Clone, Debug)]
pub(crate) enum Values {
    /// Text by id.
    Str {
        /// Ids into `dict`.
        ids: Vec<u32>,
        /// The distinct texts; UTF-8.
        dict: Dict,
    },
    /// Integers.
    Int(Vec<i64>),
    /// Doubles.
    Double(Vec<f64>),
    /// Booleans.
    Bool(Vec<bool>),
    /// `AnyValue` messages by id.
    Any {
        /// Ids into `dict`.
        ids: Vec<u32>,
        /// The distinct messages.
        dict: Dict,
    },
}

/// One value, borrowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scalar<'a> {
    /// Text; UTF-8.
    Str(&'a [u8]),
    /// Integer.
    Int(i64),
    /// Double.
    Double(f64),
    /// Boolean.
    Bool(bool),
    /// Bytes of an `AnyValue` message.
    Any(&'a [u8]),
}

/// The values that one key has on some rows.
#[derive(Clone, Debug)]
pub(crate) struct AttributeColumn {
    /// The key.
    pub key: Box<str>,
    /// Rows that have it, rising, each once.
    pub rows: Vec<u32>,
    /// Their values.
    pub values: Values,
}

/// Attributes whose keys got no column, because a batch has more distinct keys than [`builder::KEYS_MAX`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Spill {
    /// Rows, rising; a row may stand here several times.
    pub rows: Vec<u32>,
    /// A `KeyValue` message each; not deduplicated.
    pub entries: Dict,
}

/// The attributes of a batch's rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct AttributeColumns {
    /// Columns in order of first use. Two may have the same key, but never the same row as well.
    pub columns: Vec<AttributeColumn>,
    /// What did not fit into columns.
    pub spill: Spill,
}

impl Values {
    /// No values of `kind` yet.
    pub(crate) fn new(kind: ValueKind) -> Self {
        match kind {
            ValueKind::Str => Self::Str { ids: Vec::new(), dict: Dict::default() },
            ValueKind::Int => Self::Int(Vec::new()),
            ValueKind::Double => Self::Double(Vec::new()),
            ValueKind::Bool => Self::Bool(Vec::new()),
            ValueKind::Any => Self::Any { ids: Vec::new(), dict: Dict::default() },
        }
    }

    /// Kind of the values.
    pub(crate) fn kind(&self) -> ValueKind {
        match self {
            Self::Str { .. } => ValueKind::Str,
            Self::Int(_) => ValueKind::Int,
            Self::Double(_) => ValueKind::Double,
            Self::Bool(_) => ValueKind::Bool,
            Self::Any { .. } => ValueKind::Any,
        }
    }

    /// Value number `at`.
    pub(crate) fn get(&self, at: usize) -> Scalar<'_> {
        match self {
            Self::Str { ids, dict } => Scalar::Str(dict.get(ids[at])),
            Self::Int(values) => Scalar::Int(values[at]),
            Self::Double(values) => Scalar::Double(values[at]),
            Self::Bool(values) => Scalar::Bool(values[at]),
            Self::Any { ids, dict } => Scalar::Any(dict.get(ids[at])),
        }
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Self::Str { ids, dict } | Self::Any { ids, dict } => ids.capacity() * 4 + dict_bytes(dict),
            Self::Int(values) => values.capacity() * 8,
            Self::Double(values) => values.capacity() * 8,
            Self::Bool(values) => values.capacity(),
        }
    }

    fn shrink(&mut self) {
        match self {
            Self::Str { ids, dict } | Self::Any { ids, dict } => {
                ids.shrink_to_fit();
                shrink_dict(dict);
            }
            Self::Int(values) => values.shrink_to_fit(),
            Self::Double(values) => values.shrink_to_fit(),
            Self::Bool(values) => values.shrink_to_fit(),
        }
    }
}

/// Memory of a dictionary.
pub(crate) fn dict_bytes(dict: &Dict) -> usize {
    dict.ends.capacity() * 4 + dict.bytes.capacity()
}

/// Gives back what a dictionary does not use.
pub(crate) fn shrink_dict(dict: &mut Dict) {
    dict.ends.shrink_to_fit();
    dict.bytes.shrink_to_fit();
}

impl AttributeColumn {
    /// The value on `row`, if it has one.
    pub(crate) fn at(&self, row: u32) -> Option<Scalar<'_>> {
        self.rows.binary_search(&row).ok().map(|at| self.values.get(at))
    }
}

impl AttributeColumns {
    /// All attributes of one row.
    pub(crate) fn row(&self, row: u32) -> Vec<KeyValue> {
        let own = self.columns.iter().filter_map(|column| {
            column.at(row).map(|scalar| KeyValue { key: column.key.to_string(), value: scalar.to_value() })
        });
        own.chain(self.spill.of(row)).collect()
    }

    /// Bytes of memory, capacity included.
    pub(crate) fn heap_bytes(&self) -> usize {
        let columns = self.columns.iter().map(|column| {
            size_of::<AttributeColumn>() + column.key.len() + column.rows.capacity() * 4 + column.values.heap_bytes()
        });
        columns.sum::<usize>() + self.spill.rows.capacity() * 4 + dict_bytes(&self.spill.entries)
    }

    /// Gives back memory that was taken for growth.
    pub(crate) fn shrink(&mut self) {
        for column in &mut self.columns {
            column.rows.shrink_to_fit();
            column.values.shrink();
        }
        self.columns.shrink_to_fit();
    }
}

impl Values {
    /// Shows each distinct value at least once; entries of a dictionary that no row uses may be among them.
    pub(crate) fn distinct(&self, mut show: impl FnMut(Scalar<'_>)) {
        match self {
            Self::Str { dict, .. } => (0..dict.len() as u32).for_each(|id| show(Scalar::Str(dict.get(id)))),
            Self::Any { dict, .. } => (0..dict.len() as u32).for_each(|id| show(Scalar::Any(dict.get(id)))),
            Self::Int(values) => values.chunk_by(|a, b| a == b).for_each(|run| show(Scalar::Int(run[0]))),
            Self::Double(values) => values.iter().for_each(|&number| show(Scalar::Double(number))),
            Self::Bool(values) => values.chunk_by(|a, b| a == b).for_each(|run| show(Scalar::Bool(run[0]))),
        }
    }
}

impl Spill {
    /// Row and attribute of each entry.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (u32, KeyValue)> + '_ {
        let entries = self.rows.iter().enumerate();
        entries.map(|(at, &row)| (row, value::decode_key_value(self.entries.get(at as u32))))
    }

    fn of(&self, row: u32) -> impl Iterator<Item = KeyValue> + '_ {
        let first = self.rows.partition_point(|&other| other < row);
        let found = self.rows[first..].iter().take_while(move |&&other| other == row).enumerate();
        found.map(move |(at, _)| value::decode_key_value(self.entries.get((first + at) as u32)))
    }
}

impl Scalar<'_> {
    /// Kind of the value.
    pub(crate) fn kind(&self) -> ValueKind {
        match self {
            Self::Str(_) => ValueKind::Str,
            Self::Int(_) => ValueKind::Int,
            Self::Double(_) => ValueKind::Double,
            Self::Bool(_) => ValueKind::Bool,
            Self::Any(_) => ValueKind::Any,
        }
    }

    /// As owned data.
    pub(crate) fn to_value(self) -> Value {
        match self {
            Self::Str(text) => Value::Str(value::text(text)),
            Self::Int(number) => Value::Int(number),
            Self::Double(number) => Value::Double(number),
            Self::Bool(flag) => Value::Bool(flag),
            Self::Any(message) => value::decode_any(message),
        }
    }
}
