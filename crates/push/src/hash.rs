//! The hash by which a store recognises label bytes that it has seen.

use std::hash::{BuildHasher, Hasher};
use std::sync::LazyLock;

/// Seeded once per process, so that nobody outside can prepare labels whose hashes collide.
static STATE: LazyLock<foldhash::quality::RandomState> = LazyLock::new(foldhash::quality::RandomState::default);

/// Hash of one byte string.
#[inline]
pub(crate) fn hash_bytes(bytes: &[u8]) -> u64 {
    let mut hasher = STATE.build_hasher();
    hasher.write(bytes);
    hasher.finish()
}

/// Hash of a row of hashes.
#[inline]
pub(crate) fn hash_hashes(hashes: impl Iterator<Item = u64>) -> u64 {
    let mut hasher = STATE.build_hasher();
    hashes.for_each(|hash| hasher.write_u64(hash));
    hasher.finish()
}
