//! A bounded map from keys to shared things that are dear to build: series of a point, names of a metric.
//!
//! Two generations: what is used moves to the young one; when that is full, the old one is dropped. So a hit costs one lookup
//! and no bookkeeping, and what was used lately stays.

use std::sync::{Mutex, PoisonError};

use super::key::{Key, KeyMap};

/// Power of two: enough that two connections seldom meet.
const SHARDS: usize = 16;

/// See the module.
pub(super) struct Cache<V> {
    shards: [Mutex<Shard<V>>; SHARDS],
    young_max: usize,
}

struct Shard<V> {
    young: KeyMap<V>,
    old: KeyMap<V>,
}

impl<V: Clone> Cache<V> {
    /// Holds `entries_max` entries that are used again and again, and never more than twice as many.
    pub(super) fn new(entries_max: usize) -> Self {
        let shard = || Mutex::new(Shard { young: KeyMap::default(), old: KeyMap::default() });
        Self { shards: std::array::from_fn(|_| shard()), young_max: entries_max.div_ceil(SHARDS) }
    }

    fn shard(&self, key: Key) -> std::sync::MutexGuard<'_, Shard<V>> {
        // The map inside takes the lower half.
        let shard = (key >> 64) as usize % SHARDS;
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The entry of `key`.
    #[inline]
    pub(super) fn get(&self, key: Key) -> Option<V> {
        let mut shard = self.shard(key);
        if let Some(value) = shard.young.get(&key) {
            return Some(value.clone());
        }
        let value = shard.old.remove(&key)?;
        shard.put(key, value.clone(), self.young_max);
        Some(value)
    }

    /// Adds an entry.
    pub(super) fn put(&self, key: Key, value: V) {
        self.shard(key).put(key, value, self.young_max);
    }
}

impl<V> Shard<V> {
    fn put(&mut self, key: Key, value: V, young_max: usize) {
        if self.young.len() >= young_max {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::key::key_of;

    #[test]
    fn what_is_used_stays_and_the_number_is_bounded() {
        let cache = Cache::new(160);
        let hot = key_of("hot");
        cache.put(hot, 0);
        for number in 1..10_000 {
            cache.put(key_of(&number), number);
            assert_eq!(cache.get(hot), Some(0), "after {number}");
        }
        let held = (1..10_000).filter(|number| cache.get(key_of(number)).is_some()).count();
        assert!((100..=320).contains(&held), "{held}");
    }
}
