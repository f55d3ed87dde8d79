//! Invalidation of the cache.

use axum::Json;
use axum::extract::State;
use service_kit::{Problem, ValidQuery};

use crate::gateway::Gateway;
use crate::model::{InvalidateQuery, Invalidated};

/// Removes kept answers, for changes that were made past this service.
#[utoipa::path(post, path = "/cache/invalidate", tag = "cache", params(InvalidateQuery), responses(
    (status = 200, description = "how many answers were removed", body = Invalidated),
))]
#[tracing::instrument(name = "airtable.cache.invalidate", skip_all, fields(cache.invalidated = tracing::field::Empty))]
pub(super) async fn invalidate(
    State(gateway): State<Gateway>,
    ValidQuery(query): ValidQuery<InvalidateQuery>,
) -> Result<Json<Invalidated>, Problem> {
    let invalidated = gateway.invalidate(&query.pattern).await?;
    tracing::Span::current().record("cache.invalidated", invalidated);
    Ok(Json(Invalidated { pattern: query.pattern, invalidated }))
}
