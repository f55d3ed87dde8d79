//! An answer: its head, and a body that is read whole up to a limit or piece by piece.

use std::time::Duration;

use ::http::{HeaderMap, StatusCode};
use bytes::{Bytes, BytesMut};
use chrono::Utc;
use serde::de::DeserializeOwned;

use super::retry::{asked, passing};
use super::{Error, Failure};

/// An answer that is read whole: larger ones are streamed by those who expect them.
pub const BODY_BYTES_MAX: usize = 32 << 20;
/// Of a failure's body: it is told to people.
const FAILURE_BYTES_MAX: usize = 64 << 10;

/// An answer whose body is still to be read.
#[derive(Debug)]
pub struct Response {
    status: StatusCode,
    headers: HeaderMap,
    body: Body,
    /// The time of the whole call, to be told; for each piece when streamed.
    timeout: Duration,
    streamed: bool,
    retry_after: Option<Duration>,
}

#[derive(Debug)]
enum Body {
    Live(reqwest::Response),
    /// Read already; `None` once it was handed out.
    Read(Option<Bytes>),
}

impl Response {
    /// Failures that pass are read at once: their body may say when to come back.
    pub(super) async fn of(mut answer: reqwest::Response, timeout: Duration, streamed: bool) -> Result<Self, Error> {
        let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
        let mut response = Self { status, headers, body: Body::Live(answer), timeout, streamed, retry_after: None };
        if passing(status) {
            let body = response.beginning(FAILURE_BYTES_MAX).await?;
            response.retry_after = asked(&response.headers, &body, Utc::now());
            response.body = Body::Read(Some(body));
        }
        Ok(response)
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Its headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// When the server wants to be asked again: `Retry-After` or Google's `RetryInfo`, of a 429, 502, 503 or 504.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The answer if its status is a success, else [`Error::Status`] with the beginning of its body.
    ///
    /// # Errors
    /// Any status but 2xx; a broken connection.
    pub async fn ok(mut self) -> Result<Self, Error> {
        if self.status.is_success() {
            return Ok(self);
        }
        let body = self.beginning(FAILURE_BYTES_MAX).await?;
        Err(Error::Status(Box::new(Failure { status: self.status, body, retry_after: self.retry_after })))
    }

    /// The whole body, at most `limit` bytes.
    ///
    /// # Errors
    /// A broken connection, no end in time, or more bytes.
    pub async fn bytes(mut self, limit: usize) -> Result<Bytes, Error> {
        let mut body = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
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
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        Ok(serde_json::from_slice(&self.bytes(BODY_BYTES_MAX).await?)?)
    }

    /// The next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// A broken connection, or no piece in time.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        match &mut self.body {
            Body::Read(bytes) => Ok(bytes.take().filter(|bytes| !bytes.is_empty())),
            Body::Live(answer) => {
                let chunk = if self.streamed {
                    let next = tokio::time::timeout(self.timeout, answer.chunk()).await;
                    next.map_err(|_| Error::Timeout(self.timeout))?
                } else {
                    answer.chunk().await
                };
                chunk.map_err(|error| Error::of(error, self.timeout))
            }
        }
    }

    /// The body up to `limit`; the rest is not read.
    async fn beginning(&mut self, limit: usize) -> Result<Bytes, Error> {
        let mut body = BytesMut::new();
        while let Some(mut chunk) = self.chunk().await? {
            chunk.truncate(limit - body.len());
            body.extend_from_slice(&chunk);
            if body.len() >= limit {
                break;
            }
        }
        Ok(body.freeze())
    }
}
