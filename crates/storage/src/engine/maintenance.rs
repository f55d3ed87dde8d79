//! The thread of one engine that flushes, compacts and deletes, in that order of urgency.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use model::{TenantId, UnixNanos};
use store_api::StoreError;

use super::block::{Block, BlockFiles, BlockWriter};
use super::generation::Generation;
use super::meta::{BLOCK_VERSION, BlockMeta, FileMeta};
use super::signal::{BlockSummary, Signal};
use super::wal::{io_error, segment_path};
use super::{Engine, lock, plan};

/// How often the thread looks at the head when nobody wakes it. At 500 k rows a second a head overshoots by 5 % of its limit.
const TICK: Duration = Duration::from_millis(20);
/// Pause after a failure (a full disk), so that it is retried but does not spin.
const FAILURE_PAUSE: Duration = Duration::from_millis(500);
/// How often old blocks are looked for.
const RETENTION_EVERY: Duration = Duration::from_secs(30);

impl<S: Signal> Engine<S> {
    /// Runs until [`Engine::stop`].
    pub(crate) fn run_maintenance(&self) {
        let mut retention_due = Instant::now();
        loop {
            let forced = {
                let control = lock(&self.control);
                let idle = |c: &mut super::Control| !c.stopping && c.flush_requests == c.flushes_done;
                let waited = self.wake.wait_timeout_while(control, TICK, idle);
                let mut control = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
                if control.stopping {
                    return;
                }
                control.busy = true;
                control.flush_requests
            };
            let outcome = self.tick(forced, &mut retention_due);
            let failed = outcome.is_err();
            self.note_outcome(outcome, forced);
            if failed {
                std::thread::sleep(FAILURE_PAUSE);
            }
        }
    }

    fn tick(&self, forced: u64, retention_due: &mut Instant) -> Result<(), StoreError> {
        let is_forced = forced > lock(&self.control).flushes_done;
        if is_forced || self.is_flush_due() {
            self.seal()?;
        }
        self.flush_sealed()?;
        if retention_due.elapsed() > Duration::ZERO {
            *retention_due = Instant::now() + RETENTION_EVERY;
            self.expire(UnixNanos::now())?;
        }
        self.bury();
        if is_forced {
            while self.compact_once()? {}
        } else {
            self.compact_once()?;
        }
        self.bury();
        Ok(())
    }

    fn note_outcome(&self, outcome: Result<(), StoreError>, forced: u64) {
        let mut last_error = lock(&self.last_error);
        let mut control = lock(&self.control);
        control.busy = false;
        match outcome {
            Ok(()) => {
                last_error.clear();
                control.flushes_done = forced;
                self.wake.notify_all();
            }
            Err(error) => {
                let text = error.to_string();
                if *last_error != text {
                    tracing::error!(signal = S::NAME, error = text, "background work failed; it is tried again");
                }
                *last_error = text;
            }
        }
    }

    /// Flushes and compacts all that is due, and waits for it; `false` when that did not succeed within `patience`.
    pub(crate) fn flush_all(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let mut control = lock(&self.control);
        control.flush_requests += 1;
        let mine = control.flush_requests;
        self.wake.notify_all();
        while control.flushes_done < mine && !control.stopping {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.wake.wait_timeout(control, left);
            control = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
        control.flushes_done >= mine
    }

    /// Ends the thread; the log keeps what is not flushed.
    pub(crate) fn stop(&self) {
        lock(&self.control).stopping = true;
        self.wake.notify_all();
        self.wal.stop();
    }

    /// Work that is under way or due: 0 when quiet.
    pub(crate) fn background_tasks(&self) -> u64 {
        let control = lock(&self.control);
        let asked = u64::from(control.flush_requests > control.flushes_done);
        let busy = u64::from(control.busy);
        drop(control);
        let sealed = self.read_state().sealed.len() as u64;
        asked.max(busy) + sealed + u64::from(self.is_flush_due())
    }

    fn is_flush_due(&self) -> bool {
        let active = self.read_state().active.clone();
        let size = active.size(&self.signal);
        let pressed = self.memory.is_full() && size.bytes > 0;
        let full = size.rows >= self.settings.flush_rows || size.bytes >= self.settings.flush_bytes;
        full || pressed || (size.rows > 0 && active.since.elapsed() >= self.settings.flush_age)
    }

    /// Begins a new generation; the old one waits to be flushed. Nothing happens to an empty one.
    fn seal(&self) -> Result<(), StoreError> {
        let active = self.read_state().active.clone();
        if active.size(&self.signal).rows == 0 && self.wal.bytes() <= super::wal::frame::SEGMENT_HEADER_BYTES as u64 {
            return Ok(());
        }
        let number = active.number + 1;
        let fresh = Arc::new(Generation::new(number, self.memory.clone()));
        self.wal.rotate(number, || {
            let mut state = self.write_state();
            let old = std::mem::replace(&mut state.active, fresh);
            state.sealed.push_back(old);
        })
    }

    fn flush_sealed(&self) -> Result<(), StoreError> {
        while let Some(generation) = { self.read_state().sealed.front().cloned() } {
            generation.wait_landed();
            self.flush_generation(&generation)?;
            generation.release();
        }
        Ok(())
    }

    /// Writes one block a tenant, swaps them in for the heads, and deletes the segment. A crash in between is harmless: the
    /// blocks name the generation, so replay leaves their tenants out.
    fn flush_generation(&self, generation: &Generation<S>) -> Result<(), StoreError> {
        let already: Vec<TenantId> = self
            .read_state()
            .catalogue
            .iter()
            .filter(|(_, block)| block.files.meta.wal_generations.contains(&generation.number))
            .map(|(tenant, _)| tenant.clone())
            .collect();
        let mut fresh = Vec::new();
        for (tenant, head) in generation.heads() {
            if already.contains(&tenant) {
                continue;
            }
            let origin = Origin { level: 0, wal_generations: vec![generation.number], replaces: vec![] };
            let block = self.build(&tenant, origin, |writer| self.signal.flush(&head, writer))?;
            fresh.push((tenant, block));
        }
        {
            let mut state = self.write_state();
            fresh.into_iter().for_each(|(tenant, block)| state.catalogue.insert(tenant, block));
            state.sealed.pop_front();
        }
        self.counters.flushes.fetch_add(1, Ordering::Relaxed);
        let segment = segment_path(&self.wal_folder, generation.number);
        std::fs::remove_file(&segment).map_err(|e| io_error("cannot delete", &segment, e))
    }

    /// Merges one group of blocks; `false` when there is none to merge.
    fn compact_once(&self) -> Result<bool, StoreError> {
        let picked = {
            let state = self.read_state();
            state.catalogue.tenants().find_map(|tenant| {
                let blocks = state.catalogue.of(tenant);
                let metas: Vec<_> = blocks.iter().map(|block| &block.files.meta).collect();
                let ulids = plan::pick_compaction(&metas)?;
                let inputs: Vec<_> = blocks.iter().filter(|b| ulids.contains(&b.files.meta.ulid)).cloned().collect();
                Some((tenant.clone(), ulids, inputs, state.active.number))
            })
        };
        let Some((tenant, ulids, inputs, active)) = picked else { return Ok(false) };
        let oldest_segment = super::wal::list_generations(&self.wal_folder)?.first().copied().unwrap_or(active);
        let metas = || inputs.iter().map(|block| &block.files.meta);
        let origin = Origin {
            level: metas().map(|meta| meta.level).max().unwrap_or(0) + 1,
            // Only generations whose segment is still there matter to replay.
            wal_generations: metas()
                .flat_map(|meta| meta.wal_generations.iter().copied())
                .filter(|g| *g >= oldest_segment)
                .collect(),
            replaces: ulids.clone(),
        };
        let block = self.build(&tenant, origin, |writer| self.signal.compact(&inputs, writer))?;
        drop(inputs);
        let replaced = {
            let mut state = self.write_state();
            let replaced = state.catalogue.remove(&tenant, &ulids);
            state.catalogue.insert(tenant, block);
            replaced
        };
        lock(&self.graveyard).extend(replaced);
        self.counters.compactions.fetch_add(1, Ordering::Relaxed);
        Ok(true)
    }

    fn build(
        &self,
        tenant: &TenantId,
        origin: Origin,
        fill: impl FnOnce(&mut BlockWriter) -> Result<BlockSummary, StoreError>,
    ) -> Result<Block<S>, StoreError> {
        let ulid = ulid::Ulid::new().to_string();
        let folder = self.settings.data_dir.join("tmp").join(format!("{}-{ulid}", S::NAME));
        std::fs::create_dir_all(&folder).map_err(|e| unavailable("cannot create", &folder, e))?;
        let built = self.build_in(&folder, ulid, tenant, origin, fill);
        if built.is_err() {
            drop(std::fs::remove_dir_all(&folder)); // best effort; `tmp` is emptied at the next start anyway
        }
        built
    }

    fn build_in(
        &self,
        folder: &Path,
        ulid: String,
        tenant: &TenantId,
        origin: Origin,
        fill: impl FnOnce(&mut BlockWriter) -> Result<BlockSummary, StoreError>,
    ) -> Result<Block<S>, StoreError> {
        let mut writer = BlockWriter { folder: folder.to_owned(), names: Vec::new() };
        let summary = fill(&mut writer)?;
        let mut names = writer.names;
        let size = |name: &String| {
            let path = folder.join(name);
            let file = std::fs::metadata(&path).map_err(|e| io_error("cannot read", &path, e))?;
            Ok(FileMeta { name: name.clone(), bytes: file.len() })
        };
        let meta = BlockMeta {
            version: BLOCK_VERSION,
            ulid,
            tenant: tenant.to_string(),
            signal: S::NAME.to_owned(),
            rows: summary.rows,
            min_time_ns: summary.range.start.0,
            max_time_ns: summary.range.end.0,
            level: origin.level,
            wal_generations: origin.wal_generations,
            replaces: origin.replaces,
            files: names.iter().map(size).collect::<Result<_, StoreError>>()?,
        };
        let json = serde_json::to_vec_pretty(&meta).expect("plain data serialises");
        std::fs::write(folder.join("meta.json"), json).map_err(|e| unavailable("cannot write in", folder, e))?;
        names.push("meta.json".to_owned());
        let path = block_path(&meta);
        self.blocks.publish(folder, &names, &path)?;
        Ok(Block::new(BlockFiles { meta, path, store: self.blocks.clone() }))
    }

    fn expire(&self, now: UnixNanos) -> Result<(), StoreError> {
        let Some(retention) = self.settings.retention else { return Ok(()) };
        let expired: Vec<_> = {
            let state = self.read_state();
            let old = |(_, block): &(&TenantId, &Arc<Block<S>>)| {
                plan::is_expired(&block.files.meta, now, retention.as_nanos() as u64)
            };
            state.catalogue.iter().filter(old).map(|(t, b)| (t.clone(), b.files.meta.ulid.clone())).collect()
        };
        expired.into_iter().for_each(|(tenant, ulid)| self.drop_block(&tenant, ulid));
        Ok(())
    }

    /// Takes a block out of sight; its files go when the last reader is done with them.
    pub(crate) fn drop_block(&self, tenant: &TenantId, ulid: String) {
        let removed = self.write_state().catalogue.remove(tenant, &[ulid]);
        self.counters.retention_deleted.fetch_add(removed.len() as u64, Ordering::Relaxed);
        lock(&self.graveyard).extend(removed);
        self.bury();
    }

    /// The block whose newest row is oldest: `(newest row, tenant, ulid)`. The disk high-water mark deletes in that order.
    pub(crate) fn oldest_block(&self) -> Option<(u64, TenantId, String)> {
        let state = self.read_state();
        let oldest = state.catalogue.iter().min_by_key(|(_, block)| block.files.meta.max_time_ns);
        oldest.map(|(t, b)| {
            (b.files.meta.max_time_ns.min(plan::arrival_ns(&b.files.meta)), t.clone(), b.files.meta.ulid.clone())
        })
    }

    fn bury(&self) {
        let mut graveyard = lock(&self.graveyard);
        graveyard.retain(|block| {
            if Arc::strong_count(block) > 1 {
                return true;
            }
            if let Err(error) = self.blocks.delete(&block.files.path) {
                tracing::warn!(path = block.files.path, %error, "cannot delete a block; it is tried again");
                return true;
            }
            false
        });
    }
}

/// Where a new block comes from.
struct Origin {
    level: u32,
    wal_generations: Vec<u64>,
    replaces: Vec<String>,
}

/// `blocks/{tenant}/{signal}/{date of the oldest row}/{ulid}`.
fn block_path(meta: &BlockMeta) -> String {
    let (year, month, day) = UnixNanos(meta.min_time_ns).date();
    let BlockMeta { tenant, signal, ulid, .. } = meta;
    format!("blocks/{tenant}/{signal}/{year:04}-{month:02}-{day:02}/{ulid}")
}

fn unavailable(what: &str, path: &Path, source: std::io::Error) -> StoreError {
    let reason = format!("{what} {}: {source}", path.display());
    StoreError::Unavailable { reason, retry_after: super::RETRY_AFTER }
}
