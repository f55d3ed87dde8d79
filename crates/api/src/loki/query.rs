//! `query_range`, `query`, `format_query`.

use std::time::Instant;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use model::UnixNanos;
use store_api::{Direction, LogSelect, LogSelection};

use super::LokiState;
use super::logql::{self, Query};
use super::range::{ENTRIES_MAX, bounds, check_length, direction, interval, limit, step, time};
use super::render::{self, LabelShape};
use crate::error::{ReadError, TextError};
use crate::face::json_response;
use crate::json::Json;
use crate::params::Params;
use crate::tenant::Tenant;

/// Header by which a client asks for other label shapes.
const ENCODING_FLAGS_HEADER: &str = "x-loki-response-encoding-flags";

/// What Loki says to a log query that comes as an instant one.
const NOT_INSTANT: &str =
    "log queries are not supported as an instant query type, please change your query to a range query type";

/// What Loki says when the deadline passes.
const TIMED_OUT: &str = "request timed out, decrease the duration of the request or add more label matchers (prefer exact \
                         match over regex match) to reduce the amount of data processed";

pub(super) async fn range(
    State(state): State<LokiState>,
    Tenant(tenant): Tenant,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, TextError> {
    let bounds = bounds(&params)?;
    let step = step(&params, bounds)?;
    let interval = interval(&params)?;
    let (limit, direction) = (limit(&params)?, direction(&params)?);
    check_length(bounds)?;
    let (matchers, line_filters) = match parse(&params)? {
        Query::Constant(constant) => {
            return Ok(loki_json(render::range_constant(constant, bounds.start, bounds.end, step)));
        }
        Query::Logs { matchers, line_filters } => (matchers, line_filters),
    };
    // Thinning drops entries after the read, so the read must not stop at the limit.
    let read_limit = if interval > 0 { ENTRIES_MAX } else { limit };
    let select = LogSelect { matchers, line_filters, range: bounds.entries(), direction, limit: read_limit };
    let shape = label_shape(&headers);
    let source = state.logs.clone();
    let begun = Instant::now();
    let read = state.face.read(move || {
        let mut selection = source.select(&tenant, &select)?;
        if interval > 0 {
            thin_out(&mut selection, (interval as u64).saturating_mul(1_000_000), limit, direction);
        }
        Ok(render::streams(&selection, shape, direction, begun.elapsed()))
    });
    read.await.map(loki_json).map_err(query_error)
}

pub(super) async fn instant(
    State(_state): State<LokiState>,
    Tenant(_tenant): Tenant,
    params: Params,
) -> Result<Response, TextError> {
    let time = time(&params, "time")?.unwrap_or_else(UnixNanos::now);
    limit(&params)?;
    direction(&params)?;
    match parse(&params)? {
        Query::Constant(constant) => Ok(loki_json(render::instant_constant(constant, time))),
        Query::Logs { .. } => Err(TextError::bad_request(NOT_INSTANT)),
    }
}

pub(super) async fn format(params: Params) -> Response {
    let parsed = logql::parse(params.get("query").unwrap_or_default());
    let mut json = Json::new();
    json.object(|json| match &parsed {
        Ok(query) => {
            json.key("status").str("success").key("data").str(&logql::format(query));
        }
        Err(error) => {
            json.key("status").str("invalid-query").key("error").str(error);
        }
    });
    let status = if parsed.is_ok() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    (status, json_response(json.into_string())).into_response()
}

fn parse(params: &Params) -> Result<Query, TextError> {
    logql::parse(params.get("query").unwrap_or_default()).map_err(TextError::bad_request)
}

/// Loki's own words for a deadline that passed.
pub(super) fn query_error(error: ReadError) -> TextError {
    match error {
        ReadError::TimedOut(_) => TextError::new(StatusCode::GATEWAY_TIMEOUT, TIMED_OUT),
        other => other.into(),
    }
}

fn label_shape(headers: &HeaderMap) -> LabelShape {
    let mut values = headers.get_all(ENCODING_FLAGS_HEADER).iter().filter_map(|value| value.to_str().ok());
    let is_asked = values.any(|value| value.split(',').any(|flag| flag.trim() == "categorize-labels"));
    if is_asked { LabelShape::Categorized } else { LabelShape::Merged }
}

/// Keeps entries that lie at least `interval` nanoseconds from the one kept before, over all streams, up to `limit`.
fn thin_out(selection: &mut LogSelection, interval: u64, limit: usize, direction: Direction) {
    let mut order: Vec<(UnixNanos, usize, usize)> = Vec::new();
    for (at, stream) in selection.streams.iter().enumerate() {
        order.extend(stream.entries.iter().enumerate().map(|(position, entry)| (entry.time, at, position)));
    }
    match direction {
        Direction::Forward => order.sort_by_key(|(time, ..)| *time),
        Direction::Backward => order.sort_by_key(|(time, ..)| std::cmp::Reverse(*time)),
    }
    let mut kept = std::collections::HashSet::new();
    let mut last: Option<UnixNanos> = None;
    for (time, at, position) in order {
        if kept.len() < limit && last.is_none_or(|last| last.0.abs_diff(time.0) >= interval) {
            kept.insert((at, position));
            last = Some(time);
        }
    }
    for (at, stream) in selection.streams.iter_mut().enumerate() {
        let mut position = 0;
        stream.entries.retain(|_| {
            position += 1;
            kept.contains(&(at, position - 1))
        });
    }
}

/// A 200 of the type that Loki states for query answers.
pub(super) fn loki_json(body: String) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8"))], body).into_response()
}
