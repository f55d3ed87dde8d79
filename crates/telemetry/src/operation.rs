//! One instrumented operation: a span that the OpenTelemetry API began, its context and its clock.
//!
//! The layers make such spans themselves instead of `tracing` spans: a log filter must not switch off traces, attributes are
//! free in name and number, and it costs a third. The context of the span is attached whenever the operation is polled,
//! so `tracing` events and spans inside belong to it.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use opentelemetry::trace::{SpanBuilder, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};

use crate::providers::Providers;
use crate::semconv;
use crate::untraced::is_untraced;

/// A running operation. Whoever holds it ends it; a dropped one ends its span as it stands.
#[derive(Debug)]
pub(crate) struct Operation {
    context: Context,
    recording: bool,
    started: Instant,
}

impl Operation {
    /// Begins a span below `parent`; `attributes` are asked for only when the parent's request is traced.
    pub(crate) fn start(
        providers: &Providers,
        name: impl Into<Cow<'static, str>>,
        kind: SpanKind,
        parent: &Context,
        attributes: impl FnOnce() -> Vec<KeyValue>,
    ) -> Self {
        let started = Instant::now();
        if is_untraced(parent) {
            return Self { context: parent.clone(), recording: false, started };
        }
        let builder = SpanBuilder {
            span_kind: Some(kind),
            name: name.into(),
            attributes: Some(attributes()),
            ..Default::default()
        };
        let tracer = providers.tracer();
        let context = parent.with_span(tracer.build_with_context(builder, parent));
        let recording = context.span().is_recording();
        Self { context, recording, started }
    }

    /// The context to run the work in.
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// True when attributes are kept; otherwise there is no need to compute them.
    pub(crate) fn is_recording(&self) -> bool {
        self.recording
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn set(&self, attribute: KeyValue) {
        if self.recording {
            self.context.span().set_attribute(attribute);
        }
    }

    pub(crate) fn set_all(&self, attributes: impl IntoIterator<Item = KeyValue>) {
        if self.recording {
            self.context.span().set_attributes(attributes);
        }
    }

    pub(crate) fn event(&self, name: &'static str, attributes: Vec<KeyValue>) {
        if self.recording {
            self.context.span().add_event(name, attributes);
        }
    }

    /// Error status and `error.type`. `description` must hold no data of users; empty where the type says it all.
    pub(crate) fn fail(&self, kind: impl Into<Cow<'static, str>>, description: impl Into<Cow<'static, str>>) {
        if self.recording {
            let span = self.context.span();
            span.set_attribute(KeyValue::new(semconv::ERROR_TYPE, text(kind.into())));
            span.set_status(Status::error(description));
        }
    }

    /// Ends the span; what is set later is lost.
    pub(crate) fn end(&self) {
        if self.recording {
            self.context.span().end();
        }
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        if self.recording {
            self.context.span().end();
        }
    }
}

/// An attribute value that copies only what must be copied.
pub(crate) fn text(text: Cow<'static, str>) -> opentelemetry::StringValue {
    match text {
        Cow::Borrowed(text) => text.into(),
        Cow::Owned(text) => text.into(),
    }
}
