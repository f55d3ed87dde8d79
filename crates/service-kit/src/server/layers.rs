//! Puts a service's routes and the fixed ones together and surrounds them.

use axum::Router;
use utoipa_axum::router::OpenApiRouter;

use super::routes;
use super::settings::Settings;
use crate::service::{App, Service};

/// The whole router of a service.
pub(super) fn router(service: Service, port: u16, app: App, settings: &Settings) -> Router {
    let App { router, checks, timeouts: _, limits: _ } = app;
    let (router, _) = OpenApiRouter::new()
        .merge(routes::router(service, port, checks, settings.ready_timeout))
        .merge(router)
        .split_for_parts();
    router
}
