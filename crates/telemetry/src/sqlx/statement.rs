//! A statement taken apart, to learn its text, and put together again.

use sqlx::error::BoxDynError;
use sqlx::{Database, Execute, SqlStr};

/// Everything that [`Execute`] gives away of a statement.
pub(super) struct Prepared<DB: Database> {
    sql: SqlStr,
    statement: Option<DB::Statement>,
    arguments: Option<Result<Option<DB::Arguments>, BoxDynError>>,
    persistent: bool,
}

impl<DB: Database> Prepared<DB> {
    pub(super) fn take<'q>(mut query: impl Execute<'q, DB>) -> Self {
        let arguments = Some(query.take_arguments());
        let (statement, persistent) = (query.statement().cloned(), query.persistent());
        Self { sql: query.sql(), statement, arguments, persistent }
    }

    pub(super) fn text(&self) -> &str {
        self.sql.as_str()
    }
}

impl<DB: Database> Execute<'static, DB> for Prepared<DB> {
    fn sql(self) -> SqlStr {
        self.sql
    }

    fn statement(&self) -> Option<&DB::Statement> {
        self.statement.as_ref()
    }

    fn take_arguments(&mut self) -> Result<Option<DB::Arguments>, BoxDynError> {
        self.arguments.take().unwrap_or(Ok(None))
    }

    fn persistent(&self) -> bool {
        self.persistent
    }
}
