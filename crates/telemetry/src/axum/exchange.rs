//! A running request. It ends once: with the last byte of its answer, with a failure of it, with a panic, or when the client is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::Method;
use http::request::Parts;
use opentelemetry::trace::{SpanKind, TraceContextExt};
use opentelemetry::{Context, KeyValue};

use super::facts::Facts;
use super::identity;
use super::layer::Settings;
use super::metrics::Http;
use crate::hex::hex;
use crate::operation::Operation;
use crate::semconv::{self, old};
use crate::untraced::untraced_context;

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The answer went out whole.
    Complete,
    /// The answer's body failed on its way: the client got a part of it.
    Broken,
    /// The handler or the body panicked.
    Panic,
    /// The client went away before it had its answer.
    Disconnected,
}

impl End {
    fn error(self) -> Option<&'static str> {
        match self {
            Self::Complete => None,
            Self::Broken => Some("response_body"),
            Self::Panic => Some("panic"),
            Self::Disconnected => Some("client_disconnected"),
        }
    }
}

#[derive(Debug)]
pub(super) struct Exchange {
    settings: Arc<Settings>,
    instruments: Arc<Http>,
    operation: Operation,
    facts: Facts,
    correlation: String,
    status: Option<u16>,
    request_bytes: Arc<AtomicU64>,
    /// The client asked for the head alone, so nobody reads the body.
    head_only: bool,
    ended: bool,
}

impl Exchange {
    /// Begins the span and counts the request as active. `request_bytes` is what the body's counter fills.
    pub(super) fn begin(settings: &Arc<Settings>, parts: &Parts, request_bytes: Arc<AtomicU64>) -> Self {
        let facts = Facts::of(parts, &settings.prefixes);
        let remote = settings.remote(&parts.headers);
        let correlation = identity::correlation(&parts.headers, &remote);
        let parent = if settings.is_untraced(parts.uri.path()) {
            untraced_context()
        } else {
            identity::onto(&identity::business(&parts.headers), &correlation, &remote)
        };
        let operation = Operation::start(&settings.providers, facts.span_name(), SpanKind::Server, &parent, || {
            let mut attributes = facts.attributes(parts, settings.names);
            attributes.push(KeyValue::new(semconv::CORRELATION_ID, correlation.clone()));
            attributes
        });
        let instruments = settings.instruments.get();
        instruments.active.add(1, &facts.active_labels());
        Self {
            settings: Arc::clone(settings),
            instruments,
            operation,
            facts,
            correlation,
            status: None,
            request_bytes,
            head_only: parts.method == Method::HEAD,
            ended: false,
        }
    }

    /// The context that the handler and the body run in.
    pub(super) fn context(&self) -> &Context {
        self.operation.context()
    }

    pub(super) fn correlation(&self) -> &str {
        &self.correlation
    }

    /// Trace and span id, when the request has a span.
    pub(super) fn ids(&self) -> Option<(String, String)> {
        let span = self.context().span();
        let ids = span.span_context();
        ids.is_valid().then(|| (hex(&ids.trace_id().to_bytes()), hex(&ids.span_id().to_bytes())))
    }

    pub(super) fn head_only(&self) -> bool {
        self.head_only
    }

    /// The head of the answer is known.
    pub(super) fn answered(&mut self, status: u16) {
        self.status = Some(status);
        self.operation.set(KeyValue::new(semconv::HTTP_RESPONSE_STATUS_CODE, i64::from(status)));
        if self.settings.names.old() {
            self.operation.set(KeyValue::new(old::HTTP_STATUS_CODE, i64::from(status)));
        }
    }

    /// Records a panic's message as an exception, on the span and in the log.
    pub(super) fn panicked(&self, payload: &(dyn std::any::Any + Send)) {
        let message =
            payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let message = crate::redactor().text(message.unwrap_or("a value that is no text")).into_owned();
        let _scope = self.context().clone().attach();
        tracing::error!(http.route = self.facts.route.as_deref(), exception.message = %message, "handler panicked");
        let exception =
            vec![KeyValue::new(semconv::EXCEPTION_TYPE, "panic"), KeyValue::new(semconv::EXCEPTION_MESSAGE, message)];
        self.operation.event("exception", exception);
    }

    /// Ends the exchange; later calls do nothing.
    pub(super) fn end(&mut self, end: End, response_bytes: u64) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let elapsed = self.operation.elapsed();
        let request_bytes = self.request_bytes.load(Ordering::Relaxed);
        let error = end
            .error()
            .map(str::to_owned)
            .or_else(|| self.status.filter(|status| *status >= 500).map(|status| status.to_string()));

        if self.operation.is_recording() {
            let size = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
            self.operation.set_all([
                KeyValue::new(semconv::HTTP_REQUEST_BODY_SIZE, size(request_bytes)),
                KeyValue::new(semconv::HTTP_RESPONSE_BODY_SIZE, size(response_bytes)),
                KeyValue::new(semconv::PERFORMANCE_BUCKET, crate::performance_bucket(elapsed)),
            ]);
            if self.settings.names.old() {
                self.operation.set_all([
                    KeyValue::new(old::HTTP_REQUEST_CONTENT_LENGTH, size(request_bytes)),
                    KeyValue::new(old::HTTP_RESPONSE_CONTENT_LENGTH, size(response_bytes)),
                ]);
            }
            self.record_outcome(end, error.as_deref());
        }

        let mut labels = self.facts.labels();
        labels.extend(self.status.map(|status| KeyValue::new(semconv::HTTP_RESPONSE_STATUS_CODE, i64::from(status))));
        labels.extend(error.map(|error| KeyValue::new(semconv::ERROR_TYPE, error)));
        // The SDK takes exemplars from the current context.
        let _scope = self.context().clone().attach();
        self.instruments.duration.record(elapsed.as_secs_f64(), &labels);
        self.instruments.request_bytes.record(request_bytes, &labels);
        self.instruments.response_bytes.record(response_bytes, &labels);
        if self.settings.names.old() {
            self.instruments.old_duration.record(elapsed.as_secs_f64() * 1e3, &self.old_labels());
        }
        self.instruments.active.add(-1, &self.facts.active_labels());
        self.operation.end();
    }

    fn record_outcome(&self, end: End, error: Option<&str>) {
        match (end, error) {
            // The service did nothing wrong: the status stays unset.
            (End::Disconnected, _) => {
                self.operation.set(KeyValue::new(semconv::ERROR_TYPE, "client_disconnected"));
                self.operation.event("client disconnected", Vec::new());
            }
            (_, Some(error)) => self.operation.fail(error.to_owned(), ""),
            _ => {}
        }
    }

    fn old_labels(&self) -> Vec<KeyValue> {
        let mut labels = vec![
            KeyValue::new(old::HTTP_METHOD, self.facts.method),
            KeyValue::new(old::HTTP_SCHEME, self.facts.scheme),
        ];
        labels.extend(self.facts.route.as_ref().map(|route| KeyValue::new(semconv::HTTP_ROUTE, route.clone())));
        labels.extend(self.status.map(|status| KeyValue::new(old::HTTP_STATUS_CODE, i64::from(status))));
        labels
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // Nobody ended it: the future that held it was dropped, as hyper does when the connection closes.
        self.end(End::Disconnected, 0);
    }
}
