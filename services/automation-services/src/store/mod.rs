//! Everything that is kept in the database. One text of SQL for SQLite and PostgreSQL; times come from the caller's clock.
//!
//! | file | what |
//! |---|---|
//! | `workflows.rs` | workflows, and which are due |
//! | `executions.rs` | making and reading executions |
//! | `claims.rs` | the engine's side: claim, heartbeat, steps, end; every write fenced by owner and attempt |
//! | `files.rs` | files and their text |
//! | `stats.rs` | the two summaries |

pub mod claims;
pub mod executions;
pub mod files;
pub mod stats;
pub mod workflows;

use crate::error::Error;
use serde::Serialize;
use serde::de::DeserializeOwned;
use service_kit::database::{Database, Migrations, Row};
use sqlx::migrate::Migrator;
use telemetry::Business;

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// The schema, for both databases.
pub const MIGRATIONS: Migrations = Migrations { sqlite: &SQLITE, postgres: &POSTGRES };

/// The database of this service. Clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    database: Database,
}

impl Store {
    /// On a database whose schema is up to date.
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// How many to pass over.
    pub skip: u32,
    /// How many to give at most.
    pub limit: u32,
}

/// One page of a list.
#[derive(Debug)]
pub struct Listed<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// How many there are on all pages.
    pub total: i64,
}

/// A column that holds a JSON document.
fn document<T: DeserializeOwned>(row: &Row, column: &'static str) -> Result<T, Error> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| Error::Corrupt { what: column, reason: error.to_string() })
}

/// As [`document`], where the column may be null.
fn optional_document<T: DeserializeOwned>(row: &Row, column: &'static str) -> Result<Option<T>, Error> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| {
        serde_json::from_str(&text).map_err(|error| Error::Corrupt { what: column, reason: error.to_string() })
    })
    .transpose()
}

/// A column that holds one of a closed set of words.
fn word<T>(row: &Row, column: &'static str, parse: fn(&str) -> Option<T>) -> Result<T, Error> {
    let text: String = row.get(column)?;
    parse(&text).ok_or_else(|| Error::Corrupt { what: column, reason: format!("unknown word `{text}`") })
}

/// A document as text for a column.
fn text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("maps with text keys, numbers and texts always have a JSON form")
}

/// On whose behalf, for a column.
fn business_text(business: &Business) -> String {
    text(&[&business.user_id, &business.tenant_id, &business.api_key_hash, &business.cost_center])
}

/// On whose behalf, from a column.
fn business(row: &Row) -> Result<Business, Error> {
    let [user_id, tenant_id, api_key_hash, cost_center] = document(row, "business")?;
    Ok(Business { user_id, tenant_id, api_key_hash, cost_center })
}
