//! Times, durations, limits and selectors of a request.

use model::{TimeRange, UnixMillis, UnixNanos};
use store_api::Matcher;

use super::envelope::ApiError;
use super::promql;
use crate::params::Params;
use crate::time::{prometheus_millis, step_millis};

/// Warning when `limit` cut an answer.
pub(super) const TRUNCATED: &str = "results truncated due to limit";

/// A time in milliseconds; `None` when absent.
pub(super) fn time(params: &Params, name: &str) -> Result<Option<i64>, ApiError> {
    let Some(text) = params.get(name) else { return Ok(None) };
    let bad = || ApiError::bad_parameter(name, format_args!("cannot parse {text:?} to a valid timestamp"));
    prometheus_millis(text).map(Some).ok_or_else(bad)
}

/// A time that must be there.
pub(super) fn required_time(params: &Params, name: &str) -> Result<i64, ApiError> {
    let missing = || ApiError::bad_parameter(name, "cannot parse \"\" to a valid timestamp");
    time(params, name)?.ok_or_else(missing)
}

/// A duration in milliseconds; `None` when absent.
pub(super) fn duration(params: &Params, name: &str) -> Result<Option<i64>, ApiError> {
    let Some(text) = params.get(name) else { return Ok(None) };
    let bad = || ApiError::bad_parameter(name, format_args!("cannot parse {text:?} to a valid duration"));
    step_millis(text).map(Some).ok_or_else(bad)
}

/// `limit`; 0 and absent mean none.
pub(super) fn limit(params: &Params) -> Result<usize, ApiError> {
    count(params, "limit").map(|count| if count == 0 { usize::MAX } else { count })
}

/// A count; 0 when absent.
pub(super) fn count(params: &Params, name: &str) -> Result<usize, ApiError> {
    let Some(text) = params.get(name) else { return Ok(0) };
    let number: i64 = text
        .parse()
        .map_err(|_| ApiError::bad_parameter(name, format_args!("cannot parse {text:?} to a whole number")))?;
    usize::try_from(number).map_err(|_| ApiError::bad_parameter(name, "limit must be non-negative"))
}

/// `start` and `end` of the metadata routes; everything when absent.
pub(super) fn time_range(params: &Params) -> Result<TimeRange, ApiError> {
    let (start, end) = (time(params, "start")?, time(params, "end")?);
    if let (Some(start), Some(end)) = (start, end)
        && end < start
    {
        return Err(ApiError::bad_data("end timestamp must not be before start timestamp"));
    }
    let start = start.map_or(TimeRange::ALL.start, |millis| UnixMillis(millis).nanos());
    let end = end.map_or(TimeRange::ALL.end, end_of_milli);
    Ok(TimeRange::new(start, end))
}

/// The last nanosecond of a millisecond, since the store's ranges include their ends.
pub(super) fn end_of_milli(millis: i64) -> UnixNanos {
    UnixNanos(UnixMillis(millis).nanos().0.saturating_add(999_999))
}

/// All `match[]` selectors. Each needs a matcher that an absent label does not satisfy.
pub(super) fn selectors(params: &Params) -> Result<Vec<Vec<Matcher>>, ApiError> {
    params
        .all("match[]")
        .map(|text| {
            let matchers = promql::parse_selector(text).map_err(|error| ApiError::bad_parameter("match[]", error))?;
            if matchers.iter().all(Matcher::matches_empty) {
                return Err(ApiError::bad_data("match[] must contain at least one non-empty matcher"));
            }
            Ok(matchers)
        })
        .collect()
}
