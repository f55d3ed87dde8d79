//! `/openapi.json`: the document of all routes, put together once.

use ::http::header::CONTENT_TYPE;
use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, Content, OpenApi, PathItem, Ref, RefOr, ResponseBuilder};
use utoipa::{PartialSchema, ToSchema};

use crate::problem::{FieldError, MEDIA_TYPE, ProblemDocument};
use crate::service::Service;

/// Completes the document and serves it.
pub(super) fn serve(router: Router, mut document: OpenApi, service: &Service, token: bool) -> Router {
    document.info.title = service.name.to_owned();
    document.info.version = service.version.to_owned();
    document.info.description = Some(service.description.to_owned());
    document.info.license = None;
    let components = document.components.get_or_insert_with(Components::new);
    components.schemas.insert(ProblemDocument::name().into_owned(), ProblemDocument::schema());
    components.schemas.insert(FieldError::name().into_owned(), FieldError::schema());
    if token {
        let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        components.security_schemes.insert("bearer".to_owned(), scheme);
        document.security = Some(vec![SecurityRequirement::new("bearer", Vec::<String>::new())]);
    }
    document.paths.paths.insert("/openapi.json".to_owned(), itself());
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            operation.responses.responses.entry("default".to_owned()).or_insert_with(problem);
        }
    }
    let text = Bytes::from(serde_json::to_vec(&document).expect("an OpenAPI document is plain data"));
    router.route("/openapi.json", get(move || std::future::ready(([(CONTENT_TYPE, "application/json")], text.clone()))))
}

/// The document's own route, which is not made by the macro because its answer is this document.
fn itself() -> PathItem {
    let response = ResponseBuilder::new().description("this document").content("application/json", Content::default());
    let operation = OperationBuilder::new().tag("service").summary(Some("This document.")).response("200", response);
    PathItem::new(HttpMethod::Get, operation)
}

/// Any failure of any route.
fn problem() -> RefOr<utoipa::openapi::Response> {
    let content = Content::new(Some(Ref::from_schema_name(ProblemDocument::name())));
    RefOr::T(ResponseBuilder::new().description("a failure, as RFC 9457 has it").content(MEDIA_TYPE, content).build())
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, options, head, patch, trace, .. } = item;
    [get, put, post, delete, options, head, patch, trace].into_iter().flatten()
}
