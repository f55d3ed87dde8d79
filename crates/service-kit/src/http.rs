//! The HTTP client for what is behind a service: time-outs, retries with jitter, trace context and baggage sent along.
//!
//! | file | what |
//! |---|---|
//! | `http/retry.rs` | when to try again, and after how long |
//! | `http/peer.rs` | [`Peer`]: one of our own services |
//!
//! A failing status is an answer, not an [`Error`]: the caller knows what it means.

mod peer;
mod retry;

use std::time::Duration;

use ::http::{HeaderMap, HeaderName, HeaderValue, Method};
use bytes::Bytes;
use serde::Serialize;

use crate::config::Environment;
use crate::problem::Problem;
pub use peer::Peer;
pub use retry::Retry;

/// To reach a host at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For one call with all its tries, unless the call says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The host cannot be reached: the request was not sent.
    #[error("cannot connect: {0}")]
    Connect(#[source] reqwest::Error),
    /// No answer in time.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// The connection broke, or the answer is no HTTP.
    #[error("the connection failed: {0}")]
    Broken(#[source] reqwest::Error),
    /// The request cannot be made: a bad URL, header or body.
    #[error("bad request: {0}")]
    Request(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The answer is larger than the caller allows.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The answer's body is not what was expected.
    #[error("the answer cannot be read: {0}")]
    Body(#[from] serde_json::Error),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Timeout(_) => Self::timeout(error.to_string()),
            Error::Connect(_) => Self::bad_gateway("the service behind cannot be reached"),
            Error::Broken(_) => Self::bad_gateway("the service behind broke the connection"),
            Error::TooLarge(_) | Error::Body(_) => Self::bad_gateway(error.to_string()),
            Error::Request(_) => Self::internal(&error),
        }
    }
}

/// A client. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Client {
    inner: reqwest::Client,
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
        let builder = reqwest::Client::builder().connect_timeout(connect_timeout);
        let inner = builder.build().map_err(|error| Error::Request(Box::new(error)))?;
        Ok(Self { inner, timeout, retry })
    }

    pub(crate) fn from_environment(environment: &Environment) -> Result<Self, crate::Error> {
        let timeout = environment.seconds("HTTP_TIMEOUT", TIMEOUT)?;
        let connect = environment.seconds("HTTP_CONNECT_TIMEOUT", CONNECT_TIMEOUT)?;
        let tries = environment.within("HTTP_RETRIES", Retry::default().retries, 0..=10)?;
        let retry = Retry { retries: tries, ..Retry::default() };
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

    /// Begins a request.
    pub fn request(&self, method: Method, url: impl Into<String>) -> Request {
        Request {
            client: self.clone(),
            method,
            url: url.into(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            idempotent: None,
            fault: None,
        }
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

/// A request that is being put together. Its body is kept whole, so that it can be sent again.
#[derive(Debug)]
#[must_use = "nothing is sent before `send`"]
pub struct Request {
    client: Client,
    method: Method,
    url: String,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
    idempotent: Option<bool>,
    fault: Option<Error>,
}

impl Request {
    /// Adds a parameter to the query string.
    pub fn query(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.query.push((name.into(), value.to_string()));
        self
    }

    /// Sets a header.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => drop(self.headers.insert(HeaderName::from_static(name), value)),
            Err(error) => self.fault = Some(Error::Request(Box::new(error))),
        }
        self
    }

    /// `Authorization: Bearer`; never shown in logs or spans.
    pub fn bearer(mut self, token: &crate::config::Secret) -> Self {
        match HeaderValue::from_str(&format!("Bearer {}", token.expose())) {
            Ok(mut value) => {
                value.set_sensitive(true);
                self.headers.insert(::http::header::AUTHORIZATION, value);
            }
            Err(error) => self.fault = Some(Error::Request(Box::new(error))),
        }
        self
    }

    /// Sets a JSON body.
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => {
                self.body = body.into();
                self.headers.insert(::http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
            Err(error) => self.fault = Some(Error::Body(error)),
        }
        self
    }

    /// Sets a body of any kind.
    pub fn body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.headers.insert(::http::header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.body = body.into();
        self
    }

    /// Another time for this call, all tries together.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.client.timeout = timeout;
        self
    }

    /// Another rule for retries of this call.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.client.retry = retry;
        self
    }

    /// Says whether doing it twice does no harm. By default so for GET, HEAD, OPTIONS, PUT and DELETE; only such calls are tried
    /// again after they may have been received.
    pub fn idempotent(mut self, idempotent: bool) -> Self {
        self.idempotent = Some(idempotent);
        self
    }

    /// Sends it, again if the rule says so. A failing status that is not (or no longer) retried is an answer.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn send(self) -> Result<Response, Error> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let mut url = reqwest::Url::parse(&self.url).map_err(|error| Error::Request(Box::new(error)))?;
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        let request = self.client.inner.request(self.method, url).headers(self.headers).body(self.body);
        request.timeout(self.client.timeout).send().await.map(Response).map_err(Error::Broken)
    }
}

/// An answer whose body is still to be read.
#[derive(Debug)]
pub struct Response(reqwest::Response);

impl Response {
    /// Its status.
    pub fn status(&self) -> ::http::StatusCode {
        self.0.status()
    }

    /// Its headers.
    pub fn headers(&self) -> &HeaderMap {
        self.0.headers()
    }

    /// The whole body, at most `limit` bytes.
    ///
    /// # Errors
    /// A broken connection, or more bytes.
    pub async fn bytes(mut self, limit: usize) -> Result<Bytes, Error> {
        let mut body = bytes::BytesMut::new();
        while let Some(chunk) = self.0.chunk().await.map_err(Error::Broken)? {
            if body.len() + chunk.len() > limit {
                return Err(Error::TooLarge(limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    /// The body as JSON, at most [`BODY_BYTES_MAX`].
    ///
    /// # Errors
    /// As [`Response::bytes`], or when it is no such document.
    pub async fn json<T: serde::de::DeserializeOwned>(self) -> Result<T, Error> {
        Ok(serde_json::from_slice(&self.bytes(BODY_BYTES_MAX).await?)?)
    }

    /// The next piece of a streamed body; `None` at its end.
    ///
    /// # Errors
    /// A broken connection.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        self.0.chunk().await.map_err(Error::Broken)
    }
}

/// An answer that is read whole: larger ones are streamed by those who expect them.
pub const BODY_BYTES_MAX: usize = 32 << 20;
