//! The read-through cache of answers.
//!
//! | file | what |
//! |---|---|
//! | `key` | `GET:/bases/…?…` with sorted parameters; patterns for invalidation |
//! | `flights` | of several reads that miss the same answer, one asks |
//! | `affected` | which tables a write changes, linked ones included |
//!
//! A write does not hunt for keys. Each base and each table has a mark, which is part of the keys of its answers; a write replaces the
//! mark, and what was kept under the old one is out of reach at once, in every process that shares the cache, and also when a read that
//! began before the write ends after it. Marks are random, never counted: a lost mark must not come back.
//!
//! Limit: when the cache cannot be reached at the moment of a write, the old mark stays, and with it what was kept, for CACHE_TTL at most.

pub(crate) mod affected;
mod flights;
pub(crate) mod key;

use std::future::Future;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use service_kit::cache::Cache;
use tracing::Instrument;

use crate::error::Error;
use crate::measures::Measures;
use flights::{Flight, Flights};
use key::Key;

/// Where marks are kept; patterns of callers never reach them.
const MARKS: &str = "mark:";
/// What stands for a mark that was never set. Marks live twice as long as answers, so that no answer outlives the mark that hides it.
const UNMARKED: &str = "0";

/// A mark's place: a base, or a table of it by the name or id that callers use.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) base: String,
    pub(crate) table: Option<String>,
}

impl Place {
    pub(crate) fn base(base: &str) -> Self {
        Self { base: base.to_owned(), table: None }
    }

    pub(crate) fn table(base: &str, table: &str) -> Self {
        Self { base: base.to_owned(), table: Some(table.to_owned()) }
    }

    fn key(&self) -> String {
        match &self.table {
            // A table's name may hold anything, a base's id not: the first slash ends it.
            Some(table) => format!("{MARKS}{}/{table}", self.base),
            None => format!("{MARKS}{}", self.base),
        }
    }
}

/// Answers that are kept. Clones share them.
#[derive(Clone)]
pub(crate) struct Answers {
    cache: Cache,
    flights: Flights,
    ttl: Duration,
    measures: Measures,
}

impl Answers {
    pub(crate) fn new(cache: Cache, ttl: Duration, measures: Measures) -> Self {
        Self { cache, flights: Flights::default(), ttl, measures }
    }

    /// The kept answer, or that of `fetch`, kept for `ttl` of it. The flag says whether it was kept.
    ///
    /// # Errors
    /// Those of `fetch`: errors are not kept.
    pub(crate) async fn read<T, F>(
        &self,
        key: &Key,
        ttl: impl FnOnce(&T) -> Duration,
        fetch: F,
    ) -> Result<(T, bool), Error>
    where
        T: Serialize + DeserializeOwned,
        F: Future<Output = Result<T, Error>>,
    {
        let (full, kept) = self.look_up(key).await;
        if let Some(answer) = kept {
            return Ok((answer, true));
        }
        let _lead = match self.flights.join(&full).await {
            Flight::Leads(lead) => Some(lead),
            Flight::Followed => match self.cache.lookup(&full).await {
                Some(answer) => return Ok((answer, true)),
                None => None,
            },
        };
        let answer = fetch.await?;
        let ttl = ttl(&answer).min(self.ttl);
        let span = tracing::info_span!("cache set", cache.key.pattern = key.pattern());
        self.cache.remember(&full, &answer, ttl).instrument(span).await;
        Ok((answer, false))
    }

    /// The kept answer, if there is one; not counted as a look-up.
    pub(crate) async fn peek<T: DeserializeOwned>(&self, key: &Key) -> Option<T> {
        self.cache.lookup(&self.full(key).await).await
    }

    /// The key with its marks, and the kept answer.
    async fn look_up<T: DeserializeOwned>(&self, key: &Key) -> (String, Option<T>) {
        let span =
            tracing::info_span!("cache get", cache.key.pattern = key.pattern(), cache.hit = tracing::field::Empty);
        let found = async {
            let full = self.full(key).await;
            let kept = self.cache.lookup(&full).await;
            (full, kept)
        };
        let (full, kept) = found.instrument(span.clone()).await;
        span.record("cache.hit", kept.is_some());
        self.measures.cache(key.what(), kept.is_some());
        (full, kept)
    }

    /// Puts everything that belongs to these places out of reach.
    pub(crate) async fn forget(&self, places: &[Place]) {
        for place in places {
            let mark = uuid::Uuid::new_v4().simple().to_string();
            if let Err(error) = self.cache.set_json(&place.key(), &mark, self.ttl * 2).await {
                tracing::error!(%error, base = place.base, "a write is not seen by the cache: old answers may stay until they expire");
            }
        }
    }

    /// Removes answers by a pattern; gives how many.
    ///
    /// # Errors
    /// When the cache cannot be reached.
    pub(crate) async fn remove(&self, pattern: &str) -> Result<u64, service_kit::cache::Error> {
        self.cache.delete_matching(&key::pattern(pattern)).await
    }

    pub(crate) fn ttl(&self) -> Duration {
        self.ttl
    }

    async fn full(&self, key: &Key) -> String {
        format!("{}#{}", key.text(), self.marks(key).await)
    }

    async fn marks(&self, key: &Key) -> String {
        let read =
            async |place: Place| self.cache.lookup::<String>(&place.key()).await.unwrap_or_else(|| UNMARKED.to_owned());
        match key.place() {
            None => UNMARKED.to_owned(),
            Some(Place { base, table: None }) => read(Place::base(base)).await,
            Some(Place { base, table: Some(table) }) => {
                let (of_base, of_table) = tokio::join!(read(Place::base(base)), read(Place::table(base, table)));
                format!("{of_base}.{of_table}")
            }
        }
    }
}

#[cfg(test)]
mod tests;
