//! The cache in Redis. What takes more than one command is a Lua script: atomic, one round trip.

use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{AsyncCommands, Client, RedisError, Script};

use super::Error;

/// A cache that takes longer is worth nothing.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(1);
/// Keys looked at in one SCAN; small enough not to hold up other clients.
const SCAN_COUNT: usize = 500;

static REPLACE_IF: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) return 1 end return 0",
    )
});
static DELETE_IF: LazyLock<Script> = LazyLock::new(|| {
    Script::new("if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0")
});
static INCREMENT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local sum = redis.call('INCRBY', KEYS[1], ARGV[1]) \
         if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return sum",
    )
});
static PUSH: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "redis.call('RPUSH', KEYS[1], ARGV[1]) redis.call('LTRIM', KEYS[1], -tonumber(ARGV[2]), -1) \
         redis.call('PEXPIRE', KEYS[1], ARGV[3]) return redis.call('LLEN', KEYS[1])",
    )
});

#[derive(Clone)]
pub(super) struct Redis(telemetry::redis::Connection);

impl std::fmt::Debug for Redis {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Redis")
    }
}

impl From<RedisError> for Error {
    fn from(error: RedisError) -> Self {
        let wrong = error.code() == Some("WRONGTYPE") || error.to_string().contains("not an integer");
        if wrong { Self::WrongKind } else { Self::Unavailable(error) }
    }
}

/// Redis counts in whole milliseconds and refuses 0.
fn millis(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).clamp(1, i64::MAX as u64 / 4)
}

impl Redis {
    /// `namespace` is the beginning of every key; spans tell no more of a key than that.
    pub(super) fn new(url: &str, namespace: &str) -> Result<Self, Error> {
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(RESPONSE_TIMEOUT))
            .set_connection_timeout(Some(CONNECTION_TIMEOUT));
        let client = Client::open(url)?;
        let manager = ConnectionManager::new_lazy_with_config(client.clone(), config)?;
        Ok(Self(telemetry::redis::Connection::new(manager, &client).prefix(namespace)))
    }

    pub(super) async fn ping(&self) -> Result<(), Error> {
        Ok(redis::cmd("PING").exec_async(&mut self.0.clone()).await?)
    }

    pub(super) async fn get(&self, key: &str) -> Result<Option<Bytes>, Error> {
        let value: Option<Vec<u8>> = self.0.clone().get(key).await?;
        Ok(value.map(Bytes::from))
    }

    pub(super) async fn set(&self, key: &str, value: Bytes, ttl: Duration) -> Result<(), Error> {
        Ok(self.0.clone().pset_ex(key, &value[..], millis(ttl)).await?)
    }

    pub(super) async fn set_if_absent(&self, key: &str, value: Bytes, ttl: Duration) -> Result<bool, Error> {
        let mut command = redis::cmd("SET");
        command.arg(key).arg(&value[..]).arg("NX").arg("PX").arg(millis(ttl));
        let done: Option<String> = command.query_async(&mut self.0.clone()).await?;
        Ok(done.is_some())
    }

    pub(super) async fn replace_if(
        &self,
        key: &str,
        expected: &[u8],
        value: Bytes,
        ttl: Duration,
    ) -> Result<bool, Error> {
        let mut call = REPLACE_IF.prepare_invoke();
        call.key(key).arg(expected).arg(&value[..]).arg(millis(ttl));
        Ok(call.invoke_async(&mut self.0.clone()).await?)
    }

    pub(super) async fn delete(&self, key: &str) -> Result<bool, Error> {
        Ok(self.0.clone().del(key).await?)
    }

    pub(super) async fn delete_if(&self, key: &str, expected: &[u8]) -> Result<bool, Error> {
        let mut call = DELETE_IF.prepare_invoke();
        call.key(key).arg(expected);
        Ok(call.invoke_async(&mut self.0.clone()).await?)
    }

    pub(super) async fn expire(&self, key: &str, ttl: Duration) -> Result<bool, Error> {
        let mut command = redis::cmd("PEXPIRE");
        command.arg(key).arg(millis(ttl));
        Ok(command.query_async(&mut self.0.clone()).await?)
    }

    pub(super) async fn increment(&self, key: &str, by: i64, ttl: Duration) -> Result<i64, Error> {
        let mut call = INCREMENT.prepare_invoke();
        call.key(key).arg(by).arg(millis(ttl));
        Ok(call.invoke_async(&mut self.0.clone()).await?)
    }

    pub(super) async fn push(&self, key: &str, value: Bytes, keep: usize, ttl: Duration) -> Result<usize, Error> {
        let mut call = PUSH.prepare_invoke();
        call.key(key).arg(&value[..]).arg(keep.max(1)).arg(millis(ttl));
        Ok(call.invoke_async(&mut self.0.clone()).await?)
    }

    pub(super) async fn last(&self, key: &str, count: usize) -> Result<Vec<Bytes>, Error> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let from = -isize::try_from(count).unwrap_or(isize::MAX);
        let values: Vec<Vec<u8>> = self.0.clone().lrange(key, from, -1).await?;
        Ok(values.into_iter().map(Bytes::from).collect())
    }

    pub(super) async fn matching(&self, pattern: &str, limit: usize) -> Result<Vec<String>, Error> {
        // SCAN may give a key twice.
        let mut found = std::collections::BTreeSet::new();
        let mut cursor = 0_u64;
        loop {
            let keys = self.scan(&mut cursor, pattern).await?;
            found.extend(keys);
            if cursor == 0 || found.len() >= limit {
                return Ok(found.into_iter().take(limit).collect());
            }
        }
    }

    pub(super) async fn delete_matching(&self, pattern: &str) -> Result<u64, Error> {
        let (mut cursor, mut deleted) = (0_u64, 0_u64);
        loop {
            let keys = self.scan(&mut cursor, pattern).await?;
            if !keys.is_empty() {
                let mut command = redis::cmd("UNLINK");
                command.arg(&keys);
                deleted += command.query_async::<u64>(&mut self.0.clone()).await?;
            }
            if cursor == 0 {
                return Ok(deleted);
            }
        }
    }

    async fn scan(&self, cursor: &mut u64, pattern: &str) -> Result<Vec<String>, Error> {
        let mut command = redis::cmd("SCAN");
        command.arg(*cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(SCAN_COUNT);
        let (next, keys): (u64, Vec<String>) = command.query_async(&mut self.0.clone()).await?;
        *cursor = next;
        Ok(keys)
    }
}
