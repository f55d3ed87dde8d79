//! The console (port 3000): `/api/health` and a plain status page, until the web application arrives.
//!
//! | module | owns |
//! |---|---|
//! | `page` | the page: listeners, signals, retention, refused requests |
//! | `paste` | the lines by which a sender or a Grafana is pointed here |
//! | `report` | the same facts as JSON |
//! | `rates` | rows a second, from the store's counters |
//! | `text` | sizes, counts, times and HTML escapes |
//!
//! Deliberately not here: queries, sessions, scripts. The page is rendered on the server and reloads itself.

mod page;
mod paste;
mod rates;
mod report;
mod text;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, header};
use model::UnixNanos;
use serde_json::json;
use store_api::{StatusSource, StoreStatus};

use rates::RateWindow;

/// One open port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listener {
    /// Name as in flags and configuration: `otlp-grpc`, `tempo`, …
    pub name: String,
    /// `host:port` as bound; empty when switched off.
    pub address: String,
}

/// One reason for which requests were refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// Receiver and transport, such as `otlp/grpc`.
    pub receiver: String,
    /// `traces`, `logs` or `metrics`.
    pub signal: String,
    /// The error text that the sender was given.
    pub reason: String,
    /// How often since start.
    pub count: u64,
    /// When last, Unix seconds.
    pub last_unix_secs: u64,
}

/// What the receivers know that the store does not.
pub trait IngestSource: Send + Sync {
    /// The ports that are open.
    fn listeners(&self) -> Vec<Listener>;
    /// Refused requests by reason, the newest first; a bounded list.
    fn refusals(&self) -> Vec<Refusal>;
    /// Secrets masked since start, by signal (`traces`, `metrics`, `logs`); empty when redaction is off.
    fn redacted(&self) -> Vec<(String, u64)>;
}

/// What the console is given.
#[derive(Clone)]
pub struct ConsoleState {
    /// Version of the binary.
    pub version: String,
    /// Source revision; empty when unknown.
    pub revision: String,
    /// The store's state.
    pub store: Arc<dyn StatusSource>,
    /// The receivers' state.
    pub ingest: Arc<dyn IngestSource>,
}

/// The state with what the console keeps itself.
#[derive(Clone)]
struct Console {
    given: ConsoleState,
    rates: Arc<RateWindow>,
}

/// All that the page and the report show, read at one moment.
struct Facts {
    version: String,
    revision: String,
    now: UnixNanos,
    listeners: Vec<Listener>,
    refusals: Vec<Refusal>,
    redacted: Vec<(String, u64)>,
    store: StoreStatus,
    /// Rows a second, in the order of `store.signals`.
    rates: Vec<f64>,
}

impl Console {
    fn facts(&self) -> Facts {
        let store = self.given.store.status();
        let accepted = store.signals.iter().map(|signal| signal.accepted).collect();
        Facts {
            version: self.given.version.clone(),
            revision: self.given.revision.clone(),
            now: UnixNanos::now(),
            listeners: self.given.ingest.listeners(),
            refusals: self.given.ingest.refusals(),
            redacted: self.given.ingest.redacted(),
            rates: self.rates.observe(std::time::Instant::now(), accepted),
            store,
        }
    }
}

/// All routes of the console. It sets no fallback.
pub fn router(state: ConsoleState) -> Router {
    let accepted = state.store.status().signals.iter().map(|signal| signal.accepted).collect();
    let rates = Arc::new(RateWindow::new(std::time::Instant::now(), accepted));
    Router::new()
        .route("/", get(show_page))
        .route("/api/health", get(health))
        .route("/api/status", get(show_report))
        .with_state(Console { given: state, rates })
}

/// Grafana's shape, which probes written for it look for.
async fn health(State(console): State<Console>) -> Response {
    let body = json!({
        "database": "ok",
        "version": console.given.version,
        "commit": console.given.revision,
    });
    axum::Json(body).into_response()
}

async fn show_report(State(console): State<Console>) -> Response {
    axum::Json(report::report(&console.facts())).into_response()
}

async fn show_page(State(console): State<Console>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        // The page has no scripts and loads nothing; whatever a sender smuggles into a reason must not change that.
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(
                "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
            ),
        ),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, page::render(&console.facts())).into_response()
}

#[cfg(test)]
mod tests;
