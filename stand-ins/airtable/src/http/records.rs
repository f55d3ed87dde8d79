//! Records: list, read, create, change, delete.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use serde_json::Value as Json;
use tokio::time::Instant;

use super::{Shared, answer, json, lock, pairs};
use crate::data::computed::Place;
use crate::data::list::{self, Query, flag};
use crate::data::shape::{self, Shape};
use crate::data::write::{self, Write};
use crate::error::ApiError;

type App = State<Arc<Shared>>;
type TablePath = Path<(String, String)>;
type RecordPath = Path<(String, String, String)>;
type Body = Result<Bytes, BytesRejection>;

pub(super) async fn list(State(shared): App, Path((base, table)): TablePath, RawQuery(query): RawQuery) -> Response {
    answer(Query::parse(&pairs(query.as_deref())).and_then(|query| page(&shared, &base, &table, &query)))
}

pub(super) async fn list_by_body(
    State(shared): App,
    Path((base, table)): TablePath,
    RawQuery(query): RawQuery,
    body: Body,
) -> Response {
    let run = || {
        let mut parameters = list::pairs(&json(body)?)?;
        // timeZone and userLocale stay in the query string.
        parameters.extend(pairs(query.as_deref()));
        page(&shared, &base, &table, &Query::parse(&parameters)?)
    };
    answer(run())
}

fn page(shared: &Shared, base: &str, table: &str, query: &Query) -> Result<Json, ApiError> {
    list::page(&mut lock(&shared.world), base, table, query, Instant::now())
}

pub(super) async fn read(
    State(shared): App,
    Path((base, table, record)): RecordPath,
    RawQuery(query): RawQuery,
) -> Response {
    let by_id = pairs(query.as_deref()).iter().any(|(key, value)| key == "returnFieldsByFieldId" && flag(value));
    let world = lock(&shared.world);
    let found = world.table(&base, &table).and_then(|(base, table)| {
        let row = table.rows.get(&record).ok_or(ApiError::NotFound)?;
        let shape = Shape { by_id, ..Shape::default() };
        Ok(shape::record(&Place::new(base, table, row, world.now()), &shape))
    });
    answer(found)
}

pub(super) async fn create(State(shared): App, Path((base, table)): TablePath, body: Body) -> Response {
    let run = || {
        let write = Write::parse(&json(body)?)?;
        write::create(&mut lock(&shared.world), &base, &table, &write)
    };
    answer(run())
}

pub(super) async fn merge(app: App, Path((base, table)): TablePath, body: Body) -> Response {
    change(&app.0, &base, &table, None, body, false)
}

pub(super) async fn replace(app: App, Path((base, table)): TablePath, body: Body) -> Response {
    change(&app.0, &base, &table, None, body, true)
}

pub(super) async fn merge_one(app: App, Path((base, table, record)): RecordPath, body: Body) -> Response {
    change(&app.0, &base, &table, Some(&record), body, false)
}

pub(super) async fn replace_one(app: App, Path((base, table, record)): RecordPath, body: Body) -> Response {
    change(&app.0, &base, &table, Some(&record), body, true)
}

fn change(shared: &Shared, base: &str, table: &str, record: Option<&str>, body: Body, replace: bool) -> Response {
    let run = || {
        let mut write = Write::parse(&json(body)?)?;
        if let Some(record) = record {
            write = write.of_record(record);
        }
        write::update(&mut lock(&shared.world), base, table, &write, replace)
    };
    answer(run())
}

pub(super) async fn delete_many(
    State(shared): App,
    Path((base, table)): TablePath,
    RawQuery(query): RawQuery,
) -> Response {
    let records: Vec<String> = pairs(query.as_deref())
        .into_iter()
        .filter(|(key, _)| key.split('[').next() == Some("records"))
        .map(|(_, value)| value)
        .collect();
    answer(write::delete(&mut lock(&shared.world), &base, &table, &records, false))
}

pub(super) async fn delete_one(State(shared): App, Path((base, table, record)): RecordPath) -> Response {
    answer(write::delete(&mut lock(&shared.world), &base, &table, &[record], true))
}
