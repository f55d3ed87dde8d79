//! The client and its settings.

use std::sync::Arc;

use ::reqwest::{IntoUrl, Method, Request, Response};

use super::call::{self, Meta};
use super::metrics::Http;
use super::request::RequestBuilder;
use crate::providers::{Instruments, Providers};
use crate::semconv::{Generation, Names};

/// `reqwest::Client` with telemetry; cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    inner: ::reqwest::Client,
    settings: Arc<Settings>,
}

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) providers: Providers,
    pub(super) instruments: Arc<Instruments<Http>>,
    pub(super) names: Names,
    /// Whether baggage goes along; `None` leaves it to the host.
    pub(super) baggage: Option<bool>,
}

impl From<::reqwest::Client> for Client {
    fn from(inner: ::reqwest::Client) -> Self {
        let providers = Providers::of_process();
        let settings = Settings {
            instruments: Arc::new(Instruments::new(providers.clone(), Http::new)),
            providers,
            names: Generation::of_process().http,
            baggage: None,
        };
        Self { inner, settings: Arc::new(settings) }
    }
}

impl Client {
    /// Spans and metrics go to these providers instead of the process's.
    #[must_use]
    pub fn providers(self, providers: Providers) -> Self {
        self.with(|settings| {
            settings.instruments = Arc::new(Instruments::new(providers.clone(), Http::new));
            settings.providers = providers;
        })
    }

    /// Which generation of names is written, instead of what `OTEL_SEMCONV_STABILITY_OPT_IN` says.
    #[must_use]
    pub fn names(self, names: Names) -> Self {
        self.with(|settings| settings.names = names)
    }

    /// Whether baggage and `X-Correlation-ID` go along, whatever the host is; without this call they go to hosts of the deployment.
    #[must_use]
    pub fn share_baggage(self, share: bool) -> Self {
        self.with(|settings| settings.baggage = Some(share))
    }

    /// The client inside, for requests that must not be traced.
    pub fn untraced(&self) -> &::reqwest::Client {
        &self.inner
    }

    /// Begins a request.
    pub fn request<U: IntoUrl>(&self, method: Method, url: U) -> RequestBuilder {
        RequestBuilder::new(self.clone(), self.inner.request(method, url))
    }

    /// Begins a GET request.
    pub fn get<U: IntoUrl>(&self, url: U) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// Begins a POST request.
    pub fn post<U: IntoUrl>(&self, url: U) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// Begins a PUT request.
    pub fn put<U: IntoUrl>(&self, url: U) -> RequestBuilder {
        self.request(Method::PUT, url)
    }

    /// Begins a PATCH request.
    pub fn patch<U: IntoUrl>(&self, url: U) -> RequestBuilder {
        self.request(Method::PATCH, url)
    }

    /// Begins a DELETE request.
    pub fn delete<U: IntoUrl>(&self, url: U) -> RequestBuilder {
        self.request(Method::DELETE, url)
    }

    /// Begins a HEAD request.
    pub fn head<U: IntoUrl>(&self, url: U) -> RequestBuilder {
        self.request(Method::HEAD, url)
    }

    /// Sends a request that was built elsewhere.
    ///
    /// # Errors
    /// Those of `reqwest`, with secrets masked in their URL.
    pub async fn execute(&self, request: Request) -> Result<Response, ::reqwest::Error> {
        self.execute_with(request, Meta::default()).await
    }

    pub(super) async fn execute_with(&self, request: Request, meta: Meta) -> Result<Response, ::reqwest::Error> {
        call::run(&self.inner, &self.settings, request, meta).await
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }
}
