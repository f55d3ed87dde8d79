//! The bytes of uploaded files: one file each in a folder, named by id, written beside and renamed when complete.
//!
//! Instances that share a database must share this folder too. Half-written files of a crash are removed a day later.

use crate::error::Error;
use crate::extract::Format;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tokio::fs;
use tokio::io::AsyncWriteExt;

/// How old a half-written file must be before it is taken for a left-over.
const LEFT_OVER_AGE: Duration = Duration::from_secs(86_400);

/// The folder. Clones mean the same one.
#[derive(Debug, Clone)]
pub struct FileStore {
    folder: PathBuf,
}

impl FileStore {
    /// Opens `folder`, makes it if it is missing, and removes left-overs.
    pub async fn open(folder: PathBuf) -> Result<Self, Error> {
        fs::create_dir_all(&folder).await?;
        let mut entries = fs::read_dir(&folder).await?;
        while let Some(entry) = entries.next_entry().await? {
            let path = entry.path();
            let modified = entry.metadata().await.and_then(|metadata| metadata.modified());
            let is_old =
                modified.is_ok_and(|time| SystemTime::now().duration_since(time).is_ok_and(|age| age > LEFT_OVER_AGE));
            if is_old && path.extension().is_some_and(|extension| extension == "part") {
                fs::remove_file(&path).await?;
                tracing::info!(path = %path.display(), "removed a half-written upload");
            }
        }
        Ok(Self { folder })
    }

    /// Where the file with this id lies.
    pub fn path(&self, id: &str, format: Format) -> PathBuf {
        self.folder.join(format!("{id}{}", format.extension()))
    }

    /// Begins a file.
    pub async fn create(&self, id: &str, format: Format) -> Result<Upload, Error> {
        let part = self.folder.join(format!("{id}.part"));
        let file = fs::File::create_new(&part).await?;
        Ok(Upload { file, part: Part(Some(part)), path: self.path(id, format), written: 0 })
    }

    /// Removes a file; one that is gone is no error.
    pub async fn remove(&self, id: &str, format: Format) -> Result<(), Error> {
        match fs::remove_file(self.path(id, format)).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// A file that is being written. Dropping it unfinished removes it.
#[derive(Debug)]
pub struct Upload {
    file: fs::File,
    part: Part,
    path: PathBuf,
    written: usize,
}

#[derive(Debug)]
struct Part(Option<PathBuf>);

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            // Nobody is left to be told; the next start removes it.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Upload {
    /// Appends bytes.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all(bytes).await?;
        self.written += bytes.len();
        Ok(())
    }

    /// How many bytes were written.
    pub fn written(&self) -> usize {
        self.written
    }

    /// Makes the file durable under its name; the row that speaks of it comes after.
    pub async fn finish(mut self) -> Result<PathBuf, Error> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        let part = self.part.0.as_deref().unwrap_or(Path::new(""));
        fs::rename(part, &self.path).await?;
        self.part.0 = None;
        Ok(self.path)
    }
}
