//! SQLite, read-only.

use std::str::FromStr;
use std::time::Instant;

use futures::TryStreamExt;
use serde_json::{Map, Value};
use service_kit::config;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqlitePoolOptions, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Column, Connection, Row, Sqlite, SqlitePool, TypeInfo, ValueRef};

use super::{ACQUIRE_TIMEOUT, CONNECTIONS_MAX, Limits, Rows, failed};
use crate::error::Error;

/// Steps of SQLite's machine between two looks at the clock: some ten microseconds.
const STEPS: i32 = 1_000;
/// Of a blob only this much is told, as hexadecimal digits.
const BLOB_BYTES_MAX: usize = 64;
/// What SQLite may allocate in this process: one call of `randomblob` or `replace` could otherwise take a gigabyte, and the look at the
/// clock does not happen inside a function. Well above page caches of all connections.
const HEAP_BYTES_MAX: usize = 64 << 20;

pub(super) async fn open(url: &str) -> anyhow::Result<SqlitePool> {
    let options = SqliteConnectOptions::from_str(url)
        .map_err(|error| config::Error::new("DATABASE_URL", format_args!("is no SQLite address: {error}")))?;
    // An empty database can be read too, a missing file cannot.
    let memory = url.contains(":memory:") || url.contains("mode=memory");
    if !memory {
        sqlx::SqliteConnection::connect_with(&options.clone().create_if_missing(true)).await?.close().await?;
    }
    // What is in memory belongs to its connection and could not be opened read-only.
    let options = options
        .read_only(!memory)
        .pragma("query_only", "ON")
        .pragma("trusted_schema", "OFF")
        .pragma("hard_heap_limit", HEAP_BYTES_MAX.to_string());
    let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS_MAX).acquire_timeout(ACQUIRE_TIMEOUT);
    Ok(pool.connect_lazy_with(options))
}

pub(super) async fn run(
    pool: &telemetry::sqlx::Pool<Sqlite>,
    sql: &str,
    parameters: &[Value],
    limits: Limits,
) -> Result<Rows, Error> {
    let failed = |error| failed(error, limits);
    let mut connection = pool.acquire().await.map_err(failed)?;
    let deadline = Instant::now() + limits.timeout;
    connection
        .untraced()
        .lock_handle()
        .await
        .map_err(failed)?
        .set_progress_handler(STEPS, move || Instant::now() < deadline);
    let query = sqlx::query_with(AssertSqlSafe(sql.to_owned()), arguments(parameters)?);
    let mut rows = Rows::default();
    let outcome = async {
        let mut stream = query.persistent(false).fetch(&mut connection);
        while let Some(row) = stream.try_next().await? {
            if rows.columns.is_empty() {
                rows.columns = row.columns().iter().map(|column| column.name().to_owned()).collect();
            }
            if !rows.push(object(&row)?, limits) {
                break;
            }
        }
        Ok(())
    }
    .await;
    connection.untraced().lock_handle().await.map_err(failed)?.remove_progress_handler();
    outcome.map_err(failed)?;
    Ok(rows)
}

fn arguments(parameters: &[Value]) -> Result<SqliteArguments, Error> {
    let mut arguments = SqliteArguments::default();
    for (at, value) in parameters.iter().enumerate() {
        let added = match value {
            Value::Null => arguments.add(None::<String>),
            Value::Bool(value) => arguments.add(*value),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(value), _) => arguments.add(value),
                (_, value) => arguments.add(value),
            },
            Value::String(value) => arguments.add(value.clone()),
            Value::Array(_) | Value::Object(_) => arguments.add(value.to_string()),
        };
        added.map_err(|error| Error::argument(format!("params[{at}]"), error.to_string()))?;
    }
    Ok(arguments)
}

fn object(row: &SqliteRow) -> Result<Map<String, Value>, sqlx::Error> {
    let mut object = Map::new();
    for (at, column) in row.columns().iter().enumerate() {
        let raw = row.try_get_raw(at)?;
        let value = match raw.type_info().name() {
            _ if raw.is_null() => Value::Null,
            // SQLite keeps booleans as integers; the column's declaration tells them apart.
            "INTEGER" | "BOOLEAN" if column.type_info().name() == "BOOLEAN" => {
                Value::from(row.try_get_unchecked::<i64, _>(at)? != 0)
            }
            "INTEGER" => Value::from(row.try_get_unchecked::<i64, _>(at)?),
            "REAL" => Value::from(row.try_get_unchecked::<f64, _>(at)?),
            "BLOB" => Value::from(blob(row.try_get_unchecked::<&[u8], _>(at)?)),
            _ => Value::from(row.try_get_unchecked::<String, _>(at)?),
        };
        object.insert(column.name().to_owned(), value);
    }
    Ok(object)
}

fn blob(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().take(BLOB_BYTES_MAX).map(|byte| format!("{byte:02x}")).collect();
    let rest = if bytes.len() > BLOB_BYTES_MAX { "…" } else { "" };
    format!("\\x{digits}{rest}")
}
