//! The tower layer: settings, and the walk of one request.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use opentelemetry::context::FutureExt as _;
use tower::{Layer, Service};

use super::body::{Answer, Counted};
use super::exchange::{End, Exchange};
use super::identity::CORRELATION_HEADER;
use super::metrics::Http;
use crate::http_facts::content_length;
use crate::providers::{Instruments, Providers};
use crate::semconv::{Generation, Names};

/// Paths of the contract that are not traced unless `OTEL_DEBUG` is set; their metrics are kept.
const QUIET: [&str; 3] = ["/health", "/ready", "/metrics"];

const TRACE_HEADER: HeaderName = HeaderName::from_static("x-trace-id");
const SPAN_HEADER: HeaderName = HeaderName::from_static("x-span-id");

/// The layer for axum routers, with the settings of the process's environment.
pub fn layer() -> ServerLayer {
    ServerLayer::default()
}

/// See [`layer`] and [the module](super).
#[derive(Clone, Debug)]
pub struct ServerLayer {
    settings: Arc<Settings>,
}

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) providers: Providers,
    pub(super) instruments: Arc<Instruments<Http>>,
    pub(super) names: Names,
    pub(super) prefixes: Vec<&'static str>,
    /// Paths for which somebody decided, and how.
    traced: Vec<(&'static str, bool)>,
    remote_baggage: bool,
}

impl Settings {
    /// What the headers bring from the caller.
    pub(super) fn remote(&self, headers: &HeaderMap) -> opentelemetry::Context {
        use opentelemetry::baggage::{Baggage, BaggageExt};
        let remote = crate::extract(headers);
        if self.remote_baggage { remote } else { remote.with_baggage(Baggage::new()) }
    }

    pub(super) fn is_untraced(&self, path: &str) -> bool {
        let decided = self.traced.iter().rev().find(|(known, _)| *known == path);
        decided.map_or_else(|| QUIET.contains(&path) && !crate::is_debug(), |(_, traced)| !traced)
    }
}

impl Default for ServerLayer {
    fn default() -> Self {
        let providers = Providers::of_process();
        let settings = Settings {
            instruments: Arc::new(Instruments::new(providers.clone(), Http::new)),
            providers,
            names: Generation::of_process().http,
            prefixes: Vec::new(),
            traced: Vec::new(),
            remote_baggage: true,
        };
        Self { settings: Arc::new(settings) }
    }
}

impl ServerLayer {
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

    /// Requests under `prefix` that match no template get it as their route: for nested services, of which the router knows no routes.
    #[must_use]
    pub fn prefix(self, prefix: &'static str) -> Self {
        self.with(|settings| settings.prefixes.push(prefix))
    }

    /// `path` is traced or not, whatever `OTEL_DEBUG` says. Not traced means: no span for the request and none inside.
    #[must_use]
    pub fn trace(self, path: &'static str, traced: bool) -> Self {
        self.with(|settings| settings.traced.push((path, traced)))
    }

    /// Ignores the baggage of callers: for a service at the edge, whose callers must not say who pays.
    #[must_use]
    pub fn ignore_remote_baggage(self) -> Self {
        self.with(|settings| settings.remote_baggage = false)
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }
}

impl<S> Layer<S> for ServerLayer {
    type Service = Server<S>;

    fn layer(&self, inner: S) -> Server<S> {
        Server { inner, settings: Arc::clone(&self.settings) }
    }
}

/// A service with the layer around it.
#[derive(Clone, Debug)]
pub struct Server<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S> Service<Request> for Server<S>
where
    S: Service<Request>,
    S::Response: IntoResponse,
    S::Future: Send + 'static,
    S::Error: 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let (parts, body) = request.into_parts();
        let received = Arc::new(AtomicU64::new(content_length(&parts.headers).unwrap_or(0)));
        let mut exchange = Exchange::begin(&self.settings, &parts, Arc::clone(&received));
        let body =
            if parts.headers.contains_key(header::CONTENT_LENGTH) { body } else { Counted::wrap(body, received) };
        let request = Request::from_parts(parts, body);

        let context = exchange.context().clone();
        let called = {
            let _scope = context.clone().attach();
            catch_unwind(AssertUnwindSafe(|| self.inner.call(request)))
        };
        Box::pin(async move {
            let outcome = match called {
                Ok(future) => AssertUnwindSafe(future.with_context(context)).catch_unwind().await,
                Err(payload) => Err(payload),
            };
            match outcome {
                Ok(Ok(response)) => Ok(answer(response.into_response(), exchange, None)),
                Ok(Err(error)) => {
                    exchange.end(End::Broken, 0);
                    Err(error)
                }
                Err(payload) => {
                    exchange.panicked(&*payload);
                    Ok(answer(internal_error(), exchange, Some(End::Panic)))
                }
            }
        })
    }
}

/// Adds the ids to the head and hands the exchange to the body; `end` ends it at once.
fn answer(response: Response, mut exchange: Exchange, end: Option<End>) -> Response {
    let (mut parts, body) = response.into_parts();
    exchange.answered(parts.status.as_u16());
    let ids = exchange.ids();
    let mut put = |name: HeaderName, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            parts.headers.insert(name, value);
        }
    };
    put(CORRELATION_HEADER, exchange.correlation().to_owned());
    if let Some((trace, span)) = ids {
        put(TRACE_HEADER, trace);
        put(SPAN_HEADER, span);
    }
    if let Some(end) = end {
        let length = http_body::Body::size_hint(&body).exact().unwrap_or(0);
        exchange.end(end, length);
        return Response::from_parts(parts, body);
    }
    Response::from_parts(parts, Answer::wrap(body, exchange))
}

/// What the client of a handler that panicked gets: RFC 9457, without a word about the inside.
fn internal_error() -> Response {
    const PROBLEM: &str = r#"{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"the server failed to handle the request"}"#;
    let head = [(header::CONTENT_TYPE, "application/problem+json")];
    (StatusCode::INTERNAL_SERVER_ERROR, head, Body::from(PROBLEM)).into_response()
}
