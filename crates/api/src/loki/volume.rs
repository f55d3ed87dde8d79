//! `index/stats`: how much a selector would read. Grafana asks at every edit, so the answer must be cheap.

use axum::extract::State;
use axum::response::Response;
use model::TimeRange;
use store_api::{Direction, LogSelect, LogSelection};

use super::LokiState;
use super::logql::parse_selector;
use super::query::{loki_json, query_error};
use super::range::bounds;
use crate::error::TextError;
use crate::json::Json;
use crate::params::Params;
use crate::tenant::Tenant;

/// Entries that are looked at before the rest is estimated.
const SAMPLE_ENTRIES: usize = 10_000;

pub(super) async fn stats(
    State(state): State<LokiState>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, TextError> {
    let range = bounds(&params)?.entries();
    let matchers = parse_selector(params.get("query").unwrap_or("{}")).map_err(TextError::bad_request)?;
    let selectors = if matchers.is_empty() { Vec::new() } else { vec![matchers.clone()] };
    let select =
        LogSelect { matchers, line_filters: Vec::new(), range, direction: Direction::Backward, limit: SAMPLE_ENTRIES };
    let source = state.logs.clone();
    let read = state.face.read(move || {
        let streams = source.series(&tenant, &selectors, range)?.len();
        let sample = source.select(&tenant, &select)?;
        Ok((streams, sample.stats.total_blocks, estimate(&sample, range)))
    });
    let (streams, blocks, (entries, bytes)) = read.await.map_err(query_error)?;
    let mut json = Json::new();
    json.object(|json| {
        json.key("streams").raw(streams);
        json.key("chunks").raw(blocks.max(u64::from(entries > 0)));
        json.key("bytes").raw(bytes);
        json.key("entries").raw(entries);
    });
    Ok(loki_json(json.into_string()))
}

/// Entries and bytes in `range`: counted when the sample holds them all, else in proportion to the time that it covers.
fn estimate(sample: &LogSelection, range: TimeRange) -> (u64, u64) {
    let entries = || sample.streams.iter().flat_map(|stream| &stream.entries);
    let count = entries().count() as u64;
    let bytes: u64 = entries().map(|entry| entry.line.len() as u64).sum();
    let (Some(oldest), Some(newest)) =
        (entries().map(|entry| entry.time).min(), entries().map(|entry| entry.time).max())
    else {
        return (0, 0);
    };
    if (count as usize) < SAMPLE_ENTRIES {
        return (count, bytes);
    }
    let covered = (newest.0 - oldest.0).max(1) as f64;
    let factor = (newest.0.saturating_sub(range.start.0) as f64 / covered).max(1.0);
    ((count as f64 * factor) as u64, (bytes as f64 * factor) as u64)
}
