//! The layer for clients.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use opentelemetry::KeyValue;
use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::TraceContextExt as _;
use tonic::body::Body;
use tower::{Layer, Service};

use super::body::Traced;
use super::call::{Call, Settings};
use crate::http_facts::is_internal_host;
use crate::providers::Providers;
use crate::semconv::{self, Names};

/// A CLIENT span and the RPC metrics per call, and the caller's context in its metadata.
#[derive(Clone, Debug)]
pub struct ClientLayer {
    settings: Arc<Settings>,
    host: String,
    port: u16,
    share_baggage: bool,
}

impl ClientLayer {
    /// For a channel to this server; a channel does not tell its target.
    pub fn to(host: impl Into<String>, port: u16) -> Self {
        let host = host.into();
        Self { settings: Arc::new(Settings::new(false)), share_baggage: is_internal_host(&host), host, port }
    }

    /// Whether baggage goes along; without this call it does when the host is one of the deployment.
    #[must_use]
    pub fn share_baggage(mut self, share: bool) -> Self {
        self.share_baggage = share;
        self
    }

    /// Spans and metrics go to these providers instead of the process's.
    #[must_use]
    pub fn providers(mut self, providers: Providers) -> Self {
        self.settings = Arc::new(Settings::with(false, providers, self.settings.names));
        self
    }

    /// Which generation of names is written, instead of what `OTEL_SEMCONV_STABILITY_OPT_IN` says.
    #[must_use]
    pub fn names(mut self, names: Names) -> Self {
        self.settings = Arc::new(Settings::with(false, self.settings.providers.clone(), names));
        self
    }

    fn begin(&self, path: &str) -> Call {
        let server = vec![
            KeyValue::new(semconv::SERVER_ADDRESS, self.host.clone()),
            KeyValue::new(semconv::SERVER_PORT, i64::from(self.port)),
        ];
        Call::begin(&self.settings, path, &opentelemetry::Context::current(), server, Vec::new())
    }
}

impl<S> Layer<S> for ClientLayer {
    type Service = Client<S>;

    fn layer(&self, inner: S) -> Client<S> {
        Client { inner, layer: self.clone() }
    }
}

/// A channel with [`ClientLayer`] around it.
#[derive(Clone, Debug)]
pub struct Client<S> {
    inner: S,
    layer: ClientLayer,
}

impl<S, Q, B> Service<Request<Q>> for Client<S>
where
    S: Service<Request<Q>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Q>) -> Self::Future {
        let mut call = self.layer.begin(request.uri().path());
        let context = call.context().clone();
        if self.layer.share_baggage {
            crate::inject_context(&context, request.headers_mut());
        } else {
            let span = context.span().span_context().clone();
            crate::inject_context(&opentelemetry::Context::new().with_remote_span_context(span), request.headers_mut());
        }
        let answer = {
            let _scope = context.clone().attach();
            self.inner.call(request)
        };
        Box::pin(async move {
            match answer.with_context(context).await {
                Ok(response) => Ok(Traced::wrap(response, call)),
                Err(error) => {
                    call.end(None, Some("transport"));
                    Err(error)
                }
            }
        })
    }
}
