//! Runs a statement in its span: as a future, or as a stream.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use futures::stream::{BoxStream, TryStreamExt};
use futures::{FutureExt as _, Stream};
use opentelemetry::context::FutureExt as _;
use sqlx::{Either, Error, Executor};

use super::call::{Call, Source};
use super::statement::Prepared;
use super::system::System;

/// A row, or the outcome of a statement.
pub(super) type Step<DB> = Either<<DB as sqlx::Database>::QueryResult, <DB as sqlx::Database>::Row>;

/// At most one row over a connection of the pool.
pub(super) async fn optional<DB>(source: Arc<Source<DB>>, statement: Prepared<DB>) -> Result<Option<DB::Row>, Error>
where
    DB: System,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let mut call = Call::begin(&source, statement.text());
    let context = call.context();
    let found = async {
        let (mut connection, _lease) = source.acquire().await?;
        call.connected();
        connection.fetch_optional(statement).await
    };
    let found = found.with_context(context).await;
    conclude(&mut call, found)
}

/// Notes how fetching one row ended.
pub(super) fn conclude<T>(call: &mut Call, found: Result<Option<T>, Error>) -> Result<Option<T>, Error> {
    match &found {
        Ok(Some(_)) => call.row(),
        Ok(None) => {}
        Err(error) => call.failed(error),
    }
    found
}

/// Rows and outcomes over a connection of the pool.
pub(super) fn many<'e, DB>(source: Arc<Source<DB>>, statement: Prepared<DB>) -> BoxStream<'e, Result<Step<DB>, Error>>
where
    DB: System,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    stream(move |outlet| {
        async move {
            let mut call = Call::begin(&source, statement.text());
            let context = call.context();
            let work = async {
                let (mut connection, _lease) = source.acquire().await?;
                call.connected();
                let mut steps = connection.fetch_many(statement);
                while let Some(step) = steps.try_next().await? {
                    note::<DB>(&mut call, &step);
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

/// Counts what came back.
pub(super) fn note<DB: System>(call: &mut Call, step: &Step<DB>) {
    match step {
        Either::Left(outcome) => call.changed(DB::affected(outcome)),
        Either::Right(_) => call.row(),
    }
}

/// Where a future puts the items of its stream, one at a time.
pub(super) struct Outlet<T> {
    slot: Arc<Mutex<Option<T>>>,
}

impl<T> Outlet<T> {
    /// Hands `item` to whoever polls the stream; goes on when the next item is asked for.
    pub(super) async fn put(&self, item: T) {
        *self.slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(item);
        let mut handed = false;
        // Pending without a waker: the stream is not pending, it returns the item.
        poll_fn(|_| if std::mem::replace(&mut handed, true) { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

/// A stream of what a future puts into its outlet; an error of the future is the last item.
pub(super) fn stream<'e, T: Send + 'e>(
    work: impl FnOnce(Outlet<T>) -> BoxFuture<'e, Result<(), Error>>,
) -> BoxStream<'e, Result<T, Error>> {
    let slot = Arc::new(Mutex::new(None));
    let work = Some(work(Outlet { slot: Arc::clone(&slot) }));
    Box::pin(Steps { work, slot })
}

struct Steps<'e, T> {
    /// `None` after its end.
    work: Option<BoxFuture<'e, Result<(), Error>>>,
    slot: Arc<Mutex<Option<T>>>,
}

impl<T> Stream for Steps<'_, T> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(work) = &mut self.work else { return Poll::Ready(None) };
        let polled = work.poll_unpin(cx);
        if let Some(item) = self.slot.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Poll::Ready(Some(Ok(item)));
        }
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(end) => {
                self.work = None;
                Poll::Ready(end.err().map(Err))
            }
        }
    }
}
