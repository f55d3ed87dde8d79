//! Spans by hand: a scope on this thread, a future, a task.

use std::borrow::Cow;
use std::error::Error;
use std::future::Future;

use opentelemetry::trace::{FutureExt, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, ContextGuard, Key, KeyValue, Value};

use crate::attributes::Business;
use crate::hex::hex;

/// A span that is current on this thread until it is dropped. Not for code that awaits: see [`traced`].
pub struct TraceContext {
    context: Context,
    scope: Option<ContextGuard>,
}

impl TraceContext {
    /// Opens a span below the current one and makes it current.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        let context = start(name);
        let scope = Some(context.clone().attach());
        Self { context, scope }
    }

    /// Runs `work` in a span of its own; an error becomes the span's status.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn run<T, E: Error + 'static>(
        name: impl Into<Cow<'static, str>>,
        work: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let span = Self::new(name);
        let result = work(&span);
        if let Err(error) = &result {
            span.record_error(error);
        }
        result
    }

    /// Sets an attribute.
    pub fn set(&self, key: impl Into<Key>, value: impl Into<Value>) {
        self.context.span().set_attribute(KeyValue::new(key, value));
    }

    /// Records `error` with its causes as an exception and sets the error status.
    pub fn record_error(&self, error: &dyn Error) {
        record_error(&self.context, error);
    }

    /// Marks the span, the spans that start below it from now on, and what is sent to services called from there.
    pub fn set_business(&mut self, business: &Business) {
        let entries = business.entries().map(|(key, value)| KeyValue::new(key, value.to_owned()));
        self.context.span().set_attributes(entries);
        self.context = business.onto(&self.context);
        // The old scope first: scopes of one thread nest.
        drop(self.scope.take());
        self.scope = Some(self.context.clone().attach());
    }

    /// The span's context, to hand to other threads or to `inject`.
    pub fn context(&self) -> &Context {
        &self.context
    }
}

impl Drop for TraceContext {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.context.span().set_status(Status::error("panic"));
        }
        self.context.span().end();
    }
}

/// Runs a future in a span of its own, which is current whenever the future is polled.
pub async fn traced<F: Future>(name: impl Into<Cow<'static, str>>, future: F) -> F::Output {
    let context = start(name);
    let output = future.with_context(context.clone()).await;
    context.span().end();
    output
}

/// `tokio::spawn` for a future that keeps the caller's span and baggage.
pub fn spawn<F>(future: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(future.with_context(Context::current()))
}

/// Trace and span id of the current span, lower-case hexadecimal; `None` outside one.
pub fn current_ids() -> Option<(String, String)> {
    Context::map_current(|context| {
        let span = context.span();
        let ids = span.span_context();
        ids.is_valid().then(|| (hex(&ids.trace_id().to_bytes()), hex(&ids.span_id().to_bytes())))
    })
}

/// Records `error` with its causes as an exception event of the span of `context` and sets the error status.
pub fn record_error(context: &Context, error: &dyn Error) {
    let span = context.span();
    let message = with_causes(error);
    span.add_event("exception", vec![KeyValue::new("exception.message", message.clone())]);
    span.set_status(Status::error(message));
}

/// What OpenTelemetry knows of a `tracing` span.
pub trait SpanExt {
    /// The context in which this span is the current one: for `inject_context`, or as a parent.
    fn context(&self) -> Context;

    /// Sets an attribute that need not be declared with the span.
    fn set_attribute(&self, key: impl Into<Key>, value: impl Into<Value>);
}

impl SpanExt for tracing::Span {
    fn context(&self) -> Context {
        self.in_scope(Context::current)
    }

    fn set_attribute(&self, key: impl Into<Key>, value: impl Into<Value>) {
        let attribute = KeyValue::new(key, value);
        self.in_scope(|| Context::map_current(|context| context.span().set_attribute(attribute)));
    }
}

/// An error and its causes: `reading config: no such file`.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn start(name: impl Into<Cow<'static, str>>) -> Context {
    Context::map_current(|parent| {
        let span = crate::process::with(|process| process.tracer.start_with_context(name, parent));
        parent.with_span(span)
    })
}
