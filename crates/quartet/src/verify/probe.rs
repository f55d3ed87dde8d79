//! Asking services and stores, and waiting for what is under way.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::Value;

use crate::client::http::{self as client, Answer, Ask};

/// A service answers a chat call within this, model included.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// What a service is only asked to tell (health, info) takes less than this, or it hangs: from here on a time is `timeout_risk`. A
/// service that hangs is asked six times, which must not take minutes.
const LOOK_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two looks for something that is under way.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// How a store is asked.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    pub(super) tenant: Option<String>,
    /// For services that want a bearer token.
    pub(super) token: Option<String>,
    /// How long telemetry may take to arrive.
    pub(super) patience: Duration,
}

impl Probe {
    /// GET of a store; `Err` has the reason, other statuses than 200 included.
    pub(super) async fn store(&self, url: &str, path: &str) -> Result<Answer, String> {
        let headers = self.tenant.iter().map(|tenant| ("X-Scope-OrgID", tenant.clone())).collect();
        let answer = client::send(url, path, &Ask { headers, timeout: CALL_TIMEOUT, ..Ask::default() }).await;
        ok(url, path, answer.map_err(|error| error.reason())?)
    }

    /// The same, as JSON.
    pub(super) async fn store_json(&self, url: &str, path: &str) -> Result<Value, String> {
        let answer = self.store(url, path).await?;
        serde_json::from_slice(&answer.body).map_err(|error| format!("{url}{path} answered what is no JSON: {error}"))
    }

    /// A call to a service with `headers`; any status.
    pub(super) async fn call(
        &self,
        url: &str,
        path: &str,
        mut headers: Vec<(&str, String)>,
        body: Option<&Value>,
    ) -> Result<Answer, String> {
        headers.extend(self.token.iter().map(|token| ("Authorization", format!("Bearer {token}"))));
        let ask = Ask {
            method: if body.is_some() { Method::POST } else { Method::GET },
            headers,
            body: body.map(|body| Bytes::from(body.to_string())).unwrap_or_default(),
            timeout: if body.is_some() { CALL_TIMEOUT } else { LOOK_TIMEOUT },
        };
        client::send(url, path, &ask).await.map_err(|error| error.reason())
    }

    /// Looks until there is something or patience ends; then the last reason.
    pub(super) async fn until<T>(&self, look: impl AsyncFn() -> Result<T, String>) -> Result<T, String> {
        let started = Instant::now();
        loop {
            match look().await {
                Ok(found) => return Ok(found),
                Err(reason) if started.elapsed() >= self.patience => {
                    return Err(format!("{reason} (waited {:.0} s)", self.patience.as_secs_f64()));
                }
                Err(_) => tokio::time::sleep(POLL_INTERVAL).await,
            }
        }
    }
}

/// The answer when its status is 200, else a reason with the server's words.
pub(super) fn ok(url: &str, path: &str, answer: Answer) -> Result<Answer, String> {
    if answer.status == StatusCode::OK {
        return Ok(answer);
    }
    let words: String = String::from_utf8_lossy(&answer.body).trim().chars().take(300).collect();
    Err(format!("{url}{path} answered {}: {words}", answer.status))
}

/// Nanoseconds since 1970.
pub(super) fn now_nanos() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

/// Sixteen lower-case hexadecimal digits that nobody had before.
fn random_hex() -> String {
    use std::hash::{BuildHasher, Hasher, RandomState};
    // Keys of the hasher are random for each process, and differ from call to call.
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u64(now_nanos());
    // Zero is no id.
    format!("{:016x}", hasher.finish().max(1))
}

/// The trace that a call begins: its id and that of the root span, which is ours.
#[derive(Clone, Debug)]
pub(super) struct Root {
    pub(super) trace_id: String,
    pub(super) span_id: String,
}

impl Root {
    pub(super) fn new() -> Self {
        Self { trace_id: format!("{}{}", random_hex(), random_hex()), span_id: random_hex() }
    }

    /// W3C `traceparent`, sampled.
    pub(super) fn traceparent(&self) -> String {
        format!("00-{}-{}-01", self.trace_id, self.span_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_valid_and_their_own() {
        let (one, other) = (Root::new(), Root::new());
        assert_ne!(one.trace_id, other.trace_id);
        assert_eq!((one.trace_id.len(), one.span_id.len(), one.traceparent().len()), (32, 16, 55));
    }
}
