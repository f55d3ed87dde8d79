//! `airtable_*`: each is one call of airtable-gateway, which caches, waits for its turn and splits batches.

use http::Method;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use service_kit::http::Request;

use super::Toolbox;
use crate::error::Error;

/// Where the gateway serves Airtable.
const PREFIX: &str = "/api/v1/airtable";
const RECORDS_DEFAULT: u32 = 100;
/// A thousand records fill the memory of any model.
const RECORDS_MAX: u32 = 1_000;
/// Ten requests to Airtable: two seconds at its rate.
const BATCH_MAX: usize = 100;
const NAME_BYTES_MAX: usize = 200;

type Fields = Map<String, Value>;

/// No arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// Arguments of `airtable_get_schema`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Base {
    /// Id of the base, `app…`.
    base_id: String,
}

/// Arguments of `airtable_list_records`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    /// Id of the base, `app…`.
    base_id: String,
    /// Id (`tbl…`) or name of the table.
    table_id: String,
    /// Id or name of a view: its filters and order apply.
    #[serde(default)]
    view: Option<String>,
    /// At most this many records; 100 if not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    max_records: Option<u32>,
    /// Formula that is true for the records wanted, such as `{Status} = 'Open'`.
    #[serde(default)]
    filter_by_formula: Option<String>,
    /// Order of the records.
    #[serde(default)]
    sort: Option<Vec<Sort>>,
    /// Names of the fields wanted; all if not given.
    #[serde(default)]
    fields: Option<Vec<String>>,
}

/// A field to sort by.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Sort {
    /// Name of the field.
    field: String,
    /// Upwards if not given.
    #[serde(default)]
    direction: Direction,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Direction {
    #[default]
    Asc,
    Desc,
}

/// Arguments of `airtable_get_record`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Get {
    /// Id of the base, `app…`.
    base_id: String,
    /// Id (`tbl…`) or name of the table.
    table_id: String,
    /// Id of the record, `rec…`.
    record_id: String,
}

/// Arguments of `airtable_create_records`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    /// Id of the base, `app…`.
    base_id: String,
    /// Id (`tbl…`) or name of the table.
    table_id: String,
    /// Objects of field names and values, at most 100.
    #[schemars(length(min = 1, max = 100))]
    records: Vec<Fields>,
    /// Let Airtable turn texts into numbers, dates and new options.
    #[serde(default)]
    typecast: Option<bool>,
}

/// Arguments of `airtable_update_records`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Update {
    /// Id of the base, `app…`.
    base_id: String,
    /// Id (`tbl…`) or name of the table.
    table_id: String,
    /// What to change, at most 100 records.
    #[schemars(length(min = 1, max = 100))]
    records: Vec<Change>,
    /// Let Airtable turn texts into numbers, dates and new options.
    #[serde(default)]
    typecast: Option<bool>,
    /// Empty all fields that are not given.
    #[serde(default)]
    replace: Option<bool>,
}

/// New values for one record.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    /// Id of the record, `rec…`.
    id: String,
    /// Field names and values.
    fields: Fields,
}

/// Arguments of `airtable_delete_records`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Delete {
    /// Id of the base, `app…`.
    base_id: String,
    /// Id (`tbl…`) or name of the table.
    table_id: String,
    /// Ids of the records, `rec…`, at most 100.
    #[schemars(length(min = 1, max = 100))]
    record_ids: Vec<String>,
}

pub(super) async fn list_bases(tools: &Toolbox, _: Nothing) -> Result<Value, Error> {
    let request = tools.gateway.get(&format!("{PREFIX}/bases")).template("/api/v1/airtable/bases");
    answer(request.timeout(tools.timeout), "bases").await
}

pub(super) async fn get_schema(tools: &Toolbox, base: Base) -> Result<Value, Error> {
    schema_of(tools, &base.base_id).await
}

/// The tables of a base.
pub(super) async fn schema_of(tools: &Toolbox, base_id: &str) -> Result<Value, Error> {
    let path = format!("{PREFIX}/bases/{}/schema", segment("base_id", base_id)?);
    let request = tools.gateway.get(&path).template("/api/v1/airtable/bases/{base}/schema");
    answer(request.timeout(tools.timeout), "tables").await
}

pub(super) async fn list_records(tools: &Toolbox, list: List) -> Result<Value, Error> {
    let max_records = list.max_records.unwrap_or(RECORDS_DEFAULT);
    if !(1..=RECORDS_MAX).contains(&max_records) {
        return Err(Error::argument("max_records", format!("must lie between 1 and {RECORDS_MAX}")));
    }
    let mut request = records(tools, Method::GET, &list.base_id, &list.table_id)?.query("max_records", max_records);
    if let Some(view) = list.view {
        request = request.query("view", view);
    }
    if let Some(formula) = list.filter_by_formula {
        request = request.query("filter_by_formula", formula);
    }
    for Sort { field, direction } in list.sort.unwrap_or_default() {
        let direction = if matches!(direction, Direction::Asc) { "asc" } else { "desc" };
        request = request.query("sort_field", field).query("sort_direction", direction);
    }
    for field in list.fields.unwrap_or_default() {
        request = request.query("fields", field);
    }
    answer(request, "records").await
}

/// At most `max_records` records for which `formula` is true.
pub(super) async fn matching(
    tools: &Toolbox,
    base_id: &str,
    table_id: &str,
    formula: &str,
    max_records: usize,
) -> Result<Value, Error> {
    let request = records(tools, Method::GET, base_id, table_id)?;
    answer(request.query("max_records", max_records).query("filter_by_formula", formula), "records").await
}

pub(super) async fn get_record(tools: &Toolbox, get: Get) -> Result<Value, Error> {
    let (base, table) = (segment("base_id", &get.base_id)?, segment("table_id", &get.table_id)?);
    let record = segment("record_id", &get.record_id)?;
    let path = format!("{PREFIX}/bases/{base}/tables/{table}/records/{record}");
    let template = "/api/v1/airtable/bases/{base}/tables/{table}/records/{record}";
    answer(tools.gateway.get(&path).template(template).timeout(tools.timeout), "record").await
}

pub(super) async fn create_records(tools: &Toolbox, create: Create) -> Result<Value, Error> {
    batch("records", create.records.len())?;
    let request = records(tools, Method::POST, &create.base_id, &create.table_id)?;
    let body: Vec<Fields> = create.records.into_iter().map(unwrapped).collect();
    answer(typecast(request, create.typecast).json(&body), "records").await
}

pub(super) async fn update_records(tools: &Toolbox, update: Update) -> Result<Value, Error> {
    batch("records", update.records.len())?;
    let method = if update.replace == Some(true) { Method::PUT } else { Method::PATCH };
    let request = records(tools, method, &update.base_id, &update.table_id)?;
    let body: Vec<Value> =
        update.records.into_iter().map(|change| json!({"id": change.id, "fields": change.fields})).collect();
    answer(typecast(request, update.typecast).json(&body), "records").await
}

pub(super) async fn delete_records(tools: &Toolbox, delete: Delete) -> Result<Value, Error> {
    batch("record_ids", delete.record_ids.len())?;
    let mut request = records(tools, Method::DELETE, &delete.base_id, &delete.table_id)?
        // Twice is not as once: what was deleted is "not found" then.
        .idempotent(false);
    for id in delete.record_ids {
        request = request.query("record_ids", id);
    }
    answer(request, "records").await
}

fn records(tools: &Toolbox, method: Method, base_id: &str, table_id: &str) -> Result<Request, Error> {
    let (base, table) = (segment("base_id", base_id)?, segment("table_id", table_id)?);
    let path = format!("{PREFIX}/bases/{base}/tables/{table}/records");
    let template = "/api/v1/airtable/bases/{base}/tables/{table}/records";
    Ok(tools.gateway.request(method, &path).template(template).timeout(tools.timeout))
}

fn typecast(request: Request, typecast: Option<bool>) -> Request {
    if typecast == Some(true) { request.query("typecast", true) } else { request }
}

/// Models often write `{"fields": {…}}`, as Airtable's own API has it: the same is meant.
fn unwrapped(mut record: Fields) -> Fields {
    if record.len() != 1 {
        return record;
    }
    match record.remove("fields") {
        Some(Value::Object(fields)) => fields,
        Some(other) => Map::from_iter([("fields".to_owned(), other)]),
        None => record,
    }
}

fn batch(field: &str, count: usize) -> Result<(), Error> {
    if (1..=BATCH_MAX).contains(&count) {
        return Ok(());
    }
    Err(Error::argument(field, format!("must hold 1 to {BATCH_MAX} items")))
}

/// Sends it; an answer that is a list becomes an object with it under `name`, because structured content is an object.
async fn answer(request: Request, name: &str) -> Result<Value, Error> {
    let value: Value = request.send().await?.ok().await?.json().await?;
    Ok(match value {
        Value::Object(object) => Value::Object(object),
        other => json!({ name: other }),
    })
}

/// One segment of a path, percent-encoded: an id cannot reach another path.
fn segment(field: &str, text: &str) -> Result<String, Error> {
    if text.is_empty() || text.len() > NAME_BYTES_MAX || matches!(text, "." | "..") {
        return Err(Error::argument(field, format!("must be a name of 1 to {NAME_BYTES_MAX} bytes")));
    }
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    Ok(text.bytes().map(encode).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_cannot_leave_its_place() {
        assert_eq!(segment("x", "Open tasks/é?").unwrap(), "Open%20tasks%2F%C3%A9%3F");
        for bad in ["", "..", "."] {
            assert!(segment("base_id", bad).unwrap_err().to_string().starts_with("base_id: "));
        }
        assert!(segment("x", &"a".repeat(201)).is_err());
    }

    #[test]
    fn records_may_come_in_airtables_own_form() {
        let of = |value: Value| Value::Object(unwrapped(value.as_object().cloned().unwrap()));
        assert_eq!(of(json!({"fields": {"Name": "x"}})), json!({"Name": "x"}));
        assert_eq!(of(json!({"fields": "x"})), json!({"fields": "x"}));
        assert_eq!(of(json!({"Name": "x"})), json!({"Name": "x"}));
    }
}
