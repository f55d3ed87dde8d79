//! The routes under `/api/v1/airtable`.
//!
//! | file | what |
//! |---|---|
//! | `meta` | connection, bases, schemas |
//! | `records` | records |
//! | `cache` | invalidation |

mod cache;
mod meta;
mod records;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue};
use serde::Serialize;
use service_kit::Problem;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::gateway::Gateway;

/// The contract's prefix.
const PREFIX: &str = "/api/v1/airtable";
/// Says `hit` or `miss`.
const X_CACHE: HeaderName = HeaderName::from_static("x-cache");

pub(crate) fn router(gateway: Gateway) -> OpenApiRouter {
    let routes = OpenApiRouter::new()
        .routes(routes!(meta::test))
        .routes(routes!(meta::bases))
        .routes(routes!(meta::schema))
        .routes(routes!(meta::tables))
        .routes(routes!(records::list, records::create, records::merge, records::replace, records::delete))
        .routes(routes!(records::read))
        .routes(routes!(cache::invalidate))
        .with_state(gateway);
    OpenApiRouter::new().nest(PREFIX, routes)
}

/// An answer with the header that tells whether it was kept.
fn cached<T: Serialize>(answer: &T, hit: bool) -> Response {
    let told = HeaderValue::from_static(if hit { "hit" } else { "miss" });
    ([(X_CACHE, told)], Json(answer)).into_response()
}

/// Checks a path parameter. `.` and `..` would leave the path, and an id with other characters cannot exist.
fn checked<'a>(name: &str, value: &'a str, id: bool) -> Result<&'a str, Problem> {
    let plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let reason = match value {
        "" | "." | ".." => "is no name",
        _ if value.len() > 500 => "is longer than 500 bytes",
        _ if id && !plain => "must be an id: letters and digits",
        _ => return Ok(value),
    };
    Err(Problem::invalid(name, reason))
}
