//! The engine that all signals share: WAL, heads, flush, catalogue, compaction, retention.
//!
//! | module | owns |
//! |---|---|
//! | [`signal`] | the trait by which a signal plugs in its columns |
//! | [`wal`] | durability: segments, group commit, replay |
//! | [`generation`] | the heads between two flushes |
//! | [`memory`] | the limit on heads, which makes writers wait |
//! | [`catalogue`], [`block`], [`meta`] | the blocks that exist |
//! | [`local`], [`bucket`] | where blocks live |
//! | [`plan`] | which blocks to merge, which to delete |
//! | [`maintenance`] | the thread that flushes, compacts and deletes |
//!
//! Write path: [`Engine::append`] = decode, log, wait until durable, attach to a head. Read path: [`Engine::snapshot`]. Both
//! are exact across a flush, because heads and blocks change places under one lock.

pub(crate) mod block;
pub(crate) mod bucket;
pub(crate) mod catalogue;
pub(crate) mod generation;
pub(crate) mod local;
pub(crate) mod maintenance;
pub(crate) mod memory;
pub(crate) mod meta;
pub(crate) mod plan;
pub(crate) mod signal;
pub(crate) mod wal;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, RwLock};
use std::time::Duration;

use model::{TenantId, TimeRange};
use store_api::{Appended, Payload, SignalStatus, StoreError};

use block::{Block, BlockStore};
use catalogue::Catalogue;
use generation::{Generation, Ticket};
use memory::MemoryGauge;
use signal::Signal;
use wal::writer::{Durability, Position, WalWriter};

/// What a sender is told to wait when the store cannot take a request now.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A thread's frame buffer that had to grow beyond this is given back: requests of 4 MiB are rare, threads are several.
const FRAME_BUFFER_KEPT: usize = 4 << 20;

/// What an engine is told by the store.
#[derive(Clone, Debug)]
pub(crate) struct EngineSettings {
    /// Root of the local data folder.
    pub data_dir: PathBuf,
    /// When an append counts as durable.
    pub durability: Durability,
    /// A head of so many rows is flushed.
    pub flush_rows: u64,
    /// Heads of so many bytes are flushed.
    pub flush_bytes: u64,
    /// A head of this age is flushed.
    pub flush_age: Duration,
    /// How long rows are kept; `None` for ever.
    pub retention: Option<Duration>,
}

/// One signal's engine.
pub(crate) struct Engine<S: Signal> {
    pub(crate) signal: S,
    settings: EngineSettings,
    wal: WalWriter,
    wal_folder: PathBuf,
    blocks: Arc<dyn BlockStore>,
    memory: Arc<MemoryGauge>,
    state: RwLock<State<S>>,
    /// Blocks that no snapshot may see any more, deleted when the last reader is done.
    graveyard: Mutex<Vec<Arc<Block<S>>>>,
    control: Mutex<Control>,
    wake: Condvar,
    counters: Counters,
    last_error: Mutex<String>,
}

struct State<S: Signal> {
    active: Arc<Generation<S>>,
    /// Generations that are being flushed, oldest first.
    sealed: VecDeque<Arc<Generation<S>>>,
    catalogue: Catalogue<S>,
}

#[derive(Default)]
struct Control {
    flush_requests: u64,
    flushes_done: u64,
    stopping: bool,
    busy: bool,
}

#[derive(Default)]
struct Counters {
    accepted: AtomicU64,
    rejected: AtomicU64,
    flushes: AtomicU64,
    compactions: AtomicU64,
    retention_deleted: AtomicU64,
}

/// What a read sees: every record whose append ended before, each once.
pub(crate) struct Snapshot<S: Signal> {
    /// Heads, oldest generation first.
    pub heads: Vec<Arc<S::Head>>,
    /// Blocks that touch the range, oldest first.
    pub blocks: Vec<Arc<Block<S>>>,
    /// Blocks of the tenant, in or out of the range.
    pub total_blocks: u64,
}

impl<S: Signal> Engine<S> {
    /// Opens the log, replays it, and lists the blocks. `metas` is the block store's listing.
    pub(crate) fn open(
        signal: S,
        settings: EngineSettings,
        blocks: Arc<dyn BlockStore>,
        metas: &[(String, bytes::Bytes)],
        memory: Arc<MemoryGauge>,
    ) -> Result<Arc<Self>, StoreError> {
        let wal_folder = settings.data_dir.join("wal").join(S::NAME);
        std::fs::create_dir_all(&wal_folder).map_err(|e| wal::io_error("cannot create", &wal_folder, e))?;
        let listed = Catalogue::<S>::from_metas(metas, &blocks)?;
        for path in &listed.leftovers {
            blocks.delete(path)?;
        }
        for tenant in listed.catalogue.tenants() {
            signal.restore(tenant, listed.catalogue.of(tenant))?;
        }
        let generations = wal::list_generations(&wal_folder)?;
        let sealed = replay_all(&signal, &generations, &wal_folder, &listed.catalogue, &memory)?;
        let highest = listed.catalogue.iter().flat_map(|(_, b)| b.files.meta.wal_generations.iter().copied()).max();
        let next = generations.last().copied().max(highest).unwrap_or(0) + 1;
        let wal = WalWriter::open(S::NAME, &wal_folder, next, settings.durability)?;
        let active = Arc::new(Generation::new(next, memory.clone()));
        Ok(Arc::new(Self {
            signal,
            settings,
            wal,
            wal_folder,
            blocks,
            memory,
            state: RwLock::new(State { active, sealed, catalogue: listed.catalogue }),
            graveyard: Mutex::default(),
            control: Mutex::default(),
            wake: Condvar::new(),
            counters: Counters::default(),
            last_error: Mutex::default(),
        }))
    }

    /// Stores one request; see [`store_api::Appender`] for the promise.
    pub(crate) async fn append(&self, tenant: &TenantId, payload: Payload) -> Result<Appended, StoreError> {
        self.memory.admit().await?;
        let decoded = self.signal.decode(&payload)?;
        self.counters.rejected.fetch_add(decoded.appended.rejected, Ordering::Relaxed);
        let Some(batch) = decoded.batch else { return Ok(decoded.appended) };
        let (position, ticket) = self.log(tenant, &payload)?;
        drop(payload); // the batch holds its own copy of what it keeps
        self.wal.durable(position).await?;
        ticket.generation().attach(&self.signal, tenant, batch);
        self.counters.accepted.fetch_add(decoded.appended.accepted, Ordering::Relaxed);
        Ok(decoded.appended)
    }

    /// Writes the request to the log, and ties it to the generation that the log is in.
    fn log(&self, tenant: &TenantId, payload: &Payload) -> Result<(Position, Ticket<S>), StoreError> {
        thread_local! {
            // Fresh memory for each frame would be zeroed page by page by the kernel: measured 10 % of an ingest's CPU.
            static FRAME: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        FRAME.with_borrow_mut(|buffer| {
            let length = wal::frame::encode_into(buffer, tenant, payload);
            let logged = self.wal.append(&buffer[..length], || self.read_state().active.begin());
            if buffer.len() > FRAME_BUFFER_KEPT {
                *buffer = Vec::new();
            }
            logged
        })
    }

    /// What a read of `tenant` in `range` sees. Heads are not pruned by time: they are small.
    pub(crate) fn snapshot(&self, tenant: &TenantId, range: TimeRange) -> Snapshot<S> {
        let state = self.read_state();
        let generations = state.sealed.iter().chain([&state.active]);
        Snapshot {
            heads: generations.filter_map(|generation| generation.head(tenant)).collect(),
            blocks: state.catalogue.overlapping(tenant, range),
            total_blocks: state.catalogue.of(tenant).len() as u64,
        }
    }

    /// The signal's share of the status page.
    pub(crate) fn status(&self) -> SignalStatus {
        // Takes the lock itself: a second read behind a waiting writer would wait for ever.
        let wal_bytes = self.wal_bytes();
        let state = self.read_state();
        let heads: Vec<_> = state.sealed.iter().chain([&state.active]).map(|g| g.size(&self.signal)).collect();
        let metas: Vec<_> = state.catalogue.iter().map(|(_, block)| &block.files.meta).collect();
        let oldest_block = metas.iter().map(|meta| model::UnixNanos(meta.min_time_ns)).min();
        let newest_block = metas.iter().map(|meta| model::UnixNanos(meta.max_time_ns)).max();
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        SignalStatus {
            signal: S::NAME,
            accepted: count(&self.counters.accepted),
            rejected: count(&self.counters.rejected),
            late: self.signal.late(),
            head_rows: heads.iter().map(|head| head.rows).sum(),
            head_bytes: heads.iter().map(|head| head.bytes).sum(),
            block_rows: metas.iter().map(|meta| meta.rows).sum(),
            blocks: metas.len() as u64,
            block_bytes: metas.iter().map(|meta| meta.bytes()).sum(),
            wal_bytes,
            oldest: heads.iter().filter_map(|head| head.oldest).chain(oldest_block).min(),
            newest: heads.iter().filter_map(|head| head.newest).chain(newest_block).max(),
            flushes: count(&self.counters.flushes),
            compactions: count(&self.counters.compactions),
            retention_deleted_blocks: count(&self.counters.retention_deleted),
        }
    }

    fn wal_bytes(&self) -> u64 {
        let active = self.read_state().active.number;
        let older = wal::list_generations(&self.wal_folder).unwrap_or_default();
        let size = |number| std::fs::metadata(wal::segment_path(&self.wal_folder, number)).map_or(0, |file| file.len());
        self.wal.bytes() + older.into_iter().filter(|number| *number != active).map(size).sum::<u64>()
    }

    /// The last thing that went wrong in the background; empty when all is well.
    pub(crate) fn last_error(&self) -> String {
        lock(&self.last_error).clone()
    }

    fn read_state(&self) -> std::sync::RwLockReadGuard<'_, State<S>> {
        self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write_state(&self) -> std::sync::RwLockWriteGuard<'_, State<S>> {
        self.state.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Reads every segment into a sealed generation, leaving out what is in a block already. A request that no longer decodes
/// (it was checked when it came) is counted and logged, never fatal.
fn replay_all<S: Signal>(
    signal: &S,
    generations: &[u64],
    folder: &std::path::Path,
    catalogue: &Catalogue<S>,
    memory: &Arc<MemoryGauge>,
) -> Result<VecDeque<Arc<Generation<S>>>, StoreError> {
    let mut sealed = VecDeque::new();
    for &number in generations {
        let path = wal::segment_path(folder, number);
        let flushed: hashbrown::HashSet<TenantId> = catalogue
            .iter()
            .filter(|(_, block)| block.files.meta.wal_generations.contains(&number))
            .map(|(tenant, _)| tenant.clone())
            .collect();
        let generation = Arc::new(Generation::new(number, memory.clone()));
        let found = wal::replay::replay(&path, number, |tenant, payload| {
            if flushed.contains(&tenant) {
                return;
            }
            match signal.decode(&payload) {
                Ok(decoded) => {
                    if let Some(batch) = decoded.batch {
                        generation.attach(signal, &tenant, batch);
                    }
                }
                Err(error) => tracing::error!(signal = S::NAME, number, %error, "a logged request no longer decodes"),
            }
        })?;
        let (requests, damaged, torn_bytes) = (found.requests, found.damaged, found.torn_bytes);
        tracing::info!(signal = S::NAME, number, requests, damaged, torn_bytes, "replayed the write-ahead log");
        sealed.push_back(generation);
    }
    Ok(sealed)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
