//! Where spans go when they end.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use crate::business;
use crate::export::Queue;

/// The one span processor of a pipeline: with a second one the SDK would copy every span.
#[derive(Clone, Debug)]
pub(crate) enum SpanSink {
    /// To the exporter.
    Queue(Arc<Queue<SpanData>>),
    /// For tests.
    Memory(Arc<Mutex<Vec<SpanData>>>),
    /// Nowhere.
    Nothing,
}

impl SpanProcessor for SpanSink {
    fn on_start(&self, span: &mut Span, parent: &Context) {
        business::mark(span, parent);
    }

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        match self {
            Self::Queue(queue) => queue.push(span),
            Self::Memory(spans) => spans.lock().unwrap_or_else(PoisonError::into_inner).push(span),
            Self::Nothing => {}
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    /// The guard stops the queue itself: it wants to know what was lost.
    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}
