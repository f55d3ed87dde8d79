//! What many records share: their resource, their scope, their stream. Each is kept once and named by a [`stable_hash`].

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use model::{KeyValue, Labels, Resource, Scope, Value};
use otlp::view::{AnyValueView, KeyValueView, ResourceView, ScopeView};

use super::hash::stable_hash;
use super::level::Level;
use super::mapping;
use crate::attributes::value::{decode_any, encode_view};

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
    /// What [`identity_of_resource`] says of it.
    identity: Box<[u8]>,
    labels: Labels,
    streams: [OnceLock<Arc<NamedStream>>; Level::ALL.len()],
}

impl KnownResource {
    fn new(view: &ResourceView<'_, '_>, identity: &[u8]) -> Self {
        let resource = Resource {
            attributes: owned_attributes(view.attributes),
            dropped_attributes_count: view.dropped_attributes_count,
            schema_url: view.schema_url.to_owned(),
        };
        Self {
            labels: mapping::resource_labels(&resource),
            named: Arc::new(Named { id: stable_hash(identity), value: Arc::new(resource) }),
            identity: identity.into(),
            streams: Default::default(),
        }
    }

    /// The stream of the records of one level.
    pub(crate) fn stream(&self, level: Level) -> &Arc<NamedStream> {
        let make = || Arc::new(NamedStream::new(mapping::labels_with_level(&self.labels, level)));
        self.streams[level as usize].get_or_init(make)
    }
}

/// The resources that were seen of late. Senders repeat theirs with every request, and most requests are small.
#[derive(Debug, Default)]
pub(crate) struct ResourceCache {
    known: Mutex<hashbrown::HashMap<u64, Arc<KnownResource>, foldhash::fast::RandomState>>,
}

impl ResourceCache {
    /// Resources kept; more than a developer's machine has processes. A full cache is emptied, which costs each sender one miss.
    const ENTRIES_MAX: usize = 1024;

    /// The resource as known, made when it is new. `scratch` is overwritten.
    pub(crate) fn find(&self, view: &ResourceView<'_, '_>, scratch: &mut Vec<u8>) -> Arc<KnownResource> {
        scratch.clear();
        identity_of_resource(view, scratch);
        let id = stable_hash(scratch);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(&id) {
            // Tenants share the cache, so a hash alone, which could be made to collide, is not trusted.
            Some(found) if *found.identity == **scratch => return found.clone(),
            Some(_) => return Arc::new(KnownResource::new(view, scratch)),
            None => {}
        }
        if known.len() >= Self::ENTRIES_MAX {
            known.clear();
        }
        let new = Arc::new(KnownResource::new(view, scratch));
        known.insert(id, new.clone());
        new
    }
}

/// A scope with its id. `scratch` is overwritten.
pub(crate) fn named_scope(view: &ScopeView<'_, '_>, scratch: &mut Vec<u8>) -> NamedScope {
    scratch.clear();
    put_attributes(view.attributes, scratch);
    scratch.extend_from_slice(&view.dropped_attributes_count.to_le_bytes());
    for text in [view.schema_url, view.name, view.version] {
        put_bytes(text.as_bytes(), scratch);
    }
    let scope = Scope {
        name: view.name.to_owned(),
        version: view.version.to_owned(),
        attributes: owned_attributes(view.attributes),
        dropped_attributes_count: view.dropped_attributes_count,
        schema_url: view.schema_url.to_owned(),
    };
    Named { id: stable_hash(scratch), value: Arc::new(scope) }
}

/// Bytes that are equal for equal resources only.
fn identity_of_resource(view: &ResourceView<'_, '_>, out: &mut Vec<u8>) {
    put_attributes(view.attributes, out);
    out.extend_from_slice(&view.dropped_attributes_count.to_le_bytes());
    put_bytes(view.schema_url.as_bytes(), out);
}

fn put_attributes(attributes: &[KeyValueView<'_>], out: &mut Vec<u8>) {
    out.extend_from_slice(&(attributes.len() as u32).to_le_bytes());
    for pair in attributes {
        put_bytes(pair.key.as_bytes(), out);
        let number: [u8; 8];
        let (kind, bytes): (u8, &[u8]) = match pair.value {
            AnyValueView::Empty => (0, &[]),
            AnyValueView::Str(text) => (1, text.as_bytes()),
            AnyValueView::Bool(flag) => (2, if flag { &[1] } else { &[0] }),
            AnyValueView::Int(integer) => {
                number = integer.to_le_bytes();
                (3, &number)
            }
            AnyValueView::Double(double) => {
                number = double.to_le_bytes();
                (4, &number)
            }
            AnyValueView::Array(message) => (5, message),
            AnyValueView::KvList(message) => (6, message),
            AnyValueView::Bytes(bytes) => (7, bytes),
        };
        out.push(kind);
        put_bytes(bytes, out);
    }
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Where a sender repeats a key, the last value wins.
fn owned_attributes(views: &[KeyValueView<'_>]) -> Vec<KeyValue> {
    let mut out: Vec<KeyValue> = Vec::with_capacity(views.len());
    for view in views {
        let value = owned_value(view.value);
        match out.iter_mut().find(|pair| pair.key == view.key) {
            Some(known) => known.value = value,
            None => out.push(KeyValue { key: view.key.to_owned(), value }),
        }
    }
    out
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

    /// The items in order of their positions.
    pub(crate) fn into_items(self) -> Vec<Arc<Named<T>>> {
        self.items
    }

    /// The items in order of their positions.
    pub(crate) fn items(&self) -> &[Arc<Named<T>>] {
        &self.items
    }
}
