//! The cache in this process: moka with a time to live for each entry and a bound in bytes.
//!
//! Limits: evicts the least recently used when full, so a session may end before its time; a restart empties it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use moka::future::Cache;
use moka::ops::compute::{CompResult, Op};
use moka::policy::EvictionPolicy;

use super::{Error, glob};

/// What moka keeps beside key and value, roughly.
const ENTRY_BYTES: usize = 128;

#[derive(Clone)]
pub(super) struct Memory(Cache<String, Entry>);

#[derive(Clone, Debug)]
struct Entry {
    value: Value,
    end: Instant,
}

#[derive(Clone, Debug)]
enum Value {
    One(Bytes),
    List(Arc<VecDeque<Bytes>>),
}

impl Entry {
    fn one(value: Bytes, ttl: Duration) -> Self {
        Self { value: Value::One(value), end: end(ttl) }
    }

    fn bytes(&self) -> usize {
        match &self.value {
            Value::One(bytes) => bytes.len(),
            Value::List(list) => list.iter().map(|bytes| bytes.len() + size_of::<Bytes>()).sum(),
        }
    }

    fn as_one(&self) -> Result<&Bytes, Error> {
        match &self.value {
            Value::One(bytes) => Ok(bytes),
            Value::List(_) => Err(Error::WrongKind),
        }
    }
}

fn end(ttl: Duration) -> Instant {
    let now = Instant::now();
    // Beyond the clock's range is as good as a century.
    now.checked_add(ttl).unwrap_or_else(|| now + Duration::from_secs(100 * 365 * 86_400))
}

/// Each entry says itself when it ends.
struct ByEntry;

impl moka::Expiry<String, Entry> for ByEntry {
    fn expire_after_create(&self, _: &String, entry: &Entry, now: Instant) -> Option<Duration> {
        Some(entry.end.saturating_duration_since(now))
    }

    fn expire_after_update(&self, _: &String, entry: &Entry, now: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(entry.end.saturating_duration_since(now))
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Memory").field("entries", &self.0.entry_count()).finish()
    }
}

impl Memory {
    pub(super) fn new(bytes_max: u64) -> Self {
        let weight =
            |key: &String, entry: &Entry| u32::try_from(key.len() + entry.bytes() + ENTRY_BYTES).unwrap_or(u32::MAX);
        let cache = Cache::builder()
            .max_capacity(bytes_max)
            .weigher(weight)
            // moka's default refuses new keys in favour of popular ones: a session just made would be gone at once.
            .eviction_policy(EvictionPolicy::lru())
            .expire_after(ByEntry)
            .build();
        Self(cache)
    }

    pub(super) async fn ping(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Does what moka puts off: evictions.
    #[cfg(test)]
    pub(super) async fn settle(&self) {
        self.0.run_pending_tasks().await;
    }

    async fn entry(&self, key: &str) -> Option<Entry> {
        self.0.get(key).await.filter(|entry| entry.end > Instant::now())
    }

    /// Changes one entry atomically: `change` gets what is there and gives what shall be there, and an answer.
    async fn change<T>(
        &self,
        key: &str,
        change: impl FnOnce(Option<Entry>) -> (Op<Entry>, Result<T, Error>),
    ) -> Result<T, Error> {
        let mut answer = None;
        let work = |found: Option<moka::Entry<String, Entry>>| {
            let found = found.map(moka::Entry::into_value).filter(|entry| entry.end > Instant::now());
            let (op, result) = change(found);
            answer = Some(result);
            std::future::ready(op)
        };
        let _: CompResult<_, _> = self.0.entry_by_ref(key).and_compute_with(work).await;
        answer.expect("moka calls the closure once")
    }

    pub(super) async fn get(&self, key: &str) -> Result<Option<Bytes>, Error> {
        self.entry(key).await.map(|entry| entry.as_one().cloned()).transpose()
    }

    pub(super) async fn set(&self, key: &str, value: Bytes, ttl: Duration) -> Result<(), Error> {
        self.0.insert(key.to_owned(), Entry::one(value, ttl)).await;
        Ok(())
    }

    pub(super) async fn set_if_absent(&self, key: &str, value: Bytes, ttl: Duration) -> Result<bool, Error> {
        self.change(key, |found| match found {
            Some(_) => (Op::Nop, Ok(false)),
            None => (Op::Put(Entry::one(value, ttl)), Ok(true)),
        })
        .await
    }

    pub(super) async fn replace_if(
        &self,
        key: &str,
        expected: &[u8],
        value: Bytes,
        ttl: Duration,
    ) -> Result<bool, Error> {
        self.change(key, |found| match found.as_ref().map(Entry::as_one).transpose() {
            Ok(Some(held)) if held == expected => (Op::Put(Entry::one(value, ttl)), Ok(true)),
            Ok(_) => (Op::Nop, Ok(false)),
            Err(error) => (Op::Nop, Err(error)),
        })
        .await
    }

    pub(super) async fn delete(&self, key: &str) -> Result<bool, Error> {
        Ok(self.0.remove(key).await.is_some_and(|entry| entry.end > Instant::now()))
    }

    pub(super) async fn delete_if(&self, key: &str, expected: &[u8]) -> Result<bool, Error> {
        self.change(key, |found| match found.as_ref().map(Entry::as_one).transpose() {
            Ok(Some(held)) if held == expected => (Op::Remove, Ok(true)),
            Ok(_) => (Op::Nop, Ok(false)),
            Err(error) => (Op::Nop, Err(error)),
        })
        .await
    }

    pub(super) async fn expire(&self, key: &str, ttl: Duration) -> Result<bool, Error> {
        self.change(key, |found| match found {
            Some(entry) => (Op::Put(Entry { end: end(ttl), ..entry }), Ok(true)),
            None => (Op::Nop, Ok(false)),
        })
        .await
    }

    pub(super) async fn increment(&self, key: &str, by: i64, ttl: Duration) -> Result<i64, Error> {
        self.change(key, |found| {
            let held = match &found {
                None => Ok(0),
                Some(entry) => entry.as_one().and_then(|bytes| {
                    let text = std::str::from_utf8(bytes).map_err(|_| Error::WrongKind)?;
                    text.parse::<i64>().map_err(|_| Error::WrongKind)
                }),
            };
            match held.and_then(|held| held.checked_add(by).ok_or(Error::WrongKind)) {
                Ok(sum) => {
                    let entry = Entry {
                        value: Value::One(sum.to_string().into()),
                        end: found.map_or_else(|| end(ttl), |entry| entry.end),
                    };
                    (Op::Put(entry), Ok(sum))
                }
                Err(error) => (Op::Nop, Err(error)),
            }
        })
        .await
    }

    pub(super) async fn push(&self, key: &str, value: Bytes, keep: usize, ttl: Duration) -> Result<usize, Error> {
        self.change(key, |found| {
            let mut list = match found.map(|entry| entry.value) {
                None => VecDeque::new(),
                Some(Value::List(list)) => Arc::unwrap_or_clone(list),
                Some(Value::One(_)) => return (Op::Nop, Err(Error::WrongKind)),
            };
            list.push_back(value);
            while list.len() > keep {
                list.pop_front();
            }
            let length = list.len();
            (Op::Put(Entry { value: Value::List(Arc::new(list)), end: end(ttl) }), Ok(length))
        })
        .await
    }

    pub(super) async fn last(&self, key: &str, count: usize) -> Result<Vec<Bytes>, Error> {
        match self.entry(key).await.map(|entry| entry.value) {
            None => Ok(Vec::new()),
            Some(Value::List(list)) => Ok(list.iter().skip(list.len().saturating_sub(count)).cloned().collect()),
            Some(Value::One(_)) => Err(Error::WrongKind),
        }
    }

    pub(super) async fn matching(&self, pattern: &str, limit: usize) -> Result<Vec<String>, Error> {
        let now = Instant::now();
        let alive =
            self.0.iter().filter(|(key, entry)| entry.end > now && glob::matches(pattern.as_bytes(), key.as_bytes()));
        Ok(alive.take(limit).map(|(key, _)| (*key).clone()).collect())
    }

    pub(super) async fn delete_matching(&self, pattern: &str) -> Result<u64, Error> {
        let mut deleted = 0;
        for key in self.matching(pattern, usize::MAX).await? {
            deleted += u64::from(self.delete(&key).await?);
        }
        Ok(deleted)
    }
}
