//! Files on their way to text: a claim in the database, a slot, a blocking thread.

use super::Engine;
use crate::error::Error;
use crate::extract::{self, ExtractError, Extracted, Format};
use crate::names::FileStatus;
use crate::store::files::File;
use crate::trace::Origin;
use chrono::{DateTime, Utc};
use std::time::Duration;
use tokio::sync::oneshot;

/// How many extractions may wait for a slot. With two at a time and a minute each, the last would wait half an hour.
pub(super) const WAITING_MAX: usize = 64;

/// Beyond the longest extraction: the time that a claimed file may take to come back with its text.
const LEASE: Duration = Duration::from_secs(120);

/// Pause between looks at a file that someone else extracts.
const LOOK: Duration = Duration::from_millis(500);

/// How long a text stays in the cache: a run reads it several times within minutes.
const CACHED: Duration = Duration::from_secs(600);

/// Longer texts are read from the database each time: a shared cache is for what is small.
const CACHED_BYTES_MAX: usize = 256 << 10;

impl Engine {
    /// A file's text and whether some was cut off; nothing when it was not extracted.
    pub async fn text_of(&self, file: &File) -> Result<Option<(String, bool)>, Error> {
        let Some(processed_at) = file.processed_at else { return Ok(None) };
        // A text that is extracted again is another text.
        let key = format!("text:{}:{}", file.id, processed_at.timestamp_millis());
        let cache = &self.0.parts.cache;
        if let Some(text) = cache.lookup(&key).await {
            return Ok(Some(text));
        }
        let text = self.store().file_text(&file.id).await?;
        if let Some(text) = text.as_ref().filter(|(text, _)| text.len() <= CACHED_BYTES_MAX) {
            cache.remember(&key, text, CACHED).await;
        }
        Ok(text)
    }

    /// Begins to extract a file's text, again if it has one; gives the row as it is then, and what tells the end.
    pub async fn begin_processing(&self, id: &str) -> Result<(File, oneshot::Receiver<Result<File, Error>>), Error> {
        let place = self
            .0
            .places
            .clone()
            .try_acquire_owned()
            .map_err(|_| Error::Busy("too many files wait for extraction already"))?;
        let lease_until = self.clock().now() + extract::TIME_MAX + LEASE;
        let file = self.store().claim_file(id, self.clock().now(), lease_until).await?;
        let origin = Origin::current(&file.business);
        let (tell, told) = oneshot::channel();
        let (engine, row) = (self.clone(), file.clone());
        // In a task of its own: a client that goes away does not stop it half-way.
        self.0.parts.tasks.spawn("extraction", |_| async move {
            let outcome = engine.extract(&row, lease_until, &origin).await;
            drop(place);
            // Whoever asked may be gone.
            let _ = tell.send(outcome);
        });
        Ok((file, told))
    }

    /// The file with its text there: extracted now, or before, or by someone else meanwhile.
    pub async fn processed(&self, id: &str) -> Result<File, Error> {
        loop {
            let file = self.store().file(id).await?;
            match file.status {
                FileStatus::Processed => return Ok(file),
                FileStatus::Processing => {}
                _ => match self.begin_processing(id).await {
                    Ok((_, told)) => return told.await.unwrap_or(Err(Error::Extract(ExtractError::Panicked))),
                    // Someone was faster: wait for them.
                    Err(Error::Conflict(_)) => {}
                    Err(other) => return Err(other),
                },
            }
            self.clock().sleep(LOOK).await;
        }
    }

    async fn extract(&self, file: &File, lease_until: DateTime<Utc>, origin: &Origin) -> Result<File, Error> {
        let outcome = self.read_text(file).await;
        let (store, now) = (self.store(), self.clock().now());
        match &outcome {
            Ok(extracted) => {
                store.keep_text(file, extracted, lease_until, now, origin).await?;
                tracing::info!(
                    file.id = file.id,
                    file.extension = file.extension,
                    text_bytes = extracted.text.len(),
                    "file processed"
                );
                // Workflows may wait for this.
                self.wake();
            }
            Err(error) => {
                let reason = error.to_string();
                store.fail_file(&file.id, &reason, lease_until, now).await?;
                tracing::warn!(file.id = file.id, file.extension = file.extension, error = reason, "file has no text");
            }
        }
        outcome?;
        store.file(&file.id).await
    }

    async fn read_text(&self, file: &File) -> Result<Extracted, Error> {
        let format = Format::of(&file.filename).ok_or(ExtractError::Unsupported("files of this type"))?;
        let path = self.files().path(&file.id, format);
        let slot =
            self.0.extractions.clone().acquire_owned().await.map_err(|_| Error::Busy("the service is stopping"))?;
        let work = tokio::task::spawn_blocking(move || {
            // The slot belongs to the thread: one that overruns its time keeps it.
            let _slot = slot;
            extract::extract(&path, format, extract::TIME_MAX)
        });
        let outcome = tokio::time::timeout(extract::TIME_MAX + Duration::from_secs(5), work).await;
        let joined = outcome.map_err(|_| ExtractError::TimedOut(extract::TIME_MAX))?;
        Ok(joined.map_err(|_| ExtractError::Panicked)??)
    }
}
