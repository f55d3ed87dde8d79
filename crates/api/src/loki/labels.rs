//! `labels`, `label/{name}/values`, `series`.

use axum::extract::{Path, State};
use axum::response::Response;
use store_api::Matcher;

use super::LokiState;
use super::logql::parse_selector;
use super::query::loki_json;
use super::range::bounds;
use crate::error::TextError;
use crate::json::Json;
use crate::params::Params;
use crate::tenant::Tenant;

pub(super) async fn names(
    State(state): State<LokiState>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, TextError> {
    let range = bounds(&params)?.entries();
    let matchers = selector(&params)?;
    let source = state.logs.clone();
    let names = state.face.read(move || source.label_names(&tenant, &matchers, range)).await?;
    // Loki hides the labels that it adds for its own sharding.
    let visible: Vec<_> = names.into_iter().filter(|name| !name.starts_with("__")).collect();
    Ok(loki_json(list(&visible)))
}

pub(super) async fn values(
    State(state): State<LokiState>,
    Path(name): Path<String>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, TextError> {
    let range = bounds(&params)?.entries();
    let matchers = selector(&params)?;
    let source = state.logs.clone();
    let values = state.face.read(move || source.label_values(&tenant, &name, &matchers, range)).await?;
    Ok(loki_json(list(&values.into_iter().collect::<Vec<_>>())))
}

pub(super) async fn series(
    State(state): State<LokiState>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, TextError> {
    let range = bounds(&params)?.entries();
    let mut selectors = Vec::new();
    for text in params.all("match[]").chain(params.all("match")) {
        selectors.push(parse_selector(text).map_err(TextError::bad_request)?);
    }
    if selectors.len() > 1 && selectors.iter().any(Vec::is_empty) {
        return Err(TextError::bad_request("0 matchers in group: {}"));
    }
    // A single `{}` means everything, as no selector does.
    selectors.retain(|matchers| !matchers.is_empty());
    let source = state.logs.clone();
    let series = state.face.read(move || source.series(&tenant, &selectors, range)).await?;
    let mut json = Json::new();
    json.object(|json| {
        json.key("status").str("success");
        json.key("data").array(|json| {
            series.iter().for_each(|labels| {
                json.strings(labels.iter());
            })
        });
    });
    Ok(loki_json(json.into_string() + "\n"))
}

fn selector(params: &Params) -> Result<Vec<Matcher>, TextError> {
    params.get("query").map_or(Ok(Vec::new()), |text| parse_selector(text).map_err(TextError::bad_request))
}

/// `data` is absent, not empty, when there is nothing: clients of Loki rely on it.
fn list(texts: &[String]) -> String {
    let mut json = Json::new();
    json.object(|json| {
        json.key("status").str("success");
        if !texts.is_empty() {
            json.key("data").array(|json| {
                texts.iter().for_each(|text| {
                    json.str(text);
                })
            });
        }
    });
    json.into_string() + "\n"
}
