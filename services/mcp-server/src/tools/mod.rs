//! The tools: one table, used by MCP and by the old paths alike.
//!
//! | file | tools |
//! |---|---|
//! | `tools/airtable.rs` | `airtable_*`, through airtable-gateway |
//! | `tools/calculate.rs` | `calculate` |
//! | `tools/search.rs` | `search` |
//! | `query/` | `query_database` |
//!
//! Limits: a call takes at most MCP_TOOL_TIMEOUT; answers are JSON objects.

mod airtable;
mod calculate;
mod search;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use rmcp::handler::server::tool::schema_for_input;
use rmcp::model::{JsonObject, Tool as Card, ToolAnnotations};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use service_kit::http::Peer;

use crate::error::Error;
use crate::query::Reader;

/// What tools work with.
#[derive(Clone, Debug)]
pub(crate) struct Toolbox {
    pub(crate) gateway: Peer,
    pub(crate) database: Reader,
    /// For one call.
    pub(crate) timeout: Duration,
}

type Run = for<'a> fn(&'a Toolbox, JsonObject) -> BoxFuture<'a, Result<Value, Error>>;

/// One tool.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    title: &'static str,
    description: &'static str,
    schema: fn() -> Arc<JsonObject>,
    effect: Effect,
    run: Run,
}

/// What a call changes, for the hints of MCP.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// Nothing.
    Reads,
    /// Nothing, and it looks at nothing outside either.
    Computes,
    /// Adds; twice adds twice.
    Creates,
    /// Overwrites; twice is as once.
    Overwrites,
}

/// All tools, in the order in which they are listed.
pub(crate) const TOOLS: &[Tool] = &[
    Tool {
        name: "airtable_list_bases",
        title: "List Airtable bases",
        description: "Lists the Airtable bases that the token may see, with their ids and permission levels.",
        schema: schema::<airtable::Nothing>,
        effect: Effect::Reads,
        run: |tools, arguments| Box::pin(async move { airtable::list_bases(tools, read(arguments)?).await }),
    },
    Tool {
        name: "airtable_get_schema",
        title: "Get the schema of a base",
        description: "Returns the tables of an Airtable base with their fields, types and views.",
        schema: schema::<airtable::Base>,
        effect: Effect::Reads,
        run: |tools, arguments| Box::pin(async move { airtable::get_schema(tools, read(arguments)?).await }),
    },
    Tool {
        name: "airtable_list_records",
        title: "List records",
        description: "Lists records of an Airtable table, optionally of a view, filtered by a formula and sorted.",
        schema: schema::<airtable::List>,
        effect: Effect::Reads,
        run: |tools, arguments| Box::pin(async move { airtable::list_records(tools, read(arguments)?).await }),
    },
    Tool {
        name: "airtable_get_record",
        title: "Get a record",
        description: "Returns one record of an Airtable table by its id.",
        schema: schema::<airtable::Get>,
        effect: Effect::Reads,
        run: |tools, arguments| Box::pin(async move { airtable::get_record(tools, read(arguments)?).await }),
    },
    Tool {
        name: "airtable_create_records",
        title: "Create records",
        description: "Creates records in an Airtable table; each record is an object of field names and values.",
        schema: schema::<airtable::Create>,
        effect: Effect::Creates,
        run: |tools, arguments| Box::pin(async move { airtable::create_records(tools, read(arguments)?).await }),
    },
    Tool {
        name: "airtable_update_records",
        title: "Update records",
        description: "Changes fields of Airtable records; with `replace`, fields that are not given are emptied.",
        schema: schema::<airtable::Update>,
        effect: Effect::Overwrites,
        run: |tools, arguments| Box::pin(async move { airtable::update_records(tools, read(arguments)?).await }),
    },
    Tool {
        name: "airtable_delete_records",
        title: "Delete records",
        description: "Deletes Airtable records by their ids.",
        schema: schema::<airtable::Delete>,
        effect: Effect::Overwrites,
        run: |tools, arguments| Box::pin(async move { airtable::delete_records(tools, read(arguments)?).await }),
    },
    Tool {
        name: "calculate",
        title: "Calculate",
        description: "Evaluates an arithmetic expression: + - * / % ^, brackets, functions such as sqrt, round, min, max, log.",
        schema: schema::<Calculate>,
        effect: Effect::Computes,
        run: |_, arguments| Box::pin(async move { calculate(&read(arguments)?) }),
    },
    Tool {
        name: "search",
        title: "Search",
        description: "Searches Airtable for a text: names of bases, tables and fields, and the text of records.",
        schema: schema::<search::Search>,
        effect: Effect::Reads,
        run: |tools, arguments| Box::pin(async move { search::search(tools, read(arguments)?).await }),
    },
    Tool {
        name: "query_database",
        title: "Query the database",
        description: "Runs one read-only SQL query (SELECT, WITH, VALUES) with $1, $2, … for params. Rows and time are limited.",
        schema: schema::<Query>,
        effect: Effect::Reads,
        run: |tools, arguments| Box::pin(async move { query(tools, read(arguments)?).await }),
    },
];

/// Arguments of `calculate`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Calculate {
    /// For example `(1200 * 1.19) / 12`.
    expression: String,
}

/// Arguments of `query_database`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Query {
    /// One statement that only reads.
    query: String,
    /// Values for $1, $2, …
    #[serde(default)]
    params: Option<Vec<Value>>,
}

impl Tool {
    /// The tool of that name.
    pub(crate) fn find(name: &str) -> Result<&'static Self, Error> {
        TOOLS.iter().find(|tool| tool.name == name).ok_or_else(|| Error::UnknownTool(name.to_owned()))
    }

    /// As clients see it.
    pub(crate) fn card(&self) -> Card {
        let (reads, overwrites) = (self.effect == Effect::Reads, self.effect == Effect::Overwrites);
        let computes = self.effect == Effect::Computes;
        let hints = ToolAnnotations::with_title(self.title)
            .read_only(reads || computes)
            .destructive(overwrites)
            .idempotent(self.effect != Effect::Creates)
            .open_world(!computes);
        Card::new(self.name, self.description, (self.schema)()).with_title(self.title).with_annotations(hints)
    }

    /// Runs it; at the deadline it is dropped.
    pub(crate) async fn run(&self, tools: &Toolbox, arguments: JsonObject) -> Result<Value, Error> {
        let work = (self.run)(tools, arguments);
        tokio::time::timeout(tools.timeout, work).await.map_err(|_| Error::Timeout(tools.timeout))?
    }
}

fn schema<T: JsonSchema + 'static>() -> Arc<JsonObject> {
    schema_for_input::<T>().expect("arguments are structs, whose schema is an object")
}

/// Arguments of the tool's type.
fn read<T: DeserializeOwned>(arguments: JsonObject) -> Result<T, Error> {
    serde_path_to_error::deserialize(Value::Object(arguments)).map_err(|error| {
        let (path, reason) = (error.path().to_string(), error.inner().to_string());
        let inside = path != ".";
        // serde blames the object that lacks a field and names the field in its sentence only.
        match reason.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
            Some(field) if inside => Error::argument(format!("{path}.{field}"), "is required"),
            Some(field) => Error::argument(field, "is required"),
            None => Error::argument(if inside { path } else { "arguments".to_owned() }, reason),
        }
    })
}

fn calculate(arguments: &Calculate) -> Result<Value, Error> {
    let value = calculate::evaluate(&arguments.expression).map_err(Error::Refused)?;
    Ok(calculate::answer(&arguments.expression, value))
}

async fn query(tools: &Toolbox, arguments: Query) -> Result<Value, Error> {
    let parameters = arguments.params.unwrap_or_default();
    let begin = std::time::Instant::now();
    let mut answer = tools.database.run(&arguments.query, &parameters).await?;
    answer["duration_ms"] = json!(u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX));
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_schemas_are_closed_objects() {
        for (at, tool) in TOOLS.iter().enumerate() {
            assert!(TOOLS[..at].iter().all(|other| other.name != tool.name), "{}", tool.name);
            let card = serde_json::to_value(tool.card()).unwrap();
            assert_eq!(card["inputSchema"]["type"], "object", "{card}");
            let properties = card["inputSchema"]["properties"].as_object();
            for (name, property) in properties.into_iter().flatten() {
                assert!(property.get("description").is_some(), "{}: {name} has no description", tool.name);
            }
        }
    }

    #[test]
    fn a_wrong_argument_is_named() {
        let arguments = |value: Value| value.as_object().cloned().unwrap();
        let fault = |value: Value| read::<airtable::List>(arguments(value)).unwrap_err().to_string();
        assert_eq!(fault(json!({"base_id": 3})), "base_id: invalid type: integer `3`, expected a string");
        assert_eq!(fault(json!({"base_id": "b"})), "table_id: is required");
        let sort = json!({"base_id": "b", "table_id": "t", "sort": [{"field": "x", "direction": "up"}]});
        assert!(fault(sort).starts_with("sort[0].direction: unknown variant `up`"));
        assert!(fault(json!({"base_id": "b", "table_id": "t", "limit": 1})).contains("unknown field `limit`"));
    }
}
