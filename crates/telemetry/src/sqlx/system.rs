//! What differs between the databases: names, addresses, counts, codes.

use std::borrow::Cow;

use sqlx::postgres::{PgConnectOptions, PgQueryResult};
use sqlx::sqlite::{SqliteConnectOptions, SqliteQueryResult};
use sqlx::{Database, Postgres, Sqlite};

/// Connection options of a database.
pub(super) type Options<DB> = <<DB as Database>::Connection as sqlx::Connection>::Options;

/// Where statements go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `db.namespace`
    pub namespace: Option<String>,
    /// `server.address` and `server.port`
    pub server: Option<(String, u16)>,
}

/// A database that the layer knows; implemented for `sqlx::Sqlite` and `sqlx::Postgres`.
pub trait System: Database + private::Sealed {
    /// `db.system.name`
    const SYSTEM_NAME: &'static str;

    /// What the connection options say of the target; nothing secret.
    fn target(options: &Options<Self>) -> Target;

    /// Rows that a statement changed.
    fn affected(result: &Self::QueryResult) -> u64;
}

mod private {
    pub trait Sealed {}
    impl Sealed for sqlx::Sqlite {}
    impl Sealed for sqlx::Postgres {}
}

impl System for Sqlite {
    const SYSTEM_NAME: &'static str = "sqlite";

    fn target(options: &SqliteConnectOptions) -> Target {
        // The file's name tells databases apart; its folder says something about the machine.
        let file = options.get_filename();
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
        let in_memory = file.as_os_str().is_empty() || file.to_string_lossy().contains(":memory:");
        // `sqlx` gives each database in memory a running number, which says nothing to anybody.
        let private = name.as_deref().is_some_and(|name| name.contains("sqlx-in-memory"));
        Target { namespace: if in_memory || private { Some(":memory:".to_owned()) } else { name }, server: None }
    }

    fn affected(result: &SqliteQueryResult) -> u64 {
        result.rows_affected()
    }
}

impl System for Postgres {
    const SYSTEM_NAME: &'static str = "postgresql";

    fn target(options: &PgConnectOptions) -> Target {
        let server = match options.get_socket() {
            Some(path) => (path.to_string_lossy().into_owned(), options.get_port()),
            None => (options.get_host().to_owned(), options.get_port()),
        };
        // PostgreSQL connects to the database of the user's name when none is given.
        let database = options.get_database().unwrap_or_else(|| options.get_username());
        Target { namespace: Some(database.to_owned()), server: Some(server) }
    }

    fn affected(result: &PgQueryResult) -> u64 {
        result.rows_affected()
    }
}

/// `error.type` and, when the database answered, its code: SQLSTATE on PostgreSQL, the extended result code on SQLite.
pub(super) fn classify(error: &sqlx::Error) -> (&'static str, Option<Cow<'_, str>>) {
    use sqlx::error::ErrorKind;
    let kind = match error {
        sqlx::Error::Database(error) => match error.kind() {
            ErrorKind::UniqueViolation => "unique_violation",
            ErrorKind::ForeignKeyViolation => "foreign_key_violation",
            ErrorKind::NotNullViolation => "not_null_violation",
            ErrorKind::CheckViolation => "check_violation",
            _ => "database",
        },
        sqlx::Error::Io(_) => "io",
        sqlx::Error::Tls(_) => "tls",
        sqlx::Error::Protocol(_) => "protocol",
        sqlx::Error::RowNotFound => "row_not_found",
        sqlx::Error::PoolTimedOut => "pool_timeout",
        sqlx::Error::PoolClosed => "pool_closed",
        sqlx::Error::WorkerCrashed => "worker_crashed",
        sqlx::Error::Encode(_) | sqlx::Error::InvalidArgument(_) => "encode",
        sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => "decode",
        sqlx::Error::Configuration(_) => "configuration",
        _ => "client",
    };
    (kind, error.as_database_error().and_then(sqlx::error::DatabaseError::code))
}
