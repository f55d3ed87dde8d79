//! A connection and a transaction as executors.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, TryStreamExt as _};
use opentelemetry::context::FutureExt as _;
use sqlx::pool::PoolConnection;
use sqlx::{Database, Describe, Either, Error, Execute, Executor, Postgres, SqlStr, Sqlite};

use super::call::{Call, Lease, Source};
use super::run;
use super::statement::Prepared;
use super::system::System;

/// A connection out of the pool; `&mut Connection` is an executor. Goes back when dropped.
pub struct Connection<DB: System> {
    link: Link<DB>,
    source: Arc<Source<DB>>,
    _lease: Lease,
}

enum Link<DB: System> {
    Pool(PoolConnection<DB>),
    Transaction(sqlx::Transaction<'static, DB>),
}

impl<DB: System> std::fmt::Debug for Connection<DB> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Connection").field("pool", &self.source.name).finish_non_exhaustive()
    }
}

impl<DB: System> Connection<DB> {
    pub(super) fn borrowed(source: Arc<Source<DB>>, connection: PoolConnection<DB>, lease: Lease) -> Self {
        Self { link: Link::Pool(connection), source, _lease: lease }
    }

    /// `sqlx`'s own connection, for what must not be traced.
    pub fn untraced(&mut self) -> &mut DB::Connection {
        match &mut self.link {
            Link::Pool(connection) => connection,
            Link::Transaction(transaction) => transaction,
        }
    }
}

/// A transaction; `&mut *transaction` is an executor. Rolls back when dropped without [`Transaction::commit`].
#[derive(Debug)]
pub struct Transaction<DB: System> {
    connection: Connection<DB>,
}

impl<DB: System> Transaction<DB> {
    pub(super) fn begun(source: Arc<Source<DB>>, transaction: sqlx::Transaction<'static, DB>, lease: Lease) -> Self {
        Self { connection: Connection { link: Link::Transaction(transaction), source, _lease: lease } }
    }

    /// Makes it permanent.
    ///
    /// # Errors
    /// When the database refuses, or the connection is gone: then the outcome is not known.
    pub async fn commit(self) -> Result<(), Error> {
        self.finish("COMMIT", |transaction| transaction.commit().boxed()).await
    }

    /// Undoes it.
    ///
    /// # Errors
    /// When the connection is gone, which undoes it too.
    pub async fn rollback(self) -> Result<(), Error> {
        self.finish("ROLLBACK", |transaction| transaction.rollback().boxed()).await
    }

    async fn finish(
        self,
        text: &str,
        end: impl FnOnce(sqlx::Transaction<'static, DB>) -> BoxFuture<'static, Result<(), Error>>,
    ) -> Result<(), Error> {
        let Connection { link, source, _lease } = self.connection;
        let Link::Transaction(transaction) = link else { return Ok(()) };
        let mut call = Call::begin(&source, text);
        end(transaction).with_context(call.context()).await.inspect_err(|error| call.failed(error))
    }
}

impl<DB: System> Deref for Transaction<DB> {
    type Target = Connection<DB>;

    fn deref(&self) -> &Connection<DB> {
        &self.connection
    }
}

impl<DB: System> DerefMut for Transaction<DB> {
    fn deref_mut(&mut self) -> &mut Connection<DB> {
        &mut self.connection
    }
}

/// For each database by itself: the compiler cannot finish the proof for all of them at once.
macro_rules! executor {
    ($database:ty) => {
        impl<'c> Executor<'c> for &'c mut Connection<$database> {
            type Database = $database;

            fn fetch_many<'e, 'q: 'e, E>(
                self,
                query: E,
            ) -> BoxStream<'e, Result<Either<<$database as Database>::QueryResult, <$database as Database>::Row>, Error>>
            where
                'c: 'e,
                E: 'q + Execute<'q, $database>,
            {
                let statement = Prepared::take(query);
                run::stream(move |outlet| {
                    async move {
                        let mut call = Call::begin(&self.source, statement.text());
                        let context = call.context();
                        let work = async {
                            let mut steps = self.untraced().fetch_many(statement);
                            while let Some(step) = steps.try_next().await? {
                                run::note::<$database>(&mut call, &step);
                                outlet.put(step).await;
                            }
                            Ok::<(), Error>(())
                        };
                        let ended = work.with_context(context).await;
                        ended.inspect_err(|error| call.failed(error))
                    }
                    .boxed()
                })
            }

            fn fetch_optional<'e, 'q: 'e, E>(
                self,
                query: E,
            ) -> BoxFuture<'e, Result<Option<<$database as Database>::Row>, Error>>
            where
                'c: 'e,
                E: 'q + Execute<'q, $database>,
            {
                let statement = Prepared::take(query);
                Box::pin(async move {
                    let mut call = Call::begin(&self.source, statement.text());
                    let found = self.untraced().fetch_optional(statement).with_context(call.context()).await;
                    run::conclude(&mut call, found)
                })
            }

            fn prepare_with<'e>(
                self,
                sql: SqlStr,
                parameters: &'e [<$database as Database>::TypeInfo],
            ) -> BoxFuture<'e, Result<<$database as Database>::Statement, Error>>
            where
                'c: 'e,
            {
                // Nothing runs yet, so there is no span.
                self.untraced().prepare_with(sql, parameters)
            }

            fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<$database>, Error>>
            where
                'c: 'e,
            {
                self.untraced().describe(sql)
            }
        }
    };
}

executor!(Sqlite);
executor!(Postgres);
