//! A request: put together, sent, and sent again when that may help and does no harm.

use std::time::Duration;

use ::http::header::{AUTHORIZATION, CONTENT_TYPE};
use ::http::{HeaderMap, HeaderName, HeaderValue, Method};
use bytes::Bytes;
use serde::Serialize;
use tokio::time::Instant;

use super::retry::passing;
use super::{Client, Error, Response, Retry};
use crate::config::Secret;

/// A request that is being put together. Its body is kept whole, so that it can be sent again.
#[derive(Debug)]
#[must_use = "nothing is sent before `send`"]
pub struct Request {
    client: Client,
    method: Method,
    url: String,
    template: Option<&'static str>,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
    idempotent: Option<bool>,
    streamed: bool,
    fault: Option<Error>,
}

impl Request {
    pub(super) fn new(client: Client, method: Method, url: String) -> Self {
        Self {
            client,
            method,
            url,
            template: None,
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            idempotent: None,
            streamed: false,
            fault: None,
        }
    }

    /// The path's template, such as `/v0/{base}/{table}`: names the span.
    pub fn template(mut self, template: &'static str) -> Self {
        self.template = Some(template);
        self
    }

    /// Adds a parameter to the query string.
    pub fn query(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.query.push((name.into(), value.to_string()));
        self
    }

    /// Sets a header.
    pub fn header(mut self, name: impl TryInto<HeaderName, Error: Into<::http::Error>>, value: &str) -> Self {
        let name = name.try_into().map_err(Into::into);
        let pair = name.and_then(|name: HeaderName| Ok((name, HeaderValue::from_str(value)?)));
        match pair {
            Ok((name, value)) => drop(self.headers.insert(name, value)),
            Err(error) => self.fault = Some(Error::Request(Box::new(error))),
        }
        self
    }

    /// Sets a header that holds a secret: never shown in logs or spans.
    pub fn secret_header(mut self, name: &'static str, value: &Secret) -> Self {
        self = self.header(name, value.expose());
        if let Some(value) = self.headers.get_mut(name) {
            value.set_sensitive(true);
        }
        self
    }

    /// `Authorization: Bearer`; never shown in logs or spans.
    pub fn bearer(mut self, token: &Secret) -> Self {
        self = self.header(AUTHORIZATION, &format!("Bearer {}", token.expose()));
        if let Some(value) = self.headers.get_mut(AUTHORIZATION) {
            value.set_sensitive(true);
        }
        self
    }

    /// Sets a JSON body.
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => self.body("application/json", body),
            Err(error) => {
                self.fault = Some(Error::Request(Box::new(error)));
                self
            }
        }
    }

    /// Sets a body of any kind.
    pub fn body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
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

    /// Says whether doing it twice does no harm. By default so for GET, HEAD, OPTIONS, PUT and DELETE; other calls are tried again
    /// only when no connection could be made, so that they were certainly not received.
    pub fn idempotent(mut self, idempotent: bool) -> Self {
        self.idempotent = Some(idempotent);
        self
    }

    /// The answer is read piece by piece ([`Response::chunk`]): the time holds until its head, and then for each piece.
    pub fn streamed(mut self) -> Self {
        self.streamed = true;
        self
    }

    /// Sends it, again if the rule says so. A failing status that is not (or no longer) retried is an answer.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn send(mut self) -> Result<Response, Error> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let mut url = reqwest::Url::parse(&self.url).map_err(|error| Error::Request(Box::new(error)))?;
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        let idempotent = self.idempotent.unwrap_or_else(|| self.method.is_idempotent());
        let deadline = Instant::now() + self.client.timeout;
        let mut retry = 0;
        loop {
            let outcome = self.once(url.clone(), deadline, retry).await;
            let pause = match &outcome {
                Ok(answer) if passing(answer.status()) && idempotent => {
                    self.client.retry.pause(retry, answer.retry_after())
                }
                Err(Error::Connect(_)) => self.client.retry.pause(retry, None),
                Err(error) if error.retryable() && idempotent => self.client.retry.pause(retry, None),
                _ => None,
            };
            // A pause that ends after the deadline would only turn a true answer into a time-out.
            let Some(pause) = pause.filter(|pause| Instant::now() + *pause < deadline) else { return outcome };
            tracing::debug!(retry, pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX), "trying again");
            drop(outcome);
            tokio::time::sleep(pause).await;
            retry += 1;
        }
    }

    /// One try. Its time is what is left of the whole.
    async fn once(&self, url: reqwest::Url, deadline: Instant, retry: u32) -> Result<Response, Error> {
        let timeout = self.client.timeout;
        let mut request = self.client.inner.request(self.method.clone(), url).headers(self.headers.clone());
        request = request.body(self.body.clone()).resend_count(retry);
        if let Some(template) = self.template {
            request = request.template(template);
        }
        if !self.streamed {
            request = request.timeout(deadline.saturating_duration_since(Instant::now()));
        }
        let answer = tokio::time::timeout_at(deadline, request.send()).await.map_err(|_| Error::Timeout(timeout))?;
        let answer = answer.map_err(|error| Error::of(error, timeout))?;
        Response::of(answer, timeout, self.streamed).await
    }
}
