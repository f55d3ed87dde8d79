//! The worker against a transport that fails by script, under tokio's paused clock.

use std::sync::Mutex;
use std::sync::mpsc::sync_channel;

use bytes::Bytes;

use super::*;
use crate::guard::Tally;

/// Each record becomes one byte.
struct Bytewise;

impl Encode<u8> for Bytewise {
    fn encode(&mut self, records: &mut Vec<u8>) -> Vec<Encoded> {
        let body = Bytes::from(std::mem::take(records));
        vec![Encoded { records: body.len() as u64, body }]
    }
}

#[derive(Clone, Default)]
struct Script {
    outcomes: Arc<Mutex<Vec<Outcome>>>,
    /// Bodies and when they were sent.
    sent: Arc<Mutex<Vec<(Bytes, Instant)>>>,
    /// Never answers.
    hangs: bool,
}

impl Script {
    fn of(outcomes: &[Outcome]) -> Self {
        let outcomes = Arc::new(Mutex::new(outcomes.iter().rev().cloned().collect()));
        Self { outcomes, ..Self::default() }
    }

    fn bodies(&self) -> Vec<Bytes> {
        self.sent.lock().unwrap().iter().map(|(body, _)| body.clone()).collect()
    }
}

impl Carrier for Script {
    async fn send(&mut self, message: &Encoded) -> Outcome {
        self.sent.lock().unwrap().push((message.body.clone(), Instant::now()));
        if self.hangs {
            std::future::pending::<()>().await;
        }
        self.outcomes.lock().unwrap().pop().unwrap_or_else(delivered)
    }
}

fn delivered() -> Outcome {
    Outcome::Delivered { rejected: 0, reason: String::new() }
}

fn retry() -> Outcome {
    Outcome::Retry { after: None, reason: "down".to_owned() }
}

struct Rig {
    queue: Arc<Queue<u8>>,
    commands: mpsc::Sender<Command>,
    task: tokio::task::JoinHandle<()>,
}

impl Rig {
    fn start(script: &Script) -> Self {
        let config = QueueConfig { records_max: 10, batch_max: 4, delay: Duration::from_secs(1) };
        let queue = Arc::new(Queue::new(config.records_max, config.batch_max));
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let trouble = Trouble::new("test", false);
        let worker = Worker::new(Arc::clone(&queue), config, Bytewise, script.clone(), receiver, trouble);
        Self { queue, commands, task: tokio::spawn(worker.run()) }
    }

    async fn stop(self, after: Duration) -> Tally {
        let (reply, answer) = sync_channel(1);
        self.commands.send(Command::Stop { deadline: Instant::now() + after, reply }).await.unwrap();
        self.task.await.unwrap();
        answer.try_recv().unwrap();
        self.queue.tally()
    }
}

#[tokio::test(start_paused = true)]
async fn batches_leave_at_once_and_single_records_after_the_delay() {
    let script = Script::default();
    let rig = Rig::start(&script);
    let start = Instant::now();
    (0..4).for_each(|record| rig.queue.push(record));
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(script.bodies(), [Bytes::from_static(&[0, 1, 2, 3])]);
    rig.queue.push(4);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(script.bodies().len(), 2);
    assert!(script.sent.lock().unwrap()[1].1 - start <= Duration::from_millis(1010));
    assert_eq!(rig.stop(Duration::from_secs(1)).await, Tally { accepted: 5, exported: 5, ..Tally::default() });
}

#[tokio::test(start_paused = true)]
async fn a_dead_collector_fills_the_queue_and_no_more() {
    let script = Script { hangs: true, ..Script::default() };
    let rig = Rig::start(&script);
    (0..100).for_each(|record| rig.queue.push(record));
    tokio::time::sleep(Duration::from_secs(30)).await;
    (0..100).for_each(|record| rig.queue.push(record));
    assert_eq!(rig.queue.len(), 10);
    let started = Instant::now();
    let tally = rig.stop(Duration::from_secs(5)).await;
    assert!(started.elapsed() <= Duration::from_millis(5100), "{:?}", started.elapsed());
    assert_eq!(tally, Tally { accepted: 200, exported: 0, dropped: 190, failed: 10 });
}

#[tokio::test(start_paused = true)]
async fn retries_then_delivers_the_same_bytes() {
    let script = Script::of(&[retry(), retry(), delivered()]);
    let rig = Rig::start(&script);
    (0..4).for_each(|record| rig.queue.push(record));
    let (reply, answer) = sync_channel(1);
    rig.commands.send(Command::Flush(reply)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    answer.try_recv().unwrap();
    let bodies = script.bodies();
    assert_eq!(bodies.len(), 3);
    assert!(bodies.iter().all(|body| body[..] == [0, 1, 2, 3]));
    assert_eq!(rig.queue.tally(), Tally { accepted: 4, exported: 4, ..Tally::default() });
}

#[tokio::test(start_paused = true)]
async fn refusals_and_partial_success_are_counted() {
    let partial = Outcome::Delivered { rejected: 1, reason: "old".to_owned() };
    let script = Script::of(&[Outcome::Refused { reason: "bad".to_owned() }, partial]);
    let rig = Rig::start(&script);
    (0..8).for_each(|record| rig.queue.push(record));
    let tally = rig.stop(Duration::from_secs(1)).await;
    assert_eq!(tally, Tally { accepted: 8, exported: 3, dropped: 0, failed: 5 });
}

#[tokio::test(start_paused = true)]
async fn a_stop_sends_what_waits() {
    let script = Script::of(&[retry(), delivered()]);
    let rig = Rig::start(&script);
    (0..9).for_each(|record| rig.queue.push(record));
    let tally = rig.stop(Duration::from_secs(1)).await;
    assert_eq!(tally, Tally { accepted: 9, exported: 9, ..Tally::default() });
    assert_eq!(script.bodies().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn gives_a_request_up_after_the_window() {
    let script = Script::of(&vec![retry(); 10_000]);
    let rig = Rig::start(&script);
    (0..4).for_each(|record| rig.queue.push(record));
    tokio::time::sleep(RETRY_WINDOW + Duration::from_secs(1)).await;
    assert_eq!(rig.queue.tally().failed, 4);
    assert!(script.bodies().len() > 10);
}
