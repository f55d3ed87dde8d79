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
    /// Address and length of the last entry asked for; 0 when there is none.
    last_seen: (usize, usize),
}

impl Interner {
    /// The id of `entry` in `dict`, which must be the dictionary that all earlier calls were given.
    #[inline]
    pub(crate) fn intern(&mut self, dict: &mut Dict, entry: &[u8]) -> u32 {
        if (self.last as usize) < dict.len() && same(dict.get(self.last), entry) {
            return self.last;
        }
        self.last = if dict.len() <= LINEAR_MAX { self.scan(dict, entry) } else { self.look_up(dict, entry) };
        self.last
    }

    /// The same for a caller whose entries all lie in one buffer until [`Self::clear`]: an entry at the address of the last one is
    /// the last one. The OTLP walk hands out repeated texts so.
    #[inline]
    pub(crate) fn intern_in_place(&mut self, dict: &mut Dict, entry: &[u8]) -> u32 {
        let seen = (entry.as_ptr() as usize, entry.len());
        if seen == self.last_seen {
            return self.last;
        }
        self.last_seen = seen;
        self.intern(dict, entry)
    }

    /// Starts anew with an empty dictionary; the memory is kept.
    pub(crate) fn clear(&mut self) {
        self.table.clear();
        (self.last, self.last_seen) = (0, (0, 0));
    }

    fn scan(&mut self, dict: &mut Dict, entry: &[u8]) -> u32 {
        if let Some(id) = (0..dict.len() as u32).find(|&id| same(dict.get(id), entry)) {
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
        if let Some(&id) = self.table.find(hash, |&id| same(dict.get(id), entry)) {
            return id;
        }
        let id = dict.push(entry);
        self.table.insert_unique(hash, id, |&other| state.hash_one(dict.get(other)));
        id
    }
}

/// Equality of short byte strings, without the call that `==` makes.
#[inline(always)]
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let (mut rest_a, mut rest_b) = (a, b);
    while let (Some((x, next_a)), Some((y, next_b))) =
        (rest_a.split_first_chunk::<8>(), rest_b.split_first_chunk::<8>())
    {
        if x != y {
            return false;
        }
        (rest_a, rest_b) = (next_a, next_b);
    }
    // The last eight bytes overlap the last word.
    match (a.last_chunk::<8>(), b.last_chunk::<8>()) {
        (Some(x), Some(y)) => x == y,
        _ => rest_a.iter().zip(rest_b).all(|(x, y)| x == y),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equality_is_that_of_slices() {
        let text = b"0123456789abcdefghij";
        for length in 0..text.len() {
            assert!(same(&text[..length], &text.to_vec()[..length]));
            for changed in 0..length {
                let mut other = text[..length].to_vec();
                other[changed] ^= 1;
                assert!(!same(&text[..length], &other), "{length} {changed}");
            }
        }
        assert!(!same(b"a", b"ab"));
    }

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
