//! Reviews the design of Airtable tables, at once or as batch jobs.
//!
//! | module | owns |
//! |---|---|
//! | `wire` | the bodies |
//! | `prompt` | what the model is asked, what it must answer |
//! | `table` | one table |
//! | `jobs` | batch jobs in the database |
//! | `worker` | who does them |

mod jobs;
mod prompt;
mod table;
mod wire;
mod worker;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract;
use chrono::Utc;
use cost::{Bucket, Buckets, Day, Usage};
use http::StatusCode;
use service_kit::problem::ProblemDocument;
use service_kit::{Problem, ValidJson, ValidPath, ValidQuery};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error;
use crate::metering::PROVIDER;
use crate::state::State;
use wire::{
    BatchRequest, Categories, Category, CategoryView, Estimate, EstimateQuery, JobResults, JobStatus, JobTaken,
    TableRequest, TableResponse,
};
pub(crate) use worker::start_workers;

/// Fields of a table when nobody says how many.
const FIELDS_USUAL: u64 = 20;

/// The routes of this module.
pub(crate) fn router() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::new()
        .routes(routes!(analyse_table))
        .routes(routes!(begin_batch))
        .routes(routes!(batch_status))
        .routes(routes!(batch_results))
        .routes(routes!(estimate_cost))
        .routes(routes!(categories))
}

/// Reviews a table.
#[utoipa::path(post, path = "/api/v1/analysis/table", tag = "analysis", request_body = TableRequest, responses(
    (status = 200, description = "What was found", body = TableResponse),
    (status = 422, description = "A field is wrong", body = ProblemDocument, content_type = "application/problem+json"),
    (status = "4XX", description = "As for chat completions", body = ProblemDocument, content_type = "application/problem+json"),
    (status = "5XX", description = "As for chat completions", body = ProblemDocument, content_type = "application/problem+json"),
))]
async fn analyse_table(
    extract::State(state): extract::State<Arc<State>>,
    ValidJson(table): ValidJson<TableRequest>,
) -> Result<Json<TableResponse>, Problem> {
    table::analyse(&state, &table).await.map(Json).map_err(error::problem)
}

/// Reviews tables in the background.
#[utoipa::path(post, path = "/api/v1/analysis/batch", tag = "analysis", request_body = BatchRequest, responses(
    (status = 202, description = "The job was taken", body = JobTaken),
    (status = 422, description = "A field is wrong", body = ProblemDocument, content_type = "application/problem+json"),
))]
async fn begin_batch(
    extract::State(state): extract::State<Arc<State>>,
    ValidJson(batch): ValidJson<BatchRequest>,
) -> Result<(StatusCode, Json<JobTaken>), Problem> {
    let mut tables = batch.tables;
    for table in &mut tables {
        table.categories = table.categories.take().or_else(|| batch.categories.clone());
        table.model = table.model.take().or_else(|| batch.model.clone());
    }
    let mut carried = HashMap::new();
    telemetry::inject_map(&mut carried);
    let job_id = jobs::create(&state.database, &tables, &carried).await?;
    state.jobs_wait.notify_one();
    Ok((StatusCode::ACCEPTED, Json(JobTaken { job_id, status: "pending", total_tables: tables.len() })))
}

/// Says how far a job is.
#[utoipa::path(get, path = "/api/v1/analysis/batch/{job_id}/status", tag = "analysis", params(("job_id" = String, Path)), responses(
    (status = 200, description = "How far it is", body = JobStatus),
    (status = 404, description = "Unknown job", body = ProblemDocument, content_type = "application/problem+json"),
))]
async fn batch_status(
    extract::State(state): extract::State<Arc<State>>,
    ValidPath(job_id): ValidPath<String>,
) -> Result<Json<JobStatus>, Problem> {
    jobs::status(&state.database, &job_id).await?.map(Json).ok_or_else(unknown_job)
}

/// Gives what a job has found so far.
#[utoipa::path(get, path = "/api/v1/analysis/batch/{job_id}/results", tag = "analysis", params(("job_id" = String, Path)), responses(
    (status = 200, description = "What it has found", body = JobResults),
    (status = 404, description = "Unknown job", body = ProblemDocument, content_type = "application/problem+json"),
))]
async fn batch_results(
    extract::State(state): extract::State<Arc<State>>,
    ValidPath(job_id): ValidPath<String>,
) -> Result<Json<JobResults>, Problem> {
    jobs::results(&state.database, &job_id).await?.map(Json).ok_or_else(unknown_job)
}

/// Says what an analysis will about cost.
#[utoipa::path(get, path = "/api/v1/analysis/estimate-cost", tag = "analysis", params(EstimateQuery), responses(
    (status = 200, description = "The estimate", body = Estimate),
    (status = 422, description = "A parameter is wrong", body = ProblemDocument, content_type = "application/problem+json"),
))]
async fn estimate_cost(
    extract::State(state): extract::State<Arc<State>>,
    ValidQuery(query): ValidQuery<EstimateQuery>,
) -> Json<Estimate> {
    let categories = if query.categories.is_empty() { Category::ALL.len() } else { query.categories.len() };
    let calls = query.num_tables.unwrap_or(1) * u64::try_from(categories).unwrap_or(u64::MAX);
    let (input, output) = prompt::estimated_tokens(query.fields_per_table.unwrap_or(FIELDS_USUAL));
    let model = query.model.unwrap_or_else(|| state.config.model.clone());
    let tokens = Buckets::default().with(Bucket::Input, input).with(Bucket::Output, output);
    let usage = Usage { tokens, ..Usage::default() };
    let day = Day::of_unix_seconds(Utc::now().timestamp());
    let call = cost::Call { provider: PROVIDER, request_model: Some(&model), response_model: None, day, usage: &usage };
    // Priced call by call: a large sum would fall into the upper size tier.
    let cost = state.metering.book.price(&call).cost();
    let cost = cost.map(|cost| cost::NanoUsd(cost.0.saturating_mul(i64::try_from(calls).unwrap_or(i64::MAX))));
    Json(Estimate {
        calls,
        estimated_input_tokens: input * calls,
        estimated_output_tokens: output * calls,
        estimated_cost: cost.map(cost::NanoUsd::to_usd),
        currency: "USD",
        model,
    })
}

/// Lists what a table can be looked at for.
#[utoipa::path(get, path = "/api/v1/analysis/categories", tag = "analysis", responses((status = 200, description = "All categories", body = Categories)))]
async fn categories() -> Json<Categories> {
    let view = |name| CategoryView { name, description: prompt::description(name) };
    Json(Categories { categories: Category::ALL.into_iter().map(view).collect() })
}

fn unknown_job() -> Problem {
    Problem::not_found("there is no such job, or its results were forgotten")
}
