//! Blocks on a local file system.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use store_api::StoreError;

use super::block::{BlockStore, ReadAt};
use super::wal::io_error;

/// Keeps blocks below one folder.
pub(crate) struct LocalBlocks {
    root: PathBuf,
}

impl LocalBlocks {
    /// Keeps blocks below `root`, which must exist.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }
}

impl BlockStore for LocalBlocks {
    fn open(&self, path: &str, size: u64) -> Result<Arc<dyn ReadAt>, StoreError> {
        let full = self.root.join(path);
        let file = File::open(&full).map_err(|e| io_error("cannot open", &full, e))?;
        Ok(Arc::new(LocalFile { file, size, path: full }))
    }

    fn list_metas(&self) -> Result<Vec<(String, Bytes)>, StoreError> {
        let mut metas = Vec::new();
        // blocks/{tenant}/{signal}/{date}/{ulid}
        walk(&self.root.join("blocks"), 4, &mut |folder| {
            let Ok(meta) = std::fs::read(folder.join("meta.json")) else {
                tracing::warn!(folder = %folder.display(), "ignoring a folder without meta.json");
                return;
            };
            if let Ok(path) = folder.strip_prefix(&self.root) {
                metas.push((path.to_string_lossy().into_owned(), meta.into()));
            }
        })?;
        Ok(metas)
    }

    fn publish(&self, folder: &Path, files: &[String], path: &str) -> Result<(), StoreError> {
        let target = self.root.join(path);
        let parent = target.parent().expect("a block's path has a parent");
        let publish = || {
            files.iter().try_for_each(|name| File::open(folder.join(name))?.sync_all())?;
            File::open(folder)?.sync_all()?;
            std::fs::create_dir_all(parent)?;
            std::fs::rename(folder, &target)?;
            // The new name, and those of folders that were just made, must outlive power loss.
            parent
                .ancestors()
                .take_while(|ancestor| ancestor.starts_with(&self.root))
                .try_for_each(|ancestor| File::open(ancestor)?.sync_all())
        };
        publish().map_err(|e| io_error("cannot publish", &target, e))
    }

    fn delete(&self, path: &str) -> Result<(), StoreError> {
        let full = self.root.join(path);
        match std::fs::remove_dir_all(&full) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io_error("cannot delete", &full, error)),
            _ => {
                // Empty date, signal and tenant folders go too; a folder in use refuses, which is fine.
                full.ancestors().skip(1).take(3).all(|folder| std::fs::remove_dir(folder).is_ok());
                Ok(())
            }
        }
    }
}

fn walk(folder: &Path, depth: usize, each: &mut impl FnMut(&Path)) -> Result<(), StoreError> {
    if depth == 0 {
        each(folder);
        return Ok(());
    }
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io_error("cannot list", folder, error)),
    };
    for entry in entries {
        let path = entry.map_err(|e| io_error("cannot list", folder, e))?.path();
        if path.is_dir() {
            walk(&path, depth - 1, each)?;
        }
    }
    Ok(())
}

struct LocalFile {
    file: File,
    size: u64,
    path: PathBuf,
}

impl ReadAt for LocalFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, length: usize) -> Result<Bytes, StoreError> {
        if offset.checked_add(length as u64).is_none_or(|end| end > self.size) {
            return Err(StoreError::Corrupt(format!("{} ends before byte {offset} + {length}", self.path.display())));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, offset).map_err(|e| io_error("cannot read", &self.path, e))?;
        Ok(bytes.into())
    }
}
