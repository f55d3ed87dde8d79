//! Several batches' attributes one behind the other, without a change of order.

use std::hash::BuildHasher;

use hashbrown::HashTable;

use super::interner::{Interner, hash_state};
use super::{AttributeColumn, AttributeColumns, Spill, Values};
use crate::table::Dict;

/// Joins columns that come one behind the other.
#[derive(Debug, Default)]
pub(crate) struct AttributesConcat {
    columns: Vec<(AttributeColumn, Interner)>,
    by_key: HashTable<u32>,
    spill: Spill,
    rows: u32,
}

impl AttributesConcat {
    /// Adds a batch of `rows` rows behind those added before.
    pub(crate) fn add(&mut self, input: &AttributeColumns, rows: u32) {
        for column in &input.columns {
            let at = self.find(column);
            let (target, interner) = &mut self.columns[at];
            target.rows.extend(column.rows.iter().map(|row| row + self.rows));
            target.values.extend_from(&column.values, interner);
        }
        for (at, row) in input.spill.rows.iter().enumerate() {
            self.spill.rows.push(row + self.rows);
            self.spill.entries.push(input.spill.entries.get(at as u32));
        }
        self.rows += rows;
    }

    /// The joined columns.
    pub(crate) fn finish(self) -> AttributeColumns {
        let columns = self.columns.into_iter().map(|(column, _)| column).collect();
        let mut done = AttributeColumns { columns, spill: self.spill };
        done.shrink();
        done
    }

    fn find(&mut self, column: &AttributeColumn) -> usize {
        let state = hash_state();
        let hash_of = |column: &AttributeColumn| state.hash_one((column.key.as_bytes(), column.values.kind()));
        let hash = hash_of(column);
        let same = |&at: &u32| {
            let known = &self.columns[at as usize].0;
            // A reader may give two columns of one key; their rows are apart but not in order, so they stay two.
            known.key == column.key
                && known.values.kind() == column.values.kind()
                && known.rows.last() < column.rows.first().map(|row| row + self.rows).as_ref()
        };
        if let Some(&at) = self.by_key.find(hash, same) {
            return at as usize;
        }
        let at = self.columns.len();
        let values = Values::new(column.values.kind());
        self.columns.push((AttributeColumn { key: column.key.clone(), rows: Vec::new(), values }, Interner::default()));
        let columns = &self.columns;
        self.by_key.insert_unique(hash, at as u32, |&other| hash_of(&columns[other as usize].0));
        at
    }
}

impl Values {
    /// Adds the values of `other`, which is of the same kind.
    fn extend_from(&mut self, other: &Self, interner: &mut Interner) {
        match (self, other) {
            (Self::Str { ids, dict }, Self::Str { ids: new, dict: from })
            | (Self::Any { ids, dict }, Self::Any { ids: new, dict: from }) => {
                let remap = remap(dict, interner, from);
                ids.extend(new.iter().map(|&id| remap[id as usize]));
            }
            (Self::Int(values), Self::Int(new)) => values.extend_from_slice(new),
            (Self::Double(values), Self::Double(new)) => values.extend_from_slice(new),
            (Self::Bool(values), Self::Bool(new)) => values.extend_from_slice(new),
            _ => unreachable!("columns are matched by kind"),
        }
    }
}

/// Adds the entries of `from` to `dict` and returns their new ids by old id.
pub(crate) fn remap(dict: &mut Dict, interner: &mut Interner, from: &Dict) -> Vec<u32> {
    (0..from.len() as u32).map(|id| interner.intern(dict, from.get(id))).collect()
}
