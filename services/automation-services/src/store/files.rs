//! Files and their text. The bytes lie on disk, see `file_store.rs`.

use super::executions::{NewExecution, file_trigger, insert};
use super::{Listed, Page, Store, business, business_text, document, text, word};
use crate::error::Error;
use crate::extract::Extracted;
use crate::names::{FileStatus, TriggerType};
use crate::trace::Origin;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use service_kit::database::Row;
use service_kit::values;
use telemetry::Business;
use utoipa::ToSchema;
use uuid::Uuid;

/// An uploaded file, as it is stored and told.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct File {
    /// Its id, a UUID.
    pub id: String,
    /// Its name when it was uploaded, without folders.
    pub filename: String,
    /// The media type that the client gave.
    pub content_type: String,
    /// The end of its name, in lower case, with its dot.
    pub extension: String,
    /// Bytes.
    pub size_bytes: i64,
    /// Where it stands.
    pub status: FileStatus,
    /// Why its text could not be extracted.
    pub error_message: Option<String>,
    /// What was found out beside the text, by format: `pages`, `rows`, `columns`, `sheets`, `encoding`, `truncated`, …
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    /// When it arrived.
    pub created_at: DateTime<Utc>,
    /// When this row changed last.
    pub updated_at: DateTime<Utc>,
    /// When its text was extracted.
    pub processed_at: Option<DateTime<Utc>>,
    /// On whose behalf it was uploaded.
    #[serde(skip)]
    pub business: Business,
}

const COLUMNS: &str = "id, filename, content_type, extension, size_bytes, status, error_message, metadata, business, created_at, \
                       updated_at, processed_at";

fn select(rest: &str) -> sqlx::AssertSqlSafe<String> {
    service_kit::database::assert_safe(format!("SELECT {COLUMNS} FROM files {rest}"))
}

fn decode(row: &Row) -> Result<File, Error> {
    Ok(File {
        id: row.get("id")?,
        filename: row.get("filename")?,
        content_type: row.get("content_type")?,
        extension: row.get("extension")?,
        size_bytes: row.get("size_bytes")?,
        status: word(row, "status", FileStatus::parse)?,
        error_message: row.get("error_message")?,
        metadata: document(row, "metadata")?,
        business: business(row)?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        processed_at: row.get("processed_at")?,
    })
}

fn not_found(id: &str) -> Error {
    Error::NotFound { what: "file", id: id.to_owned() }
}

impl Store {
    /// Keeps a file that arrived, and makes the executions of workflows that wait for uploads: all or nothing.
    pub async fn insert_file(&self, file: &File, origin: &Origin) -> Result<u32, Error> {
        let listeners = self.listeners(TriggerType::FileUpload, &file.extension).await?;
        let mut transaction = self.database.begin().await?;
        let sql = "INSERT INTO files (id, filename, content_type, extension, size_bytes, status, metadata, business, created_at, updated_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)";
        let values = values![
            &file.id,
            &file.filename,
            &file.content_type,
            &file.extension,
            file.size_bytes,
            file.status.as_str(),
            text(&file.metadata),
            business_text(&file.business),
            file.created_at,
        ];
        transaction.execute(sql, &values).await?;
        for workflow in &listeners {
            insert(&mut transaction, workflow, triggered(TriggerType::FileUpload, file, origin, file.created_at))
                .await?;
        }
        transaction.commit().await?;
        Ok(listeners.len() as u32)
    }

    /// The file with this id; a deleted one is not found.
    pub async fn file(&self, id: &str) -> Result<File, Error> {
        let row = self.database.fetch_optional(select("WHERE id = $1 AND status <> 'deleted'"), &values![id]).await?;
        decode(&row.ok_or_else(|| not_found(id))?)
    }

    /// Files, newest first. Deleted ones only when asked for.
    pub async fn files(&self, status: Option<FileStatus>, page: Page) -> Result<Listed<File>, Error> {
        let status = status.map(|status| status.as_str().to_owned());
        let filter = "WHERE (status = $1 OR ($1 IS NULL AND status <> 'deleted'))";
        let sql = select(&format!("{filter} ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3"));
        let rows = self.database.fetch_all(sql, &values![status.clone(), page.limit, page.skip]).await?;
        let count = service_kit::database::assert_safe(format!("SELECT COUNT(*) AS total FROM files {filter}"));
        let total = self.database.fetch_one(count, &values![status]).await?.get("total")?;
        Ok(Listed { rows: rows.iter().map(decode).collect::<Result<_, _>>()?, total })
    }

    /// Takes a file for extraction until `lease_until`. One that is in other hands already is a conflict.
    pub async fn claim_file(&self, id: &str, now: DateTime<Utc>, lease_until: DateTime<Utc>) -> Result<File, Error> {
        let sql = service_kit::database::assert_safe(format!(
            "UPDATE files SET status = 'processing', error_message = NULL, lease_until = $3, updated_at = $2 WHERE id = $1 AND \
             (status IN ('uploaded', 'processed', 'failed') OR (status = 'processing' AND lease_until < $2)) RETURNING {COLUMNS}"
        ));
        match self.database.fetch_optional(sql, &values![id, now, lease_until]).await? {
            Some(row) => decode(&row),
            None => Err(Error::Conflict(format!("file `{}` is being processed", self.file(id).await?.id))),
        }
    }

    /// Keeps a file's text, and makes the executions of workflows that wait for it: all or nothing. Without effect when the file was
    /// deleted, or taken over after `lease_until`.
    pub async fn keep_text(
        &self,
        file: &File,
        extracted: &Extracted,
        lease_until: DateTime<Utc>,
        now: DateTime<Utc>,
        origin: &Origin,
    ) -> Result<(), Error> {
        let listeners = self.listeners(TriggerType::FileProcessed, &file.extension).await?;
        let mut metadata = extracted.metadata.clone();
        metadata.insert("characters".to_owned(), extracted.text.chars().count().into());
        metadata.insert("words".to_owned(), extracted.text.split_whitespace().count().into());
        metadata.insert("truncated".to_owned(), extracted.truncated.into());
        let mut transaction = self.database.begin().await?;
        let sql = "UPDATE files SET status = 'processed', error_message = NULL, metadata = $4, lease_until = NULL, updated_at = $3, \
                   processed_at = $3 WHERE id = $1 AND status = 'processing' AND lease_until = $2";
        if transaction.execute(sql, &values![&file.id, lease_until, now, text(&metadata)]).await? == 0 {
            return Ok(());
        }
        let sql = "INSERT INTO file_texts (file_id, text, truncated) VALUES ($1, $2, $3) \
                   ON CONFLICT (file_id) DO UPDATE SET text = excluded.text, truncated = excluded.truncated";
        transaction.execute(sql, &values![&file.id, &extracted.text, extracted.truncated]).await?;
        for workflow in &listeners {
            insert(&mut transaction, workflow, triggered(TriggerType::FileProcessed, file, origin, now)).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Notes why a file has no text.
    pub async fn fail_file(
        &self,
        id: &str,
        reason: &str,
        lease_until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let sql = "UPDATE files SET status = 'failed', error_message = $4, lease_until = NULL, updated_at = $3 \
                   WHERE id = $1 AND status = 'processing' AND lease_until = $2";
        self.database.execute(sql, &values![id, lease_until, now, reason]).await?;
        Ok(())
    }

    /// Fails files whose extraction was cut off by the end of its process.
    pub async fn fail_stale_files(&self, now: DateTime<Utc>) -> Result<u64, Error> {
        let sql = "UPDATE files SET status = 'failed', error_message = 'processing was interrupted: ask for it again', lease_until = NULL, \
                   updated_at = $1 WHERE status = 'processing' AND lease_until < $1";
        Ok(self.database.execute(sql, &values![now]).await?)
    }

    /// The text of a file, if it was extracted, and whether some was cut off.
    pub async fn file_text(&self, id: &str) -> Result<Option<(String, bool)>, Error> {
        let row = self
            .database
            .fetch_optional("SELECT text, truncated FROM file_texts WHERE file_id = $1", &values![id])
            .await?;
        row.map(|row| Ok((row.get("text")?, row.get("truncated")?))).transpose()
    }

    /// Marks a file as deleted and drops its text.
    pub async fn delete_file(&self, id: &str, now: DateTime<Utc>) -> Result<(), Error> {
        let mut transaction = self.database.begin().await?;
        let sql = "UPDATE files SET status = 'deleted', lease_until = NULL, updated_at = $2 WHERE id = $1 AND status <> 'deleted'";
        if transaction.execute(sql, &values![id, now]).await? == 0 {
            return Err(not_found(id));
        }
        transaction.execute("DELETE FROM file_texts WHERE file_id = $1", &values![id]).await?;
        Ok(transaction.commit().await?)
    }
}

fn triggered(event: TriggerType, file: &File, origin: &Origin, now: DateTime<Utc>) -> NewExecution {
    NewExecution {
        id: Uuid::now_v7(),
        trigger_type: event,
        trigger_data: file_trigger(file),
        scheduled_for: None,
        origin: origin.clone(),
        created_at: now,
    }
}
