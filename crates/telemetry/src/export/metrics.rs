//! Metrics: the SDK's reader collects on a thread of its own and hands the request over to the exporter's thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use tokio::sync::{mpsc, oneshot, watch};

use super::encode::{self, Format};
use super::redaction::Masks;
use super::retry::Backoff;
use super::transport::{Encoded, Outcome};
use super::worker::{Carrier, RETRY_WINDOW, Trouble};
use crate::config::TelemetryConfig;
use crate::guard::Tally;

/// Collections that may wait: the reader makes one at a time, a flush may add one.
const JOBS: usize = 2;

struct Job {
    message: Encoded,
    reply: oneshot::Sender<Result<(), String>>,
}

/// Points by their fate.
#[derive(Debug, Default)]
struct Points {
    accepted: AtomicU64,
    exported: AtomicU64,
    failed: AtomicU64,
}

/// What the SDK's reader sees.
#[derive(Clone, Debug)]
pub(crate) struct MetricExporter {
    jobs: mpsc::Sender<Job>,
    format: Format,
    masks: Masks,
    delta: bool,
    points: Arc<Points>,
}

/// The side on the exporter's thread.
pub(crate) struct Metrics {
    jobs: mpsc::Receiver<Job>,
    hurry: watch::Receiver<Option<Instant>>,
    /// The next collection holds newer sums, so that older ones need not be kept longer than this.
    patience: Duration,
    points: Arc<Points>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Job").field("points", &self.message.records).finish_non_exhaustive()
    }
}

pub(super) fn pair(
    config: &TelemetryConfig,
    format: Format,
    masks: Masks,
    hurry: watch::Receiver<Option<Instant>>,
) -> (MetricExporter, Metrics) {
    let (sender, receiver) = mpsc::channel(JOBS);
    let points = Arc::new(Points::default());
    let delta = config.delta_temporality;
    let front = MetricExporter { jobs: sender, format, masks, delta, points: Arc::clone(&points) };
    let patience = if delta { RETRY_WINDOW } else { config.metric_interval.min(RETRY_WINDOW) };
    (front, Metrics { jobs: receiver, hurry, patience, points })
}

impl MetricExporter {
    pub(crate) fn tally(&self) -> Tally {
        let read = |count: &AtomicU64| count.load(Ordering::Acquire);
        let (exported, failed) = (read(&self.points.exported), read(&self.points.failed));
        Tally { accepted: read(&self.points.accepted), exported, dropped: 0, failed }
    }

    /// Points whose fate is open are lost when nobody is left to send them.
    pub(crate) fn write_off(&self) {
        let tally = self.tally();
        let open = tally.accepted.saturating_sub(tally.exported + tally.failed);
        self.points.failed.fetch_add(open, Ordering::AcqRel);
    }
}

impl PushMetricExporter for MetricExporter {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let request = ExportMetricsServiceRequest::from(metrics);
        let message = encode::metrics(request, &self.masks, self.format);
        self.points.accepted.fetch_add(message.records, Ordering::AcqRel);
        let (reply, answer) = oneshot::channel();
        if let Err(rejected) = self.jobs.send(Job { message, reply }).await {
            self.points.failed.fetch_add(rejected.0.message.records, Ordering::AcqRel);
            return Err(OTelSdkError::AlreadyShutdown);
        }
        match answer.await {
            Ok(result) => result.map_err(OTelSdkError::InternalFailure),
            Err(_) => Err(OTelSdkError::AlreadyShutdown),
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        if self.delta { Temporality::Delta } else { Temporality::Cumulative }
    }
}

impl Metrics {
    /// Until the SDK's reader is gone.
    pub(super) async fn run<S: Carrier>(mut self, mut transport: S, mut trouble: Trouble) {
        while let Some(job) = self.jobs.recv().await {
            let outcome = self.deliver(&mut transport, &job.message, &mut trouble).await;
            let failed = match &outcome {
                Outcome::Delivered { rejected, .. } => (*rejected).min(job.message.records),
                Outcome::Retry { .. } | Outcome::Refused { .. } => job.message.records,
            };
            self.points.failed.fetch_add(failed, Ordering::AcqRel);
            self.points.exported.fetch_add(job.message.records - failed, Ordering::AcqRel);
            let result = match outcome {
                Outcome::Delivered { .. } => Ok(()),
                Outcome::Retry { reason, .. } | Outcome::Refused { reason } => Err(reason),
            };
            // A reader that gave up waiting does not want to know.
            let _ = job.reply.send(result);
        }
    }

    async fn deliver<S: Carrier>(&mut self, transport: &mut S, message: &Encoded, trouble: &mut Trouble) -> Outcome {
        let give_up = Instant::now() + self.patience;
        let mut backoff = Backoff::new();
        loop {
            let hurry = *self.hurry.borrow_and_update();
            let until = hurry.filter(|hurry| *hurry > Instant::now()).map_or(give_up, |hurry| hurry.min(give_up));
            let attempt = tokio::time::timeout_at(until.into(), transport.send(message)).await;
            let outcome = attempt.unwrap_or(Outcome::Retry { after: None, reason: "no time left".to_owned() });
            let Outcome::Retry { after, reason } = &outcome else {
                trouble.outcome(&outcome, message.records);
                return outcome;
            };
            trouble.retrying(reason);
            let pause = backoff.next(*after);
            if Instant::now() + pause >= until {
                trouble.outcome(&outcome, message.records);
                return outcome;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                Ok(()) = self.hurry.changed() => {}
            }
        }
    }
}
