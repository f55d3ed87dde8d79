//! Spans by hand: a scope on this thread, a future, a task.

use std::borrow::Cow;
use std::error::Error;
use std::future::Future;

use opentelemetry::trace::{FutureExt, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, ContextGuard, Key, KeyValue, Value};

/// A span that is current on this thread until it is dropped. Not for code that awaits: see [`traced`].
pub struct TraceContext {
    context: Context,
    _scope: ContextGuard,
}

impl TraceContext {
    /// Opens a span below the current one and makes it current.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        let context = start(name);
        let scope = context.clone().attach();
        Self { context, _scope: scope }
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
        ids.is_valid().then(|| (ids.trace_id().to_string(), ids.span_id().to_string()))
    })
}

/// Records `error` with its causes as an exception event of the span of `context` and sets the error status.
pub fn record_error(context: &Context, error: &dyn Error) {
    let span = context.span();
    span.record_error(error);
    span.set_status(Status::error(error.to_string()));
}

fn start(name: impl Into<Cow<'static, str>>) -> Context {
    let parent = Context::current();
    let span = crate::tracer().start_with_context(name, &parent);
    parent.with_span(span)
}
