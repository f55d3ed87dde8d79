//! `query`, `query_range`, `format_query`.

use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::Response;
use model::{Labels, TenantId, UnixNanos};

use super::PrometheusState;
use super::args::{self, TRUNCATED};
use super::envelope::{ApiError, ErrorType, success};
use super::eval::{self, LOOKBACK_MILLIS, Point, SAMPLES_MAX, Series, Steps};
use super::promql::{self, Query, Selector};
use super::render;
use crate::constant::Constant;
use crate::json::Json;
use crate::number::format_float;
use crate::params::Params;
use crate::tenant::Tenant;

/// Most steps of a range query, as in Prometheus.
const STEPS_MAX: i64 = 11_000;

pub(super) async fn instant(
    State(state): State<PrometheusState>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, ApiError> {
    let now = UnixNanos::now().millis().0;
    let time = args::time(&params, "time")?.unwrap_or(now);
    let options = Options::of(&params)?;
    let begun = Instant::now();
    let steps = Steps::instant(time);
    match parse(&params)? {
        Query::Constant(Constant::Scalar(value)) => Ok(success(&[], |json| {
            json.object(|json| {
                render::write_single(json, "scalar", time, &format_float(value));
                write_stats(json, &options, begun, 0);
            });
        })),
        Query::Text(text) => Ok(success(&[], |json| {
            json.object(|json| {
                render::write_single(json, "string", time, &text);
                write_stats(json, &options, begun, 0);
            });
        })),
        Query::Constant(Constant::Vector(value)) => {
            let labels = Labels::default();
            let series = vec![Series { labels: &labels, points: vec![(time, Point::Float(value))] }];
            Ok(answer(series, &options, begun, render::write_vector))
        }
        Query::Selector(selector) => select(&state, tenant, selector, steps, options, begun).await,
    }
}

pub(super) async fn range(
    State(state): State<PrometheusState>,
    Tenant(tenant): Tenant,
    params: Params,
) -> Result<Response, ApiError> {
    let steps = steps(&params)?;
    let options = Options::of(&params)?;
    let begun = Instant::now();
    match parse(&params)? {
        Query::Text(_) => Err(not_for_ranges("string")),
        Query::Selector(selector) if selector.range.is_some() => Err(not_for_ranges("range vector")),
        Query::Constant(Constant::Scalar(value) | Constant::Vector(value)) => {
            let labels = Labels::default();
            let times = (0..steps.count() as i64).map(|number| steps.start + number * steps.step);
            let points = times.map(|time| (time, Point::Float(value))).collect();
            Ok(answer(vec![Series { labels: &labels, points }], &options, begun, render::write_matrix))
        }
        Query::Selector(selector) => select(&state, tenant, selector, steps, options, begun).await,
    }
}

pub(super) async fn format(params: Params) -> Result<Response, ApiError> {
    let query = parse(&params)?;
    Ok(success(&[], |json| {
        json.str(&promql::format(&query));
    }))
}

/// Options that all queries share.
#[derive(Clone, Copy, Debug)]
struct Options {
    limit: usize,
    lookback: i64,
    timeout: Duration,
    wants_stats: bool,
}

impl Options {
    fn of(params: &Params) -> Result<Self, ApiError> {
        let lookback = args::duration(params, "lookback_delta")?.unwrap_or(LOOKBACK_MILLIS);
        if lookback <= 0 {
            return Err(ApiError::bad_parameter("lookback_delta", "must be greater than 0"));
        }
        let timeout = match args::duration(params, "timeout")? {
            None => Duration::MAX,
            Some(millis) => Duration::from_millis(millis.max(0) as u64),
        };
        let wants_stats = params.get("stats").is_some();
        Ok(Self { limit: args::limit(params)?, lookback, timeout, wants_stats })
    }
}

fn parse(params: &Params) -> Result<Query, ApiError> {
    let text = params.get("query").unwrap_or_default();
    promql::parse(text).map_err(|error| ApiError::bad_parameter("query", error))
}

fn not_for_ranges(result_type: &str) -> ApiError {
    let reason = format!("invalid expression type {result_type:?} for range query, must be Scalar or instant Vector");
    ApiError::bad_parameter("query", reason)
}

fn steps(params: &Params) -> Result<Steps, ApiError> {
    let (start, end) = (args::required_time(params, "start")?, args::required_time(params, "end")?);
    if end < start {
        return Err(ApiError::bad_parameter("end", "end timestamp must not be before start time"));
    }
    let missing = || ApiError::bad_parameter("step", "cannot parse \"\" to a valid duration");
    let step = args::duration(params, "step")?.ok_or_else(missing)?;
    if step <= 0 {
        return Err(ApiError::bad_parameter(
            "step",
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        ));
    }
    if end.saturating_sub(start) / step > STEPS_MAX {
        return Err(ApiError::bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ));
    }
    Ok(Steps { start, end, step })
}

/// Reads, evaluates and renders a selector, all off the runtime: thousands of series at thousands of steps take a while.
async fn select(
    state: &PrometheusState,
    tenant: TenantId,
    selector: Selector,
    steps: Steps,
    options: Options,
    begun: Instant,
) -> Result<Response, ApiError> {
    let range = selector.read_range(steps, options.lookback);
    let source = state.samples.clone();
    let work = state.face.read_within(options.timeout, move || {
        let (read, _) = source.select(&tenant, &selector.matchers, range)?;
        if read.len().saturating_mul(steps.count()) > SAMPLES_MAX {
            return Ok(Err(ApiError::new(
                ErrorType::Execution,
                "query processing would load too many samples into memory in query execution",
            )));
        }
        Ok(Ok(match selector.range {
            Some(width) => answer(eval::ranges(&read, &selector, steps, width), &options, begun, render::write_matrix),
            None => {
                let series = eval::instants(&read, &selector, steps, options.lookback);
                let write = if steps.is_instant() { render::write_vector } else { render::write_matrix };
                answer(series, &options, begun, write)
            }
        }))
    });
    work.await?
}

fn answer(
    mut series: Vec<Series<'_>>,
    options: &Options,
    begun: Instant,
    write: impl FnOnce(&mut Json, &[Series<'_>]),
) -> Response {
    let is_cut = series.len() > options.limit;
    series.truncate(options.limit);
    let samples = series.iter().map(|series| series.points.len()).sum();
    success(if is_cut { &[TRUNCATED] } else { &[] }, |json| {
        json.object(|json| {
            write(json, &series);
            write_stats(json, options, begun, samples);
        });
    })
}

/// Writes `"stats":…` when the client asked for it.
fn write_stats(json: &mut Json, options: &Options, begun: Instant, samples: usize) {
    if !options.wants_stats {
        return;
    }
    let secs = begun.elapsed().as_secs_f64();
    json.key("stats").object(|json| {
        json.key("timings").object(|json| {
            json.key("evalTotalTime").raw(secs);
            json.key("resultSortTime").raw(0);
            json.key("queryPreparationTime").raw(0);
            json.key("innerEvalTime").raw(secs);
            json.key("execQueueTime").raw(0);
            json.key("execTotalTime").raw(secs);
        });
        json.key("samples").object(|json| {
            json.key("totalQueryableSamples").raw(samples);
            json.key("samplesRead").raw(samples);
            json.key("peakSamples").raw(samples);
        });
    });
}
