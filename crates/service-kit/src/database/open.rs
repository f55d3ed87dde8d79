//! Pools: where, and with which options.

use std::borrow::Cow;
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::{Error, Pool};

/// Connections of one service. SQLite writes one at a time anyway; PostgreSQL allows 100 in all by default, for four services.
const CONNECTIONS_MAX: u32 = 16;
/// How long a request waits for a free connection, or a writer for its turn.
const WAIT: Duration = Duration::from_secs(5);

pub(super) async fn pool(url: &str, service: &str) -> Result<Pool, Error> {
    let scheme = url.split(':').next().unwrap_or_default();
    match scheme {
        "sqlite" => sqlite(url).await,
        "postgres" | "postgresql" => postgres(url, service).await,
        // The URL itself may hold a password.
        _ => Err(Error::Address("must begin with sqlite: or postgres://".to_owned())),
    }
}

async fn sqlite(url: &str) -> Result<Pool, Error> {
    let memory = url.contains(":memory:") || url.contains("mode=memory");
    let options = SqliteConnectOptions::from_str(url)
        .map_err(|error| Error::Address(format!("is no SQLite address: {error}")))?
        .create_if_missing(true)
        .foreign_keys(true)
        .busy_timeout(WAIT)
        // Readers do not wait for the writer. A power loss may undo the last commits, never damage the file.
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal);
    let pool = SqlitePoolOptions::new().acquire_timeout(WAIT);
    // A database in memory belongs to its connection: there must be one, for ever.
    let pool = if memory {
        pool.max_connections(1).min_connections(1).idle_timeout(None).max_lifetime(None)
    } else {
        pool.max_connections(CONNECTIONS_MAX)
    };
    Ok(Pool::Sqlite(pool.connect_with(options).await?.into()))
}

async fn postgres(url: &str, service: &str) -> Result<Pool, Error> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| {
            Error::Address("is no PostgreSQL address: postgres://user:password@host:port/database".to_owned())
        })?
        .application_name(service);
    let pool =
        PgPoolOptions::new().max_connections(CONNECTIONS_MAX).acquire_timeout(WAIT).connect_with(options).await?;
    Ok(Pool::Postgres(pool.into()))
}

/// The same migrations, recorded in a table of the service's own.
pub(super) fn named(migrations: &'static Migrator, table: String) -> Migrator {
    let mut named = Migrator::with_migrations(migrations.iter().cloned().collect());
    named.dangerous_set_table_name(Cow::Owned(table));
    named
}
