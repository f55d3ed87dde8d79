//! What many records share: their resource, their scope, their stream. Each is kept once and named by a
//! [`stable_hash`].

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use model::{Labels, Resource, Scope, Value};
use otlp::view::{AnyValueView, ResourceView, ScopeView};

use super::level::Level;
use super::mapping;
use crate::attributes::value::{decode_any, encode_view};
use crate::spans::origin::{Origin, OriginCache, stable_hash};

/// A resource, a scope or a stream with its id.
#[derive(Debug, PartialEq)]
pub(crate) struct Named<T> {
    /// Hash of the value; equal values have equal ids everywhere.
    pub id: u64,
    /// The value.
    pub value: T,
}

/// Who sent a record.
pub(crate) type NamedResource = Named<Arc<Resource>>;
/// What library made it.
pub(crate) type NamedScope = Named<Arc<Scope>>;
/// The index labels of the stream that it belongs to.
pub(crate) type NamedStream = Named<Labels>;

impl NamedStream {
    /// Names `labels` by the hash of its pairs, each text followed by a byte that UTF-8 never has.
    pub(crate) fn new(labels: Labels) -> Self {
        let mut bytes = Vec::new();
        for text in labels.iter().flat_map(|(name, value)| [name, value]) {
            bytes.extend_from_slice(text.as_bytes());
            bytes.push(0xff);
        }
        Self { id: stable_hash(&bytes), value: labels }
    }
}

/// A resource with the streams of its records.
#[derive(Debug)]
pub(crate) struct KnownResource {
    /// The resource.
    pub named: Arc<NamedResource>,
    labels: Labels,
    streams: [OnceLock<Arc<NamedStream>>; Level::ALL.len()],
}

impl KnownResource {
    fn new(origin: Origin<Resource>) -> Self {
        Self {
            labels: mapping::resource_labels(&origin.value),
            named: Arc::new(Named { id: origin.hash, value: origin.value }),
            streams: Default::default(),
        }
    }

    /// The stream of the records of one level.
    pub(crate) fn stream(&self, level: Level) -> &Arc<NamedStream> {
        let make = || Arc::new(NamedStream::new(mapping::labels_with_level(&self.labels, level)));
        self.streams[level as usize].get_or_init(make)
    }
}

/// The resources and scopes that were seen of late. Senders repeat theirs with every request, and most requests are small.
#[derive(Debug, Default)]
pub(crate) struct SourceCache {
    origins: OriginCache,
    known: Mutex<hashbrown::HashMap<u64, Arc<KnownResource>, foldhash::fast::RandomState>>,
}

impl SourceCache {
    /// Resources kept with their streams; more than a developer's machine has processes. A full cache is emptied, which costs
    /// each sender one miss.
    const KNOWN_MAX: usize = 1024;

    /// The resource as known, made when it is new. `scratch` is overwritten.
    pub(crate) fn resource(&self, view: &ResourceView<'_, '_>, scratch: &mut Vec<u8>) -> Arc<KnownResource> {
        let origin = self.origins.resource(view, scratch);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // Tenants share the cache, so a hash alone, which could be made to collide, is not trusted.
        if let Some(found) = known.get(&origin.hash)
            && Arc::ptr_eq(&found.named.value, &origin.value)
        {
            return found.clone();
        }
        if known.len() >= Self::KNOWN_MAX {
            known.clear();
        }
        let hash = origin.hash;
        let new = Arc::new(KnownResource::new(origin));
        known.insert(hash, new.clone());
        new
    }

    /// The scope with its id. `scratch` is overwritten.
    pub(crate) fn scope(&self, view: &ScopeView<'_, '_>, scratch: &mut Vec<u8>) -> NamedScope {
        let origin = self.origins.scope(view, scratch);
        Named { id: origin.hash, value: origin.value }
    }
}

/// A value as owned data.
pub(crate) fn owned_value(view: AnyValueView<'_>) -> Value {
    match view {
        AnyValueView::Empty => Value::Empty,
        AnyValueView::Str(text) => Value::Str(text.to_owned()),
        AnyValueView::Bool(flag) => Value::Bool(flag),
        AnyValueView::Int(number) => Value::Int(number),
        AnyValueView::Double(number) => Value::Double(number),
        AnyValueView::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
        AnyValueView::Array(_) | AnyValueView::KvList(_) => {
            let mut message = Vec::new();
            encode_view(view, &mut message);
            decode_any(&message)
        }
    }
}

/// Things with ids, each once, in order of arrival.
#[derive(Debug)]
pub(crate) struct Registry<T> {
    items: Vec<Arc<Named<T>>>,
    by_id: hashbrown::HashMap<u64, u32, foldhash::fast::RandomState>,
}

impl<T> Default for Registry<T> {
    fn default() -> Self {
        Self { items: Vec::new(), by_id: hashbrown::HashMap::default() }
    }
}

impl<T> Registry<T> {
    /// Position of `item`, added when it is new.
    pub(crate) fn add(&mut self, item: &Arc<Named<T>>) -> u32 {
        *self.by_id.entry(item.id).or_insert_with(|| {
            self.items.push(item.clone());
            (self.items.len() - 1) as u32
        })
    }

    /// Position of `item`, added when it is new; `None` when it is new and there are `max` already.
    pub(crate) fn add_within(&mut self, item: &Arc<Named<T>>, max: usize) -> Option<u32> {
        (self.items.len() < max || self.by_id.contains_key(&item.id)).then(|| self.add(item))
    }

    /// Adds those of `items` that are new.
    pub(crate) fn add_all<'a>(&mut self, items: impl IntoIterator<Item = &'a Arc<Named<T>>>)
    where
        T: 'a,
    {
        for item in items {
            self.add(item);
        }
    }

    /// The items in order of their positions.
    pub(crate) fn into_items(self) -> Vec<Arc<Named<T>>> {
        self.items
    }

    /// The items in order of their positions.
    pub(crate) fn items(&self) -> &[Arc<Named<T>>] {
        &self.items
    }
}
