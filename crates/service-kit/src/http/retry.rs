//! When to try again, and after how long.
//!
//! Full jitter (every pause random between nothing and a bound that doubles): of the usual schemes it lets a crowd of clients come
//! back most evenly. A server that says when to come back is obeyed: header `Retry-After`, or Google's `RetryInfo` in the body.

use std::time::Duration;

use ::http::header::RETRY_AFTER;
use ::http::{HeaderMap, StatusCode};
use chrono::{DateTime, Utc};
use rand::Rng;

/// The rule: which answers, how often, how long between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Tries after the first; 0 for none.
    pub retries: u32,
    /// The first pause is random between 0 and this; each next one up to twice the last one's bound.
    pub base: Duration,
    /// No pause is longer, and a `Retry-After` beyond it is not waited for: the caller gets the answer.
    pub pause_max: Duration,
}

impl Default for Retry {
    /// Two more tries within about a second: what a restart of a neighbour takes.
    fn default() -> Self {
        Self { retries: 2, base: Duration::from_millis(200), pause_max: Duration::from_secs(5) }
    }
}

impl Retry {
    /// Never again.
    pub const NONE: Self = Self { retries: 0, base: Duration::ZERO, pause_max: Duration::ZERO };

    /// The pause before retry number `retry` (from 0), or `None` when there is none: no tries left, or told to stay away longer than
    /// is worth waiting. `asked` is what the server said.
    pub(super) fn pause(&self, retry: u32, asked: Option<Duration>) -> Option<Duration> {
        if retry >= self.retries {
            return None;
        }
        let bound = self.base.saturating_mul(1_u32.checked_shl(retry).unwrap_or(u32::MAX)).min(self.pause_max);
        let jitter = rand::rng().random_range(Duration::ZERO..=bound);
        match asked {
            // All who were told the same moment would come back in it: the jitter goes on top.
            Some(asked) => (asked <= self.pause_max).then(|| asked + jitter),
            None => Some(jitter),
        }
    }
}

/// Whether an answer is about the moment, not about the request.
pub(super) fn passing(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// When the server wants to be asked again: `Retry-After`, in seconds or as a date, else `RetryInfo` of `body`.
pub(super) fn asked(headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Option<Duration> {
    headers.get(RETRY_AFTER).and_then(|value| header(value.to_str().ok()?, now)).or_else(|| retry_info(body))
}

fn header(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = DateTime::parse_from_rfc2822(text.trim()).ok()?;
    // A date that is past means now.
    Some((date.with_timezone(&Utc) - now).to_std().unwrap_or_default())
}

/// `error.details[]` with `@type` …`google.rpc.RetryInfo` holds `retryDelay`, as in `"34.07s"`.
fn retry_info(body: &[u8]) -> Option<Duration> {
    let document: serde_json::Value = serde_json::from_slice(body).ok()?;
    // The streaming method wraps the error in a list.
    let error = document.get("error").or_else(|| document.get(0)?.get("error"))?;
    let details = error.get("details")?.as_array()?;
    let info = details.iter().find(|detail| {
        detail.get("@type").and_then(|kind| kind.as_str()).is_some_and(|kind| kind.ends_with("google.rpc.RetryInfo"))
    })?;
    let seconds = info.get("retryDelay")?.as_str()?.strip_suffix('s')?.parse::<f64>().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_random_below_a_bound_that_doubles() {
        let retry = Retry { retries: 5, base: Duration::from_millis(100), pause_max: Duration::from_millis(300) };
        for (number, bound) in [(0, 100), (1, 200), (2, 300), (4, 300)] {
            let pauses: Vec<_> = (0..200).map(|_| retry.pause(number, None).unwrap()).collect();
            let most = *pauses.iter().max().unwrap();
            assert!(
                most <= Duration::from_millis(bound) && most > Duration::from_millis(bound) / 2,
                "{number}: {most:?}"
            );
            assert!(*pauses.iter().min().unwrap() < Duration::from_millis(bound) / 2);
        }
        assert_eq!(retry.pause(5, None), None);
        assert_eq!(Retry::NONE.pause(0, None), None);
    }

    #[test]
    fn a_server_that_says_when_is_obeyed_unless_it_is_too_long() {
        let retry = Retry { retries: 1, base: Duration::from_millis(10), pause_max: Duration::from_secs(2) };
        let pause = retry.pause(0, Some(Duration::from_secs(2))).unwrap();
        assert!(pause >= Duration::from_secs(2) && pause <= Duration::from_millis(2010));
        assert_eq!(retry.pause(0, Some(Duration::from_secs(3))), None);
    }

    #[test]
    fn retry_after_in_seconds_as_a_date_and_in_the_body() {
        let now = DateTime::parse_from_rfc2822("Sun, 06 Nov 1994 08:49:37 GMT").unwrap().with_timezone(&Utc);
        let of = |value: &'static str| {
            asked(&HeaderMap::from_iter([(RETRY_AFTER, ::http::HeaderValue::from_static(value))]), b"", now)
        };
        assert_eq!(of("30"), Some(Duration::from_secs(30)));
        assert_eq!(of("Sun, 06 Nov 1994 08:50:07 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(of("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!((of("soon"), of("-1")), (None, None));
        let error = r#"{"error":{"code":429,"details":[{"@type":"type.googleapis.com/google.rpc.Help"},
            {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.5s"}]}}"#;
        let expected = Some(Duration::from_millis(34_500));
        assert_eq!(asked(&HeaderMap::new(), error.as_bytes(), now), expected);
        assert_eq!(asked(&HeaderMap::new(), format!("[{error}]").as_bytes(), now), expected);
        assert_eq!(asked(&HeaderMap::new(), b"{}", now), None);
    }
}
