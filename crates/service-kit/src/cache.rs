//! A cache with time to live: in this process, or in Redis when REDIS_URL is set. Both behave the same.
//!
//! | file | what |
//! |---|---|
//! | `cache/memory.rs` | in this process (moka), bounded by CACHE_MAX_BYTES, least recently used goes first |
//! | `cache/redis.rs` | Redis; several operations as Lua scripts, so that they are atomic |
//! | `cache/glob.rs` | patterns of [`Cache::delete_matching`] |
//! | `cache/lock.rs` | a lock with a time limit |
//!
//! Keys get the namespace (the service's name) and a colon in front, which callers never see.
//!
//! **When Redis is away.** What can be fetched again is read with [`Cache::lookup`] and written with [`Cache::remember`]: a failure
//! counts as a miss, is logged, and the request goes on, slower. What is kept nowhere else (sessions, jobs, locks) uses the strict
//! operations, whose [`Error`] becomes a 503: to go on would lose data or run a thing twice. There is no quiet change to the
//! in-process cache: two processes would see two truths. The service starts without Redis and is not ready until it comes.

mod glob;
mod lock;
mod memory;
mod redis;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::Environment;
use crate::problem::Problem;
use crate::ready::Check;
pub use lock::Lock;

/// In-process cache when CACHE_MAX_BYTES is unset: some ten thousand sessions or cached answers.
const MEMORY_BYTES_MAX: u64 = 64 << 20;
/// Keys that [`Cache::keys`] gives at most; a listing is for people and small sets.
pub const KEYS_MAX: usize = 10_000;

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Redis is away, too slow, or refuses: try again later.
    #[error("cache unavailable: {0}")]
    Unavailable(#[source] ::redis::RedisError),
    /// The key holds a list where a value was expected, or the other way round, or no number.
    #[error("cache key holds another kind of value")]
    WrongKind,
    /// The value is no JSON of the type asked for: an older release wrote it.
    #[error("cached value cannot be read: {0}")]
    Json(#[from] serde_json::Error),
}

impl Error {
    /// Whether the same call may succeed later.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        if error.retryable() {
            tracing::warn!(%error, "cache failed");
            return Self::unavailable("the cache is unavailable").retry_after(Duration::from_secs(1));
        }
        Self::internal(&error)
    }
}

/// A cache. Clones share it.
#[derive(Clone, Debug)]
pub struct Cache {
    namespace: Arc<str>,
    store: Store,
}

#[derive(Clone, Debug)]
enum Store {
    Memory(memory::Memory),
    Redis(redis::Redis),
}

/// Calls the same operation of whichever store it is.
macro_rules! on {
    ($self:ident, $operation:ident($($argument:expr),*)) => {
        match &$self.store {
            Store::Memory(memory) => memory.$operation($($argument),*).await,
            Store::Redis(redis) => redis.$operation($($argument),*).await,
        }
    };
}

impl Cache {
    /// In this process, holding at most `bytes_max` bytes of keys and values.
    pub fn in_process(namespace: &str, bytes_max: u64) -> Self {
        Self::of(namespace, Store::Memory(memory::Memory::new(bytes_max)))
    }

    /// In Redis at `url` (`redis://[user:password@]host[:port][/database]`). Connects when first used, and again after a loss.
    ///
    /// # Errors
    /// When the URL means nothing.
    pub fn redis(namespace: &str, url: &str) -> Result<Self, Error> {
        Ok(Self::of(namespace, Store::Redis(redis::Redis::new(url, &format!("{namespace}:"))?)))
    }

    /// REDIS_URL, or in this process.
    pub(crate) async fn from_environment(environment: &Environment, namespace: &str) -> Result<Self, crate::Error> {
        if let Some(url) = environment.secret("REDIS_URL")? {
            let wrong = |_| crate::config::Error::new("REDIS_URL", "must be redis:// or rediss:// with host and port");
            return Ok(Self::redis(namespace, url.expose()).map_err(wrong)?);
        }
        let bytes_max = environment.within("CACHE_MAX_BYTES", MEMORY_BYTES_MAX, 1 << 10..=1 << 40)?;
        Ok(Self::in_process(namespace, bytes_max))
    }

    fn of(namespace: &str, store: Store) -> Self {
        Self { namespace: format!("{namespace}:").into(), store }
    }

    /// `memory` or `redis`.
    pub fn kind(&self) -> &'static str {
        match self.store {
            Store::Memory(_) => "memory",
            Store::Redis(_) => "redis",
        }
    }

    /// A check for `/ready`.
    pub fn check(&self) -> Check {
        let cache = self.clone();
        Check::new("cache", move || {
            let cache = cache.clone();
            async move { on!(cache, ping()) }
        })
    }

    /// The value of a key.
    ///
    /// # Errors
    /// [`Error`]; so for all operations below.
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, Error> {
        on!(self, get(&self.full(key)))
    }

    /// Sets a key for `ttl`, whatever it held.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn set(&self, key: &str, value: impl Into<Bytes>, ttl: Duration) -> Result<(), Error> {
        on!(self, set(&self.full(key), value.into(), ttl))
    }

    /// Sets a key that does not exist; tells whether it did.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn set_if_absent(&self, key: &str, value: impl Into<Bytes>, ttl: Duration) -> Result<bool, Error> {
        on!(self, set_if_absent(&self.full(key), value.into(), ttl))
    }

    /// Replaces a value that is still `expected`; tells whether it did.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn replace_if(
        &self,
        key: &str,
        expected: &[u8],
        value: impl Into<Bytes>,
        ttl: Duration,
    ) -> Result<bool, Error> {
        on!(self, replace_if(&self.full(key), expected, value.into(), ttl))
    }

    /// Removes a key; tells whether there was one.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn delete(&self, key: &str) -> Result<bool, Error> {
        on!(self, delete(&self.full(key)))
    }

    /// Removes a key whose value is still `expected`; tells whether it did.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn delete_if(&self, key: &str, expected: &[u8]) -> Result<bool, Error> {
        on!(self, delete_if(&self.full(key), expected))
    }

    /// Gives a key `ttl` from now on; tells whether there is such a key.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn expire(&self, key: &str, ttl: Duration) -> Result<bool, Error> {
        on!(self, expire(&self.full(key), ttl))
    }

    /// Adds to a number and gives the sum. A new key begins at 0 and lives for `ttl`; one that exists keeps its end.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn increment(&self, key: &str, by: i64, ttl: Duration) -> Result<i64, Error> {
        on!(self, increment(&self.full(key), by, ttl))
    }

    /// Appends to a list, keeps its last `keep` values, gives it `ttl` from now on; gives its length.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn push(&self, key: &str, value: impl Into<Bytes>, keep: usize, ttl: Duration) -> Result<usize, Error> {
        on!(self, push(&self.full(key), value.into(), keep, ttl))
    }

    /// The last `count` values of a list, oldest first; empty for an unknown key.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn last(&self, key: &str, count: usize) -> Result<Vec<Bytes>, Error> {
        on!(self, last(&self.full(key), count))
    }

    /// Keys that begin with `prefix`, sorted, at most [`KEYS_MAX`]. Looks at every key of the store: not for every request.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn keys(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let found = on!(self, matching(&format!("{}*", glob::escape(&self.full(prefix))), KEYS_MAX))?;
        let mut keys: Vec<_> =
            found.iter().filter_map(|key| Some(key.strip_prefix(&*self.namespace)?.to_owned())).collect();
        keys.sort_unstable();
        Ok(keys)
    }

    /// Removes the keys that begin with `prefix`; gives how many. Keys set meanwhile may stay.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn delete_prefix(&self, prefix: &str) -> Result<u64, Error> {
        on!(self, delete_matching(&format!("{}*", glob::escape(&self.full(prefix)))))
    }

    /// Removes the keys that match a pattern as Redis has it (`*`, `?`, `[a-c]`, `\` before a special character); gives how many.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn delete_matching(&self, pattern: &str) -> Result<u64, Error> {
        on!(self, delete_matching(&format!("{}{pattern}", glob::escape(&self.namespace))))
    }

    /// [`Cache::get`] of a JSON value.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn get_json<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        Ok(self.get(key).await?.map(|bytes| serde_json::from_slice(&bytes)).transpose()?)
    }

    /// [`Cache::set`] of a JSON value.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn set_json<T: Serialize + ?Sized>(&self, key: &str, value: &T, ttl: Duration) -> Result<(), Error> {
        self.set(key, serde_json::to_vec(value)?, ttl).await
    }

    /// A value that can be fetched again: a failure is logged and counts as a miss.
    pub async fn lookup<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        self.get_json(key).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "cache read failed, counts as a miss");
            None
        })
    }

    /// Keeps a value that can be fetched again: a failure is logged and changes nothing.
    pub async fn remember<T: Serialize + ?Sized>(&self, key: &str, value: &T, ttl: Duration) {
        if let Err(error) = self.set_json(key, value, ttl).await {
            tracing::warn!(%error, "cache write failed, value not kept");
        }
    }

    /// Takes the lock `name` for at most `ttl`, or gives `None` when someone else has it.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn lock(&self, name: &str, ttl: Duration) -> Result<Option<Lock>, Error> {
        Lock::take(self, name, ttl).await
    }

    fn full(&self, key: &str) -> String {
        format!("{}{key}", self.namespace)
    }
}

#[cfg(test)]
#[path = "cache/tests.rs"]
mod tests;
