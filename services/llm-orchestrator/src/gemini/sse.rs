//! Reads server-sent events as Gemini frames them: `data:` lines, ended by an empty line, LF or CRLF.
//!
//! Limit: an event of more than [`EVENT_BYTES_MAX`] is an error, so that a broken upstream cannot fill the memory.

/// Far above any chunk of text; inline images come close to it.
const EVENT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Splits bytes into events.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// The line that is not complete yet.
    line: Vec<u8>,
    /// Data lines of the event that is not complete yet.
    data: Vec<u8>,
    has_data: bool,
}

/// An event was too large.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event is larger than {EVENT_BYTES_MAX} bytes")]
pub(crate) struct TooLarge;

impl Events {
    /// Takes the next bytes and gives the data of the events that they complete.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, TooLarge> {
        let mut events = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.len() + self.data.len() > EVENT_BYTES_MAX {
                return Err(TooLarge);
            }
            if piece.ends_with(b"\n") {
                events.extend(self.end_line());
            }
        }
        Ok(events)
    }

    /// The event that the end of the stream completes, if the last empty line is missing.
    pub(crate) fn end(&mut self) -> Option<Vec<u8>> {
        if !self.line.is_empty() {
            self.end_line();
        }
        self.take()
    }

    fn end_line(&mut self) -> Option<Vec<u8>> {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return self.take();
        }
        // Other fields and comments (`:`) mean nothing here.
        if let Some(data) = line.strip_prefix(b"data:") {
            if self.has_data {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(data.strip_prefix(b" ").unwrap_or(data));
            self.has_data = true;
        }
        None
    }

    fn take(&mut self) -> Option<Vec<u8>> {
        std::mem::take(&mut self.has_data).then(|| std::mem::take(&mut self.data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, size: usize) -> Vec<String> {
        let mut events = Events::default();
        let mut found = Vec::new();
        for piece in text.as_bytes().chunks(size) {
            found.extend(events.push(piece).expect("small events"));
        }
        found.extend(events.end());
        found.into_iter().map(|event| String::from_utf8(event).expect("text")).collect()
    }

    #[test]
    fn events_survive_any_cut() {
        let text = "data: {\"a\":1}\r\n\r\n: note\n\nevent: x\ndata:two\ndata: lines\n\ndata: end";
        for size in 1..text.len() {
            assert_eq!(all(text, size), ["{\"a\":1}", "two\nlines", "end"], "{size}");
        }
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut events = Events::default();
        let chunk = vec![b'x'; EVENT_BYTES_MAX];
        assert_eq!(events.push(&chunk), Ok(Vec::new()));
        assert_eq!(events.push(b"x"), Err(TooLarge));
    }
}
