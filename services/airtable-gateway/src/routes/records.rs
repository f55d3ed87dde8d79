//! Records.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use service_kit::problem::ProblemDocument;
use service_kit::{Problem, ValidJson, ValidPath, ValidQuery};

use super::{cached, checked};
use crate::gateway::{Gateway, Write};
use crate::model::{
    BATCH_MAX, Changes, DeleteBody, DeleteQuery, DeletedRecords, Direction, ListQuery, NewRecords, Page, Record,
    Records, WriteQuery,
};

type TablePath = ValidPath<(String, String)>;

/// A page of records.
#[utoipa::path(get, path = "/bases/{base}/tables/{table}/records", tag = "records",
    params(("base" = String, Path, description = "app…"), ("table" = String, Path, description = "name or tbl…"), ListQuery),
    responses(
        (status = 200, description = "a page", body = Records, headers(("x-cache" = String, description = "hit or miss"))),
        (status = 403, description = "no such base or table, or no permission", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "a parameter is wrong, or Airtable refuses the formula, a field, the view, the offset", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, description = "Airtable refuses for now", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "too many requests wait for this base", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
#[tracing::instrument(name = "airtable.list_records", skip_all,
    fields(airtable.base.id = base, airtable.table = table, airtable.records = tracing::field::Empty))]
pub(super) async fn list(
    State(gateway): State<Gateway>,
    ValidPath((base, table)): TablePath,
    ValidQuery(query): ValidQuery<ListQuery>,
) -> Result<Response, Problem> {
    let (base, table) = (checked("base", &base, true)?, checked("table", &table, false)?);
    let (page, hit) = gateway.list(base, table, parameters(query)?).await?;
    count(page.records.len());
    Ok(cached(&Records::from(page), hit))
}

/// One record.
#[utoipa::path(get, path = "/bases/{base}/tables/{table}/records/{record}", tag = "records",
    params(
        ("base" = String, Path, description = "app…"), ("table" = String, Path, description = "name or tbl…"),
        ("record" = String, Path, description = "rec…"),
    ),
    responses(
        (status = 200, description = "the record", body = Record, headers(("x-cache" = String, description = "hit or miss"))),
        (status = 404, description = "no such record", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
#[tracing::instrument(name = "airtable.get_record", skip_all,
    fields(airtable.base.id = base, airtable.table = table, airtable.record.id = record))]
pub(super) async fn read(
    State(gateway): State<Gateway>,
    ValidPath((base, table, record)): ValidPath<(String, String, String)>,
) -> Result<Response, Problem> {
    let (base, table) = (checked("base", &base, true)?, checked("table", &table, false)?);
    let (record, hit) = gateway.record(base, table, checked("record", &record, true)?).await?;
    Ok(cached(&record, hit))
}

/// Creates records. More than ten go to Airtable in batches of ten, one after the other; when one fails, the error's `written` holds
/// the ids of those that were made.
#[utoipa::path(post, path = "/bases/{base}/tables/{table}/records", tag = "records",
    params(("base" = String, Path, description = "app…"), ("table" = String, Path, description = "name or tbl…"), WriteQuery),
    request_body = NewRecords,
    responses(
        (status = 200, description = "the new records, in the order of the request", body = Records),
        (status = 422, description = "the body is wrong, or Airtable refuses a value", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
#[tracing::instrument(name = "airtable.create_records", skip_all,
    fields(airtable.base.id = base, airtable.table = table, airtable.records = tracing::field::Empty))]
pub(super) async fn create(
    State(gateway): State<Gateway>,
    ValidPath((base, table)): TablePath,
    ValidQuery(query): ValidQuery<WriteQuery>,
    ValidJson(NewRecords(records)): ValidJson<NewRecords>,
) -> Result<Json<Records>, Problem> {
    write(&gateway, &base, &table, Write::Create(records), &query).await
}

/// Changes cells; those that are not named stay.
#[utoipa::path(patch, path = "/bases/{base}/tables/{table}/records", tag = "records",
    params(("base" = String, Path, description = "app…"), ("table" = String, Path, description = "name or tbl…"), WriteQuery),
    request_body = Changes,
    responses(
        (status = 200, description = "the records after the change, in the order of the request", body = Records),
        (status = 422, description = "the body is wrong, or Airtable refuses a value or knows no such record", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
#[tracing::instrument(name = "airtable.update_records", skip_all,
    fields(airtable.base.id = base, airtable.table = table, airtable.records = tracing::field::Empty))]
pub(super) async fn merge(
    State(gateway): State<Gateway>,
    ValidPath((base, table)): TablePath,
    ValidQuery(query): ValidQuery<WriteQuery>,
    ValidJson(Changes(changes)): ValidJson<Changes>,
) -> Result<Json<Records>, Problem> {
    write(&gateway, &base, &table, Write::Merge(changes), &query).await
}

/// Replaces records: cells that are not named are emptied.
#[utoipa::path(put, path = "/bases/{base}/tables/{table}/records", tag = "records",
    params(("base" = String, Path, description = "app…"), ("table" = String, Path, description = "name or tbl…"), WriteQuery),
    request_body = Changes,
    responses(
        (status = 200, description = "the records after the change, in the order of the request", body = Records),
        (status = 422, description = "the body is wrong, or Airtable refuses a value or knows no such record", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
#[tracing::instrument(name = "airtable.replace_records", skip_all,
    fields(airtable.base.id = base, airtable.table = table, airtable.records = tracing::field::Empty))]
pub(super) async fn replace(
    State(gateway): State<Gateway>,
    ValidPath((base, table)): TablePath,
    ValidQuery(query): ValidQuery<WriteQuery>,
    ValidJson(Changes(changes)): ValidJson<Changes>,
) -> Result<Json<Records>, Problem> {
    write(&gateway, &base, &table, Write::Replace(changes), &query).await
}

/// Deletes records, named in the query string or in the body.
#[utoipa::path(delete, path = "/bases/{base}/tables/{table}/records", tag = "records",
    params(("base" = String, Path, description = "app…"), ("table" = String, Path, description = "name or tbl…"), DeleteQuery),
    request_body(content = Option<DeleteBody>),
    responses(
        (status = 200, description = "the records that are gone", body = DeletedRecords),
        (status = 422, description = "no record is named, or Airtable knows no such record", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
#[tracing::instrument(name = "airtable.delete_records", skip_all,
    fields(airtable.base.id = base, airtable.table = table, airtable.records = tracing::field::Empty))]
pub(super) async fn delete(
    State(gateway): State<Gateway>,
    ValidPath((base, table)): TablePath,
    ValidQuery(query): ValidQuery<DeleteQuery>,
    body: Bytes,
) -> Result<Json<DeletedRecords>, Problem> {
    let (base, table) = (checked("base", &base, true)?, checked("table", &table, false)?);
    let mut ids = query.record_ids;
    if !body.is_empty() {
        let wrong = |_| Problem::invalid("body", "must be a list of record ids, or an object with `record_ids`");
        ids.extend(match serde_json::from_slice(&body).map_err(wrong)? {
            DeleteBody::List(more) | DeleteBody::Object { record_ids: more } => more,
        });
    }
    if ids.is_empty() || ids.len() > BATCH_MAX {
        return Err(Problem::invalid("record_ids", format!("must name 1 to {BATCH_MAX} records")));
    }
    for (at, id) in ids.iter().enumerate() {
        checked(&format!("record_ids[{at}]"), id, true)?;
    }
    let records = gateway.delete(base, table, &ids).await?;
    count(records.len());
    Ok(Json(DeletedRecords { records }))
}

async fn write(
    gateway: &Gateway,
    base: &str,
    table: &str,
    write: Write,
    query: &WriteQuery,
) -> Result<Json<Records>, Problem> {
    let (base, table) = (checked("base", base, true)?, checked("table", table, false)?);
    let records = gateway.write(base, table, write, query.typecast).await?;
    count(records.len());
    Ok(Json(Records::from(Page { records, offset: None })))
}

/// Airtable's parameters for ours.
fn parameters(query: ListQuery) -> Result<Vec<(String, String)>, Problem> {
    if query.sort_direction.len() > query.sort_field.len() {
        return Err(Problem::invalid("sort_field", "must be given for each sort_direction"));
    }
    let single = [
        ("view", query.view),
        ("maxRecords", query.max_records.map(|count| count.to_string())),
        ("pageSize", query.page_size.map(|count| count.to_string())),
        ("offset", query.offset),
        ("filterByFormula", query.filter_by_formula),
    ];
    let given = single.into_iter().filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)));
    let fields = query.fields.into_iter().map(|field| ("fields[]", field));
    let mut parameters: Vec<_> = given.chain(fields).map(|(name, value)| (name.to_owned(), value)).collect();
    for (at, field) in query.sort_field.into_iter().enumerate() {
        let direction = match query.sort_direction.get(at) {
            Some(Direction::Desc) => "desc",
            _ => "asc",
        };
        parameters.push((format!("sort[{at}][field]"), field));
        parameters.push((format!("sort[{at}][direction]"), direction.to_owned()));
    }
    Ok(parameters)
}

/// Notes on the span how many records the answer holds.
fn count(records: usize) {
    tracing::Span::current().record("airtable.records", records);
}
