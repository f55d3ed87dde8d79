//! Resources and scopes, shared by all spans that have them and known across batches and blocks by a hash of their content.

use std::fmt;
use std::hash::BuildHasher;
use std::sync::{Arc, RwLock};

use hashbrown::HashTable;
use model::{KeyValue, Resource, Scope};
use otlp::view::{KeyValueView, ResourceView, ScopeView};

use crate::attributes::interner::hash_state;
use crate::attributes::value;

/// A resource or scope with the hash that names it.
#[derive(Debug)]
pub(crate) struct Origin<T> {
    /// Hash of the content: the same in each process and version, because blocks keep it.
    pub hash: u64,
    /// The content.
    pub value: Arc<T>,
}

impl<T> Clone for Origin<T> {
    fn clone(&self) -> Self {
        Self { hash: self.hash, value: Arc::clone(&self.value) }
    }
}

/// Most resources (and scopes) that are remembered; beyond, the cache starts anew. Forgetting costs memory, not correctness.
const CACHE_MAX: usize = 4096;

/// The resources and scopes seen of late, so that a request's own need not be built again.
pub(crate) struct OriginCache {
    resources: RwLock<Cache<Resource>>,
    scopes: RwLock<Cache<Scope>>,
}

struct Cache<T>(HashTable<(Box<[u8]>, Origin<T>)>);

impl fmt::Debug for OriginCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OriginCache").finish_non_exhaustive()
    }
}

impl Default for OriginCache {
    fn default() -> Self {
        Self { resources: RwLock::new(Cache(HashTable::new())), scopes: RwLock::new(Cache(HashTable::new())) }
    }
}

impl OriginCache {
    /// The resource that `view` shows. `scratch` is overwritten.
    pub(crate) fn resource(&self, view: &ResourceView<'_, '_>, scratch: &mut Vec<u8>) -> Origin<Resource> {
        scratch.clear();
        write_attributes(view.attributes, view.dropped_attributes_count, scratch);
        scratch.extend_from_slice(view.schema_url.as_bytes());
        look_up(&self.resources, scratch, || Resource {
            attributes: distinct(view.attributes),
            dropped_attributes_count: view.dropped_attributes_count,
            schema_url: view.schema_url.to_owned(),
        })
    }

    /// The scope that `view` shows. `scratch` is overwritten.
    pub(crate) fn scope(&self, view: &ScopeView<'_, '_>, scratch: &mut Vec<u8>) -> Origin<Scope> {
        scratch.clear();
        write_attributes(view.attributes, view.dropped_attributes_count, scratch);
        for text in [view.name, view.version, view.schema_url] {
            write_bytes(text.as_bytes(), scratch);
        }
        look_up(&self.scopes, scratch, || Scope {
            name: view.name.to_owned(),
            version: view.version.to_owned(),
            attributes: distinct(view.attributes),
            dropped_attributes_count: view.dropped_attributes_count,
            schema_url: view.schema_url.to_owned(),
        })
    }
}

fn look_up<T>(cache: &RwLock<Cache<T>>, content: &[u8], make: impl FnOnce() -> T) -> Origin<T> {
    let hash = stable_hash(content);
    // The table is hashed with the process's own seed: contents that collide on purpose in `hash` must not meet there.
    let state = hash_state();
    let slot = state.hash_one(content);
    let locked = "nothing panics while it is held";
    if let Some((_, origin)) = cache.read().expect(locked).0.find(slot, |known| &*known.0 == content) {
        return origin.clone();
    }
    let origin = Origin { hash, value: Arc::new(make()) };
    let mut cache = cache.write().expect(locked);
    if cache.0.len() >= CACHE_MAX {
        cache.0.clear();
    }
    cache.0.insert_unique(slot, (content.into(), origin.clone()), |known| state.hash_one(&*known.0));
    origin
}

/// Attributes as owned data; of a repeated key the last value stays, in the place of the first.
fn distinct(views: &[KeyValueView<'_>]) -> Vec<KeyValue> {
    let mut pairs: Vec<KeyValue> = Vec::with_capacity(views.len());
    let mut message = Vec::new();
    for view in views {
        message.clear();
        value::encode_view(view.value, &mut message);
        let value = value::decode_any(&message);
        match pairs.iter_mut().find(|pair| pair.key == view.key) {
            Some(pair) => pair.value = value,
            None => pairs.push(KeyValue { key: view.key.to_owned(), value }),
        }
    }
    pairs
}

fn write_attributes(views: &[KeyValueView<'_>], dropped: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&dropped.to_le_bytes());
    out.extend_from_slice(&(views.len() as u32).to_le_bytes());
    for view in views {
        write_bytes(view.key.as_bytes(), out);
        // The length goes before the value, so that two contents never give the same bytes.
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        match view.value {
            otlp::view::AnyValueView::Str(text) => out.extend_from_slice(text.as_bytes()),
            other => {
                out.push(0xff);
                value::encode_view(other, out);
            }
        }
        let length = (out.len() - start - 4) as u32;
        out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    }
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// A 64-bit hash that never changes: eight bytes at a time, each step a multiplication whose halves are folded together.
pub(crate) fn stable_hash(bytes: &[u8]) -> u64 {
    let fold = |state: u64, word: u64| {
        let product = u128::from(state ^ word) * u128::from(0x9e37_79b9_7f4a_7c15_u64 ^ word.rotate_left(29) | 1);
        (product as u64) ^ ((product >> 64) as u64)
    };
    let (words, tail) = bytes.as_chunks::<8>();
    let state = words.iter().fold(0x51_7c_c1_b7_27_22_0a_95, |state, word| fold(state, u64::from_le_bytes(*word)));
    let mut last = [0u8; 8];
    last[..tail.len()].copy_from_slice(tail);
    let state = fold(state, u64::from_le_bytes(last));
    let state = (state ^ bytes.len() as u64 ^ (state >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    state ^ (state >> 32)
}

#[cfg(test)]
mod tests {
    use otlp::view::AnyValueView;

    use super::*;

    #[test]
    fn the_hash_is_the_one_that_blocks_hold() {
        assert_eq!(stable_hash(b""), stable_hash(b""));
        assert_ne!(stable_hash(b"a"), stable_hash(b"a\0"));
        let texts: Vec<String> = (0..20_000).map(|n| format!("service-{n}")).collect();
        let mut hashes: Vec<u64> = texts.iter().map(|text| stable_hash(text.as_bytes())).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), texts.len());
    }

    #[test]
    fn equal_content_is_shared() {
        let (cache, mut scratch) = (OriginCache::default(), Vec::new());
        let text = |value| [KeyValueView { key: "service.name", value }];
        let first = text(AnyValueView::Str("a"));
        let view = |attributes| ResourceView { attributes, dropped_attributes_count: 0, schema_url: "" };
        let one = cache.resource(&view(&first), &mut scratch);
        let two = cache.resource(&view(&first), &mut scratch);
        assert!(Arc::ptr_eq(&one.value, &two.value));
        let other = text(AnyValueView::Bytes(b"a"));
        let three = cache.resource(&view(&other), &mut scratch);
        assert_ne!(one.hash, three.hash);
        assert_eq!(one.value.service_name(), Some("a"));
    }
}
