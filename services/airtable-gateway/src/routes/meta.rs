//! The connection, bases and schemas.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use service_kit::problem::ProblemDocument;
use service_kit::{Problem, ValidPath};

use super::{cached, checked};
use crate::gateway::Gateway;
use crate::model::{Bases, Connection, Schema};

/// Asks Airtable whose token this is, past the cache.
#[utoipa::path(get, path = "/test", tag = "meta", responses(
    (status = 200, description = "Airtable answers and takes the token", body = Connection),
    (status = 401, description = "Airtable refuses the token", body = ProblemDocument, content_type = "application/problem+json"),
    (status = 502, description = "Airtable cannot be reached", body = ProblemDocument, content_type = "application/problem+json"),
))]
#[tracing::instrument(name = "airtable.test", skip_all)]
pub(super) async fn test(State(gateway): State<Gateway>) -> Result<Json<Connection>, Problem> {
    Ok(Json(Connection { status: "connected", user: gateway.who_am_i().await? }))
}

/// The bases that the token may see.
#[utoipa::path(get, path = "/bases", tag = "meta", responses(
    (status = 200, description = "all bases", body = Bases, headers(("x-cache" = String, description = "hit or miss"))),
))]
#[tracing::instrument(name = "airtable.bases", skip_all)]
pub(super) async fn bases(State(gateway): State<Gateway>) -> Result<Response, Problem> {
    let (bases, hit) = gateway.bases().await?;
    Ok(cached(&bases, hit))
}

/// The tables of a base with their fields and views.
#[utoipa::path(get, path = "/bases/{base}/schema", tag = "meta", params(("base" = String, Path, description = "app…")), responses(
    (status = 200, description = "the schema", body = Schema, headers(("x-cache" = String, description = "hit or miss"))),
    (status = 403, description = "no such base, or no permission", body = ProblemDocument, content_type = "application/problem+json"),
))]
#[tracing::instrument(name = "airtable.schema", skip_all, fields(airtable.base.id = base))]
pub(super) async fn schema(
    State(gateway): State<Gateway>,
    ValidPath(base): ValidPath<String>,
) -> Result<Response, Problem> {
    let (schema, hit) = gateway.schema(checked("base", &base, true)?).await?;
    Ok(cached(&schema, hit))
}

/// The same as the schema: clients of old ask for either.
#[utoipa::path(get, path = "/bases/{base}/tables", tag = "meta", params(("base" = String, Path, description = "app…")), responses(
    (status = 200, description = "the tables", body = Schema, headers(("x-cache" = String, description = "hit or miss"))),
    (status = 403, description = "no such base, or no permission", body = ProblemDocument, content_type = "application/problem+json"),
))]
#[tracing::instrument(name = "airtable.tables", skip_all, fields(airtable.base.id = base))]
pub(super) async fn tables(
    State(gateway): State<Gateway>,
    ValidPath(base): ValidPath<String>,
) -> Result<Response, Problem> {
    let (schema, hit) = gateway.schema(checked("base", &base, true)?).await?;
    Ok(cached(&schema, hit))
}
