//! `metadata` and `query_exemplars`.

use axum::extract::State;
use axum::response::Response;

use super::PrometheusState;
use super::args;
use super::envelope::{ApiError, success};
use super::promql::{self, Query};
use crate::number::{format_float, format_millis};
use crate::params::Params;
use crate::tenant::Tenant;

pub(super) async fn metadata(
    State(state): State<PrometheusState>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, ApiError> {
    let limit = args::limit(&params)?;
    let per_metric = match args::count(&params, "limit_per_metric")? {
        0 => usize::MAX,
        count => count,
    };
    let wanted = params.get("metric").map(str::to_owned);
    let source = state.samples.clone();
    let families = state.face.read(move || source.metadata(&tenant)).await?;
    let chosen = families.iter().filter(|(name, _)| wanted.as_ref().is_none_or(|wanted| wanted == *name));
    Ok(success(&[], |json| {
        json.object(|json| {
            for (name, entries) in chosen.take(limit) {
                json.key(name).array(|json| {
                    for entry in entries.iter().take(per_metric) {
                        json.object(|json| {
                            json.key("type").str(entry.metric_type.name());
                            json.key("help").str(&entry.help);
                            json.key("unit").str(&entry.unit);
                        });
                    }
                });
            }
        });
    }))
}

pub(super) async fn exemplars(
    State(state): State<PrometheusState>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, ApiError> {
    let range = args::time_range(&params)?;
    let query = promql::parse(params.get("query").unwrap_or_default())
        .map_err(|error| ApiError::bad_parameter("query", error))?;
    let found = match query {
        Query::Selector(selector) => {
            let source = state.samples.clone();
            state.face.read(move || source.exemplars(&tenant, &[selector.matchers], range)).await?
        }
        Query::Constant(_) | Query::Text(_) => Vec::new(),
    };
    Ok(success(&[], |json| {
        json.array(|json| {
            for series in found.iter().filter(|series| !series.exemplars.is_empty()) {
                json.object(|json| {
                    json.key("seriesLabels").strings(series.labels.iter());
                    json.key("exemplars").array(|json| {
                        for exemplar in &series.exemplars {
                            json.object(|json| {
                                json.key("labels").strings(exemplar.labels.iter());
                                json.key("value").quoted(format_float(exemplar.value));
                                json.key("timestamp").raw(format_millis(exemplar.time.0));
                            });
                        }
                    });
                });
            }
        });
    }))
}
