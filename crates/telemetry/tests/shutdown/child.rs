//! The small program: some threads make spans, and it ends as it is told.
//!
//! A thread notes each span in its journal, one byte a span, after the span has ended. What is in a journal has ended, whatever happens
//! to the process then.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use telemetry::TraceContext;

/// How to end: `drop`, `drop-running`, `panic`, `panic-joined` or `signal`.
pub(crate) const ENDING: &str = "TELEMETRY_TEST_ENDING";
/// The folder of the journals.
pub(crate) const FOLDER: &str = "TELEMETRY_TEST_FOLDER";
/// Threads that make spans.
pub(crate) const THREADS: &str = "TELEMETRY_TEST_THREADS";
/// Spans of each thread (of those that are ended while they run: before the end, at least).
pub(crate) const SPANS: &str = "TELEMETRY_TEST_SPANS";

/// Microseconds between two spans of a thread.
pub(crate) const PAUSE: &str = "TELEMETRY_TEST_PAUSE";

/// Number of span `index` of `thread`; the span's attribute `n`.
pub(crate) fn number(thread: u64, index: u64) -> i64 {
    i64::try_from(thread << 32 | index).expect("few threads")
}

pub(crate) fn journal(folder: &Path, thread: u64) -> PathBuf {
    folder.join(format!("thread-{thread}"))
}

/// Holds, for endings with running threads, how many spans of each thread had ended when the ending began.
pub(crate) fn snapshot(folder: &Path) -> PathBuf {
    folder.join("snapshot")
}

/// Exists once spans are made.
pub(crate) fn ready(folder: &Path) -> PathBuf {
    folder.join("ready")
}

struct Threads {
    ended: Vec<Arc<AtomicU64>>,
    handles: Vec<std::thread::JoinHandle<()>>,
}

pub(crate) fn run(ending: &str) -> anyhow::Result<()> {
    let folder = PathBuf::from(std::env::var(FOLDER)?);
    let spans: u64 = std::env::var(SPANS)?.parse()?;
    let guard = telemetry::Builder::new("child").logs_to_nowhere().init()?;
    let runs_on = !matches!(ending, "drop" | "panic-joined");
    let threads = start(&folder, std::env::var(THREADS)?.parse()?, spans, runs_on)?;
    fs::write(ready(&folder), b"")?;
    match ending {
        "drop" => {
            threads.join();
            drop(guard);
        }
        "drop-running" => {
            threads.wait_for(spans);
            threads.note(&folder)?;
            drop(guard);
            // The other threads are still at it.
            std::process::exit(0);
        }
        "panic" => {
            threads.wait_for(spans);
            threads.note(&folder)?;
            panic!("as told");
        }
        "panic-joined" => {
            threads.join();
            panic!("as told");
        }
        "signal" => loop {
            std::thread::park();
        },
        other => bail!("no such ending: {other}"),
    }
    Ok(())
}

fn start(folder: &Path, count: u64, spans: u64, runs_on: bool) -> anyhow::Result<Threads> {
    let pause = std::env::var(PAUSE)?.parse().map(Duration::from_micros)?;
    let mut threads = Threads { ended: Vec::new(), handles: Vec::new() };
    for thread in 0..count {
        let mut journal = File::create(journal(folder, thread)).context("journal")?;
        let ended = Arc::new(AtomicU64::new(0));
        threads.ended.push(Arc::clone(&ended));
        let work = move || {
            for index in 0.. {
                if !runs_on && index >= spans {
                    break;
                }
                let span = TraceContext::new("work");
                span.set("n", number(thread, index));
                drop(span);
                ended.store(index + 1, Ordering::Release);
                journal.write_all(b".").expect("the journal can be written");
                // Work between spans; without it the queue is full all the time.
                if !pause.is_zero() {
                    std::thread::sleep(pause);
                }
            }
        };
        threads.handles.push(std::thread::spawn(work));
    }
    Ok(threads)
}

impl Threads {
    fn join(self) {
        for handle in self.handles {
            handle.join().expect("threads do not panic");
        }
    }

    /// Until each thread has ended this many.
    fn wait_for(&self, spans: u64) {
        while self.ended.iter().any(|ended| ended.load(Ordering::Acquire) < spans) {
            std::thread::yield_now();
        }
    }

    fn note(&self, folder: &Path) -> anyhow::Result<()> {
        let ended = self.ended.iter().map(|ended| ended.load(Ordering::Acquire).to_string());
        fs::write(snapshot(folder), ended.collect::<Vec<_>>().join(" ")).context("snapshot")
    }
}
