//! `search`: a text in names of bases, tables and fields, and in the records of tables.
//!
//! Airtable has no search over a base, so each table is asked by a formula. Limits: [`BASES_MAX`] bases, [`TABLES_MAX`] tables,
//! [`HITS_MAX`] hits; `truncated` says that there was more. Parts that fail are told in `failures`, the rest is answered.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Toolbox, airtable};
use crate::error::Error;

const QUERY_BYTES_MAX: usize = 200;
const BASES_MAX: usize = 5;
/// Each is a request of Airtable's five a second.
const TABLES_MAX: usize = 10;
const HITS_MAX: usize = 50;
const RECORDS_PER_TABLE_MAX: usize = 10;

/// Types whose value a formula can turn into text.
const SEARCHED: &[&str] = &[
    "singleLineText",
    "multilineText",
    "richText",
    "email",
    "url",
    "phoneNumber",
    "singleSelect",
    "multipleSelects",
    "number",
    "autoNumber",
    "barcode",
    "formula",
];

/// Arguments of `search`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    /// What to look for; upper and lower case are the same.
    query: String,
    /// Only in this base, `app…`.
    #[serde(default)]
    base_id: Option<String>,
    /// Only in this table (id or name); needs `base_id`.
    #[serde(default)]
    table_id: Option<String>,
}

/// What was found so far.
#[derive(Default)]
struct Found {
    hits: Vec<Value>,
    failures: Vec<Value>,
    tables: usize,
    truncated: bool,
}

impl Found {
    fn hit(&mut self, hit: Value) {
        if self.hits.len() < HITS_MAX {
            self.hits.push(hit);
        } else {
            self.truncated = true;
        }
    }

    /// A part that could not be searched.
    fn failure(&mut self, place: &Value, error: &Error) {
        self.failures.push(json!({"in": place, "message": error.told()}));
    }
}

pub(super) async fn search(tools: &Toolbox, search: Search) -> Result<Value, Error> {
    let query = search.query.trim();
    if query.is_empty() || query.len() > QUERY_BYTES_MAX {
        return Err(Error::argument("query", format!("must be a text of 1 to {QUERY_BYTES_MAX} bytes")));
    }
    if search.table_id.is_some() && search.base_id.is_none() {
        return Err(Error::argument("table_id", "needs base_id"));
    }
    let mut found = Found::default();
    match &search.base_id {
        // The only base there is to search: its failure is the call's.
        Some(base_id) => {
            let schema = airtable::schema_of(tools, base_id).await?;
            in_base(tools, query, base_id, search.table_id.as_deref(), &schema, &mut found).await?;
        }
        None => everywhere(tools, query, &mut found).await?,
    }
    let Found { hits, failures, truncated, .. } = found;
    Ok(json!({"query": query, "count": hits.len(), "results": hits, "truncated": truncated, "failures": failures}))
}

async fn everywhere(tools: &Toolbox, query: &str, found: &mut Found) -> Result<(), Error> {
    let answer = airtable::list_bases(tools, airtable::Nothing {}).await?;
    let bases = list(&answer, "bases");
    found.truncated |= bases.len() > BASES_MAX;
    for base in bases.iter().take(BASES_MAX) {
        let (Some(id), name) = (base["id"].as_str(), base["name"].as_str().unwrap_or_default()) else { continue };
        if contains(name, query) {
            found.hit(json!({"type": "base", "base_id": id, "name": name}));
        }
        let outcome = match airtable::schema_of(tools, id).await {
            Ok(schema) => in_base(tools, query, id, None, &schema, found).await,
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            found.failure(&json!({"base_id": id}), &error);
        }
    }
    Ok(())
}

async fn in_base(
    tools: &Toolbox,
    query: &str,
    base_id: &str,
    table_id: Option<&str>,
    schema: &Value,
    found: &mut Found,
) -> Result<(), Error> {
    let tables: Vec<&Value> = list(schema, "tables")
        .iter()
        .filter(|table| table_id.is_none_or(|wanted| table["id"] == wanted || table["name"] == wanted))
        .collect();
    if let (Some(wanted), true) = (table_id, tables.is_empty()) {
        return Err(Error::NotFound(format!("base {base_id} has no table {wanted}")));
    }
    for table in tables {
        let (Some(id), name) = (table["id"].as_str(), table["name"].as_str().unwrap_or_default()) else { continue };
        let place = json!({"base_id": base_id, "table_id": id, "table": name});
        if contains(name, query) {
            found.hit(merged(&place, json!({"type": "table", "name": name})));
        }
        for field in list(table, "fields") {
            let field_name = field["name"].as_str().unwrap_or_default();
            if contains(field_name, query) {
                found.hit(merged(&place, json!({"type": "field", "name": field_name, "field_type": field["type"]})));
            }
        }
        if found.tables >= TABLES_MAX || found.hits.len() >= HITS_MAX {
            found.truncated = true;
            continue;
        }
        let Some(formula) = formula(table, query) else { continue };
        found.tables += 1;
        match airtable::matching(tools, base_id, id, &formula, RECORDS_PER_TABLE_MAX).await {
            Ok(answer) => in_records(list(&answer, "records"), query, &place, found),
            Err(error) => found.failure(&place, &error),
        }
    }
    Ok(())
}

fn in_records(records: &[Value], query: &str, place: &Value, found: &mut Found) {
    found.truncated |= records.len() >= RECORDS_PER_TABLE_MAX;
    for record in records {
        let fields = record["fields"].as_object();
        let matched: Vec<&String> = fields
            .into_iter()
            .flatten()
            .filter(|(_, value)| contains(&value.to_string(), query))
            .map(|(name, _)| name)
            .collect();
        found.hit(merged(
            place,
            json!({"type": "record", "record_id": record["id"], "matched_fields": matched, "fields": record["fields"]}),
        ));
    }
}

/// True for records with the text in one of their fields; none when the table has no field that can be searched.
fn formula(table: &Value, query: &str) -> Option<String> {
    // Airtable lowers it, not we: a secret in other letters than its own is not recognised, and the formula stands in URLs of spans.
    let wanted = query.replace('\\', "\\\\").replace('"', "\\\"");
    let terms: Vec<String> = list(table, "fields")
        .iter()
        .filter(|field| field["type"].as_str().is_some_and(|kind| SEARCHED.contains(&kind)))
        .filter_map(|field| field["name"].as_str())
        // A brace in a name cannot be written in every version of the formula language.
        .filter(|name| !name.contains(['{', '}', '\\']))
        .map(|name| format!("SEARCH(LOWER(\"{wanted}\"), LOWER({{{name}}} & \"\"))"))
        .collect();
    (!terms.is_empty()).then(|| format!("OR({})", terms.join(", ")))
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn contains(text: &str, query: &str) -> bool {
    text.to_lowercase().contains(&query.to_lowercase())
}

fn merged(place: &Value, mut hit: Value) -> Value {
    for (name, value) in place.as_object().into_iter().flatten() {
        hit[name] = value.clone();
    }
    hit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formula_asks_for_the_text_in_searchable_fields_and_escapes_it() {
        let table = json!({"fields": [
            {"name": "Name", "type": "singleLineText"}, {"name": "Photo", "type": "multipleAttachments"},
            {"name": "a}b", "type": "singleLineText"}, {"name": "Total", "type": "number"}]});
        assert_eq!(
            formula(&table, "A\"b").unwrap(),
            r#"OR(SEARCH(LOWER("A\"b"), LOWER({Name} & "")), SEARCH(LOWER("A\"b"), LOWER({Total} & "")))"#
        );
        assert_eq!(formula(&json!({"fields": []}), "x"), None);
    }
}
