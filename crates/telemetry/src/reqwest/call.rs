//! One call: the span around sending, and what is told of it.

use std::sync::Arc;
use std::time::Duration;

use ::http::HeaderValue;
use ::reqwest::{Error, Request, Response, Url};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::context::FutureExt;
use opentelemetry::trace::{SpanKind, TraceContextExt};
use opentelemetry::{Context, KeyValue};

use super::body;
use super::client::Settings;
use super::metrics::Http;
use crate::http_facts::{content_length, is_internal_host, method, name_of_method, version};
use crate::operation::Operation;
use crate::semconv::{self, Names, old};

/// What the caller knows of a request besides the request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Meta {
    pub(super) template: Option<&'static str>,
    pub(super) resend_count: u32,
}

/// A running call; ended by the answer's body, by a failure, or by being dropped.
#[derive(Debug)]
pub(super) struct Call {
    operation: Operation,
    instruments: Arc<Http>,
    names: Names,
    /// Labels of active requests; those of the other metrics begin with them.
    labels: Vec<KeyValue>,
    active_labels: usize,
    request_bytes: u64,
    ended: bool,
}

/// Sends `request` in a span.
pub(super) async fn run(
    client: &::reqwest::Client,
    settings: &Settings,
    mut request: Request,
    meta: Meta,
) -> Result<Response, Error> {
    let parent = Context::current();
    let mut call = Call::begin(settings, &request, meta, &parent);
    propagate(settings, call.operation.context(), &mut request);
    let context = call.operation.context().clone();
    match client.execute(request).with_context(context).await {
        Ok(response) => Ok(body::wrap(response, call)),
        Err(mut error) => {
            call.failed(kind_of(&error));
            call.end(0);
            mask(&mut error);
            Err(error)
        }
    }
}

impl Call {
    fn begin(settings: &Settings, request: &Request, meta: Meta, parent: &Context) -> Self {
        let (method, original) = method(request.method());
        let name = name_of_method(method);
        let name = meta.template.map_or_else(|| name.to_owned(), |template| format!("{name} {template}"));
        let url = request.url();
        let mut labels = vec![KeyValue::new(semconv::HTTP_REQUEST_METHOD, method)];
        labels.extend(url.host_str().map(|host| KeyValue::new(semconv::SERVER_ADDRESS, host.to_owned())));
        labels.extend(url.port_or_known_default().map(|port| KeyValue::new(semconv::SERVER_PORT, i64::from(port))));
        labels.push(KeyValue::new(semconv::URL_SCHEME, url.scheme().to_owned()));
        labels.extend(meta.template.map(|template| KeyValue::new(semconv::URL_TEMPLATE, template)));

        let operation = Operation::start(&settings.providers, name, SpanKind::Client, parent, || {
            let mut set = labels.clone();
            let full = masked(url);
            set.extend(
                original.map(|original| KeyValue::new(semconv::HTTP_REQUEST_METHOD_ORIGINAL, original.to_owned())),
            );
            if meta.resend_count > 0 {
                set.push(KeyValue::new(semconv::HTTP_REQUEST_RESEND_COUNT, i64::from(meta.resend_count)));
            }
            if settings.names.old() {
                set.push(KeyValue::new(old::HTTP_METHOD, method));
                set.push(KeyValue::new(old::HTTP_URL, full.clone()));
                set.extend(url.host_str().map(|host| KeyValue::new(old::NET_PEER_NAME, host.to_owned())));
                set.extend(url.port_or_known_default().map(|port| KeyValue::new(old::NET_PEER_PORT, i64::from(port))));
            }
            set.push(KeyValue::new(semconv::URL_FULL, full));
            set
        });
        let instruments = settings.instruments.get();
        instruments.active.add(1, &labels);
        let known = request.body().and_then(|body| body.as_bytes()).map(|bytes| bytes.len() as u64);
        let request_bytes = known.or_else(|| content_length(request.headers())).unwrap_or(0);
        let active_labels = labels.len();
        Self { operation, instruments, names: settings.names, labels, active_labels, request_bytes, ended: false }
    }

    pub(super) fn context(&self) -> &Context {
        self.operation.context()
    }

    /// The answer's head is there. From 400 on the call failed, by the conventions for clients.
    pub(super) fn answered(&mut self, response: &Response) {
        let status = response.status().as_u16();
        let mut set = vec![KeyValue::new(semconv::HTTP_RESPONSE_STATUS_CODE, i64::from(status))];
        set.extend(
            version(response.version()).map(|version| KeyValue::new(semconv::NETWORK_PROTOCOL_VERSION, version)),
        );
        self.labels.extend(set.iter().cloned());
        if self.names.old() {
            set.push(KeyValue::new(old::HTTP_STATUS_CODE, i64::from(status)));
        }
        self.operation.set_all(set);
        if status >= 400 {
            self.failed(crate::http_facts::status_text(status));
        }
    }

    /// The call failed in the way that `kind` names.
    pub(super) fn failed(&mut self, kind: impl Into<std::borrow::Cow<'static, str>>) {
        let kind = kind.into();
        // The first failure is the cause.
        if !self.labels.iter().any(|label| label.key.as_str() == semconv::ERROR_TYPE) {
            self.labels.push(KeyValue::new(semconv::ERROR_TYPE, crate::operation::text(kind.clone())));
            self.operation.fail(kind, "");
        }
    }

    /// Ends the span and records the metrics; later calls do nothing.
    pub(super) fn end(&mut self, response_bytes: u64) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let elapsed: Duration = self.operation.elapsed();
        let size = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        self.operation.set_all([
            KeyValue::new(semconv::HTTP_REQUEST_BODY_SIZE, size(self.request_bytes)),
            KeyValue::new(semconv::HTTP_RESPONSE_BODY_SIZE, size(response_bytes)),
        ]);
        let _scope = self.operation.context().clone().attach();
        self.instruments.duration.record(elapsed.as_secs_f64(), &self.labels);
        self.instruments.request_bytes.record(self.request_bytes, &self.labels);
        self.instruments.response_bytes.record(response_bytes, &self.labels);
        if self.names.old() {
            self.instruments.old_duration.record(elapsed.as_secs_f64() * 1e3, &self.labels);
        }
        self.instruments.active.add(-1, &self.labels[..self.active_labels]);
        self.operation.end();
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // The caller dropped the future: it gave up waiting.
        if !self.ended {
            self.failed("cancelled");
            self.end(0);
        }
    }
}

/// Writes the span's context into the headers, and who the caller is where it may be known.
fn propagate(settings: &Settings, context: &Context, request: &mut Request) {
    let share = settings.baggage.unwrap_or_else(|| request.url().host_str().is_some_and(is_internal_host));
    if !share {
        let bare = Context::new().with_remote_span_context(context.span().span_context().clone());
        crate::inject_context(&bare, request.headers_mut());
        return;
    }
    crate::inject_context(context, request.headers_mut());
    let correlation =
        context.baggage().get(semconv::CORRELATION_ID).and_then(|id| HeaderValue::from_str(id.as_str()).ok());
    if let Some(correlation) = correlation {
        request.headers_mut().entry("x-correlation-id").or_insert(correlation);
    }
}

/// Why a call got no answer, as `error.type`: few words, no data.
pub(super) fn kind_of(error: &Error) -> &'static str {
    if error.is_timeout() {
        "timeout"
    } else if error.is_connect() {
        "connect"
    } else if error.is_redirect() {
        "redirect"
    } else if error.is_builder() {
        "builder"
    } else if error.is_body() || error.is_decode() {
        "response_body"
    } else {
        "request"
    }
}

/// The URL without what must not be known.
fn masked(url: &Url) -> String {
    crate::redactor().url(url.as_str()).into_owned()
}

/// Errors are logged and shown: their URL must hold no key.
pub(super) fn mask(error: &mut Error) {
    if let Some(url) = error.url_mut()
        && let Ok(safe) = Url::parse(&masked(url))
    {
        *url = safe;
    }
}
