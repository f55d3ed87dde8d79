//! The Airtable Web API.
//!
//! | file | what |
//! |---|---|
//! | `limiter` | whose turn it is at each base |
//! | `refusal` | error bodies in all their forms |
//!
//! A call waits for its turn, is sent, and is sent again when that may help: after a 429 always (Airtable carried out nothing) once the
//! base's penalty is over; after a 5xx, a broken connection or a time-out only when doing it twice does no harm. All of it ends at the
//! call's deadline.

mod limiter;
mod refusal;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::Method;
use reqwest::Url;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use tokio::time::Instant;

use crate::config::Config;
use crate::error::{Error, quota};
use crate::measures::Measures;
use limiter::Limiter;

/// To reach the host at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A hundred records of a hundred kilobytes (Airtable's own limit of a long text) are 10 MB; twice that is no list of records.
const BODY_BYTES_MAX: usize = 20 << 20;
/// The first pause between tries; it doubles, and the real one is a random part of it.
const PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// What calls without a base count for: the limit of a token over all bases is 50 a second, far above.
const NO_BASE: &str = "meta";

/// One call to be made.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Path behind the base URL, one segment each, not yet encoded.
    pub(crate) path: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Option<Json>,
    /// The path's template, for the span's name.
    pub(crate) template: &'static str,
    /// The base that it counts for.
    pub(crate) base: Option<String>,
    /// Whether doing it twice does no harm.
    pub(crate) repeatable: bool,
}

impl Call {
    /// A GET.
    pub(crate) fn get(template: &'static str, base: Option<&str>, path: &[&str]) -> Self {
        Self {
            method: Method::GET,
            path: path.iter().map(|segment| (*segment).to_owned()).collect(),
            query: Vec::new(),
            body: None,
            template,
            base: base.map(ToOwned::to_owned),
            repeatable: true,
        }
    }
}

/// A client of the API. Clones share connections and limits.
#[derive(Clone)]
pub(crate) struct Airtable {
    client: telemetry::reqwest::Client,
    base_url: Url,
    limiter: Limiter,
    config: Config,
    measures: Measures,
}

impl Airtable {
    pub(crate) fn new(config: Config, measures: Measures) -> anyhow::Result<Self> {
        let inner = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // The API redirects nothing; to follow would send the token elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            client: telemetry::reqwest::Client::from(inner),
            base_url: Url::parse(&config.base_url)?,
            limiter: Limiter::new(config.rate, config.queue),
            config,
            measures,
        })
    }

    /// Makes a call and reads its answer.
    ///
    /// # Errors
    /// [`Error`], the last one when tries were used up.
    pub(crate) async fn call<T: DeserializeOwned>(&self, call: &Call, deadline: Instant) -> Result<T, Error> {
        let key = call.base.as_deref().unwrap_or(NO_BASE);
        let mut last: Option<Error> = None;
        for attempt in 0..=self.config.retries {
            if let Err(busy) = self.turn(key, deadline).await {
                // Why it had to be tried again tells the caller more than that there is no time left for it.
                return Err(last.map_or(busy.clone(), |last| with_wait(last, &busy)));
            }
            let error = match self.once(call, attempt, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let error = self.rested(key, error);
            if !error.passing() || !(call.repeatable || error.untouched()) || attempt == self.config.retries {
                return Err(error);
            }
            // After a 429 the turn itself comes late enough.
            let pause = if error.status() == Some(429) { Duration::ZERO } else { pause(attempt) };
            if Instant::now() + pause >= deadline {
                return Err(error);
            }
            self.measures.retried(reason(&error));
            tracing::warn!(%error, attempt, "airtable call failed, will be sent again");
            tokio::time::sleep(pause).await;
            last = Some(error);
        }
        // The loop returns at its last attempt; this is for the compiler.
        Err(last.unwrap_or(Error::Busy(Duration::ZERO)))
    }

    /// Makes a call once, outside limits and tries: for the readiness check.
    ///
    /// # Errors
    /// [`Error`]
    pub(crate) async fn probe<T: DeserializeOwned>(&self, call: &Call) -> Result<T, Error> {
        self.once(call, 0, Instant::now() + self.config.timeout).await
    }

    /// Lets a base rest that is over its limit, and says in the error for how long.
    fn rested(&self, key: &str, error: Error) -> Error {
        match error {
            Error::Refused { status: 429, kind, message, retry_after } if !quota(kind.as_deref()) => {
                let penalty = jittered(retry_after.unwrap_or(self.config.penalty));
                self.limiter.rest(key, penalty);
                Error::Refused { status: 429, kind, message, retry_after: Some(penalty) }
            }
            other => other,
        }
    }

    async fn turn(&self, key: &str, deadline: Instant) -> Result<(), Error> {
        match self.limiter.turn(key, deadline).await {
            Ok(waited) => {
                self.measures.waited(waited);
                Ok(())
            }
            Err(limiter::TooLate(wait)) => {
                self.measures.refused();
                Err(Error::Busy(wait))
            }
        }
    }

    async fn once<T: DeserializeOwned>(&self, call: &Call, attempt: u32, deadline: Instant) -> Result<T, Error> {
        let timeout = self.config.timeout.min(deadline.saturating_duration_since(Instant::now()));
        let request = self.client.request(call.method.clone(), self.url(call)?).template(call.template);
        let request =
            request.resend_count(attempt).timeout(timeout).header(http::header::AUTHORIZATION, self.bearer()?);
        let request = match &call.body {
            Some(body) => request.json(body),
            None => request,
        };
        let failed = |error: reqwest::Error| failure(&error, timeout);
        let response = request.send().await.map_err(failed)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read(response).await.map_err(|error| error.map_or(too_large(status.as_u16()), failed))?;
        if !status.is_success() {
            return Err(refusal::read(status.as_u16(), &headers, &body));
        }
        serde_json::from_slice(&body)
            .map_err(|error| Error::Unreadable { status: status.as_u16(), reason: error.to_string() })
    }

    fn url(&self, call: &Call) -> Result<Url, Error> {
        let mut url = self.base_url.clone();
        url.path_segments_mut()
            .map_err(|()| Error::Internal("AIRTABLE_BASE_URL cannot have a path".to_owned()))?
            .pop_if_empty()
            .extend(&call.path);
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        Ok(url)
    }

    /// The header, marked so that nothing shows it.
    fn bearer(&self) -> Result<http::HeaderValue, Error> {
        let mut value = http::HeaderValue::from_str(&format!("Bearer {}", self.config.token.expose()))
            .map_err(|_| Error::Internal("AIRTABLE_TOKEN holds characters that a header cannot hold".to_owned()))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// The whole body; `Err(None)` when it is too large.
async fn read(mut response: reqwest::Response) -> Result<Bytes, Option<reqwest::Error>> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(Some)? {
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn too_large(status: u16) -> Error {
    Error::Unreadable { status, reason: format!("larger than {BODY_BYTES_MAX} bytes") }
}

fn failure(error: &reqwest::Error, timeout: Duration) -> Error {
    // Connecting may time out too: then nothing was sent.
    if error.is_connect() {
        Error::Unreachable
    } else if error.is_timeout() {
        Error::Timeout(timeout)
    } else if error.is_builder() {
        Error::Internal(error.to_string())
    } else {
        Error::Broken
    }
}

/// A refusal for want of a turn, told with the time until there is one.
fn with_wait(error: Error, busy: &Error) -> Error {
    match (error, busy) {
        (Error::Refused { status, kind, message, .. }, Error::Busy(wait)) => {
            Error::Refused { status, kind, message, retry_after: Some(*wait) }
        }
        (error, _) => error,
    }
}

fn reason(error: &Error) -> &'static str {
    match error {
        Error::Refused { status: 429, .. } => "rate_limited",
        Error::Refused { .. } => "server_error",
        Error::Timeout(_) => "timeout",
        _ => "connection",
    }
}

/// Full jitter: anything up to the doubled pause, so that callers who failed together do not come back together.
fn pause(attempt: u32) -> Duration {
    let limit = PAUSE.saturating_mul(1 << attempt.min(10)).min(PAUSE_MAX);
    limit.mul_f64(rand::random::<f64>())
}

/// A tenth more at most: several gateways that were refused together come back one by one.
fn jittered(penalty: Duration) -> Duration {
    penalty.mul_f64(1.0 + rand::random::<f64>() / 10.0)
}
