//! The pool as an executor.

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use opentelemetry::context::FutureExt as _;
use sqlx::{Database, Describe, Either, Error, Execute, Executor, SqlSafeStr, SqlStr};

use super::call::{Call, Source};
use super::connection::{Connection, Transaction};
use super::run;
use super::statement::Prepared;
use super::system::System;
use crate::providers::Providers;
use crate::semconv::{Generation, Names};

/// `sqlx::Pool` with telemetry; cheap to clone. `&Pool` is an executor.
#[derive(Debug)]
pub struct Pool<DB: System> {
    source: Arc<Source<DB>>,
}

impl<DB: System> Clone for Pool<DB> {
    fn clone(&self) -> Self {
        Self { source: Arc::clone(&self.source) }
    }
}

impl<DB: System> From<sqlx::Pool<DB>> for Pool<DB> {
    fn from(pool: sqlx::Pool<DB>) -> Self {
        let names = Generation::of_process().database;
        let source = Source::new(
            Arc::new(pool),
            Providers::of_process(),
            names,
            None,
            crate::process::with(|process| process.config.query_text),
        );
        Self { source: Arc::new(source) }
    }
}

impl<DB: System> Pool<DB> {
    /// Spans and metrics go to these providers instead of the process's.
    #[must_use]
    pub fn providers(&self, providers: Providers) -> Self {
        self.rebuilt(providers, self.source.names, self.source.keeps_text(), self.source.name.clone())
    }

    /// Which generation of names is written, instead of what `OTEL_SEMCONV_STABILITY_OPT_IN` says.
    #[must_use]
    pub fn names(&self, names: Names) -> Self {
        self.rebuilt(self.source.providers.clone(), names, self.source.keeps_text(), self.source.name.clone())
    }

    /// Whether spans hold the statement's text (literals are always removed), instead of what `TELEMETRY_QUERY_TEXT` or `ENVIRONMENT` says.
    #[must_use]
    pub fn query_text(&self, keep: bool) -> Self {
        self.rebuilt(self.source.providers.clone(), self.source.names, keep, self.source.name.clone())
    }

    /// Names the pool in its metrics (`db.client.connection.pool.name`); without this it is `{system}:{database}`.
    #[must_use]
    pub fn named(&self, name: impl Into<String>) -> Self {
        self.rebuilt(self.source.providers.clone(), self.source.names, self.source.keeps_text(), name.into())
    }

    fn rebuilt(&self, providers: Providers, names: Names, keep_text: bool, name: String) -> Self {
        let source = Source::new(Arc::clone(&self.source.pool), providers, names, Some(name), keep_text);
        Self { source: Arc::new(source) }
    }

    /// The pool inside: for migrations, for options, for statements that must not be traced.
    pub fn untraced(&self) -> &sqlx::Pool<DB> {
        &self.source.pool
    }

    /// A connection, for statements that must run on one.
    ///
    /// # Errors
    /// When the pool has none within its time-out, is closed, or cannot connect.
    pub async fn acquire(&self) -> Result<Connection<DB>, Error> {
        let (connection, lease) = self.source.acquire().await?;
        Ok(Connection::borrowed(Arc::clone(&self.source), connection, lease))
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// Those of [`Pool::acquire`] and of the database.
    pub async fn begin(&self) -> Result<Transaction<DB>, Error> {
        self.begin_by("BEGIN", self.source.pool.begin()).await
    }

    /// Begins a transaction with a statement of its own, such as `BEGIN IMMEDIATE`.
    ///
    /// # Errors
    /// Those of [`Pool::acquire`] and of the database.
    pub async fn begin_with(&self, statement: impl SqlSafeStr) -> Result<Transaction<DB>, Error> {
        let statement = statement.into_sql_str();
        self.begin_by("BEGIN", self.source.pool.begin_with(statement)).await
    }

    async fn begin_by(
        &self,
        text: &str,
        beginning: impl Future<Output = Result<sqlx::Transaction<'static, DB>, Error>>,
    ) -> Result<Transaction<DB>, Error> {
        let mut call = Call::begin(&self.source, text);
        // `sqlx` takes a connection and begins in one step, so the wait includes the statement.
        let begun = self.source.wait(beginning).with_context(call.context()).await;
        let (transaction, lease) = begun.inspect_err(|error| call.failed(error))?;
        Ok(Transaction::begun(Arc::clone(&self.source), transaction, lease))
    }

    /// Closes the pool: waits until every connection is back, then ends them.
    pub async fn close(&self) {
        self.source.pool.close().await;
    }
}

impl<'p, DB> Executor<'p> for &'_ Pool<DB>
where
    DB: System,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    type Database = DB;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<DB::QueryResult, DB::Row>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, DB>,
    {
        run::many(Arc::clone(&self.source), Prepared::take(query))
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<DB::Row>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, DB>,
    {
        Box::pin(run::optional(Arc::clone(&self.source), Prepared::take(query)))
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [<DB as Database>::TypeInfo],
    ) -> BoxFuture<'e, Result<<DB as Database>::Statement, Error>>
    where
        'p: 'e,
    {
        // Nothing runs yet, so there is no span.
        let source = Arc::clone(&self.source);
        Box::pin(async move { source.acquire().await?.0.prepare_with(sql, parameters).await })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<DB>, Error>>
    where
        'p: 'e,
    {
        let source = Arc::clone(&self.source);
        Box::pin(async move { source.acquire().await?.0.describe(sql).await })
    }
}
