//! The HTTP interface: paths, bodies, answers. Field names and paths are those of the older service.

pub mod executions;
pub mod files;
pub mod workflows;

use crate::engine::Engine;
use crate::error::Error;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What handlers work with.
#[derive(Debug, Clone)]
pub struct State {
    /// The engine, and by it everything else.
    pub engine: Engine,
}

/// All routes of this service.
pub fn router(state: State) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(workflows::create, workflows::list))
        .routes(routes!(workflows::get, workflows::update, workflows::delete))
        .routes(routes!(workflows::validate_cron))
        .routes(routes!(workflows::stats))
        .routes(routes!(executions::trigger))
        .routes(routes!(executions::list_of_workflow))
        .routes(routes!(executions::list))
        .routes(routes!(executions::get))
        .routes(routes!(executions::cancel))
        .routes(routes!(files::upload))
        .routes(routes!(files::list))
        .routes(routes!(files::get, files::delete))
        .routes(routes!(files::process))
        .routes(routes!(files::extract))
        .routes(routes!(files::stats))
        .with_state(state)
}

/// The page size of the older service.
pub(crate) fn limit_default() -> u32 {
    100
}

/// That something was done.
#[derive(Debug, Serialize, ToSchema)]
pub struct Done {
    /// What it was done to.
    pub id: String,
    /// What was done.
    pub message: &'static str,
}

/// One of a closed set of words in a query string, or a refusal that names the field.
pub(crate) fn word<T>(
    field: &str,
    text: Option<&str>,
    words: &[&str],
    parse: fn(&str) -> Option<T>,
) -> Result<Option<T>, Error> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    match parse(text) {
        Some(value) => Ok(Some(value)),
        None => Err(Error::invalid(field, format!("`{text}` is not one of {}", words.join(", ")))),
    }
}
