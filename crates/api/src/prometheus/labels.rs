//! `labels`, `label/{name}/values`, `series`.

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::response::Response;

use super::PrometheusState;
use super::args::{self, TRUNCATED};
use super::envelope::{ApiError, success};
use super::escape::unescape;
use crate::params::Params;
use crate::tenant::Tenant;

pub(super) async fn names(
    State(state): State<PrometheusState>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, ApiError> {
    let (range, limit) = (args::time_range(&params)?, args::limit(&params)?);
    let selectors = args::selectors(&params)?;
    let source = state.samples.clone();
    let names = state.face.read(move || source.label_names(&tenant, &selectors, range)).await?;
    Ok(texts(&names, limit))
}

pub(super) async fn values(
    State(state): State<PrometheusState>,
    Path(name): Path<String>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, ApiError> {
    let name = unescape(&name);
    if name.is_empty() {
        return Err(ApiError::bad_data(format!("invalid label name: {name:?}")));
    }
    let (range, limit) = (args::time_range(&params)?, args::limit(&params)?);
    let selectors = args::selectors(&params)?;
    let source = state.samples.clone();
    let values = state.face.read(move || source.label_values(&tenant, &name, &selectors, range)).await?;
    Ok(texts(&values, limit))
}

pub(super) async fn series(
    State(state): State<PrometheusState>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, ApiError> {
    let (range, limit) = (args::time_range(&params)?, args::limit(&params)?);
    let selectors = args::selectors(&params)?;
    if selectors.is_empty() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let source = state.samples.clone();
    let series = state.face.read(move || source.series(&tenant, &selectors, range)).await?;
    let warnings: &[&str] = if series.len() > limit { &[TRUNCATED] } else { &[] };
    Ok(success(warnings, |json| {
        json.array(|json| {
            for labels in series.iter().take(limit) {
                json.strings(labels.iter());
            }
        });
    }))
}

fn texts(all: &BTreeSet<String>, limit: usize) -> Response {
    let warnings: &[&str] = if all.len() > limit { &[TRUNCATED] } else { &[] };
    success(warnings, |json| {
        json.array(|json| {
            for text in all.iter().take(limit) {
                json.str(text);
            }
        });
    })
}
