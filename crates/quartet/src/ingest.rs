//! What the receivers know, for the console.

use std::sync::Arc;

use collector::pipeline::Signal;
use collector::telemetry::Telemetry;
use console::{IngestSource, Listener, Refusal};

/// Joins the open ports and the receivers' counters.
pub(crate) struct Ingest {
    pub(crate) listeners: Vec<Listener>,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) redacts: bool,
}

impl IngestSource for Ingest {
    fn listeners(&self) -> Vec<Listener> {
        self.listeners.clone()
    }

    fn refusals(&self) -> Vec<Refusal> {
        let convert = |refusal: collector::telemetry::refusals::Refusal| Refusal {
            receiver: format!("{}/{}", refusal.source.receiver(), refusal.source.transport()),
            signal: refusal.signal.map(|signal| signal.name().to_owned()).unwrap_or_default(),
            reason: refusal.reason,
            count: refusal.count,
            last_unix_secs: refusal.last.secs(),
        };
        self.telemetry.snapshot().refusals.into_iter().map(convert).collect()
    }

    fn redacted(&self) -> Vec<(String, u64)> {
        if !self.redacts {
            return Vec::new();
        }
        let counts = self.telemetry.snapshot().redacted;
        Signal::ALL.iter().zip(counts).map(|(signal, count)| (signal.name().to_owned(), count)).collect()
    }
}
