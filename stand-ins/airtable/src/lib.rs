//! A local server that answers like the Airtable Web API, for tests and the demo. Nobody but them knows that it exists.
//!
//! | module | what |
//! |---|---|
//! | `formula` | the formula language: lexer, parser, values, functions |
//! | `data` | bases, tables, records and what may be done with them; knows no HTTP |
//! | `seed` | the bases that a fresh server holds, the same for the same seed |
//! | `limits` | requests a second for each base, and the penalty |
//! | `scenario` | failures on demand |
//! | `http` | the API itself, and `/mock` for tests |
//!
//! Not here: comments, attachments' contents, webhooks, creating tables and fields, OAuth, the limit of 50 requests a second for each user.

mod data;
mod error;
mod formula;
mod http;
mod limits;
mod scenario;
mod seed;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub use error::ApiError;
pub use scenario::{Rule, Scenario};

use crate::http::{Shared, lock};

/// How a server behaves. The default is the real server's manner with a fresh set of data.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The same seed gives the same ids and records.
    pub seed: u64,
    /// Requests a second for each base.
    pub rate: usize,
    /// How long a base refuses after a request over the limit; the real server's 30 s are long for a test.
    pub penalty: Duration,
    /// How long an offset stays good.
    pub offset_lifetime: Duration,
    /// Time before each answer.
    pub latency: Duration,
    /// The tokens that are let in; empty lets in all of the right form.
    pub tokens: Vec<String>,
    /// Calls that fail.
    pub fail: Vec<Rule>,
    /// The time that formulas and new records see; `None` is the machine's clock.
    pub now: Option<DateTime<Utc>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            seed: 1,
            rate: 5,
            penalty: Duration::from_secs(30),
            // The real lifetime is not published; clients saw some minutes.
            offset_lifetime: Duration::from_secs(300),
            latency: Duration::ZERO,
            tokens: Vec::new(),
            fail: Vec::new(),
            now: None,
        }
    }
}

/// A call that came in.
#[derive(Debug, Clone)]
pub struct Call {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path behind `/v0`, as it was sent.
    pub path: String,
    /// The query string, as it was sent.
    pub query: String,
    /// The W3C header, if there was one.
    pub traceparent: Option<String>,
    /// When it came in.
    pub at: Instant,
}

/// A running server. Dropping it stops it without waiting.
pub struct StandIn {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<std::io::Result<()>>>,
}

impl StandIn {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What `AIRTABLE_BASE_URL` has to be.
    pub fn base_url(&self) -> String {
        format!("http://{}/v0", self.address)
    }

    /// The next `count` calls fail so.
    pub fn fail_next(&self, count: usize, scenario: &Scenario) {
        lock(&self.shared.calls).to_fail.extend(std::iter::repeat_n(scenario.clone(), count));
    }

    /// The calls since the start, the last 1,000 of them.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.shared.calls).seen.iter().cloned().collect()
    }

    /// Answers what is under way, then ends.
    ///
    /// # Errors
    /// The server's own I/O error.
    pub async fn stop(mut self) -> std::io::Result<()> {
        drop(self.stop.take());
        match self.task.take() {
            Some(task) => task.await.map_err(std::io::Error::other)?,
            None => Ok(()),
        }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Starts a server.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn start(options: Options) -> std::io::Result<StandIn> {
    let listener = TcpListener::bind(options.listen).await?;
    let address = listener.local_addr()?;
    let shared = Arc::new(Shared {
        world: Mutex::new(seed::world(&options)),
        limits: Mutex::new(limits::Limits::new(options.rate, options.penalty)),
        calls: Mutex::default(),
        options,
    });
    let (stop, stopped) = oneshot::channel::<()>();
    let router = http::router(&shared);
    let task = tokio::spawn(async move {
        let ended = async {
            // The sender is dropped, never used: either way it is the end.
            let _ = stopped.await;
        };
        axum::serve(listener, router).with_graceful_shutdown(ended).await
    });
    Ok(StandIn { address, shared, stop: Some(stop), task: Some(task) })
}
