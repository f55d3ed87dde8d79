//! A lock with a time limit, so that one of several processes does a thing.
//!
//! Limits: when the work takes longer than the lock lives, another may take it. What must never happen twice needs a condition in
//! the database as well.

use std::time::Duration;

use super::{Cache, Error};

/// A lock that is held. Not released when dropped: it then ends by itself after its time.
#[derive(Debug)]
#[must_use = "a lock that is not released lasts until its time is over"]
pub struct Lock {
    cache: Cache,
    key: String,
    token: String,
}

impl Lock {
    pub(super) async fn take(cache: &Cache, name: &str, ttl: Duration) -> Result<Option<Self>, Error> {
        let lock = Self { cache: cache.clone(), key: format!("lock:{name}"), token: uuid::Uuid::new_v4().to_string() };
        let taken = cache.set_if_absent(&lock.key, lock.token.clone(), ttl).await?;
        Ok(taken.then_some(lock))
    }

    /// Makes it last `ttl` from now on; false when it was lost.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn extend(&self, ttl: Duration) -> Result<bool, Error> {
        self.cache.replace_if(&self.key, self.token.as_bytes(), self.token.clone(), ttl).await
    }

    /// Lets it go; false when it was lost before.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn release(self) -> Result<bool, Error> {
        self.cache.delete_if(&self.key, self.token.as_bytes()).await
    }
}
