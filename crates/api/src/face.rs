//! What the three faces share: who we are, whether we are ready, how long a query may take, and our own metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

/// Version and origin of the running binary, for the buildinfo endpoints.
#[derive(Clone, Debug, Default)]
pub struct BuildInfo {
    /// Semantic version, without a leading `v`.
    pub version: String,
    /// Source revision; empty when unknown.
    pub revision: String,
    /// Source branch; empty when unknown.
    pub branch: String,
    /// When it was built; empty when unknown.
    pub build_date: String,
}

/// Where the process is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Recovering; queries may miss data.
    Starting,
    /// Serving.
    Ready,
    /// Draining.
    Stopping,
}

/// The process's [`Phase`], shared by whoever sets it and whoever answers `/ready`. Begins as [`Phase::Starting`].
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicU8>);

impl Readiness {
    /// Moves to `phase`.
    pub fn set(&self, phase: Phase) {
        let number = match phase {
            Phase::Starting => 0,
            Phase::Ready => 1,
            Phase::Stopping => 2,
        };
        self.0.store(number, Ordering::Release);
    }

    /// The phase now.
    pub fn phase(&self) -> Phase {
        match self.0.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            _ => Phase::Stopping,
        }
    }
}

/// Renders the process's own metrics as Prometheus text, for `/metrics`.
pub type MetricsText = Arc<dyn Fn() -> String + Send + Sync>;

/// What every face is given.
#[derive(Clone)]
pub struct FaceSettings {
    /// Who we are.
    pub build: BuildInfo,
    /// Whether we are ready.
    pub readiness: Readiness,
    /// When the process started.
    pub started: Instant,
    /// How long one query may take before it is answered with a time-out.
    pub query_timeout: Duration,
    /// Body of `/metrics`.
    pub metrics: MetricsText,
    /// The effective configuration as YAML, for `/status/config` and `/config`; secrets already masked.
    pub config_yaml: String,
}

impl FaceSettings {
    /// Longest query unless configured otherwise (Prometheus' `--query.timeout` is 2 min, Loki's 1 min; we take the shorter).
    pub const QUERY_TIMEOUT: Duration = Duration::from_secs(60);

    /// Settings with the usual deadline, no metrics and no configuration to show.
    pub fn new(build: BuildInfo, readiness: Readiness) -> Self {
        Self {
            build,
            readiness,
            started: Instant::now(),
            query_timeout: Self::QUERY_TIMEOUT,
            metrics: Arc::new(String::new),
            config_yaml: String::new(),
        }
    }
}
