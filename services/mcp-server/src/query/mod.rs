//! `query_database`: one reading statement, with limits of time, rows and bytes.
//!
//! Three gates: [`statement`] looks at the text; the connection cannot write (SQLite: opened read-only and `query_only`; PostgreSQL:
//! `READ ONLY` transaction that is always rolled back); a deadline stops the statement inside the database (SQLite: progress handler;
//! PostgreSQL: `statement_timeout`). Use a role that may only read what callers may see: rows are not filtered.
//!
//! | file | what |
//! |---|---|
//! | `query/statement.rs` | the first gate |
//! | `query/sqlite.rs`, `query/postgres.rs` | connections, values to JSON |

mod postgres;
mod sqlite;
mod statement;

use std::time::Duration;

use serde_json::{Map, Value, json};
use service_kit::config::{self, Environment};
use service_kit::{Boot, Check};

use crate::error::Error;

/// Connections: queries of models are rare and must not take the database from the services.
const CONNECTIONS_MAX: u32 = 4;
/// How long a call waits for one of them.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Rows of an answer, unless MCP_QUERY_ROWS says otherwise.
const ROWS_DEFAULT: usize = 500;
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);
/// An answer beyond this helps no model and no person.
const BYTES_MAX: usize = 1 << 20;
/// Values that can be bound.
const PARAMETERS_MAX: usize = 100;

/// The database that may be read.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    pool: Pool,
    limits: Limits,
}

#[derive(Clone, Debug)]
enum Pool {
    Sqlite(telemetry::sqlx::Pool<sqlx::Sqlite>),
    Postgres(telemetry::sqlx::Pool<sqlx::Postgres>),
}

/// What a query may take.
#[derive(Clone, Copy, Debug)]
struct Limits {
    timeout: Duration,
    rows: usize,
}

/// Rows of an answer while they are collected.
#[derive(Debug, Default)]
struct Rows {
    columns: Vec<String>,
    rows: Vec<Value>,
    bytes: usize,
    truncated: bool,
}

impl Rows {
    /// Keeps a row if there is room; false ends the reading.
    fn push(&mut self, row: Map<String, Value>, limits: Limits) -> bool {
        let row = Value::Object(row);
        self.bytes += row.to_string().len();
        if self.rows.len() >= limits.rows || self.bytes > BYTES_MAX {
            self.truncated = true;
            return false;
        }
        self.rows.push(row);
        true
    }

    fn into_answer(self) -> Value {
        json!({"columns": self.columns, "row_count": self.rows.len(), "rows": self.rows, "truncated": self.truncated})
    }
}

impl Reader {
    /// DATABASE_URL, or `mcp-server.sqlite` in DATA_DIR, which is made when it is missing.
    ///
    /// # Errors
    /// A bad variable, or a database that cannot be opened.
    pub(crate) async fn open(boot: &Boot) -> anyhow::Result<Self> {
        let environment = boot.environment();
        let limits = Limits {
            timeout: environment.seconds("MCP_QUERY_TIMEOUT", TIMEOUT_DEFAULT)?,
            rows: environment.within("MCP_QUERY_ROWS", ROWS_DEFAULT, 1..=10_000)?,
        };
        let url = match address(environment)? {
            Some(url) => url,
            None => format!("sqlite:{}", boot.data_dir()?.join("mcp-server.sqlite").display()),
        };
        let pool = match url.split(':').next().unwrap_or_default() {
            "sqlite" => Pool::Sqlite(sqlite::open(&url).await?.into()),
            "postgres" | "postgresql" => Pool::Postgres(postgres::open(&url)?.into()),
            _ => return Err(config::Error::new("DATABASE_URL", "must begin with sqlite: or postgres://").into()),
        };
        Ok(Self { pool, limits })
    }

    /// Runs a query.
    ///
    /// # Errors
    /// Refused when it is not one reading statement or the database says that it is wrong; else as it fails.
    pub(crate) async fn run(&self, text: &str, parameters: &[Value]) -> Result<Value, Error> {
        let statement = statement::checked(text).map_err(Error::Refused)?;
        if parameters.len() > PARAMETERS_MAX {
            return Err(Error::argument("params", format!("at most {PARAMETERS_MAX} values")));
        }
        let run = async {
            match &self.pool {
                Pool::Sqlite(pool) => sqlite::run(pool, statement, parameters, self.limits).await,
                Pool::Postgres(pool) => postgres::run(pool, statement, parameters, self.limits).await,
            }
        };
        // The database stops itself at the limit; this is for one that does not answer at all, or a pool that is empty.
        let rows = tokio::time::timeout(self.limits.timeout + ACQUIRE_TIMEOUT, run).await;
        Ok(rows.map_err(|_| Error::Timeout(self.limits.timeout))??.into_answer())
    }

    /// `/ready`: a query is answered.
    pub(crate) fn check(&self) -> Check {
        let reader = self.clone();
        Check::new("database", move || {
            let reader = reader.clone();
            async move { reader.run("SELECT 1", &[]).await.map(drop) }
        })
    }
}

fn address(environment: &Environment) -> Result<Option<String>, config::Error> {
    Ok(environment.secret("DATABASE_URL")?.map(|url| url.expose().to_owned()))
}

/// The database's complaint about a statement is the caller's business; everything else is ours.
fn failed(error: sqlx::Error, limits: Limits) -> Error {
    let Some(cause) = error.as_database_error() else {
        return match error {
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Encode(_) | sqlx::Error::Protocol(_) => {
                Error::Refused(error.to_string())
            }
            _ => Error::Database(error),
        };
    };
    match cause.code().as_deref() {
        // SQLite: interrupted; PostgreSQL: query_canceled.
        Some("9" | "57014") => Error::Timeout(limits.timeout),
        // SQLite: read-only; PostgreSQL: read_only_sql_transaction.
        Some("8" | "25006") => Error::Refused("the query writes; only reading is allowed".to_owned()),
        Some(code) if code.len() == 5 && ["08", "53", "57", "58", "XX"].iter().any(|class| code.starts_with(class)) => {
            Error::Database(error)
        }
        // SQLite: no memory, which is our limit's doing.
        Some("7") => Error::Refused("the query needs too much memory".to_owned()),
        // SQLite: busy, locked, I/O, full, cannot open.
        Some("5" | "6" | "10" | "13" | "14") => Error::Database(error),
        _ => Error::Refused(cause.message().to_owned()),
    }
}
