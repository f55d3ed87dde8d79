//! Blocks in an object store: an S3-compatible bucket, or any other that the `object_store` crate reaches.
//!
//! A block exists when its `meta.json` does, so that is uploaded last and deleted first.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use reqwest as _; // linked for its feature `rustls-no-provider`, which object_store's client needs
use store_api::StoreError;
use tokio::runtime::Handle;

use super::RETRY_AFTER;
use super::block::{BlockStore, ReadAt};
use super::wal::io_error;
use crate::settings::BucketSettings;

/// Keeps blocks in an object store. Its calls block: never call them on a thread of the runtime.
pub(crate) struct BucketBlocks {
    store: Arc<dyn ObjectStore>,
    prefix: ObjectPath,
    runtime: Handle,
}

impl BucketBlocks {
    /// Opens the object store that `settings` name; the current tokio runtime runs the requests.
    pub(crate) fn open(settings: &BucketSettings) -> Result<Self, StoreError> {
        let wrong = |reason: String| StoreError::InvalidInput(format!("bucket {:?}: {reason}", settings.url));
        // reqwest is built without a TLS provider of its own; a second call finds the first one's provider and changes nothing.
        drop(rustls::crypto::ring::default_provider().install_default());
        let url = url::Url::parse(&settings.url).map_err(|error| wrong(error.to_string()))?;
        let options = settings.options.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let (store, prefix) = object_store::parse_url_opts(&url, options).map_err(|error| wrong(error.to_string()))?;
        let runtime = Handle::try_current().map_err(|error| wrong(error.to_string()))?;
        Ok(Self { store: Arc::from(store), prefix, runtime })
    }

    fn object(&self, path: &str) -> ObjectPath {
        ObjectPath::from(format!("{}/{path}", self.prefix).trim_start_matches('/'))
    }
}

impl BlockStore for BucketBlocks {
    fn open(&self, path: &str, size: u64) -> Result<Arc<dyn ReadAt>, StoreError> {
        let (store, runtime) = (self.store.clone(), self.runtime.clone());
        Ok(Arc::new(BucketFile { store, runtime, path: self.object(path), size }))
    }

    fn list_metas(&self) -> Result<Vec<(String, Bytes)>, StoreError> {
        let prefix = self.object("blocks");
        self.runtime.block_on(async {
            let objects: Vec<_> = self.store.list(Some(&prefix)).try_collect().await.map_err(unavailable)?;
            let mut metas = Vec::new();
            for object in objects.iter().filter(|object| object.location.filename() == Some("meta.json")) {
                let meta = self.store.get(&object.location).await.map_err(unavailable)?;
                let bytes = meta.bytes().await.map_err(unavailable)?;
                let location = object.location.as_ref();
                let path = location.strip_prefix(self.prefix.as_ref()).unwrap_or(location).trim_start_matches('/');
                metas.push((path.trim_end_matches("/meta.json").to_owned(), bytes));
            }
            Ok(metas)
        })
    }

    fn publish(&self, folder: &Path, files: &[String], path: &str) -> Result<(), StoreError> {
        let meta_last =
            files.iter().filter(|name| *name != "meta.json").chain(files.iter().filter(|name| *name == "meta.json"));
        for name in meta_last {
            let local = folder.join(name);
            let bytes = std::fs::read(&local).map_err(|e| io_error("cannot read", &local, e))?;
            let object = self.object(&format!("{path}/{name}"));
            self.runtime.block_on(self.store.put(&object, PutPayload::from(bytes))).map_err(unavailable)?;
        }
        std::fs::remove_dir_all(folder).map_err(|e| io_error("cannot delete", folder, e))
    }

    fn delete(&self, path: &str) -> Result<(), StoreError> {
        let folder = self.object(path);
        self.runtime.block_on(async {
            let meta = self.object(&format!("{path}/meta.json"));
            match self.store.delete(&meta).await {
                Err(object_store::Error::NotFound { .. }) | Ok(()) => {}
                Err(error) => return Err(unavailable(error)),
            }
            let objects: Vec<_> = self.store.list(Some(&folder)).try_collect().await.map_err(unavailable)?;
            for object in objects {
                self.store.delete(&object.location).await.map_err(unavailable)?;
            }
            Ok(())
        })
    }
}

struct BucketFile {
    store: Arc<dyn ObjectStore>,
    runtime: Handle,
    path: ObjectPath,
    size: u64,
}

impl ReadAt for BucketFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, length: usize) -> Result<Bytes, StoreError> {
        let range = offset..offset + length as u64;
        self.runtime.block_on(self.store.get_range(&self.path, range)).map_err(unavailable)
    }
}

fn unavailable(error: object_store::Error) -> StoreError {
    StoreError::Unavailable { reason: format!("object store: {error}"), retry_after: RETRY_AFTER }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_there_when_its_meta_is() {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let bucket = tempfile::tempdir().expect("a folder");
        let local = tempfile::tempdir().expect("a folder");
        let url = format!("file://{}/pre/fix", bucket.path().display());
        std::fs::create_dir_all(bucket.path().join("pre/fix")).expect("creates");
        let entered = runtime.enter();
        let blocks = BucketBlocks::open(&BucketSettings { url, options: vec![] }).expect("opens");
        drop(entered);
        let folder = local.path().join("block");
        std::fs::create_dir(&folder).expect("creates");
        std::fs::write(folder.join("rows"), b"0123456789").expect("writes");
        std::fs::write(folder.join("meta.json"), b"{}").expect("writes");
        let files = ["meta.json".to_owned(), "rows".to_owned()];
        blocks.publish(&folder, &files, "blocks/t/spans/d/1").expect("publishes");
        assert!(!folder.exists());
        let metas = blocks.list_metas().expect("lists");
        assert_eq!(metas, [("blocks/t/spans/d/1".to_owned(), Bytes::from_static(b"{}"))]);
        let file = blocks.open("blocks/t/spans/d/1/rows", 10).expect("opens");
        assert_eq!(file.read_at(3, 4).expect("reads"), Bytes::from_static(b"3456"));
        blocks.delete("blocks/t/spans/d/1").expect("deletes");
        blocks.delete("blocks/t/spans/d/1").expect("deletes twice");
        assert_eq!(blocks.list_metas().expect("lists"), []);
    }
}
