//! Rows of attributes in, columns out.
//!
//! Senders write the same keys in the same order span after span, so the column of an attribute is guessed from the column of
//! the one before it; only a wrong guess costs a hash look-up.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use otlp::view::{AnyValueView, KeyValueView};

use super::interner::{Interner, hash_state, same};
use super::{AttributeColumn, AttributeColumns, Scalar, Spill, ValueKind, Values, value};

/// Distinct keys that get columns in one batch; further ones go to the spill. Real services stay below 200; the limit keeps a
/// request of a million different keys from costing a million columns.
pub(crate) const KEYS_MAX: usize = 1024;

const NONE: u32 = u32::MAX;

/// Collects the attributes of rows `0, 1, 2, …`.
#[derive(Debug)]
pub(crate) struct AttributesBuilder {
    columns: Vec<ColumnBuilder>,
    keys: Vec<Key>,
    by_key: HashTable<u32>,
    spill: Spill,
    row: u32,
    spill_start: usize,
    /// Column of the attribute before; [`NONE`] at the start of a row.
    previous: u32,
    /// Column that the last row began with.
    first: u32,
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct ColumnBuilder {
    column: AttributeColumn,
    kind: ValueKind,
    key: u32,
    interner: Interner,
    /// Column that followed this one the last time.
    successor: u32,
    /// Address and length of the key as it came last: the same address is the same key within one request.
    key_seen: (usize, usize),
}

impl ColumnBuilder {
    /// Whether this is the column of `key` and `kind`.
    #[inline]
    fn is<const IN_PLACE: bool>(&mut self, key: &str, kind: ValueKind) -> bool {
        if self.kind != kind {
            return false;
        }
        let seen = (key.as_ptr() as usize, key.len());
        if IN_PLACE && seen == self.key_seen {
            return true;
        }
        let equal = same(self.column.key.as_bytes(), key.as_bytes());
        if IN_PLACE && equal {
            self.key_seen = seen;
        }
        equal
    }
}

#[derive(Debug)]
struct Key {
    /// A column per kind of value, [`NONE`] where there is none.
    columns: [u32; ValueKind::COUNT],
    /// True when there is more than one.
    mixed: bool,
}

impl Default for AttributesBuilder {
    fn default() -> Self {
        Self {
            columns: Vec::new(),
            keys: Vec::new(),
            by_key: HashTable::new(),
            spill: Spill::default(),
            row: 0,
            spill_start: 0,
            previous: NONE,
            first: NONE,
            scratch: Vec::new(),
        }
    }
}

impl AttributesBuilder {
    /// Adds a whole row. All rows until [`Self::take`] must point into one buffer that does not change: texts are recognised by
    /// their address, which the OTLP walk keeps where a record repeats the one before.
    #[inline]
    pub(crate) fn push_row(&mut self, attributes: &[KeyValueView<'_>]) {
        for attribute in attributes {
            self.push(attribute);
        }
        self.finish_row();
    }

    #[inline]
    fn push(&mut self, attribute: &KeyValueView<'_>) {
        let scalar = match attribute.value {
            AnyValueView::Str(text) => Scalar::Str(text.as_bytes()),
            AnyValueView::Int(number) => Scalar::Int(number),
            AnyValueView::Double(number) => Scalar::Double(number),
            AnyValueView::Bool(flag) => Scalar::Bool(flag),
            other => return self.push_any(attribute.key, other),
        };
        self.push_inner::<true>(attribute.key, scalar);
    }

    fn push_any(&mut self, key: &str, view: AnyValueView<'_>) {
        let mut message = std::mem::take(&mut self.scratch);
        message.clear();
        value::encode_view(view, &mut message);
        self.push_scalar(key, Scalar::Any(&message));
        self.scratch = message;
    }

    /// Adds an attribute to the current row.
    pub(crate) fn push_scalar(&mut self, key: &str, scalar: Scalar<'_>) {
        self.push_inner::<false>(key, scalar);
    }

    #[inline]
    fn push_inner<const IN_PLACE: bool>(&mut self, key: &str, scalar: Scalar<'_>) {
        let guess = match self.previous {
            NONE => self.first,
            previous => self.columns[previous as usize].successor,
        };
        let kind = scalar.kind();
        let column = match self.columns.get_mut(guess as usize).is_some_and(|column| column.is::<IN_PLACE>(key, kind)) {
            true => guess,
            false => match self.find(key, kind) {
                Some(column) => column,
                None => return self.push_spill(key, scalar),
            },
        };
        self.previous = column;
        let row = self.row;
        let target = &mut self.columns[column as usize];
        if target.column.rows.last() == Some(&row) {
            target.pop();
        }
        target.add::<IN_PLACE>(row, scalar);
        if self.keys[target.key as usize].mixed {
            self.drop_other_kinds(column);
        }
    }

    /// Ends the current row.
    #[inline]
    pub(crate) fn finish_row(&mut self) {
        if self.spill.rows.len() > self.spill_start + 1 {
            self.spill.keep_last_of_each_key(self.spill_start);
        }
        self.next_row(1);
    }

    /// Leaves rows up to `row` without attributes; only between rows and forwards.
    pub(crate) fn skip_to(&mut self, row: u32) {
        debug_assert!(row >= self.row, "rows only rise");
        self.row = row;
    }

    fn next_row(&mut self, step: u32) {
        self.row += step;
        self.spill_start = self.spill.rows.len();
        self.previous = NONE;
    }

    /// The columns of all finished rows.
    pub(crate) fn finish(self) -> AttributeColumns {
        let columns = self.columns.into_iter().map(|builder| builder.column).filter(|column| !column.rows.is_empty());
        let mut done = AttributeColumns { columns: columns.collect(), spill: self.spill };
        done.shrink();
        done
    }

    /// The columns of all finished rows, in memory of exactly their size. The builder is empty then; it keeps what it learnt of keys,
    /// and its memory, for the next batch.
    pub(crate) fn take(&mut self) -> AttributeColumns {
        let columns = self.columns.iter_mut().filter(|builder| !builder.column.rows.is_empty());
        let columns = columns.map(ColumnBuilder::take).collect();
        let done = AttributeColumns { columns, spill: std::mem::take(&mut self.spill) };
        if self.keys.len() > KEYS_MAX / 2 {
            *self = Self::default();
        }
        self.row = 0;
        self.next_row(0);
        self.columns.iter_mut().for_each(|builder| builder.key_seen = (0, 0));
        done
    }

    /// The column of a key whose place was not guessed, made when it is new; `None` when there are too many keys.
    #[cold]
    fn find(&mut self, key: &str, kind: ValueKind) -> Option<u32> {
        let state = hash_state();
        let hash = state.hash_one(key.as_bytes());
        let (keys, columns) = (&self.keys, &self.columns);
        let found = self.by_key.find(hash, |&index| keys[index as usize].name(columns) == key).copied();
        let index = match found {
            Some(index) => index,
            None if self.keys.len() >= KEYS_MAX => return None,
            None => {
                let index = self.keys.len() as u32;
                self.add_column(key, kind, index);
                let (keys, columns) = (&self.keys, &self.columns);
                let rehash = |&other: &u32| state.hash_one(keys[other as usize].name(columns).as_bytes());
                self.by_key.insert_unique(hash, index, rehash);
                index
            }
        };
        if self.keys[index as usize].columns[kind as usize] == NONE {
            self.add_column(key, kind, index);
        }
        let column = self.keys[index as usize].columns[kind as usize];
        match self.previous {
            NONE => self.first = column,
            previous => self.columns[previous as usize].successor = column,
        }
        Some(column)
    }

    fn add_column(&mut self, key: &str, kind: ValueKind, index: u32) {
        let number = self.columns.len() as u32;
        match self.keys.get_mut(index as usize) {
            Some(known) => {
                known.columns[kind as usize] = number;
                known.mixed = true;
            }
            None => {
                let mut columns = [NONE; ValueKind::COUNT];
                columns[kind as usize] = number;
                self.keys.push(Key { columns, mixed: false });
            }
        }
        let column = AttributeColumn { key: key.into(), rows: Vec::new(), values: Values::new(kind) };
        let (interner, key_seen) = (Interner::default(), (0, 0));
        self.columns.push(ColumnBuilder { column, kind, key: index, interner, successor: NONE, key_seen });
    }

    /// A key was given twice on one row with two kinds of value: the last one stays.
    #[cold]
    fn drop_other_kinds(&mut self, kept: u32) {
        let key = self.columns[kept as usize].key;
        for other in self.keys[key as usize].columns {
            if other != NONE && other != kept {
                let other = &mut self.columns[other as usize];
                if other.column.rows.last() == Some(&self.row) {
                    other.pop();
                }
            }
        }
    }

    #[cold]
    fn push_spill(&mut self, key: &str, scalar: Scalar<'_>) {
        self.scratch.clear();
        value::encode_key_value(key, scalar, &mut self.scratch);
        self.spill.rows.push(self.row);
        self.spill.entries.push(&self.scratch);
    }
}

impl Key {
    fn name<'a>(&self, columns: &'a [ColumnBuilder]) -> &'a str {
        let any = self.columns.iter().find(|&&column| column != NONE).expect("a key has a column from the start");
        &columns[*any as usize].column.key
    }
}

impl ColumnBuilder {
    #[inline]
    fn add<const IN_PLACE: bool>(&mut self, row: u32, scalar: Scalar<'_>) {
        self.column.rows.push(row);
        match (&mut self.column.values, scalar) {
            (Values::Str { ids, dict }, Scalar::Str(bytes)) if IN_PLACE => {
                ids.push(self.interner.intern_in_place(dict, bytes));
            }
            (Values::Str { ids, dict }, Scalar::Str(bytes)) | (Values::Any { ids, dict }, Scalar::Any(bytes)) => {
                ids.push(self.interner.intern(dict, bytes));
            }
            (Values::Int(values), Scalar::Int(number)) => values.push(number),
            (Values::Double(values), Scalar::Double(number)) => values.push(number),
            (Values::Bool(values), Scalar::Bool(flag)) => values.push(flag),
            _ => unreachable!("a column is looked up by the kind of the value"),
        }
    }

    /// The column so far, leaving an empty one with its memory.
    fn take(&mut self) -> AttributeColumn {
        let done = self.column.clone();
        self.column.rows.clear();
        self.interner.clear();
        match &mut self.column.values {
            Values::Str { ids, dict } | Values::Any { ids, dict } => {
                ids.clear();
                dict.ends.clear();
                dict.bytes.clear();
            }
            Values::Int(values) => values.clear(),
            Values::Double(values) => values.clear(),
            Values::Bool(values) => values.clear(),
        }
        done
    }

    fn pop(&mut self) {
        self.column.rows.pop();
        match &mut self.column.values {
            Values::Str { ids, .. } | Values::Any { ids, .. } => drop(ids.pop()),
            Values::Int(values) => drop(values.pop()),
            Values::Double(values) => drop(values.pop()),
            Values::Bool(values) => drop(values.pop()),
        }
    }
}

impl Spill {
    fn truncate(&mut self, entries: usize) {
        self.rows.truncate(entries);
        self.entries.ends.truncate(entries);
        self.entries.bytes.truncate(self.entries.ends.last().map_or(0, |&end| end as usize));
    }

    /// Of the entries from `start` on, which are all of one row, keeps the last of each key.
    fn keep_last_of_each_key(&mut self, start: usize) {
        let row = self.rows[start];
        let mut order: Vec<u32> = (start as u32..self.rows.len() as u32).collect();
        order.sort_by_key(|&entry| value::key_of(self.entries.get(entry)));
        let repeats =
            |pair: &[u32]| value::key_of(self.entries.get(pair[0])) == value::key_of(self.entries.get(pair[1]));
        if !order.windows(2).any(repeats) {
            return;
        }
        // The sort is stable, so within a key the last entry is the last one sent.
        let kept = (0..order.len()).filter(|&at| at + 1 == order.len() || !repeats(&order[at..at + 2]));
        let kept: Vec<Vec<u8>> = kept.map(|at| self.entries.get(order[at]).to_vec()).collect();
        self.truncate(start);
        for entry in kept {
            self.rows.push(row);
            self.entries.push(&entry);
        }
    }
}
