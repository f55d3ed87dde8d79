//! The layer for servers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::FutureExt as _;
use http::request::Parts;
use http::{Request, Response};
use opentelemetry::KeyValue;
use opentelemetry::context::FutureExt as _;
use tonic::body::Body;
use tonic::transport::server::TcpConnectInfo;
use tonic::{Code, Status};
use tower::{Layer, Service};

use super::body::Traced;
use super::call::{Call, Settings};
use crate::http_facts::host_and_port;
use crate::providers::Providers;
use crate::semconv::{self, Names};
use crate::untraced::untraced_context;

/// The standard health service; not traced, like `/health`.
const HEALTH: &str = "/grpc.health.v1.Health/";

/// A SERVER span and the RPC metrics per call; a panic becomes status INTERNAL.
#[derive(Clone, Debug)]
pub struct ServerLayer {
    settings: Arc<Settings>,
}

impl Default for ServerLayer {
    fn default() -> Self {
        Self { settings: Arc::new(Settings::new(true)) }
    }
}

impl ServerLayer {
    /// Spans and metrics go to these providers instead of the process's.
    #[must_use]
    pub fn providers(self, providers: Providers) -> Self {
        Self { settings: Arc::new(Settings::with(true, providers, self.settings.names)) }
    }

    /// Which generation of names is written, instead of what `OTEL_SEMCONV_STABILITY_OPT_IN` says.
    #[must_use]
    pub fn names(self, names: Names) -> Self {
        Self { settings: Arc::new(Settings::with(true, self.settings.providers.clone(), names)) }
    }
}

impl<S> Layer<S> for ServerLayer {
    type Service = Server<S>;

    fn layer(&self, inner: S) -> Server<S> {
        Server { inner, settings: Arc::clone(&self.settings) }
    }
}

/// A service with [`ServerLayer`] around it.
#[derive(Clone, Debug)]
pub struct Server<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S, Q, B> Service<Request<Q>> for Server<S>
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

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let mut call = begin(&self.settings, &parts);
        let context = call.context().clone();
        let called = {
            let _scope = context.clone().attach();
            catch_unwind(AssertUnwindSafe(|| self.inner.call(Request::from_parts(parts, body))))
        };
        Box::pin(async move {
            let outcome = match called {
                Ok(future) => AssertUnwindSafe(future.with_context(context)).catch_unwind().await,
                Err(payload) => Err(payload),
            };
            match outcome {
                Ok(Ok(response)) => Ok(Traced::wrap(response, call)),
                Ok(Err(error)) => {
                    call.end(None, Some("service"));
                    Err(error)
                }
                Err(payload) => {
                    call.panicked(&*payload);
                    call.end(Some(Code::Internal), Some("panic"));
                    Ok(Status::internal("the server failed to handle the call").into_http())
                }
            }
        })
    }
}

fn begin(settings: &Settings, parts: &Parts) -> Call {
    let path = parts.uri.path();
    let parent = if path.starts_with(HEALTH) && !crate::is_debug() {
        untraced_context()
    } else {
        crate::extract(&parts.headers)
    };
    let authority = parts.uri.authority().map(http::uri::Authority::as_str);
    let mut only_span = Vec::new();
    if let Some((host, port)) = authority.map(host_and_port) {
        only_span.push(KeyValue::new(semconv::SERVER_ADDRESS, host.to_owned()));
        only_span.extend(port.map(|port| KeyValue::new(semconv::SERVER_PORT, i64::from(port))));
    }
    if let Some(peer) = parts.extensions.get::<TcpConnectInfo>().and_then(TcpConnectInfo::remote_addr) {
        only_span.push(KeyValue::new(semconv::CLIENT_ADDRESS, peer.ip().to_string()));
        only_span.push(KeyValue::new(semconv::NETWORK_PEER_ADDRESS, peer.ip().to_string()));
        only_span.push(KeyValue::new(semconv::NETWORK_PEER_PORT, i64::from(peer.port())));
    }
    Call::begin(settings, path, &parent, Vec::new(), only_span)
}
