//! Where extracted text is gathered: cut at a length, watched by a deadline.

use super::{ExtractError, Extracted};
use serde_json::{Map, Value};
use std::time::{Duration, Instant};

/// Gathers the text of one file.
pub(super) struct Sink {
    text: String,
    bytes_max: usize,
    truncated: bool,
    deadline: Instant,
    time_max: Duration,
    metadata: Map<String, Value>,
}

impl Sink {
    pub(super) fn new(bytes_max: usize, deadline: Instant, time_max: Duration) -> Self {
        Self { text: String::new(), bytes_max, truncated: false, deadline, time_max, metadata: Map::new() }
    }

    /// Appends `text` as far as there is room. False: the sink is full, further text is of no use.
    pub(super) fn push(&mut self, text: &str) -> bool {
        if self.truncated {
            return false;
        }
        let room = self.bytes_max - self.text.len();
        if text.len() > room {
            self.text.push_str(&text[..text.floor_char_boundary(room)]);
            self.truncated = true;
        } else {
            self.text.push_str(text);
        }
        !self.truncated
    }

    /// Fails once the deadline has passed.
    pub(super) fn check_time(&self) -> Result<(), ExtractError> {
        if Instant::now() >= self.deadline { Err(ExtractError::TimedOut(self.time_max)) } else { Ok(()) }
    }

    /// Whether text was left out already.
    pub(super) fn is_full(&self) -> bool {
        self.truncated
    }

    /// Notes a fact about the file.
    pub(super) fn note(&mut self, key: &str, value: impl Into<Value>) {
        self.metadata.insert(key.to_owned(), value.into());
    }

    /// The last character so far.
    pub(super) fn last(&self) -> Option<char> {
        self.text.chars().next_back()
    }

    /// Ends the current line, unless the text is empty or ends in a line end.
    pub(super) fn end_line(&mut self) -> bool {
        if self.last().is_some_and(|last| last != '\n') { self.push("\n") } else { !self.truncated }
    }

    pub(super) fn finish(mut self) -> Extracted {
        // A database of ours refuses NUL in text, and no format means anything by it.
        if self.text.contains('\0') {
            self.text.retain(|character| character != '\0');
        }
        self.text.truncate(self.text.trim_end().len());
        Extracted { text: self.text, truncated: self.truncated, metadata: self.metadata }
    }
}
