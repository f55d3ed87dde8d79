//! What the server holds and what may be done with it; knows no HTTP.
//!
//! | file | what |
//! |---|---|
//! | `ids` | ids from a seed, `rec` + 14 characters |
//! | `schema` | bases, tables, fields and their types, views |
//! | `rows` | the records of one table, in the order of their creation |
//! | `cell` | which value a field takes, with and without `typecast` |
//! | `links` | both sides of linked records |
//! | `computed` | formulas, roll-ups, look-ups, counts: worked out when read |
//! | `list` | filter, order, pages |
//! | `write` | create, update, upsert, delete: all or nothing |
//! | `shape` | a record as JSON |
//! | `schema_json` | a schema as JSON |

pub(crate) mod cell;
pub(crate) mod computed;
pub(crate) mod ids;
pub(crate) mod links;
pub(crate) mod list;
pub(crate) mod rows;
pub(crate) mod schema;
pub(crate) mod schema_json;
pub(crate) mod shape;
pub(crate) mod write;

use chrono::{DateTime, Utc};

use crate::error::ApiError;
use ids::Ids;
use list::Iterators;
use schema::{Base, Table};

/// Everything that the server remembers.
pub(crate) struct World {
    pub(crate) bases: Vec<Base>,
    pub(crate) ids: Ids,
    pub(crate) iterators: Iterators,
    /// `NOW()` and created times; `None` is the machine's clock.
    pub(crate) fixed_now: Option<DateTime<Utc>>,
}

impl World {
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.fixed_now.unwrap_or_else(Utc::now)
    }

    pub(crate) fn base(&self, id: &str) -> Result<&Base, ApiError> {
        self.bases.iter().find(|base| base.id == id).ok_or(ApiError::NoModel)
    }

    /// A base and one of its tables, by id or name.
    pub(crate) fn table(&self, base: &str, table: &str) -> Result<(&Base, &Table), ApiError> {
        let base = self.base(base)?;
        Ok((base, base.table(table).ok_or(ApiError::NoModel)?))
    }
}
