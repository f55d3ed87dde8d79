//! The parameters that Loki's query routes share.

use model::{TimeRange, UnixNanos};
use store_api::Direction;

use crate::error::TextError;
use crate::params::Params;
use crate::time::{duration_millis, loki_time, step_millis};

/// `max_entries_limit_per_query` of a stock Loki.
pub(super) const ENTRIES_MAX: usize = 5000;

/// Entries when the client sets no limit.
const ENTRIES_DEFAULT: usize = 100;

/// `max_query_length` of a stock Loki.
pub(super) const QUERY_LENGTH_MAX_TEXT: &str = "721h";
const QUERY_LENGTH_MAX_NANOS: u64 = 721 * 3_600_000_000_000;

/// Most steps of a range query.
const STEPS_MAX: u64 = 11_000;

/// Range without `start` and `since`.
const SINCE_DEFAULT_MILLIS: i64 = 3_600_000;

/// `start` and `end` as given, before either end is made inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) start: UnixNanos,
    pub(super) end: UnixNanos,
}

impl Bounds {
    /// The entries meant: the end is excluded, unless both are the same instant.
    pub(super) fn entries(self) -> TimeRange {
        let last = if self.end > self.start { UnixNanos(self.end.0 - 1) } else { self.end };
        TimeRange::new(self.start, last)
    }

    fn nanos(self) -> u64 {
        self.end.0 - self.start.0
    }
}

/// Reads `start`, `end` and `since`.
pub(super) fn bounds(params: &Params) -> Result<Bounds, TextError> {
    let now = UnixNanos::now();
    let end = time(params, "end")?.unwrap_or(now);
    let since = match params.get("since") {
        None => SINCE_DEFAULT_MILLIS,
        Some(text) => duration_millis(text)
            .ok_or_else(|| TextError::bad_request(format!("could not parse 'since' parameter: {text:?}")))?,
    };
    let before = UnixNanos(end.min(now).0.saturating_sub((since as u64).saturating_mul(1_000_000)));
    let start = time(params, "start")?.unwrap_or(before);
    if end < start {
        return Err(TextError::bad_request("end timestamp must not be before or equal to start time"));
    }
    Ok(Bounds { start, end })
}

/// Refuses ranges longer than [`QUERY_LENGTH_MAX_TEXT`].
pub(super) fn check_length(bounds: Bounds) -> Result<(), TextError> {
    if bounds.nanos() <= QUERY_LENGTH_MAX_NANOS {
        return Ok(());
    }
    let hours = bounds.nanos() / 3_600_000_000_000;
    Err(TextError::bad_request(format!(
        "the query time range exceeds the limit (query length: {hours}h, limit: 30d1h)"
    )))
}

/// A time parameter; `None` when absent.
pub(super) fn time(params: &Params, name: &str) -> Result<Option<UnixNanos>, TextError> {
    let Some(text) = params.get(name) else { return Ok(None) };
    let bad = || TextError::bad_request(format!("could not parse '{name}' parameter: {text:?} is not a time"));
    loki_time(text).map(Some).ok_or_else(bad)
}

/// `step` in milliseconds; by default about 250 steps fit the range.
pub(super) fn step(params: &Params, bounds: Bounds) -> Result<i64, TextError> {
    let step = match params.get("step") {
        None => ((bounds.nanos() / 250_000_000_000).max(1) * 1000) as i64,
        Some(text) => millis(text, "step")?,
    };
    if step <= 0 {
        return Err(TextError::bad_request(
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        ));
    }
    if bounds.nanos() / 1_000_000 / step as u64 > STEPS_MAX {
        return Err(TextError::bad_request(
            "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter",
        ));
    }
    Ok(step)
}

/// `interval` in milliseconds; 0 means that nothing is thinned out.
pub(super) fn interval(params: &Params) -> Result<i64, TextError> {
    let millis = params.get("interval").map_or(Ok(0), |text| millis(text, "interval"))?;
    if millis < 0 {
        return Err(TextError::bad_request("interval must be >= 0"));
    }
    Ok(millis)
}

fn millis(text: &str, name: &str) -> Result<i64, TextError> {
    step_millis(text)
        .ok_or_else(|| TextError::bad_request(format!("cannot parse {text:?} to a valid duration ({name})")))
}

/// `limit`.
pub(super) fn limit(params: &Params) -> Result<usize, TextError> {
    let Some(text) = params.get("limit") else { return Ok(ENTRIES_DEFAULT) };
    let limit: i64 =
        text.parse().map_err(|_| TextError::bad_request(format!("could not parse 'limit' parameter: {text:?}")))?;
    if limit <= 0 {
        return Err(TextError::bad_request("limit must be a positive value"));
    }
    if limit as usize > ENTRIES_MAX {
        return Err(TextError::bad_request(format!(
            "max entries limit per query exceeded, limit > max_entries_limit_per_query ({limit} > {ENTRIES_MAX})"
        )));
    }
    Ok(limit as usize)
}

/// `direction`.
pub(super) fn direction(params: &Params) -> Result<Direction, TextError> {
    match params.get("direction").map(str::to_ascii_lowercase).as_deref() {
        None | Some("backward") => Ok(Direction::Backward),
        Some("forward") => Ok(Direction::Forward),
        Some(other) => Err(TextError::bad_request(format!("invalid direction '{other}'"))),
    }
}
