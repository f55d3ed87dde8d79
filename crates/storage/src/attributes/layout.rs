//! Which keys get a Parquet column of their own, and the dense columns to write.
//!
//! A frequent key is a column `attr.<key>`; where a key has values of several kinds, the less frequent ones are
//! `attr.<key>#int` and so on. All other attributes of a row stand in one JSON object, column `attributes_rest`, in the lossless
//! form of [`super::json`]. Values that are arrays, lists or bytes are JSON columns in the same form.

use std::collections::BTreeSet;
use std::hash::BuildHasher;

use hashbrown::HashTable;

use super::interner::{Interner, hash_state};
use super::restore::own_key;
use super::{AttributeColumn, AttributeColumns, ValueKind, Values, json, value};
use crate::table::{Column, ColumnSpec, ColumnType, Dict, NULL_ID};

/// Prefix of columns that hold one key's values.
pub(crate) const OWN_PREFIX: &str = "attr.";
/// Column of all other attributes.
pub(crate) const REST_COLUMN: &str = "attributes_rest";

/// Most keys with a column of their own: a column costs about 100 bytes of footer per row group, and readers list them all.
const OWN_MAX: usize = 200;
/// The same for a file that takes over columns of others: what they have in columns should rarely go back into JSON.
const UNION_MAX: usize = 2 * OWN_MAX;
/// A key gets a column when at least one row in so many has it: below that JSON is smaller than a column's overhead.
const OWN_SHARE: u64 = 256;
/// Most names of keys without a column that are listed; a sender that makes up keys must not fill the footer with them.
pub(crate) const REST_KEYS_MAX: usize = 4096;

/// One batch to be written, with the places of its rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttributeInput<'a> {
    /// The batch's attributes.
    pub columns: &'a AttributeColumns,
    /// Row of the output for each row of the batch; [`NULL_ID`] for rows that are left out.
    pub places: &'a [u32],
}

/// The columns that a file has for attributes.
#[derive(Clone, Debug, Default)]
pub(crate) struct AttributeLayout {
    own: Vec<OwnColumn>,
    rest_keys: BTreeSet<String>,
    by_key: HashTable<u32>,
}

#[derive(Clone, Debug)]
struct OwnColumn {
    key: Box<str>,
    kind: ValueKind,
    name: String,
    rows: u64,
}

impl AttributeLayout {
    /// Chooses the columns for a file that will hold all of `inputs`, which have `rows` rows together.
    pub(crate) fn plan<'a>(inputs: impl IntoIterator<Item = &'a AttributeColumns>, rows: u64) -> Self {
        let mut layout = Self::default();
        for input in inputs {
            for column in &input.columns {
                layout.count(&column.key, column.values.kind(), column.rows.len() as u64);
            }
            let spilled = (0..input.spill.entries.len() as u32).map(|at| value::key_of(input.spill.entries.get(at)));
            let room = REST_KEYS_MAX.saturating_sub(layout.rest_keys.len());
            layout.rest_keys.extend(spilled.take(room).map(value::text));
        }
        layout.choose(rows, OWN_MAX);
        layout
    }

    /// The columns for a file into which files with `specs` are merged: all that they have, up to the limit. Rows are counted
    /// by files, so what more files have wins.
    pub(crate) fn union<'a>(specs: impl IntoIterator<Item = &'a ColumnSpec>) -> Self {
        let mut layout = Self::default();
        for spec in specs {
            let Some((key, kind)) = own_key(spec) else { continue };
            // The kind that has the plain name in most files keeps it, so that most row groups can be copied.
            let plain = spec.name.len() == OWN_PREFIX.len() + key.len();
            layout.count(key, kind, 2 + u64::from(plain));
        }
        layout.choose(0, UNION_MAX);
        layout
    }

    /// Whether a file with `specs` can be copied into one of this layout: each of its attribute columns is here, under the same
    /// name and of the same type.
    pub(crate) fn holds<'a>(&self, specs: impl IntoIterator<Item = &'a ColumnSpec>) -> bool {
        specs.into_iter().all(|spec| match own_key(spec) {
            Some((key, kind)) => self.find(key, kind).is_some_and(|at| self.own[at].name == spec.name),
            None => true,
        })
    }

    fn count(&mut self, key: &str, kind: ValueKind, rows: u64) {
        match self.find(key, kind) {
            Some(at) => self.own[at].rows += rows,
            None => {
                self.own.push(OwnColumn { key: key.into(), kind, name: String::new(), rows });
                let own = &self.own;
                let at = (own.len() - 1) as u32;
                let rehash = |&other: &u32| hash_of(&own[other as usize].key, own[other as usize].kind);
                self.by_key.insert_unique(hash_of(key, kind), at, rehash);
            }
        }
    }

    /// Keeps the frequent ones of the counted columns and names them.
    fn choose(&mut self, rows: u64, most: usize) {
        let mut all = std::mem::take(&mut self.own);
        self.by_key.clear();
        all.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.key.cmp(&b.key)).then(a.kind.cmp(&b.kind)));
        for mut column in all {
            // '#' marks the kind in a column's name, so a key with one has no column.
            let fits = self.own.len() < most && column.rows * OWN_SHARE >= rows && !column.key.contains('#');
            if !fits || column.key.is_empty() {
                if self.rest_keys.len() < REST_KEYS_MAX {
                    self.rest_keys.insert(column.key.into());
                }
                continue;
            }
            column.name = format!("{OWN_PREFIX}{}", column.key);
            if self.own.iter().any(|other| other.key == column.key) {
                column.name = format!("{}#{}", column.name, column.kind.suffix());
            }
            self.own.push(column);
        }
        // Neighbours by name compress no better, but people who list the columns find them.
        self.own.sort_by(|a, b| a.name.cmp(&b.name));
        for (at, column) in self.own.iter().enumerate() {
            let rehash = |&other: &u32| hash_of(&self.own[other as usize].key, self.own[other as usize].kind);
            self.by_key.insert_unique(hash_of(&column.key, column.kind), at as u32, rehash);
        }
    }

    fn find(&self, key: &str, kind: ValueKind) -> Option<usize> {
        let same = |&at: &u32| &*self.own[at as usize].key == key && self.own[at as usize].kind == kind;
        self.by_key.find(hash_of(key, kind), same).map(|&at| at as usize)
    }

    /// Keys that have no column of their own (at least a part of them: the list is cut at some thousands).
    pub(crate) fn rest_keys(&self) -> &BTreeSet<String> {
        &self.rest_keys
    }

    /// Position, among the columns of [`Self::specs`], of the one that takes the values of `key` of this kind.
    pub(crate) fn position(&self, key: &str, kind: ValueKind) -> usize {
        self.find(key, kind).unwrap_or(self.rest_position())
    }

    /// Position of `attributes_rest`.
    pub(crate) fn rest_position(&self) -> usize {
        self.own.len()
    }

    /// The table columns, in the order in which [`gather`](Self::gather) gives their rows.
    pub(crate) fn specs(&self) -> Vec<ColumnSpec> {
        // Rows are not in the order of any attribute, so bounds per page would exclude nothing.
        let spec = |name: &str, column_type| ColumnSpec {
            name: name.to_owned(),
            column_type,
            optional: true,
            bloom: false,
            page_index: false,
        };
        let own = self.own.iter().map(|column| spec(&column.name, column_type(column.kind)));
        own.chain([spec(REST_COLUMN, ColumnType::Json)]).collect()
    }

    /// The rows of all columns for one row group of `rows` rows.
    pub(crate) fn gather(&self, inputs: &[AttributeInput<'_>], rows: usize) -> Vec<Column> {
        let mut sources: Vec<Vec<Source<'_>>> = vec![Vec::new(); self.own.len()];
        let mut rest = Rest::default();
        for input in inputs {
            for column in &input.columns.columns {
                match self.find(&column.key, column.values.kind()) {
                    Some(at) => sources[at].push(Source { column, places: input.places }),
                    None => rest.add_column(column, input.places),
                }
            }
            rest.add_spill(&input.columns.spill, input.places);
        }
        let dense = self.own.iter().zip(&sources).map(|(own, sources)| gather_column(own.kind, sources, rows));
        let mut columns: Vec<Column> = dense.collect();
        columns.push(rest.finish(rows));
        columns
    }
}

fn hash_of(key: &str, kind: ValueKind) -> u64 {
    hash_state().hash_one((key.as_bytes(), kind))
}

fn column_type(kind: ValueKind) -> ColumnType {
    match kind {
        ValueKind::Str => ColumnType::Utf8,
        ValueKind::Int => ColumnType::Int64,
        ValueKind::Double => ColumnType::Double,
        ValueKind::Bool => ColumnType::Bool,
        ValueKind::Any => ColumnType::Json,
    }
}

#[derive(Clone, Copy)]
struct Source<'a> {
    column: &'a AttributeColumn,
    places: &'a [u32],
}

impl Source<'_> {
    /// Calls `put(position in the column, output row)` for each row that is kept.
    #[inline]
    fn scatter(&self, mut put: impl FnMut(usize, usize)) {
        for (at, &row) in self.column.rows.iter().enumerate() {
            let place = self.places[row as usize];
            if place != NULL_ID {
                put(at, place as usize);
            }
        }
    }
}

fn gather_column(kind: ValueKind, sources: &[Source<'_>], rows: usize) -> Column {
    match kind {
        ValueKind::Str | ValueKind::Any => gather_dict(sources, rows),
        ValueKind::Int => {
            let take = |values: &Values, at: usize| match values {
                Values::Int(values) => values[at],
                _ => unreachable!("sources are matched by kind"),
            };
            let (values, present) = gather_plain(sources, rows, take);
            Column::Int { values, present }
        }
        ValueKind::Double => {
            let take = |values: &Values, at: usize| match values {
                Values::Double(values) => values[at],
                _ => unreachable!("sources are matched by kind"),
            };
            let (values, present) = gather_plain(sources, rows, take);
            Column::Double { values, present }
        }
        ValueKind::Bool => {
            let take = |values: &Values, at: usize| match values {
                Values::Bool(values) => values[at],
                _ => unreachable!("sources are matched by kind"),
            };
            let (values, present) = gather_plain(sources, rows, take);
            Column::Bool { values, present }
        }
    }
}

fn gather_plain<T: Copy + Default>(
    sources: &[Source<'_>],
    rows: usize,
    take: impl Fn(&Values, usize) -> T,
) -> (Vec<T>, Vec<bool>) {
    let (mut values, mut present) = (vec![T::default(); rows], vec![false; rows]);
    let mut count = 0;
    for source in sources {
        source.scatter(|at, place| {
            values[place] = take(&source.column.values, at);
            present[place] = true;
            count += 1;
        });
    }
    (values, if count == rows { Vec::new() } else { present })
}

fn gather_dict(sources: &[Source<'_>], rows: usize) -> Column {
    let (mut out, mut dict, mut interner) = (vec![NULL_ID; rows], Dict::default(), Interner::default());
    let mut text = Vec::new();
    for source in sources {
        let (ids, remap) = match &source.column.values {
            Values::Str { ids, dict: from } => (ids, super::concat::remap(&mut dict, &mut interner, from)),
            Values::Any { ids, dict: from } => {
                let remap = (0..from.len() as u32).map(|id| {
                    text.clear();
                    json::write_value(&value::decode_any(from.get(id)), &mut text);
                    interner.intern(&mut dict, &text)
                });
                (ids, remap.collect())
            }
            _ => unreachable!("sources are matched by kind"),
        };
        source.scatter(|at, place| out[place] = remap[ids[at] as usize]);
    }
    Column::Dict { ids: out, dict }
}

/// Collects members of the JSON objects of `attributes_rest`.
#[derive(Default)]
struct Rest {
    /// `"key":value` texts, one behind the other.
    text: Vec<u8>,
    /// Output row and place in `text`.
    members: Vec<(u32, u32, u32)>,
}

impl Rest {
    fn add_column(&mut self, column: &AttributeColumn, places: &[u32]) {
        let mut key = Vec::new();
        json::write_str(&column.key, &mut key);
        key.push(b':');
        Source { column, places }.scatter(|at, place| {
            let start = self.text.len() as u32;
            self.text.extend_from_slice(&key);
            json::write_value(&column.values.get(at).to_value(), &mut self.text);
            self.members.push((place as u32, start, self.text.len() as u32));
        });
    }

    fn add_spill(&mut self, spill: &super::Spill, places: &[u32]) {
        for (at, &row) in spill.rows.iter().enumerate() {
            let place = places[row as usize];
            if place == NULL_ID {
                continue;
            }
            let pair = value::decode_key_value(spill.entries.get(at as u32));
            let start = self.text.len() as u32;
            json::write_str(&pair.key, &mut self.text);
            self.text.push(b':');
            json::write_value(&pair.value, &mut self.text);
            self.members.push((place, start, self.text.len() as u32));
        }
    }

    fn finish(mut self, rows: usize) -> Column {
        self.members.sort_unstable();
        let (mut ids, mut dict, mut interner) = (vec![NULL_ID; rows], Dict::default(), Interner::default());
        let mut object = Vec::new();
        for members in self.members.chunk_by(|a, b| a.0 == b.0) {
            object.clear();
            for &(_, start, end) in members {
                object.push(if object.is_empty() { b'{' } else { b',' });
                object.extend_from_slice(&self.text[start as usize..end as usize]);
            }
            object.push(b'}');
            ids[members[0].0 as usize] = interner.intern(&mut dict, &object);
        }
        Column::Dict { ids, dict }
    }
}
