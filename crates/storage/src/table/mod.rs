//! Tables: flat Parquet files of typed columns, written from and read into the column forms below.
//!
//! The encodings are ours (dictionary ids are known when a table is written, so nothing is hashed again), the container is
//! plain Parquet: page headers, footers, column and offset indexes, bloom filters. Any Parquet reader can read the files, see
//! `docs/formats/table.md`. Our reader reads what our writer writes and refuses the rest.

mod bloom;
mod compress;
mod decode;
mod delta;
mod encode;
mod fixed;
mod frames;
mod header;
mod index;
mod indexes;
mod layout;
mod numbers;
mod page;
mod raw;
pub(crate) mod reader;
mod rle;
mod schema;
mod search;
mod thrift;
pub(crate) mod writer;

#[cfg(test)]
mod tests;

/// Id of a row without a value in [`ColumnData::Dict`].
pub(crate) const NULL_ID: u32 = u32::MAX;

/// Distinct byte strings with ids in order of arrival.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dict {
    /// End of each entry in `bytes`.
    pub ends: Vec<u32>,
    /// The entries, one behind the other.
    pub bytes: Vec<u8>,
}

impl Dict {
    /// Number of entries.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Entry `id`.
    #[inline]
    pub(crate) fn get(&self, id: u32) -> &[u8] {
        let id = id as usize;
        let start = if id == 0 { 0 } else { self.ends[id - 1] as usize };
        &self.bytes[start..self.ends[id] as usize]
    }

    /// Adds an entry and returns its id; does not look whether it is there already.
    pub(crate) fn push(&mut self, entry: &[u8]) -> u32 {
        self.bytes.extend_from_slice(entry);
        self.ends.push(self.bytes.len() as u32);
        (self.ends.len() - 1) as u32
    }
}

/// Logical type of a column, and with it the Parquet type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnType {
    /// BYTE_ARRAY, String.
    Utf8,
    /// BYTE_ARRAY, JSON.
    Json,
    /// BYTE_ARRAY.
    Binary,
    /// FIXED_LEN_BYTE_ARRAY of this many bytes.
    Fixed(usize),
    /// INT64.
    Int64,
    /// INT32.
    Int32,
    /// INT64, Timestamp(NANOS, UTC).
    TimestampNanos,
    /// INT64, Timestamp(MILLIS, UTC).
    TimestampMillis,
    /// DOUBLE.
    Double,
    /// BOOLEAN.
    Bool,
}

impl ColumnType {
    /// True of types whose values have a length of their own.
    fn is_string(self) -> bool {
        matches!(self, Self::Utf8 | Self::Json | Self::Binary)
    }

    /// Bytes of a number as stored.
    fn number_bytes(self) -> usize {
        if self == Self::Int32 { 4 } else { 8 }
    }
}

/// A column of a table.
#[derive(Clone, Debug)]
pub(crate) struct ColumnSpec {
    /// Name; may contain dots, it is one flat column.
    pub name: String,
    /// Type.
    pub column_type: ColumnType,
    /// True when rows may be null.
    pub optional: bool,
    /// Writes a bloom filter per row group (ids that are looked up).
    pub bloom: bool,
    /// Writes min and max per page; off for columns nobody prunes by.
    pub page_index: bool,
}

/// The rows of one column in one row group, borrowed for writing. All have as many rows as the group.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ColumnData<'a> {
    /// Ids into a dictionary of which entries may be unused; [`NULL_ID`] is null. For Utf8, Json, Binary and Fixed.
    Dict {
        /// One id a row.
        ids: &'a [u32],
        /// The entries.
        dict: &'a Dict,
    },
    /// Fixed(N): rows of N bytes each, one behind the other; in an optional column all zeros is null.
    Fixed(&'a [u8]),
    /// Int64, Int32, timestamps: one number a row. `present` is empty or says for each row whether it has a value.
    Int {
        /// The numbers; what stands at an absent row does not matter.
        values: &'a [i64],
        /// Presence.
        present: &'a [bool],
    },
    /// Double.
    Double {
        /// The numbers.
        values: &'a [f64],
        /// Presence.
        present: &'a [bool],
    },
    /// Bool.
    Bool {
        /// The flags.
        values: &'a [bool],
        /// Presence.
        present: &'a [bool],
    },
}

/// The rows of one column as read.
#[derive(Clone, Debug)]
pub(crate) enum Column {
    /// See [`ColumnData::Dict`].
    Dict {
        /// One id a row, [`NULL_ID`] for null.
        ids: Vec<u32>,
        /// The entries; may hold entries that no row uses.
        dict: Dict,
    },
    /// See [`ColumnData::Fixed`].
    Fixed(Vec<u8>),
    /// See [`ColumnData::Int`].
    Int {
        /// The numbers.
        values: Vec<i64>,
        /// Empty when all rows have a value.
        present: Vec<bool>,
    },
    /// See [`ColumnData::Double`].
    Double {
        /// The numbers.
        values: Vec<f64>,
        /// Empty when all rows have a value.
        present: Vec<bool>,
    },
    /// See [`ColumnData::Bool`].
    Bool {
        /// The flags.
        values: Vec<bool>,
        /// Empty when all rows have a value.
        present: Vec<bool>,
    },
}
