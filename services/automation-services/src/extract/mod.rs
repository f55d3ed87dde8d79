//! The text of an uploaded file: synchronous, bounded in memory, output and time. Call it on a blocking thread.
//!
//! | file | reads |
//! |---|---|
//! | `plain.rs` | .txt, .csv: UTF-8, UTF-16 with a byte order mark, else Windows-1252 |
//! | `docx.rs` | .docx: the body's paragraphs and tables |
//! | `sheet.rs` | .xlsx, .xls: one line a row, cells parted by tabs |
//! | `doc.rs` | .doc of Word 97 and later: the main text, by the piece table |
//! | `pdf.rs` | .pdf: text as drawn, no recognition of scanned pages |
//! | `archive.rs`, `compound.rs` | the two containers, with their limits |
//!
//! Limits: text beyond [`TEXT_BYTES_MAX`] is cut off and `truncated` says so; a container that would unpack to more than
//! [`INFLATED_BYTES_MAX`] is refused before a parser sees it; a deadline is looked at between pages, rows and paragraphs. A third-party
//! parser that panics, or overruns the deadline inside one page, harms only its own thread.

mod archive;
mod compound;
mod doc;
mod docx;
mod pdf;
mod plain;
mod sheet;
mod sink;
#[cfg(test)]
pub(crate) mod tests;

use serde_json::{Map, Value};
use std::path::Path;
use std::time::{Duration, Instant};

/// The longest text kept of one file, in bytes. Far above what a prompt can take; small enough for a database column.
pub const TEXT_BYTES_MAX: usize = 4 << 20;

/// The most bytes that one file may unpack to: twice and a half what may be uploaded.
pub const INFLATED_BYTES_MAX: u64 = 256 << 20;

/// The longest that one extraction may take.
pub const TIME_MAX: Duration = Duration::from_secs(60);

/// Parsers recurse over nested objects; this stack holds every depth they allow (lopdf and calamine were written for 8 MiB).
const STACK_BYTES: usize = 32 << 20;

/// The file types that can be uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Portable Document Format.
    Pdf,
    /// Word 97 to 2003.
    Doc,
    /// Word since 2007.
    Docx,
    /// Plain text.
    Txt,
    /// Comma-separated values.
    Csv,
    /// Excel since 2007.
    Xlsx,
    /// Excel 97 to 2003.
    Xls,
}

impl Format {
    /// Every extension that is taken, for messages.
    pub const EXTENSIONS: [&'static str; 7] = [".pdf", ".doc", ".docx", ".txt", ".csv", ".xlsx", ".xls"];

    /// The format by the end of `filename`, case aside.
    pub fn of(filename: &str) -> Option<Self> {
        Some(match filename.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "pdf" => Self::Pdf,
            "doc" => Self::Doc,
            "docx" => Self::Docx,
            "txt" => Self::Txt,
            "csv" => Self::Csv,
            "xlsx" => Self::Xlsx,
            "xls" => Self::Xls,
            _ => return None,
        })
    }

    /// The extension, with its dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Pdf => ".pdf",
            Self::Doc => ".doc",
            Self::Docx => ".docx",
            Self::Txt => ".txt",
            Self::Csv => ".csv",
            Self::Xlsx => ".xlsx",
            Self::Xls => ".xls",
        }
    }
}

/// The text of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Extracted {
    /// The text, with `\n` as line end.
    pub text: String,
    /// Whether text beyond [`TEXT_BYTES_MAX`] was left out.
    pub truncated: bool,
    /// What else is known: `pages`, `sheets`, `rows`, `columns`, `encoding`, by format.
    pub metadata: Map<String, Value>,
}

/// Why a file has no text. Each is final for that file.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// The bytes are not what the extension says, or are damaged.
    #[error("not a readable {format} file: {reason}")]
    Malformed {
        /// The extension without its dot.
        format: &'static str,
        /// What the parser met.
        reason: String,
    },
    /// The file is protected by a password.
    #[error("the file is encrypted")]
    Encrypted,
    /// The file is of a kind that is not read.
    #[error("not supported: {0}")]
    Unsupported(&'static str),
    /// The file would unpack to too much.
    #[error("the file unpacks to more than {limit} {unit}")]
    TooLarge {
        /// How many are allowed.
        limit: u64,
        /// Of what.
        unit: &'static str,
    },
    /// The deadline passed.
    #[error("extraction took longer than {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The parser gave up in a way it should not have.
    #[error("the parser failed on this file")]
    Panicked,
    /// The file could not be read from disk.
    #[error("reading the file failed")]
    Io(#[from] std::io::Error),
}

/// Reads the text of the file at `path`. Blocks for up to `time_max` and some more; run it on a blocking thread.
pub fn extract(path: &Path, format: Format, time_max: Duration) -> Result<Extracted, ExtractError> {
    // A thread of its own for its stack; joining it turns a parser's panic into an error.
    std::thread::scope(|scope| {
        let work = || {
            let mut sink = sink::Sink::new(TEXT_BYTES_MAX, Instant::now() + time_max, time_max);
            read(path, format, &mut sink)?;
            Ok(sink.finish())
        };
        let thread =
            std::thread::Builder::new().name("extract".to_owned()).stack_size(STACK_BYTES).spawn_scoped(scope, work)?;
        thread.join().unwrap_or(Err(ExtractError::Panicked))
    })
}

fn read(path: &Path, format: Format, sink: &mut sink::Sink) -> Result<(), ExtractError> {
    match format {
        Format::Txt => plain::text(path, sink),
        Format::Csv => plain::csv(path, sink),
        Format::Docx => docx::read(path, sink),
        Format::Xlsx => sheet::xlsx(path, sink),
        Format::Xls => sheet::xls(path, sink),
        Format::Doc => doc::read(path, sink),
        Format::Pdf => pdf::read(path, sink),
    }
}
