//! The disk high-water mark: when the file system of the data folder fills up, the oldest blocks of any signal go first.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use model::UnixNanos;
use store_api::StoreError;

use super::Store;

/// How often the disk is looked at. At 100 MB/s half a GiB is written in between.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Blocks whose newest row is younger are never deleted for want of disk: somebody else may be filling it, and a store that
/// empties itself is worse than one that refuses writes.
const KEPT_ALWAYS: Duration = Duration::from_secs(3600);

/// Starts the thread that watches the disk. It ends when the store is shut down or dropped.
pub(super) fn watch(store: &Arc<Store>) -> Result<std::thread::JoinHandle<()>, StoreError> {
    let (weak, stopping) = (Arc::downgrade(store), store.stopping.clone());
    let run = move || {
        while !stopping.load(Ordering::Acquire) {
            let Some(store) = weak.upgrade() else { return };
            store.relieve_disk(disk_used_share(&store.settings.data_dir));
            drop(store);
            std::thread::park_timeout(LOOK_EVERY);
        }
    };
    let spawned = std::thread::Builder::new().name("store-disk".to_owned()).spawn(run);
    spawned.map_err(|source| StoreError::Io { context: "cannot start thread store-disk".to_owned(), source })
}

impl Store {
    /// Deletes the oldest blocks until the disk is below the mark; `used` is its used share, `None` when unknown.
    fn relieve_disk(&self, used: Option<f64>) {
        let mut used = used;
        while used.is_some_and(|share| share > self.settings.disk_used_max) {
            let (spans, logs, samples) =
                (self.spans.oldest_block(), self.logs.oldest_block(), self.samples.oldest_block());
            let oldest = [&spans, &logs, &samples].into_iter().flatten().map(|block| block.0).min();
            let Some(newest_row) = oldest else { return };
            if UnixNanos::now().0.saturating_sub(newest_row) < KEPT_ALWAYS.as_nanos() as u64 {
                return;
            }
            let is_oldest = |block: &(u64, model::TenantId, String)| block.0 == newest_row;
            if let Some((_, tenant, ulid)) = spans.filter(is_oldest) {
                self.spans.drop_block(&tenant, ulid);
            } else if let Some((_, tenant, ulid)) = logs.filter(is_oldest) {
                self.logs.drop_block(&tenant, ulid);
            } else if let Some((_, tenant, ulid)) = samples.filter(is_oldest) {
                self.samples.drop_block(&tenant, ulid);
            }
            tracing::warn!(share = used, "the disk is above its high-water mark: deleted the oldest block");
            used = disk_used_share(&self.settings.data_dir);
        }
    }
}

/// Used share of the file system that holds `folder`, as `df` counts it.
#[expect(unsafe_code, reason = "statvfs has no safe wrapper in std")]
fn disk_used_share(folder: &Path) -> Option<f64> {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(folder.as_os_str().as_bytes()).ok()?;
    // SAFETY: `statvfs` is plain data, for which zeros are a valid value.
    let mut stat: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: `path` is a NUL-terminated string and `stat` a valid place to write to; both outlive the call.
    let failed = unsafe { libc::statvfs(path.as_ptr(), &raw mut stat) } != 0;
    let used = (stat.f_blocks - stat.f_bfree) as f64;
    let available = stat.f_bavail as f64;
    (!failed && used + available > 0.0).then(|| used / (used + available))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_share_is_a_share() {
        let share = super::disk_used_share(std::path::Path::new("/")).expect("the root is a file system");
        assert!((0.0..=1.0).contains(&share));
        assert_eq!(super::disk_used_share(std::path::Path::new("/no/such/folder")), None);
    }
}
