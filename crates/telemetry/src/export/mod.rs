//! Everything that leaves the process: queues on one side, one thread with its own runtime on the other.
//!
//! ```text
//! span ends ──► Queue ──► Worker ─┐
//! log line  ──► Queue ──► Worker ─┼─► Transport (gRPC or HTTP) ──► collector
//! SDK's metric reader ──► Metrics ┘
//! ```
//! The thread suppresses OpenTelemetry's context and has no `tracing` subscriber, so that nothing that it does can be traced.

mod encode;
mod metrics;
mod queue;
mod redaction;
mod retry;
#[cfg(test)]
mod tests;
mod transport;
mod worker;

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use opentelemetry::Context;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_sdk::trace::SpanData;
use tokio::sync::{mpsc, oneshot, watch};

pub(crate) use encode::ScopedLog;
use encode::{EncodeLogs, EncodeSpans, Envelope, Format};
pub(crate) use metrics::MetricExporter;
use metrics::Metrics;
pub(crate) use queue::Queue;
pub(crate) use redaction::{MASK, Masks};
use transport::Transport;
use worker::{COMMANDS, Command, Trouble, Worker};

use crate::Error;
use crate::config::{ExporterConfig, QueueConfig, Signal, TelemetryConfig};
use crate::guard::LossReport;

/// What every request says about the process, and how secrets are masked.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) resource: Resource,
    pub(crate) masks: Masks,
}

/// The process's side of the exporter.
#[derive(Debug)]
pub(crate) struct Exporter {
    pub(crate) spans: Option<Arc<Queue<SpanData>>>,
    pub(crate) logs: Option<Arc<Queue<ScopedLog>>>,
    pub(crate) metrics: Option<MetricExporter>,
    workers: Vec<mpsc::Sender<Command>>,
    /// By when metric exports must be done, once somebody waits for them.
    hurry: watch::Sender<Option<Instant>>,
    thread: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
}

/// What moves to the thread.
struct Plan {
    spans: Option<(ExporterConfig, Parts<SpanData>)>,
    logs: Option<(ExporterConfig, Parts<ScopedLog>)>,
    metrics: Option<(ExporterConfig, Metrics)>,
    identity: Identity,
    debug: bool,
    finish: oneshot::Receiver<()>,
}

/// A worker's parts before its transport exists.
struct Parts<T> {
    queue: Arc<Queue<T>>,
    config: QueueConfig,
    commands: mpsc::Receiver<Command>,
}

impl<T> Parts<T> {
    fn new(config: QueueConfig) -> (Self, mpsc::Sender<Command>) {
        let queue = Arc::new(Queue::new(config.records_max, config.batch_max));
        let (sender, commands) = mpsc::channel(COMMANDS);
        (Self { queue, config, commands }, sender)
    }
}

impl Exporter {
    /// Starts the thread. Nothing is connected yet.
    pub(crate) fn start(config: &TelemetryConfig, identity: Identity) -> Result<Self, Error> {
        let mut workers = Vec::new();
        let (finish_sender, finish) = oneshot::channel();
        let (hurry, hurried) = watch::channel(None);
        let mut plan = Plan { spans: None, logs: None, metrics: None, identity, debug: config.debug, finish };
        if let Some(exporter) = &config.traces {
            let (worker, commands) = Parts::new(config.span_queue);
            workers.push(commands);
            plan.spans = Some((exporter.clone(), worker));
        }
        if let Some(exporter) = &config.logs {
            let (worker, commands) = Parts::new(config.log_queue);
            workers.push(commands);
            plan.logs = Some((exporter.clone(), worker));
        }
        let mut metrics = None;
        if let Some(exporter) = &config.metrics {
            let masks = plan.identity.masks.clone();
            let (front, back) = metrics::pair(config, Format::new(exporter), masks, hurried);
            metrics = Some(front);
            plan.metrics = Some((exporter.clone(), back));
        }
        let spans = plan.spans.as_ref().map(|(_, worker)| Arc::clone(&worker.queue));
        let logs = plan.logs.as_ref().map(|(_, worker)| Arc::clone(&worker.queue));
        let (ready, is_ready) = sync_channel(1);
        let thread = std::thread::Builder::new().name("telemetry-export".to_owned());
        let thread = thread.spawn(move || run(plan, &ready)).map_err(Error::Thread)?;
        // The thread answers once transports are built; it ends without an answer only by a panic.
        is_ready.recv().unwrap_or_else(|_| Err(Error::Thread(std::io::Error::other("it panicked"))))?;
        Ok(Self { spans, logs, metrics, workers, hurry, thread: Mutex::new(Some((finish_sender, thread))) })
    }

    /// Asks every worker, then waits for all of them; false when `deadline` came first.
    fn ask(&self, deadline: Instant, command: &dyn Fn(SyncSender<()>) -> Command) -> bool {
        let mut answers = Vec::new();
        for worker in &self.workers {
            let (reply, answer) = sync_channel(1);
            // A full channel means that many others wait for flushes already.
            answers.push(worker.try_send(command(reply)).is_ok().then_some(answer));
        }
        let mut complete = true;
        for answer in answers {
            let left = deadline.saturating_duration_since(Instant::now());
            complete &= answer.is_some_and(|answer| answer.recv_timeout(left).is_ok());
        }
        complete
    }

    /// Sends what is queued now; blocks until done or `deadline`.
    pub(crate) fn flush(&self, deadline: Instant) -> bool {
        self.hurry(deadline);
        self.ask(deadline, &Command::Flush)
    }

    /// Metric exports from now on give up at `deadline`.
    pub(crate) fn hurry(&self, deadline: Instant) {
        self.hurry.send_replace(Some(deadline));
    }

    /// Closes the queues, sends what is in them, counts the rest as lost; blocks until `deadline` at most.
    pub(crate) fn stop_queues(&self, deadline: Instant) {
        self.hurry(deadline);
        let until = tokio::time::Instant::from_std(deadline);
        // The worker ends an attempt at the deadline; it needs a moment more to count and answer.
        self.ask(deadline + ANSWER, &|reply| Command::Stop { deadline: until, reply });
        if let Some(queue) = &self.spans {
            queue.close();
        }
        if let Some(queue) = &self.logs {
            queue.close();
        }
    }

    /// Ends the thread, which has nothing left to do.
    pub(crate) fn join(&self) {
        let taken = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((finish, thread)) = taken {
            // A thread that is gone needs no word.
            let _ = finish.send(());
            let _ = thread.join();
        }
    }

    /// Counts as lost what has no known fate; for when the thread is gone.
    pub(crate) fn write_off(&self) {
        if let Some(queue) = &self.spans {
            queue.write_off();
        }
        if let Some(queue) = &self.logs {
            queue.write_off();
        }
        if let Some(metrics) = &self.metrics {
            metrics.write_off();
        }
    }

    /// Counts so far.
    pub(crate) fn tallies(&self) -> LossReport {
        LossReport {
            spans: self.spans.as_ref().map(|queue| queue.tally()).unwrap_or_default(),
            logs: self.logs.as_ref().map(|queue| queue.tally()).unwrap_or_default(),
            metrics: self.metrics.as_ref().map(MetricExporter::tally).unwrap_or_default(),
        }
    }
}

/// What a worker is given beyond its deadline to count and answer.
const ANSWER: Duration = Duration::from_millis(200);

/// The exporter's thread.
fn run(plan: Plan, ready: &SyncSender<Result<(), Error>>) {
    let _no_tracing = tracing::dispatcher::set_default(&tracing::Dispatch::none());
    let _no_spans = Context::enter_telemetry_suppressed_scope();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = ready.try_send(Err(Error::Thread(error)));
            return;
        }
    };
    runtime.block_on(async {
        let finish = match start_workers(plan) {
            Ok(finish) => finish,
            Err(error) => {
                let _ = ready.try_send(Err(error));
                return;
            }
        };
        let _ = ready.try_send(Ok(()));
        // An error means that the sender was dropped, which says the same.
        let _ = finish.await;
    });
    // Tasks that still wait for a collector are dropped with the runtime.
    runtime.shutdown_background();
}

fn start_workers(plan: Plan) -> Result<oneshot::Receiver<()>, Error> {
    let Identity { resource, masks } = plan.identity;
    let envelope = |config: &ExporterConfig| Envelope {
        resource: resource.clone(),
        masks: masks.clone(),
        format: Format::new(config),
    };
    if let Some((config, parts)) = plan.spans {
        let transport = Transport::new(Signal::Traces, &config)?;
        let (encode, trouble) = (EncodeSpans(envelope(&config)), Trouble::new("traces", plan.debug));
        let worker = Worker::new(parts.queue, parts.config, encode, transport, parts.commands, trouble);
        tokio::spawn(worker.run());
    }
    if let Some((config, parts)) = plan.logs {
        let transport = Transport::new(Signal::Logs, &config)?;
        let (encode, trouble) = (EncodeLogs(envelope(&config)), Trouble::new("logs", plan.debug));
        let worker = Worker::new(parts.queue, parts.config, encode, transport, parts.commands, trouble);
        tokio::spawn(worker.run());
    }
    if let Some((config, metrics)) = plan.metrics {
        let transport = Transport::new(Signal::Metrics, &config)?;
        tokio::spawn(metrics.run(transport, Trouble::new("metrics", plan.debug)));
    }
    Ok(plan.finish)
}
