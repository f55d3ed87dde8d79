//! What the receivers know, for the console.

use std::sync::Arc;

use collector::telemetry::Telemetry;
use console::{IngestSource, Listener, Refusal};

/// Joins the open ports and the receivers' counters.
pub(crate) struct Ingest {
    pub(crate) listeners: Vec<Listener>,
    pub(crate) telemetry: Arc<Telemetry>,
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
}
