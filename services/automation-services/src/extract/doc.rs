//! Word 97 to 2003: the main text by way of the piece table ([MS-DOC] 2.4.1). Text of Word 6 and 95, and encrypted files, are refused by
//! name. Headers, notes and comments lie behind the main text and are left out; field codes are, too.

use super::sink::Sink;
use super::{ExtractError, compound, plain};
use compound::word;
use std::path::Path;

/// Offsets in the file information block ([MS-DOC] 2.5).
mod fib {
    pub(super) const IDENT: usize = 0x00;
    pub(super) const VERSION: usize = 0x02;
    pub(super) const FLAGS: usize = 0x0A;
    pub(super) const MAIN_CHARACTERS: usize = 0x4C;
    pub(super) const PIECES_AT: usize = 0x1A2;
    pub(super) const PIECES_BYTES: usize = 0x1A6;
}

/// Word's mark at the start of the document stream.
const IDENT: u16 = 0xA5EC;
/// The first version with 16-bit characters: Word 97.
const VERSION_MIN: u16 = 0x00C1;
const ENCRYPTED: u16 = 0x0100;
const SECOND_TABLE: u16 = 0x0200;
/// Set in a piece's position when its characters take one byte each.
const ONE_BYTE: u32 = 0x4000_0000;

/// Reads the document at `path`.
pub(super) fn read(path: &Path, sink: &mut Sink) -> Result<(), ExtractError> {
    let bytes = std::fs::read(path)?;
    if bytes.starts_with(br"{\rtf") {
        return Err(ExtractError::Unsupported("rich text under the name of a Word document"));
    }
    let file = compound::open(&bytes).map_err(malformed)?;
    let document = file.stream("WordDocument").ok_or(malformed("no document inside"))?;
    let half = |at: usize| document.get(at..at + 2).map(|two| u16::from_le_bytes([two[0], two[1]])).unwrap_or(0);
    if half(fib::IDENT) != IDENT {
        return Err(malformed("no Word document inside"));
    }
    if half(fib::VERSION) < VERSION_MIN {
        return Err(ExtractError::Unsupported("documents of Word 95 and before"));
    }
    let flags = half(fib::FLAGS);
    if flags & ENCRYPTED != 0 {
        return Err(ExtractError::Encrypted);
    }
    let table =
        file.stream(if flags & SECOND_TABLE == 0 { "0Table" } else { "1Table" }).ok_or(malformed("no table stream"))?;
    let at = word(&document, fib::PIECES_AT).unwrap_or(0) as usize;
    let length = word(&document, fib::PIECES_BYTES).unwrap_or(0) as usize;
    let pieces = table.get(at..at.saturating_add(length)).and_then(piece_table).ok_or(malformed("no piece table"))?;
    let characters = word(&document, fib::MAIN_CHARACTERS).unwrap_or(0);
    let mut writer = Writer { sink, field_codes: 0 };
    for (first, end, position) in pieces {
        writer.sink.check_time()?;
        let count = end.min(characters).saturating_sub(first) as usize;
        if count == 0 || !writer.piece(&document, position, count) {
            break;
        }
    }
    Ok(())
}

fn malformed(reason: &'static str) -> ExtractError {
    ExtractError::Malformed { format: "doc", reason: reason.to_owned() }
}

/// The pieces as (first character, character after the last, position in the document stream).
fn piece_table(mut bytes: &[u8]) -> Option<Vec<(u32, u32, u32)>> {
    loop {
        match bytes {
            // Formatting of pieces, of no interest.
            [1, low, high, rest @ ..] => bytes = rest.get(usize::from(u16::from_le_bytes([*low, *high]))..)?,
            [2, rest @ ..] => {
                let body = rest.get(4..)?;
                let body = &body[..body.len().min(word(rest, 0)? as usize)];
                // n + 1 positions of 4 bytes, n descriptors of 8.
                let count = body.len().checked_sub(4)? / 12;
                return (0..count)
                    .map(|n| {
                        Some((word(body, 4 * n)?, word(body, 4 * n + 4)?, word(body, 4 * (count + 1) + 8 * n + 2)?))
                    })
                    .collect();
            }
            _ => return None,
        }
    }
}

struct Writer<'a> {
    sink: &'a mut Sink,
    /// Depth of fields whose instructions are running: they are not text.
    field_codes: u32,
}

impl Writer<'_> {
    fn piece(&mut self, document: &[u8], position: u32, count: usize) -> bool {
        if position & ONE_BYTE != 0 {
            let start = (position & !ONE_BYTE) as usize / 2;
            let bytes = document.get(start..).unwrap_or_default();
            bytes.iter().take(count).all(|byte| self.character(plain::windows_1252(*byte)))
        } else {
            let bytes = document.get(position as usize..).unwrap_or_default();
            let text = plain::utf16(&bytes[..bytes.len().min(count.saturating_mul(2))], u16::from_le_bytes);
            text.chars().all(|character| self.character(character))
        }
    }

    /// Takes one character; the special ones are listed in [MS-DOC] 2.4.1.
    fn character(&mut self, character: char) -> bool {
        match character {
            '\u{13}' => self.field_codes += 1,
            '\u{14}' | '\u{15}' => self.field_codes = self.field_codes.saturating_sub(u32::from(character == '\u{14}')),
            _ if self.field_codes > 0 => {}
            // Ends of paragraph, line, page.
            '\r' | '\u{0B}' | '\u{0C}' => return self.sink.push("\n"),
            // End of a cell or a row.
            '\u{07}' | '\t' => return self.sink.push("\t"),
            '\u{1E}' => return self.sink.push("-"),
            '\0'..='\u{1F}' => {}
            other => return self.sink.push(other.encode_utf8(&mut [0; 4])),
        }
        true
    }
}
