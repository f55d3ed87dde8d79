//! Values to bind, in the form that each database takes.

use chrono::{DateTime, SecondsFormat, Utc};
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, Postgres, SqlStr, Sqlite};

use super::Error;

/// A value to bind to `$n`. Nulls keep their type: PostgreSQL wants to know it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// `BOOLEAN`
    Bool(Option<bool>),
    /// `BIGINT`, `INTEGER`
    Int(Option<i64>),
    /// `DOUBLE PRECISION`, `REAL`
    Float(Option<f64>),
    /// `TEXT`
    Text(Option<String>),
    /// `BYTEA`, `BLOB`
    Bytes(Option<Vec<u8>>),
    /// `TIMESTAMPTZ`, `TEXT`; cut to microseconds.
    Time(Option<DateTime<Utc>>),
    /// `JSONB`, `TEXT`
    Json(Option<serde_json::Value>),
}

/// `From` for a type, for references where they are usual, and for the optional.
macro_rules! from {
    ($($kind:ident: $($type:ty),+);+ $(;)?) => {$($(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$kind(Some(value.into()))
            }
        }
        impl From<Option<$type>> for Value {
            fn from(value: Option<$type>) -> Self {
                Self::$kind(value.map(Into::into))
            }
        }
    )+)+};
}

from! {
    Bool: bool;
    Int: i64, i32, u32, i16, u16, u8;
    Float: f64, f32;
    Text: String, &str, &String;
    Bytes: Vec<u8>, &[u8];
    Time: DateTime<Utc>;
    Json: serde_json::Value;
}

impl From<uuid::Uuid> for Value {
    fn from(value: uuid::Uuid) -> Self {
        Self::Text(Some(value.to_string()))
    }
}

impl From<Option<uuid::Uuid>> for Value {
    fn from(value: Option<uuid::Uuid>) -> Self {
        Self::Text(value.map(|value| value.to_string()))
    }
}

/// The text that a time has in SQLite: fixed width, so that text order is time order.
fn time_text(time: &DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

pub(super) fn sqlite(sql: SqlStr, values: &[Value]) -> Result<Query<'static, Sqlite, SqliteArguments>, Error> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        let added = match value {
            Value::Bool(value) => arguments.add(*value),
            Value::Int(value) => arguments.add(*value),
            Value::Float(value) => arguments.add(*value),
            Value::Text(value) => arguments.add(value.clone()),
            Value::Bytes(value) => arguments.add(value.clone()),
            Value::Time(value) => arguments.add(value.as_ref().map(time_text)),
            Value::Json(value) => arguments.add(value.as_ref().map(ToString::to_string)),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(sqlx::query_with(sql, arguments))
}

pub(super) fn postgres(sql: SqlStr, values: &[Value]) -> Result<Query<'static, Postgres, PgArguments>, Error> {
    let mut arguments = PgArguments::default();
    for value in values {
        let added = match value {
            Value::Bool(value) => arguments.add(*value),
            Value::Int(value) => arguments.add(*value),
            Value::Float(value) => arguments.add(*value),
            Value::Text(value) => arguments.add(value.clone()),
            Value::Bytes(value) => arguments.add(value.clone()),
            Value::Time(value) => arguments.add(*value),
            Value::Json(value) => arguments.add(value.clone()),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(sqlx::query_with(sql, arguments))
}
