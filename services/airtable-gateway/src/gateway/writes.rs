//! Writes: split into batches of ten, one after the other.
//!
//! A write goes on when its caller goes away: half of it may be done already, and the cache must learn of it. So it is a task of the
//! service, which the shutdown waits for. Airtable carries out each batch whole or not at all; when one fails, those before it stay, and
//! the error says which records they wrote.

use http::Method;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};
use service_kit::Problem;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Gateway;
use crate::cache::{Place, affected};
use crate::error::Error;
use crate::model::{Change, Deleted, DeletedRecords, Page, Record};
use crate::upstream::Call;

/// Records that Airtable takes in one call.
const BATCH: usize = 10;

/// What is to be written.
#[derive(Debug)]
pub(crate) enum Write {
    /// Cells by field name.
    Create(Vec<Map<String, Json>>),
    /// Cells that are not named stay.
    Merge(Vec<Change>),
    /// Cells that are not named are emptied.
    Replace(Vec<Change>),
}

/// A write that failed, and what was done before.
#[derive(Debug)]
pub(crate) struct Partial {
    error: Error,
    /// Ids of the records of the batches that Airtable carried out.
    written: Vec<String>,
    /// Position of the first record of the batch that failed.
    failed_from: usize,
}

impl From<Partial> for Problem {
    fn from(partial: Partial) -> Self {
        let problem = Self::from(partial.error);
        if partial.written.is_empty() {
            return problem;
        }
        problem.with("written", partial.written).with("failed_from", partial.failed_from)
    }
}

impl Gateway {
    /// Writes records; the answer has the order of the request.
    ///
    /// # Errors
    /// [`Partial`]
    pub(crate) async fn write(
        &self,
        base: &str,
        table: &str,
        write: Write,
        typecast: bool,
    ) -> Result<Vec<Record>, Partial> {
        let (method, records): (_, Vec<Json>) = match write {
            Write::Create(records) => {
                (Method::POST, records.into_iter().map(|fields| json!({"fields": fields})).collect())
            }
            Write::Merge(changes) => (Method::PATCH, changes.into_iter().map(change).collect()),
            Write::Replace(changes) => (Method::PUT, changes.into_iter().map(change).collect()),
        };
        let batches = records.chunks(BATCH).map(|records| {
            let mut body = json!({"records": records});
            if typecast {
                body["typecast"] = Json::Bool(true);
            }
            let mut call = Call::get("/{base}/{table}", Some(base), &[base, table]);
            // To create twice makes two records.
            call.repeatable = method != Method::POST;
            call.method = method.clone();
            call.body = Some(body);
            call
        });
        let batches = Batches::new(base, table, batches.collect(), typecast);
        self.carry_out(batches, |page: Page| page.records, |record| &record.id).await
    }

    /// Deletes records.
    ///
    /// # Errors
    /// [`Partial`]
    pub(crate) async fn delete(&self, base: &str, table: &str, records: &[String]) -> Result<Vec<Deleted>, Partial> {
        let batches = records.chunks(BATCH).map(|records| {
            let mut call = Call::get("/{base}/{table}", Some(base), &[base, table]);
            call.method = Method::DELETE;
            call.query = records.iter().map(|id| ("records[]".to_owned(), id.clone())).collect();
            // A second try would be refused because the first one did it.
            call.repeatable = false;
            call
        });
        let batches = Batches::new(base, table, batches.collect(), false);
        self.carry_out(batches, |answer: DeletedRecords| answer.records, |record| &record.id).await
    }

    /// Runs the batches in a task of the service.
    async fn carry_out<A, R>(
        &self,
        batches: Batches,
        open: fn(A) -> Vec<R>,
        id: fn(&R) -> &String,
    ) -> Result<Vec<R>, Partial>
    where
        A: DeserializeOwned + Send + 'static,
        R: Send + 'static,
    {
        let (done, outcome) = oneshot::channel();
        let gateway = self.clone();
        // Requests at a time are bounded by the kit, and so are these tasks: each has one.
        self.tasks.spawn("airtable-write", move |_| async move {
            let result = gateway.run(&batches, open, id).await;
            // Nobody listens when the caller has gone.
            drop(done.send(result));
        });
        outcome.await.unwrap_or_else(|_| {
            let error = Error::Internal("the write ended without a result".to_owned());
            Err(Partial { error, written: Vec::new(), failed_from: 0 })
        })
    }

    async fn run<A: DeserializeOwned, R>(
        &self,
        batches: &Batches,
        open: fn(A) -> Vec<R>,
        id: fn(&R) -> &String,
    ) -> Result<Vec<R>, Partial> {
        let deadline = self.deadline();
        let mut records: Vec<R> = Vec::new();
        let mut failed = None;
        for (at, call) in batches.calls.iter().enumerate() {
            match self.airtable.call::<A>(call, deadline.max(Instant::now())).await {
                Ok(answer) => records.extend(open(answer)),
                Err(error) => {
                    failed = Some((error, at * BATCH));
                    break;
                }
            }
        }
        // Also after a failure: a call without an answer may have been carried out.
        let places = if batches.typecast {
            // New options change the schema, new linked records other tables.
            vec![Place::base(&batches.base)]
        } else {
            affected::places(&batches.base, &batches.table, self.known_schema(&batches.base).await.as_ref())
        };
        self.answers.forget(&places).await;
        match failed {
            None => Ok(records),
            Some((error, failed_from)) => {
                Err(Partial { error, written: records.iter().map(|record| id(record).clone()).collect(), failed_from })
            }
        }
    }
}

/// The calls of one write.
struct Batches {
    base: String,
    table: String,
    calls: Vec<Call>,
    typecast: bool,
}

impl Batches {
    fn new(base: &str, table: &str, calls: Vec<Call>, typecast: bool) -> Self {
        Self { base: base.to_owned(), table: table.to_owned(), calls, typecast }
    }
}

fn change(change: Change) -> Json {
    json!({"id": change.id, "fields": change.fields})
}
