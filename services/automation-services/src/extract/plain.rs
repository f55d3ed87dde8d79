//! Text files and CSV: finding the encoding, normalising line ends.

use super::sink::Sink;
use super::{ExtractError, TEXT_BYTES_MAX};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Bytes 0x80 to 0x9F of Windows-1252; the rest is Latin-1. Unassigned bytes become U+FFFD.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{FFFD}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{FFFD}', 'Ž', '\u{FFFD}', '\u{FFFD}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{FFFD}', 'ž', 'Ÿ',
];

/// The character of one byte of Windows-1252.
pub(super) fn windows_1252(byte: u8) -> char {
    match byte {
        0x80..=0x9F => WINDOWS_1252[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

/// Reads a text file.
pub(super) fn text(path: &Path, sink: &mut Sink) -> Result<(), ExtractError> {
    let (text, encoding) = decode(path)?;
    sink.note("encoding", encoding);
    sink.note("lines", text.lines().count());
    sink.push(&text);
    Ok(())
}

/// Reads a CSV file: its text as it is, with its rows and columns counted. A row that cannot be read is counted as malformed.
pub(super) fn csv(path: &Path, sink: &mut Sink) -> Result<(), ExtractError> {
    let (text, encoding) = decode(path)?;
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter(&text))
        .from_reader(text.as_bytes());
    let (mut rows, mut columns, mut malformed) = (0_u64, 0, 0_u64);
    let mut record = ::csv::StringRecord::new();
    loop {
        if rows % 1024 == 0 {
            sink.check_time()?;
        }
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {
                rows += 1;
                columns = columns.max(record.len());
            }
            Err(_) => malformed += 1,
        }
    }
    sink.note("encoding", encoding);
    sink.note("rows", rows);
    sink.note("columns", columns);
    if malformed > 0 {
        sink.note("malformed_rows", malformed);
    }
    sink.push(&text);
    Ok(())
}

/// The character that parts the cells: the one of `, ; tab |` that the first line holds most.
fn delimiter(text: &str) -> u8 {
    let line = text.lines().next().unwrap_or_default();
    let count = |delimiter: u8| line.bytes().filter(|byte| *byte == delimiter).count();
    // The first of equals wins, so a line without any means a comma.
    b",;\t|".iter().copied().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

/// The text of a file and the name of its encoding. Reads no more than can end up in the text.
fn decode(path: &Path) -> Result<(String, &'static str), ExtractError> {
    // UTF-16 takes up to two bytes for one of UTF-8; the byte more lets the sink see that there is more.
    let (mut bytes, limit) = (Vec::new(), 2 * TEXT_BYTES_MAX as u64 + 4);
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    let (text, encoding) = decode_bytes(&bytes, bytes.len() as u64 == limit);
    Ok((if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text }, encoding))
}

/// `cut`: the bytes may end in the middle of a character.
fn decode_bytes(bytes: &[u8], cut: bool) -> (String, &'static str) {
    match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => (String::from_utf8_lossy(rest).into_owned(), "utf-8"),
        [0xFF, 0xFE, rest @ ..] => (utf16(rest, u16::from_le_bytes), "utf-16le"),
        [0xFE, 0xFF, rest @ ..] => (utf16(rest, u16::from_be_bytes), "utf-16be"),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => (text.to_owned(), "utf-8"),
            // Without a cut it is another encoding whose last byte looks like the begin of a character: `café` in Windows-1252.
            Err(error) if cut && error.error_len().is_none() => {
                (String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned(), "utf-8")
            }
            Err(_) => (bytes.iter().copied().map(windows_1252).collect(), "windows-1252"),
        },
    }
}

/// UTF-16 text; lone surrogates become U+FFFD.
pub(super) fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(units).map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_letter_with_an_accent_is_kept() {
        assert_eq!(decode_bytes(b"caf\xE9", false), ("café".to_owned(), "windows-1252"));
        assert_eq!(decode_bytes("café".as_bytes(), false), ("café".to_owned(), "utf-8"));
        // The limit cut the character, so what came before is UTF-8.
        assert_eq!(decode_bytes(b"na\xC3\xAFve caf\xC3", true), ("naïve caf".to_owned(), "utf-8"));
    }
}
