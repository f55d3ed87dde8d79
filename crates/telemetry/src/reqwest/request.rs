//! A request on its way to be sent: `reqwest::RequestBuilder` with two calls more.

use std::fmt::Display;
use std::time::Duration;

use ::reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use ::reqwest::{Body, Request, Response};
use serde::Serialize;

use super::call::{self, Meta};
use super::client::Client;

/// See [`Client::request`].
#[derive(Debug)]
#[must_use = "a request is not sent before `send` is awaited"]
pub struct RequestBuilder {
    client: Client,
    inner: ::reqwest::RequestBuilder,
    meta: Meta,
}

impl RequestBuilder {
    pub(super) fn new(client: Client, inner: ::reqwest::RequestBuilder) -> Self {
        Self { client, inner, meta: Meta::default() }
    }

    /// The path's template, such as `/v0/{base}/{table}`: names the span and the metrics' `url.template`. Without one the span is named
    /// by the method alone, because paths are without number.
    pub fn template(mut self, template: &'static str) -> Self {
        self.meta.template = Some(template);
        self
    }

    /// How often this request was sent before (0: the first try): `http.request.resend_count`.
    pub fn resend_count(mut self, count: u32) -> Self {
        self.meta.resend_count = count;
        self
    }

    /// Adds a header.
    pub fn header<K, V>(self, key: K, value: V) -> Self
    where
        HeaderName: TryFrom<K>,
        <HeaderName as TryFrom<K>>::Error: Into<::http::Error>,
        HeaderValue: TryFrom<V>,
        <HeaderValue as TryFrom<V>>::Error: Into<::http::Error>,
    {
        self.map(|inner| inner.header(key, value))
    }

    /// Adds headers; those of the same name are replaced.
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.map(|inner| inner.headers(headers))
    }

    /// Sets the user and password of basic authentication.
    pub fn basic_auth(self, user: impl Display, password: Option<impl Display>) -> Self {
        self.map(|inner| inner.basic_auth(user, password))
    }

    /// Sets a bearer token.
    pub fn bearer_auth(self, token: impl Display) -> Self {
        self.map(|inner| inner.bearer_auth(token))
    }

    /// Sets the body.
    pub fn body(self, body: impl Into<Body>) -> Self {
        self.map(|inner| inner.body(body))
    }

    /// Sets a JSON body.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Self {
        self.map(|inner| inner.json(value))
    }

    /// Sets a multipart body.
    pub fn multipart(self, form: ::reqwest::multipart::Form) -> Self {
        self.map(|inner| inner.multipart(form))
    }

    /// Limits the time from connecting to the last byte of the answer's body.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.map(|inner| inner.timeout(timeout))
    }

    /// Anything else that `reqwest`'s builder can do.
    pub fn map(mut self, change: impl FnOnce(::reqwest::RequestBuilder) -> ::reqwest::RequestBuilder) -> Self {
        self.inner = change(self.inner);
        self
    }

    /// A copy, unless the body is a stream.
    pub fn try_clone(&self) -> Option<Self> {
        Some(Self { client: self.client.clone(), inner: self.inner.try_clone()?, meta: self.meta })
    }

    /// The request without sending it.
    ///
    /// # Errors
    /// When a part of it was not valid.
    pub fn build(self) -> Result<Request, ::reqwest::Error> {
        self.inner.build()
    }

    /// Sends it. The answer is an answer whatever its status is; the span's status is an error from 400 on.
    ///
    /// # Errors
    /// Those of `reqwest`, with secrets masked in their URL.
    pub async fn send(self) -> Result<Response, ::reqwest::Error> {
        let request = self.inner.build().map_err(|mut error| {
            call::mask(&mut error);
            error
        })?;
        self.client.execute_with(request, self.meta).await
    }
}
