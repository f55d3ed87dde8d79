//! The database: a SQLite file in DATA_DIR, or PostgreSQL when DATABASE_URL says so. Services write their SQL once.
//!
//! | file | what |
//! |---|---|
//! | `database/value.rs` | [`Value`]: what may be bound |
//! | `database/row.rs` | [`Row`]: what is read |
//! | `database/numeric.rs` | `NUMERIC` of PostgreSQL |
//! | `database/open.rs` | pools and their options |
//!
//! What holds in both, so that one text of SQL does:
//!
//! * placeholders are `$1`, `$2`, …; `RETURNING`, `ON CONFLICT`, `LIMIT … OFFSET`, window functions and `WITH` are the same
//! * ids are `TEXT`; whole numbers `BIGINT` in PostgreSQL and `INTEGER` in SQLite; `BOOLEAN`; times `TIMESTAMPTZ` and `TEXT` (always
//!   with microseconds, so that text order is time order); JSON `JSONB` and `TEXT`; bytes `BYTEA` and `BLOB`
//! * `SUM` of whole numbers is `NUMERIC` in PostgreSQL: write `CAST(SUM(n) AS BIGINT)`
//! * where they do differ, ask [`Database::pick`]
//!
//! Migrations are two folders with the same versions: `migrations/sqlite` and `migrations/postgres`. Each service has a table of its
//! own for them, so several may share a database.

mod numeric;
mod open;
mod row;
mod value;

use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Postgres, SqlSafeStr, Sqlite};

use crate::config::Environment;
use crate::problem::Problem;
use crate::ready::Check;
pub use row::Row;
pub use value::Value;

/// Values to bind, each by `Value::from`: `values![id, name, Utc::now()]`.
#[macro_export]
macro_rules! values {
    ($($value:expr),* $(,)?) => { [$($crate::database::Value::from($value)),*] };
}

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address means nothing, or names a database that is not supported.
    #[error("{0}")]
    Address(String),
    /// The server is away, too slow or busy: try again later.
    #[error("database unavailable: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// A row was expected and none came.
    #[error("no such row")]
    NotFound,
    /// A unique key exists already.
    #[error("such a row exists already: {0}")]
    Exists(#[source] sqlx::Error),
    /// The statement or a value in it is wrong.
    #[error("database refused the statement: {0}")]
    Statement(#[source] sqlx::Error),
    /// The schema cannot be brought up to date.
    #[error("cannot migrate: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
}

impl Error {
    /// Whether the same call may succeed later.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable(_) => {
                tracing::warn!(%error, "database failed");
                Self::unavailable("the database is unavailable").retry_after(Duration::from_secs(1))
            }
            Error::NotFound => Self::not_found("no such row"),
            Error::Exists(_) => Self::conflict("such a row exists already"),
            _ => Self::internal(&error),
        }
    }
}

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// The migrations of a service: `static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");` and the same for PostgreSQL.
#[derive(Debug, Clone, Copy)]
pub struct Migrations {
    /// For SQLite.
    pub sqlite: &'static Migrator,
    /// For PostgreSQL.
    pub postgres: &'static Migrator,
}

/// A pool of connections. Clones share it.
#[derive(Clone, Debug)]
pub struct Database {
    pool: Pool,
    service: String,
}

#[derive(Clone, Debug)]
enum Pool {
    Sqlite(telemetry::sqlx::Pool<Sqlite>),
    Postgres(telemetry::sqlx::Pool<Postgres>),
}

impl Database {
    /// DATABASE_URL (`sqlite:path`, `sqlite::memory:`, `postgres://…`), or `<service>.sqlite` in DATA_DIR.
    pub(crate) async fn from_environment(environment: &Environment, service: &str) -> Result<Self, crate::Error> {
        match environment.secret("DATABASE_URL")? {
            Some(url) => Ok(Self::open(url.expose(), service).await?),
            None => {
                let file = crate::service::data_dir(environment, service)?.join(format!("{service}.sqlite"));
                Ok(Self::open(&format!("sqlite:{}", file.display()), service).await?)
            }
        }
    }

    /// Opens `url`; `service` names the table of its migrations.
    ///
    /// # Errors
    /// An address that means nothing, or a server that does not answer.
    pub async fn open(url: &str, service: &str) -> Result<Self, Error> {
        Ok(Self { pool: open::pool(url, service).await?, service: service.to_owned() })
    }

    /// A database in memory, for tests. One connection: it goes when the last clone does.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub async fn in_memory() -> Result<Self, Error> {
        Self::open("sqlite::memory:", "test").await
    }

    /// Brings the schema up to date. Safe when several processes start at once.
    ///
    /// # Errors
    /// A migration that fails, or one that was changed after it ran.
    pub async fn migrate(&self, migrations: Migrations) -> Result<(), Error> {
        let table = format!("_migrations_{}", self.service.replace('-', "_"));
        match &self.pool {
            Pool::Sqlite(pool) => open::named(migrations.sqlite, table).run(pool.untraced()).await?,
            Pool::Postgres(pool) => open::named(migrations.postgres, table).run(pool.untraced()).await?,
        }
        Ok(())
    }

    /// Which database it is.
    pub fn dialect(&self) -> Dialect {
        match self.pool {
            Pool::Sqlite(_) => Dialect::Sqlite,
            Pool::Postgres(_) => Dialect::Postgres,
        }
    }

    /// The text for this database, where the two differ.
    pub fn pick(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self.dialect() {
            Dialect::Sqlite => sqlite,
            Dialect::Postgres => postgres,
        }
    }

    /// A check for `/ready`.
    pub fn check(&self) -> Check {
        let database = self.clone();
        Check::new("database", move || {
            let database = database.clone();
            async move { database.fetch_one("SELECT 1", &[]).await.map(|_| ()) }
        })
    }

    /// Runs a statement; gives how many rows it changed.
    ///
    /// # Errors
    /// [`Error`]; so for all operations below.
    pub async fn execute(&self, sql: impl SqlSafeStr, values: &[Value]) -> Result<u64, Error> {
        let sql = sql.into_sql_str();
        match &self.pool {
            Pool::Sqlite(pool) => Ok(value::sqlite(sql, values)?.execute(pool).await?.rows_affected()),
            Pool::Postgres(pool) => Ok(value::postgres(sql, values)?.execute(pool).await?.rows_affected()),
        }
    }

    /// All rows of a query: bound it with `LIMIT`.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn fetch_all(&self, sql: impl SqlSafeStr, values: &[Value]) -> Result<Vec<Row>, Error> {
        let sql = sql.into_sql_str();
        match &self.pool {
            Pool::Sqlite(pool) => {
                Ok(value::sqlite(sql, values)?.fetch_all(pool).await?.into_iter().map(Row::from).collect())
            }
            Pool::Postgres(pool) => {
                Ok(value::postgres(sql, values)?.fetch_all(pool).await?.into_iter().map(Row::from).collect())
            }
        }
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn fetch_optional(&self, sql: impl SqlSafeStr, values: &[Value]) -> Result<Option<Row>, Error> {
        let sql = sql.into_sql_str();
        match &self.pool {
            Pool::Sqlite(pool) => Ok(value::sqlite(sql, values)?.fetch_optional(pool).await?.map(Row::from)),
            Pool::Postgres(pool) => Ok(value::postgres(sql, values)?.fetch_optional(pool).await?.map(Row::from)),
        }
    }

    /// The first row; [`Error::NotFound`] when there is none.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn fetch_one(&self, sql: impl SqlSafeStr, values: &[Value]) -> Result<Row, Error> {
        self.fetch_optional(sql, values).await?.ok_or(Error::NotFound)
    }

    /// Begins a transaction that is going to write. Dropping it undoes it. In SQLite others that write wait from here on.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn begin(&self) -> Result<Transaction, Error> {
        Ok(match &self.pool {
            // A transaction that begins by reading cannot be made to wait when it wants to write later: it fails.
            Pool::Sqlite(pool) => Transaction::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?),
            Pool::Postgres(pool) => Transaction::Postgres(pool.begin().await?),
        })
    }

    /// Closes the connections and, for SQLite, folds the write-ahead log into the file.
    pub async fn close(&self) {
        match &self.pool {
            Pool::Sqlite(pool) => pool.close().await,
            Pool::Postgres(pool) => pool.close().await,
        }
    }
}

/// SQL that was put together at run time and was looked at: names in it are ours, values are bound.
pub fn assert_safe(sql: String) -> AssertSqlSafe<String> {
    AssertSqlSafe(sql)
}

/// A transaction; [`Transaction::commit`] keeps it, dropping undoes it.
#[derive(Debug)]
#[must_use = "a transaction that is not committed is undone"]
pub enum Transaction {
    #[doc(hidden)]
    Sqlite(telemetry::sqlx::Transaction<Sqlite>),
    #[doc(hidden)]
    Postgres(telemetry::sqlx::Transaction<Postgres>),
}

impl Transaction {
    /// As [`Database::execute`].
    ///
    /// # Errors
    /// [`Error`]
    pub async fn execute(&mut self, sql: impl SqlSafeStr, values: &[Value]) -> Result<u64, Error> {
        let sql = sql.into_sql_str();
        match self {
            Self::Sqlite(on) => Ok(value::sqlite(sql, values)?.execute(&mut **on).await?.rows_affected()),
            Self::Postgres(on) => Ok(value::postgres(sql, values)?.execute(&mut **on).await?.rows_affected()),
        }
    }

    /// As [`Database::fetch_all`].
    ///
    /// # Errors
    /// [`Error`]
    pub async fn fetch_all(&mut self, sql: impl SqlSafeStr, values: &[Value]) -> Result<Vec<Row>, Error> {
        let sql = sql.into_sql_str();
        match self {
            Self::Sqlite(on) => {
                Ok(value::sqlite(sql, values)?.fetch_all(&mut **on).await?.into_iter().map(Row::from).collect())
            }
            Self::Postgres(on) => {
                Ok(value::postgres(sql, values)?.fetch_all(&mut **on).await?.into_iter().map(Row::from).collect())
            }
        }
    }

    /// As [`Database::fetch_optional`].
    ///
    /// # Errors
    /// [`Error`]
    pub async fn fetch_optional(&mut self, sql: impl SqlSafeStr, values: &[Value]) -> Result<Option<Row>, Error> {
        let sql = sql.into_sql_str();
        match self {
            Self::Sqlite(on) => Ok(value::sqlite(sql, values)?.fetch_optional(&mut **on).await?.map(Row::from)),
            Self::Postgres(on) => Ok(value::postgres(sql, values)?.fetch_optional(&mut **on).await?.map(Row::from)),
        }
    }

    /// As [`Database::fetch_one`].
    ///
    /// # Errors
    /// [`Error`]
    pub async fn fetch_one(&mut self, sql: impl SqlSafeStr, values: &[Value]) -> Result<Row, Error> {
        self.fetch_optional(sql, values).await?.ok_or(Error::NotFound)
    }

    /// Keeps what was done.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn commit(self) -> Result<(), Error> {
        match self {
            Self::Sqlite(on) => Ok(on.commit().await?),
            Self::Postgres(on) => Ok(on.commit().await?),
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::RowNotFound => Self::NotFound,
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => {
                Self::Unavailable(error)
            }
            sqlx::Error::Database(cause) if cause.is_unique_violation() => Self::Exists(error),
            sqlx::Error::Database(cause) if passing(cause.code().as_deref()) => Self::Unavailable(error),
            _ => Self::Statement(error),
        }
    }
}

/// Codes of faults that pass: PostgreSQL's classes 08 (connection), 53 (resources), 57P (shutdown, starting), 40001/40P01
/// (serialisation, deadlock), 55P03 (lock); SQLite's 5 (busy), 6 (locked) and their extended forms.
fn passing(code: Option<&str>) -> bool {
    let Some(code) = code else { return false };
    if code.len() == 5 && code.parse::<u32>().map_or(true, |number| number > 9999 || code.starts_with('0')) {
        return ["08", "53", "57P", "40001", "40P01", "55P03"].iter().any(|start| code.starts_with(start));
    }
    code.parse::<u32>().is_ok_and(|number| matches!(number & 0xff, 5 | 6))
}

#[cfg(test)]
#[path = "database/tests.rs"]
mod tests;
