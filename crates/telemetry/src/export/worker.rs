//! The consumer of a queue: makes batches, sends them, tries again, and answers flushes. Runs on the exporter's thread.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::queue::Queue;
use super::retry::Backoff;
use super::transport::{Encoded, Outcome, Transport};
use crate::config::QueueConfig;

/// How long one request is retried. Behind it the queue fills and drops what comes; a collector that restarts is back by then.
pub(super) const RETRY_WINDOW: Duration = Duration::from_secs(60);
/// Between attempts of a process that is about to end.
const STOPPING_PAUSE: Duration = Duration::from_millis(50);
/// Flushes that may wait at once; one more is told that it is incomplete.
pub(super) const COMMANDS: usize = 16;

/// What the guard asks of a worker.
#[derive(Debug)]
pub(crate) enum Command {
    /// Answer when everything that was let in so far has left.
    Flush(SyncSender<()>),
    /// Close the queue, send what is there until `deadline`, count the rest as failed, answer, end.
    Stop { deadline: Instant, reply: SyncSender<()> },
}

/// How records become requests.
pub(crate) trait Encode<T>: Send {
    /// The requests that hold `records`, all of them in order; `records` is left empty.
    fn encode(&mut self, records: &mut Vec<T>) -> Vec<Encoded>;
}

/// Where requests go; a trait for tests.
pub(crate) trait Carrier: Send {
    fn send(&mut self, message: &Encoded) -> impl Future<Output = Outcome> + Send;
}

impl Carrier for Transport {
    fn send(&mut self, message: &Encoded) -> impl Future<Output = Outcome> + Send {
        Self::send(self, message)
    }
}

struct Waiting {
    reply: SyncSender<()>,
    until_left: u64,
}

/// See the module.
pub(crate) struct Worker<T, E, S> {
    queue: Arc<Queue<T>>,
    config: QueueConfig,
    encode: E,
    transport: S,
    commands: Commands<T>,
    trouble: Trouble,
}

/// The part that must be heard while a request is under way.
struct Commands<T> {
    queue: Arc<Queue<T>>,
    receiver: mpsc::Receiver<Command>,
    flushes: Vec<Waiting>,
    stop: Option<(Instant, SyncSender<()>)>,
}

impl<T> Commands<T> {
    /// The next command, noted. Never returns when nobody can give commands any more.
    async fn next(&mut self) {
        match self.receiver.recv().await {
            Some(Command::Flush(reply)) => {
                self.flushes.push(Waiting { reply, until_left: self.queue.entered() });
            }
            Some(Command::Stop { deadline, reply }) => {
                self.queue.close();
                self.stop = Some((deadline, reply));
            }
            None => std::future::pending().await,
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.stop.as_ref().map(|(deadline, _)| *deadline)
    }

    fn answer_flushes(&mut self) {
        let left = self.queue.left();
        self.flushes.retain(|flush| {
            let done = left >= flush.until_left;
            if done {
                // Whoever waited may have given up.
                let _ = flush.reply.try_send(());
            }
            !done
        });
    }
}

impl<T, E: Encode<T>, S: Carrier> Worker<T, E, S> {
    pub(crate) fn new(
        queue: Arc<Queue<T>>,
        config: QueueConfig,
        encode: E,
        transport: S,
        receiver: mpsc::Receiver<Command>,
        trouble: Trouble,
    ) -> Self {
        let commands = Commands { queue: Arc::clone(&queue), receiver, flushes: Vec::new(), stop: None };
        Self { queue, config, encode, transport, commands, trouble }
    }

    /// Until [`Command::Stop`].
    pub(crate) async fn run(mut self) {
        let mut records = Vec::new();
        while self.commands.stop.is_none() {
            if self.commands.flushes.is_empty() && !self.queue.is_batch_waiting() {
                tokio::select! {
                    () = self.queue.batch() => {}
                    () = tokio::time::sleep(self.config.delay) => {}
                    () = self.commands.next() => {}
                }
            }
            self.round(&mut records).await;
        }
        // The queue is closed: one last round finds all there is.
        self.round(&mut records).await;
        if let Some((_, reply)) = self.commands.stop.take() {
            let _ = reply.try_send(());
        }
    }

    /// Sends what waits now.
    async fn round(&mut self, records: &mut Vec<T>) {
        self.queue.take(records);
        let mut rest = records.drain(..);
        let mut batch = Vec::new();
        loop {
            batch.extend(rest.by_ref().take(self.config.batch_max));
            if batch.is_empty() {
                break;
            }
            for message in self.encode.encode(&mut batch) {
                let delivery = deliver(&mut self.transport, &mut self.commands, &message, &mut self.trouble);
                let (exported, failed) = delivery.await;
                self.queue.settle(exported, failed);
                self.commands.answer_flushes();
            }
        }
        drop(rest);
        self.commands.answer_flushes();
    }
}

/// Sends until it is settled; returns how many records were taken and how many are lost.
async fn deliver<T, S: Carrier>(
    transport: &mut S,
    commands: &mut Commands<T>,
    message: &Encoded,
    trouble: &mut Trouble,
) -> (u64, u64) {
    let give_up = Instant::now() + RETRY_WINDOW;
    let mut backoff = Backoff::new();
    loop {
        let Some(outcome) = attempt(transport, commands, message).await else {
            trouble.lost(message.records, "no time left");
            return (0, message.records);
        };
        match outcome {
            Outcome::Delivered { rejected, reason } => {
                let rejected = rejected.min(message.records);
                trouble.delivered(rejected, &reason);
                return (message.records - rejected, rejected);
            }
            Outcome::Refused { reason } => {
                trouble.lost(message.records, &reason);
                return (0, message.records);
            }
            Outcome::Retry { after, reason } => {
                trouble.retrying(&reason);
                let pause = backoff.next(after);
                if Instant::now() + pause >= give_up && commands.deadline().is_none() {
                    trouble.lost(message.records, &reason);
                    return (0, message.records);
                }
                wait(pause, commands).await;
            }
        }
    }
}

/// One attempt; `None` when the deadline of a stop has come.
async fn attempt<T, S: Carrier>(transport: &mut S, commands: &mut Commands<T>, message: &Encoded) -> Option<Outcome> {
    let mut sending = std::pin::pin!(transport.send(message));
    loop {
        let deadline = commands.deadline();
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return None;
        }
        tokio::select! {
            biased;
            outcome = &mut sending => return Some(outcome),
            () = sleep_until(deadline) => return None,
            () = commands.next() => {}
        }
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// A pause between attempts: a new command cuts it short, and a process that ends has no time for long ones.
async fn wait<T>(pause: Duration, commands: &mut Commands<T>) {
    let pause = if commands.stop.is_some() { pause.min(STOPPING_PAUSE) } else { pause };
    tokio::select! {
        () = tokio::time::sleep(pause) => {}
        () = commands.next() => {}
    }
}

/// Says on stderr when delivery breaks and when it works again: once per change, more with `OTEL_DEBUG`.
#[derive(Debug)]
pub(crate) struct Trouble {
    signal: &'static str,
    debug: bool,
    failing: bool,
}

impl Trouble {
    pub(crate) fn new(signal: &'static str, debug: bool) -> Self {
        Self { signal, debug, failing: false }
    }

    fn say(&self, text: &str) {
        crate::stderr::line(&format!("telemetry: {}: {text}", self.signal));
    }

    /// A settled request of `records`.
    pub(crate) fn outcome(&mut self, outcome: &Outcome, records: u64) {
        match outcome {
            Outcome::Delivered { rejected, reason } => self.delivered(*rejected, reason),
            Outcome::Retry { reason, .. } | Outcome::Refused { reason } => self.lost(records, reason),
        }
    }

    fn delivered(&mut self, rejected: u64, reason: &str) {
        if self.failing {
            self.failing = false;
            self.say("delivery works again");
        }
        if rejected > 0 {
            self.say(&format!("the collector rejected {rejected} records: {reason}"));
        } else if self.debug && !reason.is_empty() {
            self.say(reason);
        }
    }

    pub(crate) fn retrying(&mut self, reason: &str) {
        if !self.failing || self.debug {
            self.say(&format!("cannot deliver, trying again: {reason}"));
        }
        self.failing = true;
    }

    fn lost(&mut self, records: u64, reason: &str) {
        if !self.failing || self.debug {
            self.say(&format!("lost {records} records: {reason}"));
        }
        self.failing = true;
    }
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
