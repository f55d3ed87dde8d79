//! A generation: the heads of all tenants between two flushes, tied to one WAL segment.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, RwLock};
use std::time::Instant;

use hashbrown::HashMap;
use model::TenantId;

use super::memory::MemoryGauge;
use super::signal::{HeadSize, Signal};

/// One tenant's head with what the memory gauge knows of it.
struct Slot<S: Signal> {
    head: Arc<S::Head>,
    accounted: AtomicU64,
}

/// See the module.
pub(crate) struct Generation<S: Signal> {
    /// Number of the generation and of its WAL segment.
    pub(crate) number: u64,
    /// When it began.
    pub(crate) since: Instant,
    heads: RwLock<HashMap<TenantId, Arc<Slot<S>>>>,
    /// Appends that are in the segment but not yet in a head.
    in_flight: Mutex<u64>,
    landed: Condvar,
    memory: Arc<MemoryGauge>,
}

impl<S: Signal> Generation<S> {
    pub(crate) fn new(number: u64, memory: Arc<MemoryGauge>) -> Self {
        Self {
            number,
            since: Instant::now(),
            heads: RwLock::default(),
            in_flight: Mutex::new(0),
            landed: Condvar::new(),
            memory,
        }
    }

    /// Notes an append whose frame is in the segment; called in the order of the log.
    pub(crate) fn begin(self: &Arc<Self>) -> Ticket<S> {
        *lock(&self.in_flight) += 1;
        Ticket { generation: self.clone() }
    }

    /// Puts a batch into the tenant's head.
    pub(crate) fn attach(&self, signal: &S, tenant: &TenantId, batch: S::Batch) {
        let slot = self.slot(signal, tenant);
        signal.attach(&slot.head, batch);
        let bytes = signal.size(&slot.head).bytes;
        let before = slot.accounted.swap(bytes, Ordering::AcqRel);
        self.memory.adjust(before, bytes);
    }

    fn slot(&self, signal: &S, tenant: &TenantId) -> Arc<Slot<S>> {
        if let Some(slot) = read(&self.heads).get(tenant) {
            return slot.clone();
        }
        let mut heads = self.heads.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let fresh = || Arc::new(Slot { head: Arc::new(signal.new_head(tenant)), accounted: AtomicU64::new(0) });
        heads.entry(tenant.clone()).or_insert_with(fresh).clone()
    }

    /// The tenant's head, if it has written anything.
    pub(crate) fn head(&self, tenant: &TenantId) -> Option<Arc<S::Head>> {
        read(&self.heads).get(tenant).map(|slot| slot.head.clone())
    }

    /// All heads, by tenant.
    pub(crate) fn heads(&self) -> Vec<(TenantId, Arc<S::Head>)> {
        let mut heads: Vec<_> =
            read(&self.heads).iter().map(|(tenant, slot)| (tenant.clone(), slot.head.clone())).collect();
        heads.sort_by(|a, b| a.0.cmp(&b.0));
        heads
    }

    /// Size of all heads together.
    pub(crate) fn size(&self, signal: &S) -> HeadSize {
        read(&self.heads).values().fold(HeadSize::default(), |sum, slot| {
            let size = signal.size(&slot.head);
            HeadSize {
                rows: sum.rows + size.rows,
                bytes: sum.bytes + size.bytes,
                oldest: [sum.oldest, size.oldest].into_iter().flatten().min(),
                newest: sum.newest.max(size.newest),
            }
        })
    }

    /// Waits until every append of the segment is in a head. Only for a generation that takes no more of them.
    pub(crate) fn wait_landed(&self) {
        let mut in_flight = lock(&self.in_flight);
        while *in_flight > 0 {
            in_flight = self.landed.wait(in_flight).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }

    /// Gives the memory back to the gauge: the records are in blocks now.
    pub(crate) fn release(&self) {
        for slot in read(&self.heads).values() {
            self.memory.adjust(slot.accounted.swap(0, Ordering::AcqRel), 0);
        }
    }
}

/// An append on its way from the log to a head; ends when dropped, so a cancelled request cannot hold up a flush.
pub(crate) struct Ticket<S: Signal> {
    generation: Arc<Generation<S>>,
}

impl<S: Signal> Ticket<S> {
    /// The generation that the append belongs to.
    pub(crate) fn generation(&self) -> &Generation<S> {
        &self.generation
    }
}

impl<S: Signal> Drop for Ticket<S> {
    fn drop(&mut self) {
        let mut in_flight = lock(&self.generation.in_flight);
        *in_flight -= 1;
        if *in_flight == 0 {
            self.generation.landed.notify_all();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(std::sync::PoisonError::into_inner)
}
