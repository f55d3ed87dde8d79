//! Appends frames to the segment of the running generation, with group commit.
//!
//! Writers copy their frame into the page cache under a short lock. In `fsync` mode one thread then syncs whatever has been
//! written since it last looked, so any number of waiting requests share one `fdatasync`. A write or sync that fails cuts the
//! segment back to what is known good: a request that was answered with an error is not in the log.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use store_api::StoreError;
use tokio::sync::watch;

use super::super::RETRY_AFTER;
use super::frame::segment_header;
use super::{io_error, segment_path};

/// When an append counts as durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// After `fdatasync`: survives power loss.
    #[default]
    Fsync,
    /// After `write`: survives kill -9, not power loss.
    Buffered,
}

/// How far the log has been synced.
#[derive(Clone, Debug, Default)]
struct Synced {
    generation: u64,
    bytes: u64,
    /// Every failed sync so far; a [`Position`] is judged by the first one after it was taken.
    failures: Vec<SyncFailure>,
}

#[derive(Clone, Debug)]
struct SyncFailure {
    generation: u64,
    /// What had been synced before; everything behind it was cut off.
    good_bytes: u64,
    reason: String,
}

impl Synced {
    /// `None` while `position` is neither durable nor lost.
    fn outcome(&self, position: Position) -> Option<Result<(), String>> {
        match self.failures.get(position.failures) {
            Some(failure) if failure.generation == position.generation && position.end > failure.good_bytes => {
                Some(Err(failure.reason.clone()))
            }
            Some(_) => Some(Ok(())),
            None => ((self.generation, self.bytes) >= (position.generation, position.end)).then_some(Ok(())),
        }
    }
}

struct Segment {
    generation: u64,
    path: PathBuf,
    file: Arc<File>,
    /// Bytes written.
    written: u64,
    /// Failed syncs before now.
    failures: usize,
    stopping: bool,
}

struct Shared {
    segment: Mutex<Segment>,
    work: Condvar,
    synced: watch::Sender<Synced>,
}

/// The open log of one signal.
pub(crate) struct WalWriter {
    shared: Arc<Shared>,
    folder: PathBuf,
    durability: Durability,
    syncer: Mutex<Option<std::thread::JoinHandle<()>>>,
}

/// A place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// The segment.
    pub generation: u64,
    /// End of the frame within it.
    pub end: u64,
    /// Failed syncs before it was written.
    failures: usize,
}

impl WalWriter {
    /// Opens a new segment for `generation`, which must not have one yet.
    pub(crate) fn open(
        name: &'static str,
        folder: &Path,
        generation: u64,
        durability: Durability,
    ) -> Result<Self, StoreError> {
        let segment = new_segment(folder, generation)?;
        let (synced, _) = watch::channel(Synced { generation, bytes: segment.written, failures: Vec::new() });
        let shared = Arc::new(Shared { segment: Mutex::new(segment), work: Condvar::new(), synced });
        let syncer = if durability == Durability::Fsync {
            let shared = shared.clone();
            let run = move || sync_until_stopped(&shared);
            let thread = std::thread::Builder::new().name(format!("wal-{name}")).spawn(run);
            Some(thread.map_err(|e| io_error("cannot start the sync thread for", folder, e))?)
        } else {
            None
        };
        Ok(Self { shared, folder: folder.to_owned(), durability, syncer: Mutex::new(syncer) })
    }

    /// Writes a frame and calls `in_order` under the same lock, so that callers can tie the frame to the generation it is in.
    pub(crate) fn append<T>(&self, frame: &[u8], in_order: impl FnOnce() -> T) -> Result<(Position, T), StoreError> {
        let mut segment = lock(&self.shared.segment);
        let before = segment.written;
        if let Err(source) = (&*segment.file).write_all(frame) {
            // A frame that is half there would hide the frames behind it from replay.
            let cut = segment.file.set_len(before).and_then(|()| seek_to(&segment.file, before));
            if let Err(error) = cut {
                tracing::error!(path = %segment.path.display(), %error, "cannot cut a failed write off the log");
            }
            return Err(refused("cannot write to", &segment.path, &source));
        }
        segment.written += frame.len() as u64;
        let position = Position { generation: segment.generation, end: segment.written, failures: segment.failures };
        let tied = in_order();
        drop(segment);
        if self.durability == Durability::Fsync {
            self.shared.work.notify_one();
        }
        Ok((position, tied))
    }

    /// Ends when everything up to `position` is durable.
    pub(crate) async fn durable(&self, position: Position) -> Result<(), StoreError> {
        if self.durability == Durability::Buffered {
            return Ok(());
        }
        let mut synced = self.shared.synced.subscribe();
        let settled = synced.wait_for(|state| state.outcome(position).is_some()).await;
        match settled.map_err(|_| StoreError::Cancelled)?.outcome(position) {
            Some(Err(reason)) => Err(StoreError::Unavailable { reason, retry_after: RETRY_AFTER }),
            _ => Ok(()),
        }
    }

    /// Starts the segment of `generation`; `in_order` runs under the lock, between the last frame of the old segment and the
    /// first of the new. The old segment is synced first, so that its generation is durable as a whole.
    pub(crate) fn rotate(&self, generation: u64, in_order: impl FnOnce()) -> Result<(), StoreError> {
        let fresh = new_segment(&self.folder, generation)?;
        let mut segment = lock(&self.shared.segment);
        if self.durability == Durability::Fsync
            && let Err(source) = segment.file.sync_data()
        {
            drop(std::fs::remove_file(&fresh.path));
            return Err(refused("cannot sync", &segment.path, &source));
        }
        let failures = segment.failures;
        *segment = Segment { failures, ..fresh };
        in_order();
        let bytes = segment.written;
        self.shared.synced.send_modify(|state| (state.generation, state.bytes) = (generation, bytes));
        Ok(())
    }

    /// Size of the running segment.
    pub(crate) fn bytes(&self) -> u64 {
        lock(&self.shared.segment).written
    }

    /// Stops the sync thread after a last sync.
    pub(crate) fn stop(&self) {
        lock(&self.shared.segment).stopping = true;
        self.shared.work.notify_one();
        if let Some(thread) = lock(&self.syncer).take() {
            drop(thread.join());
        }
    }
}

impl Drop for WalWriter {
    fn drop(&mut self) {
        self.stop();
    }
}

fn new_segment(folder: &Path, generation: u64) -> Result<Segment, StoreError> {
    let path = segment_path(folder, generation);
    let create = || {
        let mut file = File::options().create_new(true).write(true).open(&path)?;
        file.write_all(&segment_header(generation))?;
        file.sync_all()?;
        // Without this the segment's name may be gone after power loss.
        File::open(folder)?.sync_all()?;
        Ok(file)
    };
    let file = create().map_err(|source: std::io::Error| {
        drop(std::fs::remove_file(&path));
        refused("cannot create", &path, &source)
    })?;
    let written = super::frame::SEGMENT_HEADER_BYTES as u64;
    Ok(Segment { generation, path, file: Arc::new(file), written, failures: 0, stopping: false })
}

fn sync_until_stopped(shared: &Shared) {
    loop {
        let mut segment = lock(&shared.segment);
        loop {
            let state = shared.synced.borrow();
            let behind = (state.generation, state.bytes) < (segment.generation, segment.written);
            drop(state);
            if behind {
                break;
            }
            if segment.stopping {
                return;
            }
            segment = shared.work.wait(segment).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        let (file, generation, written) = (segment.file.clone(), segment.generation, segment.written);
        drop(segment);
        match file.sync_data() {
            Ok(()) => shared.synced.send_modify(|state| {
                if (state.generation, state.bytes) < (generation, written) {
                    (state.generation, state.bytes) = (generation, written);
                }
            }),
            Err(source) => fail_sync(shared, generation, &source),
        }
    }
}

/// Cuts the segment back to what was synced and tells everybody who waits for more.
fn fail_sync(shared: &Shared, generation: u64, source: &std::io::Error) {
    let mut segment = lock(&shared.segment);
    if segment.generation != generation {
        return; // rotated meanwhile, which synced or failed on its own account
    }
    let good = shared.synced.borrow().bytes;
    let cut = segment.file.set_len(good).and_then(|()| seek_to(&segment.file, good));
    tracing::error!(path = %segment.path.display(), %source, cut = cut.is_ok(), "cannot sync the write-ahead log");
    segment.written = good;
    segment.failures += 1;
    let reason = format!("cannot sync {}: {source}", segment.path.display());
    shared.synced.send_modify(|state| state.failures.push(SyncFailure { generation, good_bytes: good, reason }));
}

fn seek_to(file: &File, offset: u64) -> std::io::Result<()> {
    use std::io::Seek;
    let mut file = file;
    file.seek(std::io::SeekFrom::Start(offset)).map(drop)
}

fn refused(what: &str, path: &Path, source: &std::io::Error) -> StoreError {
    let reason = format!("{what} {}: {source}", path.display());
    StoreError::Unavailable { reason, retry_after: RETRY_AFTER }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
