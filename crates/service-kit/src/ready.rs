//! Readiness: real checks of what a service needs, each with a deadline.
//!
//! Two services that need each other must check `/health` of the other ([`crate::http::Peer::check`] does), never `/ready`: that
//! would call back for ever.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use utoipa::ToSchema;

type Probe = dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync;

/// A check of one component that the service cannot work without.
#[derive(Clone)]
pub struct Check {
    name: &'static str,
    probe: Arc<Probe>,
}

impl Check {
    /// A check called `name`; `probe` gives the reason when the component is down. It is dropped at the deadline (READY_TIMEOUT).
    pub fn new<P, F, E>(name: &'static str, probe: P) -> Self
    where
        P: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        let probe = Arc::new(probe);
        Self {
            name,
            probe: Arc::new(move || {
                let probe = probe.clone();
                Box::pin(async move { probe().await.map_err(|error| error.to_string()) })
            }),
        }
    }

    /// The component's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Runs the check once.
    pub async fn run(&self, limit: Duration) -> Outcome {
        let begin = Instant::now();
        let reason = match tokio::time::timeout(limit, (self.probe)()).await {
            Ok(Ok(())) => None,
            Ok(Err(reason)) => Some(reason),
            Err(_) => Some(format!("no answer within {} ms", limit.as_millis())),
        };
        Outcome {
            status: if reason.is_none() { "ok" } else { "failed" },
            reason,
            duration_ms: u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Check").field(&self.name).finish()
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Outcome {
    /// `ok` or `failed`.
    #[schema(value_type = String)]
    pub status: &'static str,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How long the check took, milliseconds.
    pub duration_ms: u64,
}
