//! The blocks of one signal, by tenant. The store's listing is the truth: this is its copy in memory.

use std::collections::HashSet;
use std::sync::Arc;

use hashbrown::HashMap;
use model::{TenantId, TimeRange, UnixNanos};
use store_api::StoreError;

use super::block::{Block, BlockFiles, BlockStore};
use super::meta::{BLOCK_VERSION, BlockMeta};
use super::signal::Signal;

/// A tenant's blocks, oldest first.
pub(crate) type Blocks<S> = Vec<Arc<Block<S>>>;

/// See the module.
pub(crate) struct Catalogue<S: Signal> {
    tenants: HashMap<TenantId, Blocks<S>>,
}

impl<S: Signal> Default for Catalogue<S> {
    fn default() -> Self {
        Self { tenants: HashMap::new() }
    }
}

/// What a listing gave.
pub(crate) struct Listed<S: Signal> {
    pub(crate) catalogue: Catalogue<S>,
    /// Blocks that a compaction replaced before a crash kept it from deleting them.
    pub(crate) leftovers: Vec<String>,
}

impl<S: Signal> Catalogue<S> {
    /// Builds the catalogue from `metas` (path and contents of each `meta.json`), leaving out other signals' blocks. A block of a newer
    /// layout or with a damaged meta is an error: starting without it would look like data loss.
    pub(crate) fn from_metas(
        metas: &[(String, bytes::Bytes)],
        store: &Arc<dyn BlockStore>,
    ) -> Result<Listed<S>, StoreError> {
        let mut blocks = Vec::new();
        for (path, bytes) in metas {
            let meta: BlockMeta = serde_json::from_slice(bytes)
                .map_err(|error| StoreError::Corrupt(format!("{path}/meta.json: {error}")))?;
            if meta.signal != S::NAME {
                continue;
            }
            if meta.version != BLOCK_VERSION {
                let version = meta.version;
                return Err(StoreError::Corrupt(format!(
                    "{path} has block version {version}, this is {BLOCK_VERSION}"
                )));
            }
            blocks.push((path.clone(), meta));
        }
        let replaced: HashSet<String> = blocks.iter().flat_map(|(_, meta)| meta.replaces.iter().cloned()).collect();
        let mut listed = Listed { catalogue: Self::default(), leftovers: Vec::new() };
        for (path, meta) in blocks {
            if replaced.contains(&meta.ulid) {
                listed.leftovers.push(path);
                continue;
            }
            let tenant = TenantId::new(&meta.tenant)
                .map_err(|error| StoreError::Corrupt(format!("{path}/meta.json: {error}")))?;
            listed.catalogue.insert(tenant, Block::new(BlockFiles { meta, path, store: store.clone() }));
        }
        Ok(listed)
    }

    /// Adds a block.
    pub(crate) fn insert(&mut self, tenant: TenantId, block: Block<S>) {
        let blocks = self.tenants.entry(tenant).or_default();
        let key = |block: &Block<S>| (block.files.meta.min_time_ns, block.files.meta.ulid.clone());
        let at = blocks.partition_point(|other| key(other) < key(&block));
        blocks.insert(at, Arc::new(block));
    }

    /// Takes the blocks of these ULIDs out.
    pub(crate) fn remove(&mut self, tenant: &TenantId, ulids: &[String]) -> Blocks<S> {
        let Some(blocks) = self.tenants.get_mut(tenant) else { return Vec::new() };
        let (out, kept) = std::mem::take(blocks).into_iter().partition(|b| ulids.contains(&b.files.meta.ulid));
        *blocks = kept;
        out
    }

    /// The tenant's blocks that touch `range`, oldest first.
    pub(crate) fn overlapping(&self, tenant: &TenantId, range: TimeRange) -> Blocks<S> {
        let touches = |block: &&Arc<Block<S>>| range_of(&block.files.meta).overlaps(&range);
        self.of(tenant).iter().filter(touches).cloned().collect()
    }

    /// The tenant's blocks, oldest first.
    pub(crate) fn of(&self, tenant: &TenantId) -> &[Arc<Block<S>>] {
        self.tenants.get(tenant).map_or(&[], Vec::as_slice)
    }

    /// All blocks with their tenants.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&TenantId, &Arc<Block<S>>)> {
        self.tenants.iter().flat_map(|(tenant, blocks)| blocks.iter().map(move |block| (tenant, block)))
    }

    /// The tenants that have blocks.
    pub(crate) fn tenants(&self) -> impl Iterator<Item = &TenantId> {
        self.tenants.keys()
    }
}

/// Times of a block's rows.
pub(crate) fn range_of(meta: &BlockMeta) -> TimeRange {
    TimeRange::new(UnixNanos(meta.min_time_ns), UnixNanos(meta.max_time_ns))
}
