//! A bounded map from keys to shared things that are dear to build: series of a point, names of a metric.
//!
//! Senders repeat themselves in order, so entries lie in order of arrival and the one behind the last hit is tried first: a hit
//! then costs one comparison in memory that is read from front to back. A request holds the lock for reading all the way; what it
//! adds is put in when it ends. When the cache is full, entries that were not used since it was last full go.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::key::{Key, KeyMap};

/// See the module.
pub(super) struct Cache<V> {
    entries: RwLock<Entries<V>>,
    entries_max: usize,
}

struct Entries<V> {
    places: KeyMap<u32>,
    list: Vec<Entry<V>>,
}

struct Entry<V> {
    key: Key,
    value: V,
    used: AtomicBool,
}

impl<V: Clone> Cache<V> {
    /// Holds at most `entries_max` entries.
    pub(super) fn new(entries_max: usize) -> Self {
        let entries = Entries { places: KeyMap::default(), list: Vec::new() };
        Self { entries: RwLock::new(entries), entries_max }
    }

    /// Opens the cache for one request.
    pub(super) fn reader(&self) -> CacheReader<'_, V> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        CacheReader { cache: self, entries: Some(entries), next: 0, added: Vec::new(), added_places: KeyMap::default() }
    }

    fn put_all(&self, added: Vec<(Key, V)>) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in added {
            entries.put(key, value, self.entries_max);
        }
    }
}

/// One request's view of a cache. Entries that it adds are seen by others when it is dropped.
pub(super) struct CacheReader<'c, V: Clone> {
    cache: &'c Cache<V>,
    /// Always there until the drop.
    entries: Option<RwLockReadGuard<'c, Entries<V>>>,
    /// Behind the last hit.
    next: u32,
    /// In order of arrival.
    added: Vec<(Key, V)>,
    added_places: KeyMap<u32>,
}

impl<V: Clone> CacheReader<'_, V> {
    /// The entry of `key`.
    #[inline]
    pub(super) fn get(&mut self, key: Key) -> Option<V> {
        let entries = self.entries.as_deref()?;
        if let Some(entry) = entries.list.get(self.next as usize)
            && entry.key == key
        {
            self.next += 1;
            return Some(entry.take());
        }
        let Some(&place) = entries.places.get(&key) else {
            return self.added_places.get(&key).map(|&place| self.added[place as usize].1.clone());
        };
        self.next = place + 1;
        Some(entries.list[place as usize].take())
    }

    /// Adds an entry.
    pub(super) fn put(&mut self, key: Key, value: V) {
        self.added_places.insert(key, self.added.len() as u32);
        self.added.push((key, value));
    }

    /// Gives the lock back; nothing is found any more. Who holds readers of several caches must release all of them before the
    /// first is dropped: the drop waits for other readers, and they may wait for one of the other caches.
    pub(super) fn release(&mut self) {
        drop(self.entries.take());
    }
}

impl<V: Clone> Drop for CacheReader<'_, V> {
    fn drop(&mut self) {
        self.release();
        if !self.added.is_empty() {
            self.cache.put_all(std::mem::take(&mut self.added));
        }
    }
}

impl<V: Clone> Entry<V> {
    #[inline]
    fn take(&self) -> V {
        // Mostly it is set already; then the line stays shared between the cores.
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
        self.value.clone()
    }
}

impl<V> Entries<V> {
    fn put(&mut self, key: Key, value: V, entries_max: usize) {
        if self.places.contains_key(&key) {
            return;
        }
        if self.list.len() >= entries_max {
            self.make_room(entries_max);
        }
        self.places.insert(key, self.list.len() as u32);
        self.list.push(Entry { key, value, used: AtomicBool::new(true) });
    }

    /// Drops what was not used since last time; if nearly all was, the older half.
    fn make_room(&mut self, entries_max: usize) {
        self.list.retain(|entry| entry.used.swap(false, Ordering::Relaxed));
        if self.list.len() > entries_max / 4 * 3 {
            self.list.drain(..entries_max / 2);
        }
        self.places.clear();
        self.places.extend(self.list.iter().enumerate().map(|(place, entry)| (entry.key, place as u32)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::key::key_of;

    #[test]
    fn what_is_used_is_found_and_the_number_is_bounded() {
        let cache = Cache::new(160);
        for round in 0..3 {
            for number in 0..100 {
                let mut reader = cache.reader();
                let key = key_of(&number);
                assert_eq!(reader.get(key).is_some(), round > 0, "{number}");
                reader.put(key, number);
                assert_eq!(reader.get(key), Some(number));
            }
        }
        cache.put_all((1000..9000).map(|number| (key_of(&number), number)).collect());
        let mut reader = cache.reader();
        let held = (0..9000).filter(|number| reader.get(key_of(number)) == Some(*number)).count();
        assert!((80..=160).contains(&held), "{held}");
    }
}
