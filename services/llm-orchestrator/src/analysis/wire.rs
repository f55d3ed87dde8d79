//! The bodies of table analysis.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::chat::wire::is_model;
use crate::metering::Totals;

/// Airtable's own limit of fields in a table.
const FIELDS_MAX: usize = 500;
/// Tables of a batch job.
pub(super) const TABLES_MAX: usize = 100;

/// What a table is looked at for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Category {
    /// How the table is built.
    Structure,
    /// What is stored twice or belongs elsewhere.
    Normalization,
    /// Whether types fit what fields hold.
    FieldTypes,
    /// Links to other tables.
    Relationships,
    /// What makes it slow.
    Performance,
    /// What lets wrong values in.
    DataQuality,
    /// How tables and fields are called.
    NamingConventions,
    /// What is looked up often.
    Indexing,
}

impl Category {
    /// All, in the order in which they are done.
    pub(crate) const ALL: [Self; 8] = [
        Self::Structure,
        Self::Normalization,
        Self::FieldTypes,
        Self::Relationships,
        Self::Performance,
        Self::DataQuality,
        Self::NamingConventions,
        Self::Indexing,
    ];
}

/// A table to be looked at.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema, Validate)]
pub(crate) struct TableRequest {
    /// The base that it is in.
    #[garde(length(min = 1, max = 100))]
    pub(crate) base_id: String,
    /// Its id.
    #[garde(length(min = 1, max = 100))]
    pub(crate) table_id: String,
    /// Its name.
    #[garde(length(min = 1, max = 500))]
    pub(crate) table_name: String,
    /// Its fields as Airtable's schema has them: `name`, `type`, `options` …
    #[garde(length(max = FIELDS_MAX), inner(custom(has_name)))]
    #[schema(value_type = Vec<Object>)]
    pub(crate) fields: Vec<Map<String, Value>>,
    /// What to look for; default: everything.
    #[garde(inner(length(min = 1, max = 8)))]
    pub(crate) categories: Option<Vec<Category>>,
    /// How many records it has.
    #[garde(skip)]
    pub(crate) record_count: Option<u64>,
    /// Links to other tables.
    #[garde(length(max = FIELDS_MAX))]
    #[schema(value_type = Option<Vec<Object>>)]
    pub(crate) relationships: Option<Vec<Value>>,
    /// Its views.
    #[garde(length(max = FIELDS_MAX))]
    #[schema(value_type = Option<Vec<Object>>)]
    pub(crate) views: Option<Vec<Value>>,
    /// Default: GEMINI_MODEL.
    #[garde(inner(custom(is_model)))]
    pub(crate) model: Option<String>,
}

impl TableRequest {
    /// The categories to do, each once.
    pub(super) fn wanted(&self) -> Vec<Category> {
        let wanted = self.categories.clone().unwrap_or_default();
        Category::ALL.into_iter().filter(|one| wanted.is_empty() || wanted.contains(one)).collect()
    }
}

/// What was found in a table.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub(crate) struct TableResponse {
    /// The table.
    pub(crate) table_id: String,
    /// Its name.
    pub(crate) table_name: String,
    /// Findings by category.
    #[schema(value_type = BTreeMap<String, Vec<Object>>)]
    pub(crate) analysis_results: BTreeMap<Category, Vec<Value>>,
    /// Categories that could not be done, with the reason. Missing when all could.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, String>, required = false)]
    pub(crate) failed_categories: BTreeMap<Category, String>,
    /// What it used and cost.
    pub(crate) cost_summary: CostSummary,
    /// Seconds.
    pub(crate) analysis_duration_seconds: f64,
    /// When it was done.
    pub(crate) timestamp: DateTime<Utc>,
}

/// What several calls used and cost.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
pub(crate) struct CostSummary {
    /// USD; `null` when nothing is known.
    pub(crate) total_cost: Option<f64>,
    /// The same in 10⁻⁹ USD, exact.
    pub(crate) total_cost_nanousd: Option<i64>,
    /// `USD`
    pub(crate) currency: String,
    /// Input.
    pub(crate) prompt_tokens: u64,
    /// Output.
    pub(crate) completion_tokens: u64,
    /// Both.
    pub(crate) total_tokens: u64,
    /// Calls of the model.
    pub(crate) calls: u64,
    /// Calls whose cost is not known: the total is then a lower bound.
    pub(crate) unpriced_calls: u64,
}

impl CostSummary {
    pub(super) fn of(totals: &Totals) -> Self {
        let view = totals.view();
        Self {
            total_cost: view.cost,
            total_cost_nanousd: view.cost_nanousd,
            currency: "USD".to_owned(),
            prompt_tokens: view.prompt_tokens,
            completion_tokens: view.completion_tokens,
            total_tokens: view.total_tokens,
            calls: totals.priced + totals.unpriced,
            unpriced_calls: totals.unpriced,
        }
    }

    /// The sum of several.
    pub(super) fn sum<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut sum = Self { currency: "USD".to_owned(), ..Self::default() };
        for part in parts {
            if let Some(nano) = part.total_cost_nanousd {
                let total = cost::NanoUsd(sum.total_cost_nanousd.unwrap_or_default().saturating_add(nano));
                (sum.total_cost, sum.total_cost_nanousd) = (Some(total.to_usd()), Some(total.0));
            }
            sum.prompt_tokens = sum.prompt_tokens.saturating_add(part.prompt_tokens);
            sum.completion_tokens = sum.completion_tokens.saturating_add(part.completion_tokens);
            sum.total_tokens = sum.total_tokens.saturating_add(part.total_tokens);
            sum.calls += part.calls;
            sum.unpriced_calls += part.unpriced_calls;
        }
        sum
    }
}

/// Tables to be looked at in the background.
#[derive(Clone, Debug, Deserialize, ToSchema, Validate)]
pub(crate) struct BatchRequest {
    /// The tables.
    #[garde(length(min = 1, max = TABLES_MAX), dive)]
    pub(crate) tables: Vec<TableRequest>,
    /// For tables that name none.
    #[garde(inner(length(min = 1, max = 8)))]
    pub(crate) categories: Option<Vec<Category>>,
    /// For tables that name none.
    #[garde(inner(custom(is_model)))]
    pub(crate) model: Option<String>,
}

/// How far a job is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct JobStatus {
    /// The job.
    pub(crate) job_id: String,
    /// `pending`, `processing`, `completed`, or `failed` when no table could be done.
    #[schema(value_type = String)]
    pub(crate) status: &'static str,
    /// Tables of the job.
    pub(crate) total_tables: u64,
    /// Tables that are done.
    pub(crate) completed_tables: u64,
    /// Tables that could not be done.
    pub(crate) failed_tables: u64,
    /// Part that is over: 0 to 1.
    pub(crate) progress: f64,
    /// When it was asked for.
    pub(crate) created_at: DateTime<Utc>,
    /// When the last table was over; missing while one is open.
    pub(crate) completed_at: Option<DateTime<Utc>>,
}

/// What a job has found so far.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct JobResults {
    /// How far it is.
    #[serde(flatten)]
    pub(crate) status: JobStatus,
    /// Tables that are done, in the order of the request.
    pub(crate) results: Vec<TableResponse>,
    /// Tables that could not be done.
    pub(crate) errors: Vec<TableError>,
    /// What it has used and cost.
    pub(crate) cost_summary: CostSummary,
}

/// A table that could not be done.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct TableError {
    /// The table.
    pub(crate) table_id: String,
    /// Why.
    pub(crate) error: String,
}

/// For how much an estimate is wanted.
#[derive(Clone, Debug, Deserialize, IntoParams, Validate)]
pub(crate) struct EstimateQuery {
    /// Tables; default 1.
    #[garde(range(min = 1, max = 100_000))]
    #[serde(alias = "table_count", alias = "tables")]
    pub(crate) num_tables: Option<u64>,
    /// Fields of each; default 20.
    #[garde(range(min = 0, max = 500))]
    #[serde(alias = "fields", alias = "avg_fields")]
    pub(crate) fields_per_table: Option<u64>,
    /// Repeated; default: all.
    #[garde(skip)]
    #[serde(default)]
    pub(crate) categories: Vec<Category>,
    /// Default: GEMINI_MODEL.
    #[garde(inner(custom(is_model)))]
    pub(crate) model: Option<String>,
}

/// What an analysis will about cost.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Estimate {
    /// The model.
    pub(crate) model: String,
    /// Calls of it.
    pub(crate) calls: u64,
    /// Input.
    pub(crate) estimated_input_tokens: u64,
    /// Output.
    pub(crate) estimated_output_tokens: u64,
    /// USD; `null` when the model has no known price.
    pub(crate) estimated_cost: Option<f64>,
    /// `USD`
    #[schema(value_type = String)]
    pub(crate) currency: &'static str,
}

/// A category, for people.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct CategoryView {
    /// Its name in requests.
    pub(crate) name: Category,
    /// What it looks for.
    #[schema(value_type = String)]
    pub(crate) description: &'static str,
}

/// All categories.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Categories {
    /// In the order in which they are done.
    pub(crate) categories: Vec<CategoryView>,
}

/// A job that was taken.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct JobTaken {
    /// Its id, for status and results.
    pub(crate) job_id: String,
    /// `pending`
    #[schema(value_type = String)]
    pub(crate) status: &'static str,
    /// Tables of the job.
    pub(crate) total_tables: usize,
}

fn has_name(field: &Map<String, Value>, _: &()) -> garde::Result {
    let named = field.get("name").and_then(Value::as_str).is_some_and(|name| !name.is_empty());
    named.then_some(()).ok_or_else(|| garde::Error::new("needs a name"))
}
