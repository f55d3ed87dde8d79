//! Byte strings to ids: each distinct one once, in order of arrival.

use std::hash::BuildHasher;
use std::sync::OnceLock;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::table::Dict;

/// The process's hash seed: random, so that nobody can prepare keys that collide, and one for all, so that making an interner is free.
pub(crate) fn hash_state() -> &'static RandomState {
    static STATE: OnceLock<RandomState> = OnceLock::new();
    STATE.get_or_init(RandomState::default)
}

/// Below this many entries a dictionary is searched from its newest entry backwards; hashing pays only for more.
const LINEAR_MAX: usize = 4;

/// Finds the id of an entry of a [`Dict`] that it does not own, or adds it.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    table: HashTable<u32>,
    last: u32,
}

impl Interner {
    /// The id of `entry` in `dict`, which must be the dictionary that all earlier calls were given.
    #[inline]
    pub(crate) fn intern(&mut self, dict: &mut Dict, entry: &[u8]) -> u32 {
        if (self.last as usize) < dict.len() && dict.get(self.last) == entry {
            return self.last;
        }
        self.last = if dict.len() <= LINEAR_MAX { self.scan(dict, entry) } else { self.look_up(dict, entry) };
        self.last
    }

    fn scan(&mut self, dict: &mut Dict, entry: &[u8]) -> u32 {
        if let Some(id) = (0..dict.len() as u32).find(|&id| dict.get(id) == entry) {
            return id;
        }
        let id = dict.push(entry);
        if dict.len() > LINEAR_MAX {
            let state = hash_state();
            for id in 0..dict.len() as u32 {
                let hash = state.hash_one(dict.get(id));
                self.table.insert_unique(hash, id, |&other| state.hash_one(dict.get(other)));
            }
        }
        id
    }

    fn look_up(&mut self, dict: &mut Dict, entry: &[u8]) -> u32 {
        let state = hash_state();
        let hash = state.hash_one(entry);
        if let Some(&id) = self.table.find(hash, |&id| dict.get(id) == entry) {
            return id;
        }
        let id = dict.push(entry);
        self.table.insert_unique(hash, id, |&other| state.hash_one(dict.get(other)));
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_distinct_entry_gets_one_id() {
        let (mut interner, mut dict) = (Interner::default(), Dict::default());
        let texts: Vec<String> = (0..500).map(|n| format!("value {}", n * 7 % 61)).collect();
        for text in &texts {
            let id = interner.intern(&mut dict, text.as_bytes());
            assert_eq!(dict.get(id), text.as_bytes());
        }
        assert_eq!(dict.len(), 61);
        assert_eq!(interner.intern(&mut dict, b""), 61);
        assert_eq!(interner.intern(&mut dict, b""), 61);
    }
}
