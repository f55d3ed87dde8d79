//! Files: upload, text, removal, the summary.

#![expect(unused_qualifications, reason = "utoipa's macro names parameter types by a path of its own")]

use super::{Done, State, limit_default, word};
use crate::error::Error;
use crate::extract::Format;
use crate::names::FileStatus;
use crate::store::Page;
use crate::store::files::File;
use crate::store::stats::FileStats;
use crate::trace::Origin;
use axum::Json;
use axum::extract::multipart::Field;
use axum::extract::{Multipart, State as Extract};
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service_kit::problem::ProblemDocument;
use service_kit::{Problem, ValidPath, ValidQuery};
use std::time::Duration;
use telemetry::Business;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// How long an answer waits for the text before it says that it is being extracted: within the time-out of common clients.
const WAIT: Duration = Duration::from_secs(20);

/// The longest name that is kept, in bytes: what file systems allow.
const FILENAME_BYTES_MAX: usize = 255;

/// The form of an upload, for OpenAPI.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes a multipart form, which is read by hand")]
pub struct UploadForm {
    /// .pdf, .doc, .docx, .txt, .csv, .xlsx or .xls, by the end of its name; at most 100 MB.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// A file that arrived.
#[derive(Debug, Serialize, ToSchema)]
pub struct Uploaded {
    /// The same as `id`.
    file_id: String,
    /// What happened.
    message: &'static str,
    /// Executions that the upload triggered.
    workflows_triggered: u32,
    /// The file.
    #[serde(flatten)]
    file: File,
}

/// Files of one page.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileList {
    /// Newest first.
    files: Vec<File>,
    /// How many there are on all pages.
    total: i64,
    /// As asked.
    skip: u32,
    /// As asked.
    limit: u32,
}

/// Which files.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FileFilter {
    /// Only those with this status: uploaded, processing, processed, failed, deleted. Deleted ones are not told otherwise.
    #[garde(skip)]
    status: Option<String>,
    /// How many to pass over.
    #[serde(default)]
    #[garde(range(max = 1_000_000))]
    skip: u32,
    /// How many to give at most, 1 to 1000.
    #[serde(default = "limit_default")]
    #[garde(range(min = 1, max = 1000))]
    limit: u32,
}

/// The text of a file.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileText {
    /// The file.
    file_id: String,
    /// Its name.
    filename: String,
    /// Where it stands.
    status: FileStatus,
    /// Its text, at most 4 MiB.
    content: String,
    /// Whether text beyond that was left out.
    truncated: bool,
    /// What was found out beside the text.
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
}

/// Takes a file. Streamed to disk; a body that breaks off leaves nothing behind.
#[utoipa::path(post, path = "/files/upload", tag = "files", request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses((status = 200, body = Uploaded), (status = 400, body = ProblemDocument), (status = 413, body = ProblemDocument),
        (status = 422, body = ProblemDocument)))]
pub async fn upload(Extract(state): Extract<State>, mut form: Multipart) -> Result<Json<Uploaded>, Problem> {
    while let Some(field) = form.next_field().await? {
        if field.name() == Some("file") {
            return Ok(Json(receive(&state, field).await?));
        }
    }
    Err(Error::invalid("file", "is missing: send a multipart form with a part of this name").into())
}

async fn receive(state: &State, mut field: Field<'_>) -> Result<Uploaded, Problem> {
    let filename = filename(field.file_name().unwrap_or_default());
    let Some(format) = Format::of(&filename) else {
        let reason = format!("`{filename}` does not end in one of {}", Format::EXTENSIONS.join(", "));
        return Err(Problem::bad_request(format!("file: {reason}")).field("file", reason));
    };
    let content_type = field
        .content_type()
        .unwrap_or("application/octet-stream")
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect();
    let (engine, limit) = (&state.engine, state.engine.settings().file_bytes_max);
    let id = Uuid::now_v7().to_string();
    let mut upload = engine.files().create(&id, format).await?;
    while let Some(chunk) = field.chunk().await? {
        if upload.written() + chunk.len() > limit {
            return Err(Problem::too_large(limit));
        }
        upload.write(&chunk).await?;
    }
    if upload.written() == 0 {
        return Err(Error::invalid("file", "is empty").into());
    }
    let (now, origin) = (engine.clock().now(), Origin::current(&Business::default()));
    let file = File {
        id: id.clone(),
        filename,
        content_type,
        extension: format.extension().to_owned(),
        size_bytes: i64::try_from(upload.written()).unwrap_or(i64::MAX),
        status: FileStatus::Uploaded,
        error_message: None,
        metadata: Map::new(),
        created_at: now,
        updated_at: now,
        processed_at: None,
        business: origin.business.clone(),
    };
    upload.finish().await?;
    let workflows_triggered = match engine.store().insert_file(&file, &origin).await {
        Ok(count) => count,
        Err(error) => {
            // Without its row nobody would ever find it.
            engine.files().remove(&id, format).await?;
            return Err(error.into());
        }
    };
    tracing::info!(
        file.id = id,
        file.extension = file.extension,
        file.size = file.size_bytes,
        workflows_triggered,
        "file uploaded"
    );
    if workflows_triggered > 0 {
        engine.wake();
    }
    Ok(Uploaded { file_id: id, message: "file uploaded", workflows_triggered, file })
}

/// A name as it is kept: the part after the last folder, printable, of a length that file systems know.
fn filename(given: &str) -> String {
    let name = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|character| !character.is_control()).collect();
    let name = name.trim();
    match name.rsplit_once('.') {
        Some((stem, extension)) if name.len() > FILENAME_BYTES_MAX => {
            let room = FILENAME_BYTES_MAX.saturating_sub(extension.len() + 1);
            format!("{}.{extension}", &stem[..stem.floor_char_boundary(room)])
        }
        _ => name.to_owned(),
    }
}

/// Lists files, newest first.
#[utoipa::path(get, path = "/files", tag = "files", params(FileFilter),
    responses((status = 200, body = FileList), (status = 422, body = ProblemDocument)))]
pub async fn list(
    Extract(state): Extract<State>,
    ValidQuery(filter): ValidQuery<FileFilter>,
) -> Result<Json<FileList>, Problem> {
    let status = word("status", filter.status.as_deref(), FileStatus::WORDS, FileStatus::parse)?;
    let (skip, limit) = (filter.skip, filter.limit);
    let listed = state.engine.store().files(status, Page { skip, limit }).await?;
    Ok(Json(FileList { files: listed.rows, total: listed.total, skip, limit }))
}

/// One file.
#[utoipa::path(get, path = "/files/{id}", tag = "files", params(("id" = String, Path)),
    responses((status = 200, body = File), (status = 404, body = ProblemDocument)))]
pub async fn get(Extract(state): Extract<State>, ValidPath(id): ValidPath<String>) -> Result<Json<File>, Problem> {
    Ok(Json(state.engine.store().file(&id).await?))
}

/// Removes a file and its text. Its row remains, with the status `deleted`.
#[utoipa::path(delete, path = "/files/{id}", tag = "files", params(("id" = String, Path)),
    responses((status = 200, body = Done), (status = 404, body = ProblemDocument)))]
pub async fn delete(Extract(state): Extract<State>, ValidPath(id): ValidPath<String>) -> Result<Json<Done>, Problem> {
    let engine = &state.engine;
    let file = engine.store().file(&id).await?;
    engine.store().delete_file(&file.id, engine.clock().now()).await?;
    if let Some(format) = Format::of(&file.filename) {
        engine.files().remove(&file.id, format).await?;
    }
    Ok(Json(Done { id, message: "file deleted" }))
}

/// Extracts a file's text, again if it has one. Waits up to 20 seconds; after that the file is told as `processing`.
#[utoipa::path(post, path = "/files/process/{id}", tag = "files", params(("id" = String, Path)),
    responses((status = 200, body = File), (status = 404, body = ProblemDocument), (status = 409, body = ProblemDocument),
        (status = 422, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn process(Extract(state): Extract<State>, ValidPath(id): ValidPath<String>) -> Result<Json<File>, Problem> {
    let (file, told) = state.engine.begin_processing(&id).await?;
    match tokio::time::timeout(WAIT, told).await {
        Ok(Ok(outcome)) => Ok(Json(outcome?)),
        _ => Ok(Json(file)),
    }
}

/// The text of a file; extracted first, if that was not done yet.
#[utoipa::path(get, path = "/files/extract/{id}", tag = "files", params(("id" = String, Path)),
    responses((status = 200, body = FileText), (status = 404, body = ProblemDocument), (status = 422, body = ProblemDocument),
        (status = 503, body = ProblemDocument)))]
pub async fn extract(
    Extract(state): Extract<State>,
    ValidPath(id): ValidPath<String>,
) -> Result<Json<FileText>, Problem> {
    let engine = &state.engine;
    let file = engine.store().file(&id).await?;
    if file.status == FileStatus::Failed {
        let reason = file.error_message.unwrap_or_else(|| "extraction failed".to_owned());
        return Err(Problem::new(http::StatusCode::UNPROCESSABLE_ENTITY, "extraction-failed", reason));
    }
    let file = match tokio::time::timeout(WAIT, engine.processed(&id)).await {
        Ok(file) => file?,
        Err(_) => return Err(Error::Busy("the text is being extracted still").into()),
    };
    let (content, truncated) = engine.text_of(&file).await?.unwrap_or_default();
    Ok(Json(FileText {
        file_id: file.id,
        filename: file.filename,
        status: file.status,
        content,
        truncated,
        metadata: file.metadata,
    }))
}

/// Files in figures.
#[utoipa::path(get, path = "/files/stats/summary", tag = "files", responses((status = 200, body = FileStats)))]
pub async fn stats(Extract(state): Extract<State>) -> Result<Json<FileStats>, Problem> {
    Ok(Json(state.engine.store().file_stats().await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_harmless() {
        for (given, expected) in [
            ("report.pdf", "report.pdf"),
            ("../../etc/passwd.txt", "passwd.txt"),
            ("C:\\Users\\a b\\Ü.csv", "Ü.csv"),
            ("a\0b\n.txt", "ab.txt"),
            ("", ""),
        ] {
            assert_eq!(filename(given), expected);
        }
        let long = filename(&format!("{}.docx", "ü".repeat(300)));
        assert!(long.len() <= FILENAME_BYTES_MAX && long.ends_with(".docx"), "{}", long.len());
    }
}
