//! What the receivers did: counters, gauges, the list of refused requests; rendered as Prometheus text on port 8888.
//!
//! | file | owns |
//! |---|---|
//! | `names.rs` | every metric's name, kind and help, once |
//! | `histogram.rs` | a histogram without locks |
//! | `refusals.rs` | the bounded list of refused requests |
//! | `process.rs` | CPU and memory from `/proc` |
//! | `render.rs` | the text format |

pub mod histogram;
pub mod names;
pub mod process;
pub mod refusals;
mod render;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use model::Kind;
use store_api::{Appended, StatusSource};

use crate::error::ReceiveError;
use crate::in_flight::InFlight;
use crate::pipeline::{Signal, Source};
use crate::redaction::{self, Masked};
use crate::status::status_of;
use histogram::{BYTE_BOUNDS, Histogram, RECORD_BOUNDS};
use refusals::{Refusal, Refusals};

const SOURCES: usize = Source::ALL.len();
const SIGNALS: usize = Signal::ALL.len();

/// Counters of one door and signal.
#[derive(Debug, Default)]
struct Intake {
    accepted: AtomicU64,
    refused: AtomicU64,
    requests_ok: AtomicU64,
    requests_refused: AtomicU64,
}

/// Counters of the way into the store, for one signal.
#[derive(Debug, Default)]
struct Outlet {
    sent: AtomicU64,
    send_failed: AtomicU64,
    enqueue_failed: AtomicU64,
    in_flight: AtomicU64,
}

/// All counters. Shared; written without locks but for the list of refusals.
pub struct Telemetry {
    started: Instant,
    version: &'static str,
    intake: [[Intake; SIGNALS]; SOURCES],
    outlet: [Outlet; SIGNALS],
    batch_records: Histogram,
    batch_bytes: Histogram,
    /// Masked values by signal and kind.
    redacted: [[AtomicU64; redact::Kind::ALL.len()]; SIGNALS],
    refusals: Mutex<Refusals>,
    in_flight: OnceLock<InFlight>,
    store: OnceLock<Arc<dyn StatusSource>>,
}

/// Records of one door and signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntakeSnapshot {
    /// The door.
    pub source: Source,
    /// The signal.
    pub signal: Signal,
    /// Records accepted since start.
    pub accepted: u64,
    /// Records refused since start.
    pub refused: u64,
    /// Requests answered with success, partial ones included.
    pub requests_ok: u64,
    /// Requests refused as a whole.
    pub requests_refused: u64,
}

/// The counters as they stood.
#[derive(Clone, Debug)]
pub struct TelemetrySnapshot {
    /// By door and signal.
    pub intake: Vec<IntakeSnapshot>,
    /// Refused requests by reason, the newest first.
    pub refusals: Vec<Refusal>,
    /// Secrets masked since start, by signal.
    pub redacted: [u64; SIGNALS],
    /// Requests being appended now.
    pub in_flight_requests: u64,
    /// Bytes that requests under way hold.
    pub in_flight_bytes: u64,
}

/// Marks an append as under way until dropped, also when its sender goes away.
pub struct UnderWay<'a>(&'a AtomicU64);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Telemetry {
    /// All zero. `version` is the program's.
    pub fn new(version: &'static str) -> Self {
        Self {
            started: Instant::now(),
            version,
            intake: Default::default(),
            outlet: Default::default(),
            batch_records: Histogram::new(RECORD_BOUNDS),
            batch_bytes: Histogram::new(BYTE_BOUNDS),
            redacted: Default::default(),
            refusals: Mutex::default(),
            in_flight: OnceLock::new(),
            store: OnceLock::new(),
        }
    }

    /// Shows the use of `pool`; only the first call counts.
    pub fn watch_in_flight(&self, pool: InFlight) {
        // A second pool would be a mistake of the wiring; the first one stays.
        let _ = self.in_flight.set(pool);
    }

    /// Shows the state of `store`; only the first call counts.
    pub fn watch_store(&self, store: Arc<dyn StatusSource>) {
        let _ = self.store.set(store);
    }

    /// An append begins; it ends when the guard is dropped.
    pub fn append_begins(&self, signal: Signal) -> UnderWay<'_> {
        let in_flight = &self.outlet[signal.index()].in_flight;
        in_flight.fetch_add(1, Ordering::Relaxed);
        UnderWay(in_flight)
    }

    /// A request of `bytes` was stored, perhaps in part.
    pub fn appended(&self, source: Source, signal: Signal, bytes: usize, appended: &Appended) {
        let intake = &self.intake[source.index()][signal.index()];
        intake.accepted.fetch_add(appended.accepted, Ordering::Relaxed);
        intake.requests_ok.fetch_add(1, Ordering::Relaxed);
        self.outlet[signal.index()].sent.fetch_add(appended.accepted, Ordering::Relaxed);
        self.batch_records.observe(appended.accepted + appended.rejected);
        self.batch_bytes.observe(bytes as u64);
        if appended.rejected > 0 {
            intake.refused.fetch_add(appended.rejected, Ordering::Relaxed);
            let reason = appended.reason.as_deref().unwrap_or("no reason given");
            self.list_refusal(source, Some(signal), "", &redaction::reason(reason));
        }
    }

    /// Secrets of a request were masked.
    pub fn redacted(&self, signal: Signal, masked: &Masked) {
        for (counter, count) in self.redacted[signal.index()].iter().zip(masked) {
            counter.fetch_add(*count, Ordering::Relaxed);
        }
    }

    /// The store refused a request of `records`.
    pub fn append_failed(&self, source: Source, signal: Signal, records: u64, error: &ReceiveError) {
        self.intake[source.index()][signal.index()].refused.fetch_add(records, Ordering::Relaxed);
        let outlet = &self.outlet[signal.index()];
        match error.kind() {
            Kind::InvalidInput => {}
            Kind::Exhausted => drop(outlet.enqueue_failed.fetch_add(records, Ordering::Relaxed)),
            _ => drop(outlet.send_failed.fetch_add(records, Ordering::Relaxed)),
        }
    }

    /// A request was answered with an error, by the store or before it got there.
    pub fn refused(&self, source: Source, signal: Option<Signal>, listener: &'static str, error: &ReceiveError) {
        // Requests that name no signal are counted with the door's first one: the label set has no place for them.
        let counted = signal.unwrap_or(source.signals()[0]);
        self.intake[source.index()][counted.index()].requests_refused.fetch_add(1, Ordering::Relaxed);
        // The reason may repeat a piece of the request, or its path.
        let reason = redaction::reason(&error.to_string());
        let status = status_of(error);
        tracing::debug!(
            receiver = source.receiver(),
            transport = source.transport(),
            listener,
            status = status.http.as_u16(),
            reason,
            "request refused"
        );
        self.list_refusal(source, signal, listener, &reason);
    }

    fn list_refusal(&self, source: Source, signal: Option<Signal>, listener: &'static str, reason: &str) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.add(source, signal, listener, reason);
    }

    /// The counters now.
    pub fn snapshot(&self) -> TelemetrySnapshot {
        let mut intake = Vec::new();
        for source in Source::ALL {
            for &signal in source.signals() {
                let counters = &self.intake[source.index()][signal.index()];
                intake.push(IntakeSnapshot {
                    source,
                    signal,
                    accepted: counters.accepted.load(Ordering::Relaxed),
                    refused: counters.refused.load(Ordering::Relaxed),
                    requests_ok: counters.requests_ok.load(Ordering::Relaxed),
                    requests_refused: counters.requests_refused.load(Ordering::Relaxed),
                });
            }
        }
        let refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner).newest_first();
        let in_flight_requests = self.outlet.iter().map(|outlet| outlet.in_flight.load(Ordering::Relaxed)).sum();
        let in_flight_bytes = self.in_flight.get().map_or(0, |pool| pool.bytes_used() as u64);
        let sum = |kinds: &[AtomicU64]| kinds.iter().map(|count| count.load(Ordering::Relaxed)).sum();
        let redacted = std::array::from_fn(|signal| sum(&self.redacted[signal]));
        TelemetrySnapshot { intake, refusals, redacted, in_flight_requests, in_flight_bytes }
    }

    /// The metrics in Prometheus text format 0.0.4.
    pub fn render(&self) -> String {
        render::render(self)
    }
}

/// Serves `GET /metrics`.
pub fn router(telemetry: Arc<Telemetry>) -> axum::Router {
    let metrics = move || {
        let text = telemetry.render();
        async move { ([(http::header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text) }
    };
    axum::Router::new().route("/metrics", axum::routing::get(metrics))
}
