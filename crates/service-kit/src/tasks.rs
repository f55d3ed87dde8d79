//! Background tasks that are named, owned and joined.
//!
//! Limits: this does not bound how many there are; whoever spawns per request bounds that with a semaphore or a queue.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The tasks of one service. Clones mean the same set.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    running: Arc<Running>,
}

#[derive(Debug, Default)]
struct Running {
    next: AtomicU64,
    tasks: Mutex<BTreeMap<u64, (&'static str, Option<AbortHandle>)>>,
}

impl Running {
    fn change<T>(&self, work: impl FnOnce(&mut BTreeMap<u64, (&'static str, Option<AbortHandle>)>) -> T) -> T {
        // Nothing panics while it holds the lock; the map stays good anyway.
        work(&mut self.tasks.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Takes the task off the list, however it ends: also when it is aborted.
struct Entry(Arc<Running>, u64);

impl Drop for Entry {
    fn drop(&mut self) {
        self.0.change(|tasks| tasks.remove(&self.1));
    }
}

impl Tasks {
    /// Starts `work` on the current runtime. It should end soon after the token that it is given is cancelled; at the shutdown's
    /// deadline it is aborted. The caller's span and baggage go with it. A panic is logged.
    pub fn spawn<F>(&self, name: &'static str, work: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let id = self.running.next.fetch_add(1, Ordering::Relaxed);
        let entry = Entry(self.running.clone(), id);
        self.running.change(|tasks| tasks.insert(id, (name, None)));
        let future = work(self.stop.child_token());
        let future = async move {
            let _entry = entry;
            if std::panic::AssertUnwindSafe(future).catch_unwind().await.is_err() {
                tracing::error!(task = name, "background task panicked");
            }
        };
        let handle = telemetry::spawn(self.tracker.track_future(future)).abort_handle();
        // The task may have ended already: then there is nothing to abort.
        self.running.change(|tasks| {
            if let Some(task) = tasks.get_mut(&id) {
                task.1 = Some(handle);
            }
        });
    }

    /// Cancelled when the service begins to stop.
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Tells the tasks to end, waits until `limit`, aborts the rest and gives the names of those.
    pub async fn shutdown(&self, limit: Duration) -> Vec<&'static str> {
        self.stop.cancel();
        self.tracker.close();
        if tokio::time::timeout(limit, self.tracker.wait()).await.is_ok() {
            return Vec::new();
        }
        let late: Vec<_> = self.running.change(|tasks| tasks.values().cloned().collect());
        for handle in late.iter().filter_map(|(_, handle)| handle.as_ref()) {
            handle.abort();
        }
        self.tracker.wait().await;
        late.into_iter().map(|(name, _)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tasks_end_when_told_and_are_aborted_when_they_do_not() {
        let tasks = Tasks::default();
        tasks.spawn("polite", |stop| async move { stop.cancelled().await });
        tasks.spawn("stubborn", |_| std::future::pending());
        tasks.spawn("broken", |_| async { panic!("on purpose") });
        assert_eq!(tasks.shutdown(Duration::from_millis(50)).await, ["stubborn"]);
        assert!(tasks.running.change(|tasks| tasks.is_empty()));
    }

    #[tokio::test]
    async fn nothing_to_wait_for() {
        assert!(Tasks::default().shutdown(Duration::ZERO).await.is_empty());
    }
}
