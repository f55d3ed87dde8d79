//! Word documents since 2007: the body's paragraphs, tables and line breaks. Deleted text, field codes, headers, footers and notes are
//! left out.

use super::sink::Sink;
use super::{ExtractError, archive};
use quick_xml::Reader;
use quick_xml::events::Event;
use std::io::BufReader;
use std::path::Path;

/// The part that holds the text (ECMA-376 part 1, section 11.3.10); strict and transitional files both use it.
const BODY: &str = "word/document.xml";

/// Reads the document at `path`.
pub(super) fn read(path: &Path, sink: &mut Sink) -> Result<(), ExtractError> {
    let mut archive = archive::open(path, "docx", sink)?;
    let entry = archive.by_name(BODY).map_err(|error| malformed(&error))?;
    let mut reader = Reader::from_reader(BufReader::new(entry));
    // A document cut short is still worth its text; a parser need not count its tags.
    reader.config_mut().check_end_names = false;
    let (mut buffer, mut state) = (Vec::new(), State::default());
    loop {
        buffer.clear();
        let event = reader.read_event_into(&mut buffer).map_err(|error| malformed(&error))?;
        if matches!(event, Event::Eof) || !state.apply(&event, sink)? {
            break;
        }
    }
    sink.note("paragraphs", state.paragraphs);
    Ok(())
}

fn malformed(error: &dyn std::error::Error) -> ExtractError {
    ExtractError::Malformed { format: "docx", reason: error.to_string() }
}

#[derive(Default)]
struct State {
    /// Inside `w:t`, the only place where characters are text.
    in_text: bool,
    /// Depth of open table cells: their paragraphs are parted by spaces, not line ends.
    cells: u32,
    paragraphs: u64,
}

impl State {
    /// Takes one event; false ends the reading because the sink is full.
    fn apply(&mut self, event: &Event<'_>, sink: &mut Sink) -> Result<bool, ExtractError> {
        Ok(match event {
            Event::Start(tag) => self.open(tag.local_name().as_ref(), sink),
            Event::Empty(tag) => {
                let name = tag.local_name();
                self.open(name.as_ref(), sink) && self.close(name.as_ref(), sink)?
            }
            Event::End(tag) => self.close(tag.local_name().as_ref(), sink)?,
            Event::Text(text) if self.in_text => sink.push(&text.xml10_content()),
            Event::CData(text) if self.in_text => sink.push(&text.xml10_content()),
            Event::GeneralRef(reference) if self.in_text => match entity(reference) {
                Some(character) => sink.push(character.encode_utf8(&mut [0; 4])),
                None => true,
            },
            _ => true,
        })
    }

    fn open(&mut self, name: &str, sink: &mut Sink) -> bool {
        match name {
            "t" => self.in_text = true,
            "tab" => return sink.push("\t"),
            "br" | "cr" => return sink.push("\n"),
            "noBreakHyphen" => return sink.push("-"),
            "tc" => self.cells += 1,
            _ => {}
        }
        true
    }

    fn close(&mut self, name: &str, sink: &mut Sink) -> Result<bool, ExtractError> {
        Ok(match name {
            "t" => {
                self.in_text = false;
                true
            }
            "p" => {
                sink.check_time()?;
                self.paragraphs += 1;
                sink.push(if self.cells > 0 { " " } else { "\n" })
            }
            "tc" => {
                self.cells = self.cells.saturating_sub(1);
                sink.push("\t")
            }
            "tr" => sink.end_line(),
            _ => true,
        })
    }
}

/// The five entities of XML and numbers; a document type cannot define more, since nobody reads it.
fn entity(reference: &quick_xml::events::BytesRef<'_>) -> Option<char> {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return Some(character);
    }
    match &*reference.xml10_content() {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}
