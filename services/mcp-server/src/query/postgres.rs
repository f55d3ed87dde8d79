//! PostgreSQL, in a read-only transaction that is always rolled back.

use std::str::FromStr;

use futures::TryStreamExt;
use serde_json::{Map, Value};
use service_kit::config;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions};
use sqlx::{Arguments, AssertSqlSafe, Column, Executor, PgPool, Postgres, Row, SqlSafeStr, Statement};

use super::{ACQUIRE_TIMEOUT, CONNECTIONS_MAX, Limits, Rows, failed};
use crate::error::Error;

/// Does not connect yet: a database that is away makes `/ready` fail, not the start.
pub(super) fn open(url: &str) -> Result<PgPool, config::Error> {
    let options = PgConnectOptions::from_str(url)
        // The error may quote the address, and the address holds a password.
        .map_err(|_| config::Error::new("DATABASE_URL", "is no PostgreSQL address"))?
        .application_name("mcp-server");
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS_MAX).acquire_timeout(ACQUIRE_TIMEOUT);
    Ok(pool.connect_lazy_with(options))
}

pub(super) async fn run(
    pool: &telemetry::sqlx::Pool<Postgres>,
    sql: &str,
    parameters: &[Value],
    limits: Limits,
) -> Result<Rows, Error> {
    let arguments = arguments(parameters)?;
    let outcome = async {
        let mut transaction = pool.begin_with("BEGIN READ ONLY").await?;
        let limit = format!("SET LOCAL statement_timeout = {}", limits.timeout.as_millis().max(1));
        transaction.untraced().execute(AssertSqlSafe(limit).into_sql_str()).await?;
        // Prepared by itself first: what only becomes a statement inside the brackets below is refused here. It also tells the
        // columns in their order.
        let statement = transaction.untraced().prepare(AssertSqlSafe(sql.to_owned()).into_sql_str()).await?;
        let mut rows = Rows {
            columns: statement.columns().iter().map(|column| column.name().to_owned()).collect(),
            ..Rows::default()
        };
        // The database turns any type into JSON. The line feed ends a comment at the end of the query.
        let wrapped = format!("SELECT row_to_json(answer)::text FROM ({sql}\n) AS answer LIMIT {}", limits.rows + 1);
        let query = sqlx::query_with(AssertSqlSafe(wrapped), arguments).persistent(false);
        let mut stream = query.fetch(&mut *transaction);
        while let Some(row) = stream.try_next().await? {
            let object: Map<String, Value> =
                serde_json::from_str(row.try_get(0)?).map_err(|error| sqlx::Error::Decode(error.into()))?;
            if !rows.push(object, limits) {
                break;
            }
        }
        drop(stream);
        transaction.rollback().await?;
        Ok(rows)
    };
    outcome.await.map_err(|error| failed(error, limits))
}

fn arguments(parameters: &[Value]) -> Result<PgArguments, Error> {
    let mut arguments = PgArguments::default();
    for (at, value) in parameters.iter().enumerate() {
        let added = match value {
            Value::Null => arguments.add(None::<String>),
            Value::Bool(value) => arguments.add(*value),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(value), _) => arguments.add(value),
                (_, value) => arguments.add(value),
            },
            Value::String(value) => arguments.add(value.clone()),
            Value::Array(_) | Value::Object(_) => arguments.add(sqlx::types::Json(value)),
        };
        added.map_err(|error| Error::argument(format!("params[{at}]"), error.to_string()))?;
    }
    Ok(arguments)
}
