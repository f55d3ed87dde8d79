//! From pages to columns.

use std::ops::Range;

use store_api::StoreError;

use super::header::encoding;
use super::page::{Levels, Strings};
use super::thrift::damaged;
use super::{Column, ColumnSpec, ColumnType, Dict, NULL_ID, delta, rle};

/// The dictionary of a chunk, as far as its rows need it.
pub(super) enum Entries<'a> {
    /// Values of fixed width.
    Values {
        /// Entries of the whole dictionary.
        count: u32,
        /// The entries from `first` on.
        body: &'a [u8],
        /// First entry in `body` (others were not read).
        first: u32,
    },
    /// Strings.
    Strings(Strings<'a>),
}

impl Entries<'_> {
    fn count(&self) -> u32 {
        match self {
            Self::Values { count, .. } => *count,
            Self::Strings(strings) => strings.entries,
        }
    }
}

fn foreign(spec: &ColumnSpec, encoding: u8) -> StoreError {
    damaged(&format!("column {} has encoding {encoding}, which is not ours", spec.name))
}

/// Takes pages one after the other and makes a column of the rows asked for.
pub(super) struct Decoder<'s> {
    spec: &'s ColumnSpec,
    /// Encoding of the pages so far.
    encoding: Option<u8>,
    /// Rows so far.
    rows: usize,
    /// Which rows have a value; empty while all have.
    present: Vec<bool>,
    /// Dictionary indexes or ids, one per row.
    ids: Vec<u32>,
    /// True when `ids` point into the chunk's dictionary, false when into `dict`.
    indexed: bool,
    dict: Dict,
    fixed: Vec<u8>,
    numbers: Vec<i64>,
    flags: Vec<bool>,
    dense: Vec<u32>,
    dense_numbers: Vec<i64>,
}

impl<'s> Decoder<'s> {
    pub(super) fn new(spec: &'s ColumnSpec) -> Self {
        Self {
            spec,
            encoding: None,
            rows: 0,
            present: Vec::new(),
            ids: Vec::new(),
            indexed: false,
            dict: Dict::default(),
            fixed: Vec::new(),
            numbers: Vec::new(),
            flags: Vec::new(),
            dense: Vec::new(),
            dense_numbers: Vec::new(),
        }
    }

    /// Adds rows `wanted` of a page of `rows` rows. Dictionary indexes are collected and resolved by [`Self::finish`].
    pub(super) fn page(
        &mut self,
        mut body: &[u8],
        encoding: u8,
        rows: usize,
        wanted: Range<usize>,
    ) -> Result<(), StoreError> {
        // A chunk has one encoding; the collections below rely on it.
        if *self.encoding.get_or_insert(encoding) != encoding {
            return Err(foreign(self.spec, encoding));
        }
        let levels = Levels::take(&mut body, rows, self.spec.optional)?;
        let values = levels.values();
        let (present, slice) = levels.slice(wanted.clone());
        if encoding == encoding::RLE_DICTIONARY {
            self.indexes(body, values, present, slice)?;
        } else if values == 0 {
            self.nulls(wanted.len());
        } else {
            match self.spec.column_type {
                ColumnType::Utf8 | ColumnType::Json | ColumnType::Binary => {
                    self.strings(body, encoding, values, present, slice)?;
                }
                ColumnType::Fixed(width) => self.plain_fixed(body, encoding, width, values, present, slice)?,
                ColumnType::Bool => self.bools(body, encoding, values, present, slice)?,
                _ => self.numbers(body, encoding, values, present, slice)?,
            }
        }
        if !present.is_empty() && self.present.is_empty() {
            self.present.resize(self.rows, true);
        }
        if !present.is_empty() || !self.present.is_empty() {
            let flags = present.iter().map(|&level| level == 1);
            self.present.extend(flags);
            self.present.resize(self.rows + wanted.len(), true);
        }
        self.rows += wanted.len();
        Ok(())
    }

    /// A page without any value.
    fn nulls(&mut self, rows: usize) {
        match self.spec.column_type {
            ColumnType::Utf8 | ColumnType::Json | ColumnType::Binary => self.ids.resize(self.ids.len() + rows, NULL_ID),
            ColumnType::Fixed(width) => self.fixed.resize(self.fixed.len() + rows * width, 0),
            ColumnType::Bool => self.flags.resize(self.flags.len() + rows, false),
            _ => self.numbers.resize(self.numbers.len() + rows, 0),
        }
    }

    fn indexes(&mut self, body: &[u8], values: usize, present: &[u32], slice: Range<usize>) -> Result<(), StoreError> {
        self.indexed = true;
        let (&width, packed) = body.split_first().ok_or_else(|| damaged("a page ends early"))?;
        self.dense.clear();
        rle::decode_range(packed, width.into(), values, slice, &mut self.dense)?;
        spread(&self.dense, present, NULL_ID, &mut self.ids);
        Ok(())
    }

    fn strings(
        &mut self,
        body: &[u8],
        encoding: u8,
        values: usize,
        present: &[u32],
        slice: Range<usize>,
    ) -> Result<(), StoreError> {
        if encoding != encoding::DELTA_LENGTH_BYTE_ARRAY {
            return Err(foreign(self.spec, encoding));
        }
        self.dense_numbers.clear();
        let bytes = delta::decode(body, values, true, &mut self.dense_numbers)?;
        if self.dense_numbers.iter().any(|&length| length < 0) {
            return Err(damaged("a string has a negative length"));
        }
        let total = |lengths: &[i64]| lengths.iter().sum::<i64>() as usize;
        let start = total(&self.dense_numbers[..slice.start]);
        let lengths = &self.dense_numbers[slice];
        let wanted = bytes.get(start..start + total(lengths)).ok_or_else(|| damaged("a page ends early"))?;
        if self.dict.bytes.len() + wanted.len() > u32::MAX as usize {
            return Err(StoreError::InvalidInput("more than 4 GiB of strings read at once".into()));
        }
        let first = self.dict.len() as u32;
        let mut end = self.dict.bytes.len() as u32;
        self.dict.bytes.extend_from_slice(wanted);
        for &length in lengths {
            end += length as u32;
            self.dict.ends.push(end);
        }
        let ids: Vec<u32> = (first..self.dict.len() as u32).collect();
        spread(&ids, present, NULL_ID, &mut self.ids);
        Ok(())
    }

    fn plain_fixed(
        &mut self,
        body: &[u8],
        encoding: u8,
        width: usize,
        values: usize,
        present: &[u32],
        slice: Range<usize>,
    ) -> Result<(), StoreError> {
        if encoding != encoding::PLAIN || body.len() != values * width {
            return Err(foreign(self.spec, encoding));
        }
        let bytes = &body[slice.start * width..slice.end * width];
        if present.is_empty() {
            self.fixed.extend_from_slice(bytes);
            return Ok(());
        }
        let start = self.fixed.len();
        self.fixed.resize(start + present.len() * width, 0);
        let places = self.fixed[start..].chunks_exact_mut(width).zip(present);
        let places = places.filter(|(_, level)| **level == 1).map(|(place, _)| place);
        places.zip(bytes.chunks_exact(width)).for_each(|(place, value)| place.copy_from_slice(value));
        Ok(())
    }

    fn numbers(
        &mut self,
        body: &[u8],
        encoding: u8,
        values: usize,
        present: &[u32],
        slice: Range<usize>,
    ) -> Result<(), StoreError> {
        let width = self.spec.column_type.number_bytes();
        self.dense_numbers.clear();
        match encoding {
            encoding::PLAIN if body.len() == values * width => plain_numbers(body, width, &mut self.dense_numbers),
            encoding::BYTE_STREAM_SPLIT if body.len() == values * width => {
                split_numbers(body, width, values, &mut self.dense_numbers);
            }
            encoding::DELTA_BINARY_PACKED if self.spec.column_type != ColumnType::Double => {
                delta::decode(body, values, width == 4, &mut self.dense_numbers)?;
            }
            _ => return Err(foreign(self.spec, encoding)),
        }
        spread(&self.dense_numbers[slice], present, 0, &mut self.numbers);
        Ok(())
    }

    fn bools(
        &mut self,
        body: &[u8],
        encoding: u8,
        values: usize,
        present: &[u32],
        slice: Range<usize>,
    ) -> Result<(), StoreError> {
        if encoding != encoding::PLAIN || body.len() != values.div_ceil(8) {
            return Err(foreign(self.spec, encoding));
        }
        let dense: Vec<bool> = slice.map(|bit| body[bit / 8] >> (bit % 8) & 1 == 1).collect();
        spread(&dense, present, false, &mut self.flags);
        Ok(())
    }

    /// Lowest and highest dictionary index that the rows use; `None` when they use none.
    pub(super) fn index_range(&self) -> Option<(u32, u32)> {
        if !self.indexed {
            return None;
        }
        // NULL_ID is the greatest number, and one more than it is the least: both passes need no condition.
        let above = rle::greatest(self.ids.iter().map(|id| id.wrapping_add(1)));
        let lowest = self.ids.iter().fold(NULL_ID, |lowest, &id| lowest.min(id));
        (above > 0).then(|| (lowest, above - 1))
    }

    /// Says of a range of dictionary entries whether the rows need one of them. Many rows are said to need all.
    pub(super) fn uses(&self) -> impl FnMut(Range<u32>) -> bool + use<> {
        let many = self.ids.len() > FEW_ROWS;
        let mut used = if many { Vec::new() } else { self.ids.clone() };
        used.sort_unstable();
        move |range| many || used.get(used.partition_point(|&id| id < range.start)).is_some_and(|&id| id < range.end)
    }

    /// The column. `entries` is the chunk's dictionary, where [`Self::index_range`] says that one is needed.
    pub(super) fn finish(mut self, entries: Option<Entries<'_>>) -> Result<Column, StoreError> {
        if let Some((_, highest)) = self.index_range()
            && entries.as_ref().is_none_or(|entries| highest >= entries.count())
        {
            return Err(damaged("a page points outside the dictionary"));
        }
        let present = std::mem::take(&mut self.present);
        let entries = entries.unwrap_or(Entries::Values { count: 0, body: &[], first: 0 });
        Ok(match self.spec.column_type {
            ColumnType::Utf8 | ColumnType::Json | ColumnType::Binary => {
                if let (true, Entries::Strings(strings)) = (self.indexed, &entries) {
                    self.dict = resolve_strings(&mut self.ids, strings)?;
                }
                Column::Dict { ids: self.ids, dict: self.dict }
            }
            ColumnType::Fixed(width) => {
                if let (true, &Entries::Values { body, first, .. }) = (self.indexed, &entries) {
                    self.fixed.reserve(self.ids.len() * width);
                    for &id in &self.ids {
                        if id == NULL_ID {
                            self.fixed.resize(self.fixed.len() + width, 0);
                            continue;
                        }
                        let at = (id - first) as usize * width;
                        let entry = body.get(at..at + width).ok_or_else(|| damaged("a dictionary ends early"))?;
                        self.fixed.extend_from_slice(entry);
                    }
                }
                Column::Fixed(self.fixed)
            }
            ColumnType::Bool => Column::Bool { values: self.flags, present },
            ColumnType::Double => {
                let numbers = self.resolve_numbers(&entries)?;
                Column::Double {
                    values: numbers.into_iter().map(|bits| f64::from_bits(bits as u64)).collect(),
                    present,
                }
            }
            _ => Column::Int { values: self.resolve_numbers(&entries)?, present },
        })
    }

    fn resolve_numbers(&mut self, entries: &Entries<'_>) -> Result<Vec<i64>, StoreError> {
        if !self.indexed {
            return Ok(std::mem::take(&mut self.numbers));
        }
        let width = self.spec.column_type.number_bytes();
        let &Entries::Values { count, body, first: 0 } = entries else {
            return Err(damaged("a dictionary is of another type"));
        };
        if body.len() != count as usize * width {
            return Err(damaged("a dictionary has a wrong size"));
        }
        let mut values = Vec::with_capacity(count as usize);
        plain_numbers(body, width, &mut values);
        Ok(self.ids.iter().map(|&id| if id == NULL_ID { 0 } else { values[id as usize] }).collect())
    }
}

/// Appends `dense` with `absent` where `present` (when not empty) has zeros.
fn spread<T: Copy>(dense: &[T], present: &[u32], absent: T, out: &mut Vec<T>) {
    if present.is_empty() {
        return out.extend_from_slice(dense);
    }
    let Some(&last) = dense.last() else { return out.resize(out.len() + present.len(), absent) };
    let mut next = 0;
    out.extend(present.iter().map(|&level| {
        // Read first and choose then: nulls come in no order that a processor could predict.
        let value = dense.get(next).copied().unwrap_or(last);
        next += level as usize;
        if level == 1 { value } else { absent }
    }));
}

fn plain_numbers(body: &[u8], width: usize, out: &mut Vec<i64>) {
    if width == 4 {
        out.extend(body.as_chunks::<4>().0.iter().map(|bytes| i64::from(i32::from_le_bytes(*bytes))));
    } else {
        out.extend(body.as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes)));
    }
}

fn split_numbers(body: &[u8], width: usize, values: usize, out: &mut Vec<i64>) {
    out.extend((0..values).map(|index| {
        let mut bytes = [0u8; 8];
        for (stream, byte) in bytes[..width].iter_mut().enumerate() {
            *byte = body[stream * values + index];
        }
        let number = i64::from_le_bytes(bytes);
        if width == 4 { i64::from(number as i32) } else { number }
    }));
}

/// Calls `visit` with each entry of the pieces and its number.
fn each_string<'a>(strings: &'a Strings<'_>, mut visit: impl FnMut(u32, &'a [u8])) -> Result<(), StoreError> {
    let early = || damaged("a dictionary ends early");
    for (first, count, body) in &strings.pieces {
        let mut rest: &[u8] = body;
        for number in *first..first.saturating_add(*count) {
            let (length, after) = rest.split_first_chunk::<4>().ok_or_else(early)?;
            let (entry, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(early)?;
            rest = after;
            visit(number, entry);
        }
    }
    Ok(())
}

/// A dictionary of our form from one of which all pieces are there.
pub(super) fn strings(strings: &Strings<'_>) -> Result<Dict, StoreError> {
    let mut dict = Dict::default();
    each_string(strings, |_, entry| {
        dict.push(entry);
    })?;
    Ok(dict)
}

/// Rows up to which looking for each id among the ids needed is cheaper than a table of all entries.
const FEW_ROWS: usize = 64;

/// The strings that `ids` point to, with `ids` as numbers of these. Where many rows use a whole dictionary, it is taken as it is.
fn resolve_strings(ids: &mut [u32], from: &Strings<'_>) -> Result<Dict, StoreError> {
    let whole = from.pieces.iter().map(|(_, count, _)| u64::from(*count)).sum::<u64>() == u64::from(from.entries);
    if whole && ids.len() >= from.entries as usize / 2 {
        return strings(from);
    }
    if ids.len() <= FEW_ROWS {
        return resolve_few(ids, from);
    }
    let mut renamed = vec![NULL_ID; from.entries as usize];
    ids.iter().filter(|&&id| id != NULL_ID).for_each(|&id| renamed[id as usize] = 0);
    let mut dict = Dict::default();
    each_string(from, |number, entry| {
        let slot = &mut renamed[number as usize];
        if *slot == 0 {
            *slot = dict.push(entry);
        }
    })?;
    ids.iter_mut().filter(|id| **id != NULL_ID).for_each(|id| *id = renamed[*id as usize]);
    Ok(dict)
}

fn resolve_few(ids: &mut [u32], from: &Strings<'_>) -> Result<Dict, StoreError> {
    let mut needed: Vec<u32> = ids.iter().copied().filter(|&id| id != NULL_ID).collect();
    needed.sort_unstable();
    needed.dedup();
    let mut dict = Dict::default();
    let mut left = needed.iter().peekable();
    each_string(from, |number, entry| {
        if left.next_if_eq(&&number).is_some() {
            dict.push(entry);
        }
    })?;
    if left.peek().is_some() {
        return Err(damaged("a dictionary ends early"));
    }
    for id in ids.iter_mut().filter(|id| **id != NULL_ID) {
        *id = needed.binary_search(id).map_or(NULL_ID, |place| place as u32);
    }
    Ok(dict)
}
