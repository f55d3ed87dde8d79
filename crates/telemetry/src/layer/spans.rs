//! `tracing` spans as OpenTelemetry spans.

use std::borrow::Cow;
use std::cell::RefCell;

use opentelemetry::trace::{SpanBuilder, TraceContextExt, Tracer};
use opentelemetry::{Context as Otel, ContextGuard};
use tracing::Subscriber;
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::fields::SpanFields;

/// A span's extension: the context in which it is the current span.
struct Own(Otel);

thread_local! {
    /// Spans that are entered on this thread, innermost last.
    static ENTERED: RefCell<Vec<(u64, ContextGuard)>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn start<S>(attributes: &Attributes<'_>, id: &Id, context: &Context<'_, S>)
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let Some(span) = context.span(id) else { return };
    let metadata = attributes.metadata();
    let mut fields = SpanFields { attributes: Vec::with_capacity(metadata.fields().len()), ..SpanFields::default() };
    attributes.record(&mut fields);
    let name = fields.name.map_or(Cow::Borrowed(metadata.name()), Cow::Owned);
    let mut builder = SpanBuilder::from_name(name);
    builder.span_kind = fields.kind;
    builder.attributes = Some(fields.attributes);
    let build = |parent: &Otel| {
        let otel = crate::process::with(|process| process.tracer.build_with_context(builder, parent));
        parent.with_span(otel)
    };
    let own = if attributes.is_contextual() {
        Otel::map_current(build)
    } else {
        // An explicit parent; none means a root.
        let parent = attributes.parent().and_then(|parent| of(parent, context));
        build(&parent.unwrap_or_default())
    };
    if let Some(status) = fields.status {
        own.span().set_status(status);
    }
    span.extensions_mut().insert(Own(own));
}

/// The context of a span that is still open.
pub(super) fn of<S>(id: &Id, context: &Context<'_, S>) -> Option<Otel>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let span = context.span(id)?;
    let extensions = span.extensions();
    extensions.get::<Own>().map(|own| own.0.clone())
}

pub(super) fn record<S>(id: &Id, values: &Record<'_>, context: &Context<'_, S>)
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let Some(own) = of(id, context) else { return };
    let mut fields = SpanFields::default();
    values.record(&mut fields);
    let span = own.span();
    span.set_attributes(fields.attributes);
    if let Some(name) = fields.name {
        span.update_name(name);
    }
    if let Some(status) = fields.status {
        span.set_status(status);
    }
}

pub(super) fn link<S>(id: &Id, follows: &Id, context: &Context<'_, S>)
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    if let (Some(own), Some(follows)) = (of(id, context), of(follows, context)) {
        own.span().add_link(follows.span().span_context().clone(), Vec::new());
    }
}

pub(super) fn enter<S>(id: &Id, context: &Context<'_, S>)
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let Some(own) = of(id, context) else { return };
    // A thread that is being torn down has no current span any more.
    let _ = ENTERED.try_with(|entered| {
        let scope = own.attach();
        entered.borrow_mut().push((id.into_u64(), scope));
    });
}

/// Spans are left in any order: a guard that is dropped out of turn is fine for OpenTelemetry.
pub(super) fn exit(id: &Id) {
    let left = ENTERED.try_with(|entered| {
        let mut entered = entered.borrow_mut();
        let at = entered.iter().rposition(|(entered, _)| *entered == id.into_u64());
        at.map(|at| entered.remove(at))
    });
    drop(left);
}

pub(super) fn close<S>(id: &Id, context: &Context<'_, S>)
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let Some(span) = context.span(id) else { return };
    let own = span.extensions_mut().remove::<Own>();
    // Others may hold the context (a task that was spawned below): the span ends now all the same.
    if let Some(own) = own {
        own.0.span().end();
    }
}
