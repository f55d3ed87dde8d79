//! What goes over the wire: Airtable's own shapes, and this service's.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::{IntoParams, ToSchema};

/// Records in one write. At five calls of ten records a second, 500 take 10 s; more would meet the deadline.
pub(crate) const BATCH_MAX: usize = 500;
/// Length of names, ids, offsets and view names.
const NAME_MAX: usize = 500;
/// Length of a formula; Airtable itself takes 16,000 characters in a URL and somewhat more in a body.
const FORMULA_MAX: usize = 32_000;
/// Fields in one request: Airtable's own limit of fields in a table.
const FIELDS_MAX: usize = 500;

/// Fields to sort by; more than a handful orders nothing any more.
const SORTS_MAX: usize = 10;

/// A record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Record {
    /// `rec…`
    pub(crate) id: String,
    /// Cells by field name; empty cells are absent.
    #[schema(value_type = Object)]
    pub(crate) fields: Map<String, Json>,
    /// When it was made (ISO 8601, UTC).
    #[serde(rename = "createdTime", default, skip_serializing_if = "Option::is_none")]
    #[schema(rename = "createdTime")]
    pub(crate) created_time: Option<String>,
}

/// A page of records as Airtable sends it and as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Page {
    pub(crate) records: Vec<Record>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) offset: Option<String>,
}

/// Records, and whether there are more.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Records {
    /// The records of this page, or those that were written.
    pub(crate) records: Vec<Record>,
    /// Ask for the next page with it; absent on the last one. Good for some minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) offset: Option<String>,
    /// Number of records in this answer. Airtable does not tell how many there are in all.
    pub(crate) total: usize,
    /// Whether there is a next page.
    #[serde(rename = "hasMore")]
    #[schema(rename = "hasMore")]
    pub(crate) has_more: bool,
}

impl From<Page> for Records {
    fn from(page: Page) -> Self {
        let (total, has_more) = (page.records.len(), page.offset.is_some());
        Self { records: page.records, offset: page.offset, total, has_more }
    }
}

/// A record that is gone.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct Deleted {
    /// `rec…`
    pub(crate) id: String,
    /// Always true.
    pub(crate) deleted: bool,
}

/// Records that are gone.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct DeletedRecords {
    /// In the order asked for.
    pub(crate) records: Vec<Deleted>,
}

/// A base.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct Base {
    /// `app…`
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// `none`, `read`, `comment`, `edit` or `create`.
    #[serde(rename = "permissionLevel")]
    #[schema(rename = "permissionLevel")]
    pub(crate) permission_level: String,
}

/// The bases that the token may see.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct Bases {
    /// In Airtable's order.
    pub(crate) bases: Vec<Base>,
    /// Of a page; this service joins them.
    #[serde(default, skip_serializing)]
    #[schema(ignore)]
    pub(crate) offset: Option<String>,
}

/// The schema of a base.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub(crate) struct Schema {
    /// With fields and views.
    pub(crate) tables: Vec<Table>,
}

/// A table.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub(crate) struct Table {
    /// `tbl…`
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// What its makers say about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// `fld…`
    #[serde(rename = "primaryFieldId", default)]
    #[schema(rename = "primaryFieldId")]
    pub(crate) primary_field_id: String,
    /// `{id, name, type, options?, description?}` as Airtable describes them.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub(crate) fields: Vec<Json>,
    /// `{id, name, type}`
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub(crate) views: Vec<Json>,
}

/// Whose token it is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct WhoAmI {
    /// `usr…`
    pub(crate) id: String,
    /// What the token may do; absent for tokens without scopes.
    #[serde(default)]
    pub(crate) scopes: Vec<String>,
}

/// The connection to Airtable works.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Connection {
    /// Always `connected`; otherwise the answer is an error.
    #[schema(value_type = String)]
    pub(crate) status: &'static str,
    /// Whose token it is.
    pub(crate) user: WhoAmI,
}

/// What was removed from the cache.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Invalidated {
    /// The pattern that was asked for.
    pub(crate) pattern: String,
    /// How many answers were removed.
    pub(crate) invalidated: u64,
}

/// `asc` or `desc`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Direction {
    /// Smallest first.
    Asc,
    /// Largest first.
    Desc,
}

/// Parameters of a listing.
#[derive(Debug, Default, Deserialize, IntoParams, garde::Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Name or id of a view, whose filter and order apply.
    #[garde(length(max = NAME_MAX))]
    pub(crate) view: Option<String>,
    /// Records over all pages, at most.
    #[garde(range(min = 1))]
    pub(crate) max_records: Option<u32>,
    /// Records on this page, 1 to 100; 100 by default.
    #[garde(range(min = 1, max = 100))]
    pub(crate) page_size: Option<u32>,
    /// From the answer before.
    #[garde(length(max = NAME_MAX))]
    pub(crate) offset: Option<String>,
    /// Names of the fields to show; repeat for more. All by default.
    #[serde(default)]
    #[garde(length(max = FIELDS_MAX), inner(length(min = 1, max = NAME_MAX)))]
    pub(crate) fields: Vec<String>,
    /// An Airtable formula; records stay for which it is true.
    #[garde(length(max = FORMULA_MAX))]
    pub(crate) filter_by_formula: Option<String>,
    /// Name of the field to sort by; repeat for more, the first counts most.
    #[serde(default)]
    #[garde(length(max = SORTS_MAX), inner(length(min = 1, max = NAME_MAX)))]
    pub(crate) sort_field: Vec<String>,
    /// `asc` (by default) or `desc`, one for each field in the same order.
    #[serde(default)]
    #[garde(length(max = SORTS_MAX))]
    pub(crate) sort_direction: Vec<Direction>,
}

/// Parameters of a write.
#[derive(Debug, Default, Deserialize, IntoParams, garde::Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WriteQuery {
    /// Whether Airtable converts values to the field's type, and makes new options and linked records where needed.
    #[serde(default, deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    #[garde(skip)]
    pub(crate) typecast: bool,
}

/// Parameters of a deletion.
#[derive(Debug, Default, Deserialize, IntoParams, garde::Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeleteQuery {
    /// Ids of the records; repeat for more. Or in the body, as a list.
    #[serde(default)]
    #[param(value_type = Option<Vec<String>>)]
    #[garde(length(max = BATCH_MAX))]
    pub(crate) record_ids: Vec<String>,
}

/// Parameters of an invalidation.
#[derive(Debug, Default, Deserialize, IntoParams, garde::Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct InvalidateQuery {
    /// Part of a key (`appX`, `Deals`), or a pattern with `*` over keys like `/bases/appX/tables/Deals/records?view=Won`. Empty
    /// means all.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    #[garde(length(max = NAME_MAX))]
    pub(crate) pattern: String,
}

/// Records to create: cells by field name.
#[derive(Debug, Deserialize, ToSchema, garde::Validate)]
#[serde(transparent)]
#[garde(transparent)]
#[schema(value_type = Vec<Object>)]
pub(crate) struct NewRecords(#[garde(length(min = 1, max = BATCH_MAX))] pub(crate) Vec<Map<String, Json>>);

/// A change of one record.
#[derive(Debug, Serialize, Deserialize, ToSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    /// `rec…`
    #[garde(length(min = 1, max = NAME_MAX))]
    pub(crate) id: String,
    /// Cells by field name; null empties a cell.
    #[schema(value_type = Object)]
    #[garde(skip)]
    pub(crate) fields: Map<String, Json>,
}

/// Changes of records.
#[derive(Debug, Deserialize, ToSchema, garde::Validate)]
#[serde(transparent)]
#[garde(transparent)]
pub(crate) struct Changes(#[garde(length(min = 1, max = BATCH_MAX), dive)] pub(crate) Vec<Change>);

/// The body of a deletion: a list, or an object that holds it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum DeleteBody {
    /// `["rec…"]`
    List(Vec<String>),
    /// `{"record_ids": ["rec…"]}`
    Object {
        /// Ids of the records.
        record_ids: Vec<String>,
    },
}

/// A flag as clients in several languages write it.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match String::deserialize(deserializer)?.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Ok(true),
        "false" | "0" | "no" | "" => Ok(false),
        _ => Err(serde::de::Error::custom("must be true or false")),
    }
}
