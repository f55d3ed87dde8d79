//! Rows, read by column name, or whole as JSON.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, Utc};
use serde_json::{Map, Value};
use sqlx::postgres::{PgRow, PgValueRef};
use sqlx::sqlite::{SqliteRow, SqliteValueRef};
use sqlx::{Column, Decode, Postgres, Row as _, Sqlite, Type, TypeInfo, ValueRef};

use super::{Error, numeric};

/// One row of an answer.
pub struct Row(Inner);

enum Inner {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl From<SqliteRow> for Row {
    fn from(row: SqliteRow) -> Self {
        Self(Inner::Sqlite(row))
    }
}

impl From<PgRow> for Row {
    fn from(row: PgRow) -> Self {
        Self(Inner::Postgres(row))
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values are data of users: not for logs.
        formatter.debug_tuple("Row").field(&self.columns()).finish()
    }
}

impl Row {
    /// A column as `bool`, `i64`, `f64`, `String`, `Vec<u8>`, `DateTime<Utc>`, `serde_json::Value` or `Option` of these.
    ///
    /// # Errors
    /// An unknown column, a type that does not fit. A null where none may be: an error with PostgreSQL, the empty value with SQLite,
    /// whose driver does not tell them apart; read what may be null as `Option`.
    pub fn get<T>(&self, column: &str) -> Result<T, Error>
    where
        T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>,
    {
        match &self.0 {
            Inner::Sqlite(row) => Ok(row.try_get(column)?),
            Inner::Postgres(row) => Ok(row.try_get(column)?),
        }
    }

    /// The names of the columns, in order.
    pub fn columns(&self) -> Vec<&str> {
        match &self.0 {
            Inner::Sqlite(row) => row.columns().iter().map(Column::name).collect(),
            Inner::Postgres(row) => row.columns().iter().map(Column::name).collect(),
        }
    }

    /// All columns as JSON, for queries whose columns are not known before. Bytes are hexadecimal text (`\x…`); a type that is
    /// not known becomes `null`. Of columns with the same name the last one counts.
    pub fn to_json(&self) -> Map<String, Value> {
        let cell = |index: usize| match &self.0 {
            Inner::Sqlite(row) => row.try_get_raw(index).ok().map_or(Value::Null, sqlite),
            Inner::Postgres(row) => row.try_get_raw(index).ok().map_or(Value::Null, postgres),
        };
        self.columns().into_iter().enumerate().map(|(index, name)| (name.to_owned(), cell(index))).collect()
    }
}

/// Decodes, or null: only types that were looked at are decoded, so a failure means damaged data.
fn decoded<'r, D: sqlx::Database, T: Decode<'r, D>>(value: D::ValueRef<'r>, json: impl FnOnce(T) -> Value) -> Value {
    T::decode(value).map_or(Value::Null, json)
}

fn hex(bytes: &[u8]) -> Value {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Value::from(format!("\\x{digits}"))
}

fn sqlite(value: SqliteValueRef<'_>) -> Value {
    if value.is_null() {
        return Value::Null;
    }
    let kind = value.type_info().name().to_owned();
    match kind.as_str() {
        "BOOLEAN" => decoded::<Sqlite, bool>(value, Value::from),
        "INTEGER" | "INT4" | "INT8" => decoded::<Sqlite, i64>(value, Value::from),
        "REAL" => decoded::<Sqlite, f64>(value, Value::from),
        "BLOB" => decoded::<Sqlite, &[u8]>(value, hex),
        // TEXT, DATETIME, DATE, TIME: text as it is kept.
        _ => decoded::<Sqlite, &str>(value, Value::from),
    }
}

fn postgres(value: PgValueRef<'_>) -> Value {
    if value.is_null() {
        return Value::Null;
    }
    let kind = value.type_info().name().to_owned();
    match kind.as_str() {
        "BOOL" => decoded::<Postgres, bool>(value, Value::from),
        "INT2" => decoded::<Postgres, i16>(value, Value::from),
        "INT4" => decoded::<Postgres, i32>(value, Value::from),
        "INT8" => decoded::<Postgres, i64>(value, Value::from),
        "FLOAT4" => decoded::<Postgres, f32>(value, Value::from),
        "FLOAT8" => decoded::<Postgres, f64>(value, Value::from),
        "NUMERIC" => value.as_bytes().ok().and_then(numeric::json).unwrap_or_default(),
        "JSON" | "JSONB" => decoded::<Postgres, Value>(value, |json| json),
        "BYTEA" => decoded::<Postgres, &[u8]>(value, hex),
        "UUID" => decoded::<Postgres, uuid::Uuid>(value, |id| id.to_string().into()),
        "TIMESTAMPTZ" => {
            decoded::<Postgres, DateTime<Utc>>(value, |time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true).into())
        }
        "TIMESTAMP" => decoded::<Postgres, NaiveDateTime>(value, |time| time.to_string().into()),
        "DATE" => decoded::<Postgres, NaiveDate>(value, |date| date.to_string().into()),
        "TIME" => decoded::<Postgres, NaiveTime>(value, |time| time.to_string().into()),
        "TEXT[]" | "VARCHAR[]" => decoded::<Postgres, Vec<String>>(value, Value::from),
        "INT8[]" => decoded::<Postgres, Vec<i64>>(value, Value::from),
        "INT4[]" => decoded::<Postgres, Vec<i32>>(value, Value::from),
        "TEXT" | "VARCHAR" | "CHAR" | "NAME" | "CITEXT" | "UNKNOWN" => decoded::<Postgres, &str>(value, Value::from),
        _ => Value::Null,
    }
}
