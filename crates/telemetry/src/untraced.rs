//! Work of which nothing is traced, such as health checks.

use opentelemetry::Context;
use opentelemetry::context::FutureExt;

/// Marks a context in which nothing is traced: layers make no spans there, and the sampler drops those of others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Untraced;

/// A context without any span, marked as [`Untraced`].
pub(crate) fn untraced_context() -> Context {
    Context::new().with_value(Untraced)
}

/// True inside a request that is not traced.
pub(crate) fn is_untraced(context: &Context) -> bool {
    context.get::<Untraced>().is_some()
}

/// Runs `future` without spans: for work that repeats for ever and tells nobody anything, such as looking for due jobs.
pub async fn untraced<F: Future>(future: F) -> F::Output {
    future.with_context(untraced_context()).await
}
