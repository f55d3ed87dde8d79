//! PDF by `pdf-extract`, behind a check of what its streams inflate to.
//!
//! Limits: a file without a text layer gives an empty text; LZW streams (no writer of this century makes them) are counted by their worst
//! case; encrypted files open when their user password is empty.

use super::sink::Sink;
use super::{ExtractError, INFLATED_BYTES_MAX};
use flate2::write::ZlibDecoder;
use memchr::memmem::{find, rfind};
use pdf_extract::{Document, MediaBox, OutputDev, OutputError, PlainTextOutput, Transform};
use std::cell::Cell;
use std::io::{self, Write};
use std::path::Path;

/// What one byte of LZW can become at most: 4,096 symbols of growing length in 12 bits each.
const LZW_RATIO_MAX: u64 = 1366;

/// Reads the document at `path`.
pub(super) fn read(path: &Path, sink: &mut Sink) -> Result<(), ExtractError> {
    let bytes = std::fs::read(path)?;
    if !bytes[..bytes.len().min(1024)].windows(5).any(|window| window == b"%PDF-") {
        return Err(ExtractError::Malformed { format: "pdf", reason: "no PDF header".to_owned() });
    }
    check_streams(&bytes, sink)?;
    let mut document = Document::load_mem(&bytes).map_err(|error| malformed(&error))?;
    drop(bytes);
    if document.is_encrypted() && document.decrypt("").is_err() {
        return Err(ExtractError::Encrypted);
    }
    sink.note("pages", document.get_pages().len());
    let page_begins = Cell::new(false);
    let mut writer = TextWriter { sink, page_begins: &page_begins };
    let outcome = {
        let writer: &mut dyn Write = &mut writer;
        let mut output = Pages { text: PlainTextOutput::new(writer), page_begins: &page_begins };
        pdf_extract::output_doc(&document, &mut output)
    };
    // A full sink ends the walk by an error that is none.
    sink.check_time()?;
    match outcome {
        Err(error) if !sink.is_full() => Err(match error {
            OutputError::PdfError(inner) => malformed(&inner),
            other => malformed(&other),
        }),
        _ => Ok(()),
    }
}

fn malformed(error: &dyn std::error::Error) -> ExtractError {
    ExtractError::Malformed { format: "pdf", reason: error.to_string() }
}

/// Inflates every stream of the file into nothing and adds up. Text between `stream` and `endstream` is found by looking for the words,
/// so objects that the cross-reference table hides are counted as well.
fn check_streams(bytes: &[u8], sink: &Sink) -> Result<(), ExtractError> {
    let too_large = ExtractError::TooLarge { limit: INFLATED_BYTES_MAX, unit: "bytes" };
    let mut budget = Budget { left: INFLATED_BYTES_MAX };
    let mut rest = bytes;
    while let Some(at) = find(rest, b"stream") {
        let dictionary = &rest[at.saturating_sub(512)..at];
        let body = &rest[at + b"stream".len()..];
        let body = body.strip_prefix(b"\r\n").or_else(|| body.strip_prefix(b"\n")).unwrap_or(body);
        let length = find(body, b"endstream").unwrap_or(body.len());
        sink.check_time()?;
        if find(dictionary, b"LZWDecode").is_some() && budget.take(length as u64 * LZW_RATIO_MAX).is_err() {
            return Err(too_large);
        }
        // A filter named twice on one stream would inflate what was inflated: only bombs do that.
        let filters = &dictionary[rfind(dictionary, b"obj").unwrap_or(0)..];
        if find(filters, b"FlateDecode").is_some_and(|first| find(&filters[first + 1..], b"FlateDecode").is_some()) {
            return Err(ExtractError::Unsupported("streams that are compressed twice"));
        }
        if budget.inflate(&body[..length]).is_err() {
            return Err(too_large);
        }
        rest = &body[length..];
        rest = rest.strip_prefix(b"endstream").unwrap_or(rest);
    }
    Ok(())
}

/// How many bytes may still come out of the file's streams.
struct Budget {
    left: u64,
}

impl Budget {
    fn take(&mut self, bytes: u64) -> Result<(), ()> {
        self.left = self.left.checked_sub(bytes).ok_or(())?;
        Ok(())
    }

    /// Inflates `stream`, as far as it is a zlib stream at all. Fails when the budget is gone.
    fn inflate(&mut self, stream: &[u8]) -> Result<(), ()> {
        let mut decoder = ZlibDecoder::new(Counter { left: self.left, exhausted: false });
        // Bytes that are not zlib end in an error, which is no concern of this check.
        let _ = decoder.write_all(stream).and_then(|()| decoder.flush());
        let counter = decoder.get_ref();
        self.left = counter.left;
        if counter.exhausted { Err(()) } else { Ok(()) }
    }
}

/// A writer that only counts down.
struct Counter {
    left: u64,
    exhausted: bool,
}

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.left.checked_sub(bytes.len() as u64) {
            Some(left) => {
                self.left = left;
                Ok(bytes.len())
            }
            None => {
                self.exhausted = true;
                Err(io::ErrorKind::StorageFull.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The crate's plain text, which knows no pages: the last word of one would grow together with the first of the next.
struct Pages<'a> {
    text: PlainTextOutput<&'a mut dyn Write>,
    page_begins: &'a Cell<bool>,
}

impl OutputDev for Pages<'_> {
    fn begin_page(
        &mut self,
        page: u32,
        media: &MediaBox,
        art: Option<(f64, f64, f64, f64)>,
    ) -> Result<(), OutputError> {
        self.page_begins.set(true);
        self.text.begin_page(page, media, art)
    }

    fn end_page(&mut self) -> Result<(), OutputError> {
        self.text.end_page()
    }

    fn output_character(
        &mut self,
        place: &Transform,
        width: f64,
        spacing: f64,
        font_size: f64,
        character: &str,
    ) -> Result<(), OutputError> {
        self.text.output_character(place, width, spacing, font_size, character)
    }

    fn begin_word(&mut self) -> Result<(), OutputError> {
        self.text.begin_word()
    }

    fn end_word(&mut self) -> Result<(), OutputError> {
        self.text.end_word()
    }

    fn end_line(&mut self) -> Result<(), OutputError> {
        self.text.end_line()
    }
}

/// Hands text to the sink and stops the walk when it is full or late.
struct TextWriter<'a> {
    sink: &'a mut Sink,
    page_begins: &'a Cell<bool>,
}

impl Write for TextWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = !self.page_begins.take() || self.sink.end_line();
        if !room || self.sink.check_time().is_err() || !self.sink.push(&String::from_utf8_lossy(bytes)) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
