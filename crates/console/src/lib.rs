//! The console (port 3000): `/api/health` and a plain status page, until the web application arrives.

use std::sync::Arc;

use axum::Router;
use store_api::StatusSource;

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

/// All routes of the console. It sets no fallback.
pub fn router(_state: ConsoleState) -> Router {
    Router::new()
}
