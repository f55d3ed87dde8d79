//! The HTTP client for what is behind a service: time-outs, retries with jitter, trace context and baggage sent along.
//!
//! | file | what |
//! |---|---|
//! | `http/request.rs` | [`Request`]: put together, sent, sent again |
//! | `http/response.rs` | [`Response`]: read whole up to a limit, or piece by piece |
//! | `http/retry.rs` | [`Retry`]: when to try again, and after how long |
//! | `http/peer.rs` | [`Peer`]: one of our own services |
//!
//! A failing status is an answer, not an [`Error`], until [`Response::ok`] is asked. Trace context goes to every host; baggage (who
//! the caller is) to hosts of the deployment only.

mod peer;
mod request;
mod response;
mod retry;

use std::time::Duration;

use ::http::{Method, StatusCode};
use bytes::Bytes;

use crate::config::Environment;
use crate::problem::Problem;
pub use peer::Peer;
pub use request::Request;
pub use response::{BODY_BYTES_MAX, Response};
pub use retry::Retry;

/// To reach a host at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For one call with all its tries, unless the call says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Idle connections are dropped before the usual server (60 to 75 s) does: a request sent into a closing one fails.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Why there is no answer, or none that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The host cannot be reached: the request was not sent.
    #[error("cannot connect: {}", chain(.0))]
    Connect(#[source] reqwest::Error),
    /// No answer in time.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// The connection broke, or the answer is no HTTP.
    #[error("the connection failed: {}", chain(.0))]
    Broken(#[source] reqwest::Error),
    /// The request cannot be made: a bad URL, header or body.
    #[error("cannot make the request: {0}")]
    Request(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A failing status, by [`Response::ok`].
    #[error("answered {}{}", .0.status.as_u16(), .0.told())]
    Status(Box<Failure>),
    /// The answer is larger than the caller allows.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The answer's body is not what was expected.
    #[error("the answer cannot be read: {0}")]
    Body(#[from] serde_json::Error),
}

/// An answer with a failing status.
#[derive(Debug)]
pub struct Failure {
    /// The status.
    pub status: StatusCode,
    /// The beginning of its body, at most 64 KiB.
    pub body: Bytes,
    /// When the server wants to be asked again.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// The sentence in it, if it is a problem document or an error of the usual shapes.
    pub fn detail(&self) -> Option<String> {
        let document: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        let paths = ["/detail", "/error/message", "/message", "/error"];
        let found = paths.iter().find_map(|path| document.pointer(path)?.as_str());
        found.map(|text| telemetry::redactor().text(text).into_owned())
    }

    fn told(&self) -> String {
        self.detail().map_or_else(String::new, |detail| format!(": {detail}"))
    }
}

/// The causes of a reqwest error: it tells only "error sending request" itself.
fn chain(error: &reqwest::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

impl Error {
    /// The status, if there was an answer.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status(failure) => Some(failure.status),
            _ => None,
        }
    }

    /// Whether the same call may succeed later.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Timeout(_) | Self::Broken(_) => true,
            Self::Status(failure) => retry::passing(failure.status),
            Self::Request(_) | Self::TooLarge(_) | Self::Body(_) => false,
        }
    }

    fn of(error: reqwest::Error, timeout: Duration) -> Self {
        // A connection that is not made in time is both.
        if error.is_connect() {
            Self::Connect(error)
        } else if error.is_timeout() {
            Self::Timeout(timeout)
        } else if error.is_builder() {
            Self::Request(Box::new(error))
        } else {
            Self::Broken(error)
        }
    }
}

/// What the caller of a service learns when what is behind it fails. Too many requests stay that, everything else is 502 or 504.
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Timeout(_) => Self::timeout(format!("the service behind gave {error}")),
            Error::Connect(_) => Self::bad_gateway("the service behind cannot be reached"),
            Error::Broken(_) => Self::bad_gateway("the service behind broke the connection"),
            Error::TooLarge(_) | Error::Body(_) => Self::bad_gateway(error.to_string()),
            Error::Request(_) => Self::internal(&error),
            Error::Status(failure) => {
                let detail = format!("the service behind answered {}{}", failure.status.as_u16(), failure.told());
                let status = match failure.status {
                    status @ (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => status,
                    StatusCode::GATEWAY_TIMEOUT => StatusCode::GATEWAY_TIMEOUT,
                    _ => StatusCode::BAD_GATEWAY,
                };
                let problem = Self::new(status, "upstream", detail);
                match failure.retry_after {
                    Some(wait) => problem.retry_after(wait),
                    None => problem,
                }
            }
        }
    }
}

/// A client. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Client {
    inner: telemetry::reqwest::Client,
    timeout: Duration,
    retry: Retry,
}

impl Client {
    /// With time-outs and retries as they are by default.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new() -> Result<Self, Error> {
        Self::with(CONNECT_TIMEOUT, TIMEOUT, Retry::default())
    }

    /// With these time-outs and retries.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn with(connect_timeout: Duration, timeout: Duration, retry: Retry) -> Result<Self, Error> {
        crate::server::install_tls();
        let builder = reqwest::Client::builder()
            .connect_timeout(connect_timeout)
            .pool_idle_timeout(IDLE_TIMEOUT)
            // A redirect could carry a token to another host; the APIs that we call do not redirect.
            .redirect(reqwest::redirect::Policy::none());
        let inner = builder.build().map_err(|error| Error::Request(Box::new(error)))?;
        Ok(Self { inner: inner.into(), timeout, retry })
    }

    /// HTTP_TIMEOUT, HTTP_CONNECT_TIMEOUT (seconds), HTTP_RETRIES.
    pub(crate) fn from_environment(environment: &Environment) -> Result<Self, crate::Error> {
        let timeout = environment.seconds("HTTP_TIMEOUT", TIMEOUT)?;
        let connect = environment.seconds("HTTP_CONNECT_TIMEOUT", CONNECT_TIMEOUT)?;
        let usual = Retry::default();
        let retry = Retry { retries: environment.within("HTTP_RETRIES", usual.retries, 0..=10)?, ..usual };
        Self::with(connect, timeout, retry).map_err(|error| crate::Error::System(std::io::Error::other(error)))
    }

    /// The same client with another time for a call.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The same client with another rule for retries.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// The same client that sends baggage and correlation id along or not, whatever the host is.
    #[must_use]
    pub fn share_baggage(mut self, share: bool) -> Self {
        self.inner = self.inner.share_baggage(share);
        self
    }

    /// Begins a request.
    pub fn request(&self, method: Method, url: impl Into<String>) -> Request {
        Request::new(self.clone(), method, url.into())
    }

    /// Begins a GET.
    pub fn get(&self, url: impl Into<String>) -> Request {
        self.request(Method::GET, url)
    }

    /// Begins a POST.
    pub fn post(&self, url: impl Into<String>) -> Request {
        self.request(Method::POST, url)
    }
}

#[cfg(test)]
#[path = "http/tests.rs"]
mod tests;
