//! The records of one table, in the order of their creation.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde_json::Value as Json;

/// One record. Cells are kept by field id in the form that is read; empty cells are absent, computed ones are not stored.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) id: String,
    /// The value of autoNumber fields, from 1.
    pub(crate) number: u64,
    pub(crate) created: DateTime<Utc>,
    pub(crate) modified: DateTime<Utc>,
    pub(crate) cells: BTreeMap<String, Json>,
}

/// Records by id and in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows {
    by_number: BTreeMap<u64, Record>,
    number_of: HashMap<String, u64>,
    last_number: u64,
}

impl Rows {
    /// Adds an empty record and hands it back.
    pub(crate) fn add(&mut self, id: String, now: DateTime<Utc>) -> &mut Record {
        self.last_number += 1;
        let number = self.last_number;
        self.number_of.insert(id.clone(), number);
        let record = Record { id, number, created: now, modified: now, cells: BTreeMap::new() };
        self.by_number.entry(number).or_insert(record)
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Record> {
        self.by_number.get(self.number_of.get(id)?)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Record> {
        self.by_number.get_mut(self.number_of.get(id)?)
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<Record> {
        self.by_number.remove(&self.number_of.remove(id)?)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Record> {
        self.by_number.values()
    }
}
