//! The store: one engine a signal below one data folder, and the traits of `store-api` over them.

mod disk;
mod read;

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use model::TenantId;
use store_api::append::AppendFuture;
use store_api::{Appender, Flush, Payload, StatusSource, StoreError, StoreStatus, WireFormat};

use crate::engine::block::BlockStore;
use crate::engine::bucket::BucketBlocks;
use crate::engine::local::LocalBlocks;
use crate::engine::memory::MemoryGauge;
use crate::engine::signal::Signal;
use crate::engine::{Engine, EngineSettings, RETRY_AFTER};
use crate::logs::Logs;
use crate::samples::Samples;
use crate::settings::{Durability, StoreSettings};
use crate::spans::Spans;

/// Rows of a head that is flushed: two row groups of a block, and at 10 attributes a span about 30 MiB of memory.
const FLUSH_ROWS: u64 = 256 * 1024;
/// Samples are small in memory, and the longer a head the more samples of one series lie together in its block.
const FLUSH_SAMPLES: u64 = 2 * 1024 * 1024;

/// See the module. Cheap to share: it lives behind an `Arc`.
pub struct Store {
    spans: Arc<Engine<Spans>>,
    logs: Arc<Engine<Logs>>,
    samples: Arc<Engine<Samples>>,
    settings: StoreSettings,
    memory: Arc<MemoryGauge>,
    stopping: Arc<AtomicBool>,
    threads: Mutex<Vec<std::thread::JoinHandle<()>>>,
    /// Held for as long as the process may write to the data folder.
    _lock: File,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store: takes the data folder's lock, replays the log, lists the blocks, starts background work. Call it in a tokio
    /// runtime when there is a bucket.
    ///
    /// Errors: the folder cannot be created or is in use by another process; a block is damaged or of a newer layout.
    pub fn open(settings: StoreSettings) -> Result<Arc<Self>, StoreError> {
        let lock = prepare(&settings.data_dir)?;
        let blocks: Arc<dyn BlockStore> = match &settings.bucket {
            None => Arc::new(LocalBlocks::new(settings.data_dir.clone())),
            Some(bucket) => Arc::new(BucketBlocks::open(bucket)?),
        };
        let metas = blocks.list_metas()?;
        let memory = Arc::new(MemoryGauge::new(settings.head_bytes_max));
        let flush = |rows| engine_settings(&settings, rows);
        let store = Arc::new(Self {
            spans: Engine::open(Spans::default(), flush(FLUSH_ROWS), blocks.clone(), &metas, memory.clone())?,
            logs: Engine::open(Logs::default(), flush(FLUSH_ROWS), blocks.clone(), &metas, memory.clone())?,
            samples: Engine::open(Samples::default(), flush(FLUSH_SAMPLES), blocks, &metas, memory.clone())?,
            memory,
            stopping: Arc::default(),
            threads: Mutex::default(),
            _lock: lock,
            settings,
        });
        store.start()?;
        Ok(store)
    }

    fn start(self: &Arc<Self>) -> Result<(), StoreError> {
        let threads = [
            maintain("store-spans", &self.spans)?,
            maintain("store-logs", &self.logs)?,
            maintain("store-samples", &self.samples)?,
            disk::watch(self)?,
        ];
        self.threads.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(threads);
        Ok(())
    }

    /// Refuses writes from now on, flushes within `patience`, and ends the background threads. What is not flushed stays in the log. Blocks
    /// the thread.
    pub fn shutdown(&self, patience: Duration) {
        self.stopping.store(true, Ordering::Release);
        self.flush(patience);
        self.spans.stop();
        self.logs.stop();
        self.samples.stop();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        for thread in threads {
            thread.thread().unpark();
            drop(thread.join());
        }
    }
}

impl Appender for Store {
    fn append<'a>(&'a self, tenant: &'a TenantId, payload: Payload) -> AppendFuture<'a> {
        Box::pin(async move {
            if self.stopping.load(Ordering::Acquire) {
                let reason = "the store is stopping".to_owned();
                return Err(StoreError::Unavailable { reason, retry_after: RETRY_AFTER });
            }
            match payload.format {
                WireFormat::OtlpTraces => self.spans.append(tenant, payload).await,
                WireFormat::OtlpLogs | WireFormat::LokiPush => self.logs.append(tenant, payload).await,
                WireFormat::OtlpMetrics | WireFormat::RemoteWriteV1 | WireFormat::RemoteWriteV2 => {
                    self.samples.append(tenant, payload).await
                }
            }
        })
    }
}

impl Flush for Store {
    fn flush(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let left = || deadline.saturating_duration_since(Instant::now());
        self.spans.flush_all(left()) & self.logs.flush_all(left()) & self.samples.flush_all(left())
    }
}

impl StatusSource for Store {
    fn status(&self) -> StoreStatus {
        let errors = [self.spans.last_error(), self.logs.last_error(), self.samples.last_error()];
        StoreStatus {
            signals: vec![self.spans.status(), self.logs.status(), self.samples.status()],
            retention_secs: self.settings.retention.map_or(0, |kept| kept.as_secs()),
            data_dir: self.settings.data_dir.display().to_string(),
            durability: match self.settings.durability {
                Durability::Fsync => "fsync",
                Durability::Buffered => "buffered",
            },
            last_error: errors.into_iter().find(|text| !text.is_empty()).unwrap_or_default(),
            head_bytes_max: self.memory.bytes_max(),
            refusing: self.memory.is_full(),
            background_tasks: self.spans.background_tasks()
                + self.logs.background_tasks()
                + self.samples.background_tasks(),
        }
    }
}

/// Makes the folders, empties `tmp`, and takes the lock that keeps a second process out.
fn prepare(data_dir: &Path) -> Result<File, StoreError> {
    let tmp = data_dir.join("tmp");
    let make = || {
        if tmp.exists() {
            std::fs::remove_dir_all(&tmp)?; // half-written blocks of a process that was killed
        }
        std::fs::create_dir_all(&tmp)
    };
    let lock_path = data_dir.join("LOCK");
    let take_lock = || {
        std::fs::create_dir_all(data_dir)?;
        let file = File::options().create(true).truncate(false).write(true).open(&lock_path)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(std::fs::TryLockError::Error(error)) => Err(error),
            Err(std::fs::TryLockError::WouldBlock) => {
                Err(std::io::Error::new(std::io::ErrorKind::ResourceBusy, "another quartet uses this data folder"))
            }
        }
    };
    let lock = take_lock().map_err(|e| crate::engine::wal::io_error("cannot lock", &lock_path, e))?;
    make().map_err(|e| crate::engine::wal::io_error("cannot prepare", &tmp, e))?;
    Ok(lock)
}

fn engine_settings(settings: &StoreSettings, flush_rows: u64) -> EngineSettings {
    EngineSettings {
        data_dir: settings.data_dir.clone(),
        durability: settings.durability,
        flush_rows,
        // Two generations of one signal, one filling and one being flushed, leave room for the other signals.
        flush_bytes: settings.head_bytes_max / 3,
        flush_age: settings.flush_age,
        retention: settings.retention,
    }
}

fn maintain<S: Signal>(name: &str, engine: &Arc<Engine<S>>) -> Result<std::thread::JoinHandle<()>, StoreError> {
    let engine = engine.clone();
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(move || engine.run_maintenance());
    spawned.map_err(|source| StoreError::Io { context: format!("cannot start thread {name}"), source })
}
