//! What the three faces share: who we are, whether we are ready, how long a query may take, and our own metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use store_api::StoreError;
use tokio::sync::Semaphore;

use crate::error::ReadError;

/// Fewest reads that may run at once, on however small a machine: a slow one must not block the quick ones.
const READS_MIN: usize = 8;

/// Reads that may run at once for each CPU. They are bound by the CPU, so more would only cost memory.
const READS_PER_CPU: usize = 4;

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
    /// Places for reads that run at once, over all faces that share these settings.
    reads: Arc<Semaphore>,
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
            reads: Arc::new(Semaphore::new(reads_max())),
        }
    }

    /// Runs `read` on the blocking pool, within the deadline. When the client goes away while the read waits for its place,
    /// it never begins; a read that has begun runs to its end and keeps its place, so that abandoned reads stay bounded.
    pub(crate) async fn read<T, F>(&self, read: F) -> Result<T, ReadError>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, StoreError> + Send + 'static,
    {
        self.read_within(self.query_timeout, read).await
    }

    /// As [`FaceSettings::read`] with a deadline of the client's own; ours still holds.
    pub(crate) async fn read_within<T, F>(&self, timeout: Duration, read: F) -> Result<T, ReadError>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, StoreError> + Send + 'static,
    {
        let timeout = timeout.min(self.query_timeout);
        let deadline = tokio::time::Instant::now() + timeout;
        let waiting = tokio::time::timeout_at(deadline, self.reads.clone().acquire_owned()).await;
        let place = waiting.map_err(|_| ReadError::Busy)?.map_err(|_| ReadError::Busy)?;
        let task = tokio::task::spawn_blocking(move || {
            let _place = place;
            read()
        });
        match tokio::time::timeout_at(deadline, task).await {
            Err(_) => Err(ReadError::TimedOut(timeout)),
            Ok(Err(panicked)) => Err(ReadError::Panicked(panicked.to_string())),
            Ok(Ok(answer)) => Ok(answer?),
        }
    }

    /// The answer to `/ready`: 200 with `body`, or 503 with the reason.
    pub(crate) fn ready_response(&self, body: &'static str) -> Response {
        match self.readiness.phase() {
            Phase::Ready => body.into_response(),
            Phase::Starting => {
                (StatusCode::SERVICE_UNAVAILABLE, "Some services are not Running: store is Starting\n").into_response()
            }
            Phase::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "Application is stopping\n").into_response(),
        }
    }

    /// The answer to `/metrics`.
    pub(crate) fn metrics_response(&self) -> Response {
        let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        ([(header::CONTENT_TYPE, content_type)], (self.metrics)()).into_response()
    }

    /// The answer to `/config` and the like.
    pub(crate) fn config_response(&self) -> Response {
        ([(header::CONTENT_TYPE, HeaderValue::from_static("text/yaml; charset=utf-8"))], self.config_yaml.clone())
            .into_response()
    }
}

fn reads_max() -> usize {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (cpus * READS_PER_CPU).max(READS_MIN)
}

/// A 200 of type JSON.
pub(crate) fn json_response(body: String) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

impl BuildInfo {
    /// The flat form that Tempo and Loki print: names with values, in the products' order.
    pub(crate) fn fields(&self) -> [(&'static str, &str); 6] {
        [
            ("version", &self.version),
            ("revision", &self.revision),
            ("branch", &self.branch),
            ("buildDate", &self.build_date),
            ("buildUser", ""),
            // What tools print as the runtime; there is no Go here, and clients only show it.
            ("goVersion", ""),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};
    use std::sync::{Arc, Mutex};

    use axum::Router;

    use super::*;
    use crate::fake::{FakeStore, face, get};
    use crate::{loki, prometheus, tempo};

    /// The three faces over one store whose reads wait for the gate.
    fn faces(gate: Receiver<()>) -> [(Router, &'static str, u16, &'static str); 3] {
        let mut face = face(Phase::Ready);
        face.query_timeout = Duration::from_millis(20);
        let store = Arc::new(FakeStore { gate: Mutex::new(Some(gate)), ..FakeStore::default() });
        [
            (
                tempo::router(tempo::TempoState { face: face.clone(), spans: store.clone() }),
                "/api/traces/1",
                504,
                "took longer than",
            ),
            (
                loki::router(loki::LokiState { face: face.clone(), logs: store.clone() }),
                "/loki/api/v1/query_range?query=%7Ba%3D%22b%22%7D",
                504,
                "request timed out",
            ),
            (
                prometheus::router(prometheus::PrometheusState { face, samples: store }),
                "/prometheus/api/v1/query?query=up",
                503,
                "\"errorType\":\"timeout\"",
            ),
        ]
    }

    #[tokio::test]
    async fn a_read_past_the_deadline_is_answered_and_keeps_its_place() {
        let (held, gate) = channel();
        let faces = faces(gate);
        for (router, uri, status, part) in &faces {
            let reply = get(router, uri).await;
            assert_eq!(reply.status.as_u16(), *status, "{uri}");
            assert!(reply.text().contains(part), "{uri}: {}", reply.text());
        }
        // The places run out, and then it is the waiting that ends.
        let (router, uri, ..) = &faces[0];
        let mut statuses = Vec::new();
        for _ in 0..reads_max() {
            statuses.push(get(router, uri).await.status.as_u16());
        }
        assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
        drop(held);
    }

    #[tokio::test]
    async fn a_panic_is_an_error_of_that_read_alone() {
        let face = face(Phase::Ready);
        let read = face.read(|| -> Result<(), StoreError> { panic!("a defect") });
        assert!(matches!(read.await, Err(ReadError::Panicked(_))));
        assert!(face.read(|| Ok(1)).await.is_ok());
    }
}
