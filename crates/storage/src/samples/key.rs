//! 128-bit hashes that stand for what they were made of: a label set, a sender's way to write one.
//!
//! At 2^128 two of a hundred million series collide with a chance of 10^-23, so a key is taken for the thing itself. Seeds are
//! random per process: keys never reach the disk, and nobody can prepare a collision.

use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};
use std::sync::OnceLock;

use foldhash::quality::RandomState;
use otlp::view::{AnyValueView, KeyValueView};

/// See the module.
pub(super) type Key = u128;

/// A map by [`Key`].
pub(super) type KeyMap<V> = hashbrown::HashMap<Key, V, BuildHasherDefault<KeyHasher>>;

/// The key of `value`.
pub(super) fn key_of(value: &(impl Hash + ?Sized)) -> Key {
    static STATES: OnceLock<[RandomState; 2]> = OnceLock::new();
    let [high, low] = STATES.get_or_init(|| [RandomState::default(), RandomState::default()]);
    Key::from(high.hash_one(value)) << 64 | Key::from(low.hash_one(value))
}

/// The key of a pair of keys; the order matters.
pub(super) fn combine(left: Key, right: Key) -> Key {
    // Odd and without pattern: the fractional bits of the golden ratio.
    const SPREAD: Key = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    left.rotate_left(47).wrapping_mul(SPREAD) ^ right
}

/// Spreads a 64-bit hash over a key.
pub(super) fn widen(hash: u64) -> Key {
    const SPREAD: Key = 0xd1b5_4a32_d192_ed03_8cb9_2ba7_2f3d_8dd7;
    Key::from(hash).wrapping_mul(SPREAD)
}

/// Hash of attributes in the sender's order.
pub(super) struct Attributes<'v, 'a>(pub &'v [KeyValueView<'a>]);

impl Hash for Attributes<'_, '_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for pair in self.0 {
            pair.key.hash(state);
            std::mem::discriminant(&pair.value).hash(state);
            match pair.value {
                AnyValueView::Empty => {}
                AnyValueView::Str(text) => text.hash(state),
                AnyValueView::Bool(flag) => flag.hash(state),
                AnyValueView::Int(number) => number.hash(state),
                AnyValueView::Double(number) => number.to_bits().hash(state),
                AnyValueView::Array(bytes) | AnyValueView::KvList(bytes) | AnyValueView::Bytes(bytes) => {
                    bytes.hash(state)
                }
            }
        }
    }
}

/// Takes a key's lower half for its hash.
#[derive(Default)]
pub(super) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
