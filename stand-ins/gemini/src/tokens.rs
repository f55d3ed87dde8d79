//! How many tokens something has: `ceil(utf8 bytes / 4)` for text, 258 an image or a page, 32 a second of audio.
//!
//! The real numbers come from a tokenizer; these are only stable and of the right size. Source: upstream-apis.md E.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::request::{Blob, Content, Generate, Part};

/// Tokens of an image, a page of a document, or a second of video.
const IMAGE_TOKENS: u64 = 258;
const AUDIO_TOKENS_PER_SECOND: u64 = 32;
/// 16 kHz, 16 bit, one channel: what is assumed, because the files are not decoded.
const AUDIO_BYTES_PER_SECOND: u64 = 32_000;

/// Tokens by kind of content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tokens(BTreeMap<Modality, u64>);

/// In the order in which upstream lists them: text first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Modality {
    Text,
    Image,
    Audio,
    Video,
    Document,
}

/// One row of a `…TokensDetails` list.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Detail {
    modality: Modality,
    token_count: u64,
}

impl Tokens {
    pub(crate) fn total(&self) -> u64 {
        self.0.values().sum()
    }

    pub(crate) fn details(&self) -> Vec<Detail> {
        let rows = self.0.iter().filter(|(_, count)| **count > 0);
        rows.map(|(modality, token_count)| Detail { modality: *modality, token_count: *token_count }).collect()
    }

    pub(crate) fn add(&mut self, modality: Modality, count: u64) {
        *self.0.entry(modality).or_default() += count;
    }

    fn add_text(&mut self, text: &str) {
        self.add(Modality::Text, of_text(text));
    }

    fn add_blob(&mut self, blob: &Blob) {
        // Four base64 letters are three bytes.
        let bytes = blob.data.len() as u64 / 4 * 3;
        match blob.mime_type.split('/').next().unwrap_or_default() {
            "audio" => {
                let seconds = bytes.div_ceil(AUDIO_BYTES_PER_SECOND).max(1);
                self.add(Modality::Audio, seconds * AUDIO_TOKENS_PER_SECOND);
            }
            "video" => self.add(Modality::Video, IMAGE_TOKENS),
            "image" => self.add(Modality::Image, IMAGE_TOKENS),
            "text" => self.add(Modality::Text, bytes.div_ceil(4)),
            _ => self.add(Modality::Document, IMAGE_TOKENS),
        }
    }

    fn add_part(&mut self, part: &Part) {
        if let Some(text) = &part.text {
            self.add_text(text);
        }
        for blob in [&part.inline_data, &part.file_data].into_iter().flatten() {
            self.add_blob(blob);
        }
        if let Some(call) = &part.function_call {
            self.add_text(&format!("{}{}", call.name, call.args));
        }
        if let Some(answer) = &part.function_response {
            self.add_text(&format!("{}{}", answer.name, answer.response));
        }
        for value in [&part.executable_code, &part.code_execution_result].into_iter().flatten() {
            self.add_text(&value.to_string());
        }
    }

    pub(crate) fn add_content(&mut self, content: &Content) {
        for part in &content.parts {
            self.add_part(part);
        }
    }

    /// All of a prompt: instruction, declared functions, turns.
    pub(crate) fn of_request(request: &Generate) -> Self {
        let mut tokens = Self::default();
        tokens.add_preamble(request);
        for content in &request.contents {
            tokens.add_content(content);
        }
        tokens
    }

    /// What comes before the first turn.
    pub(crate) fn add_preamble(&mut self, request: &Generate) {
        if let Some(instruction) = &request.system_instruction {
            self.add_content(instruction);
        }
        for declaration in request.declarations() {
            self.add_text(&declaration.name);
            self.add_text(&declaration.description);
            for schema in [&declaration.parameters, &declaration.parameters_json_schema].into_iter().flatten() {
                self.add_text(&schema.to_string());
            }
        }
    }
}

/// Tokens of a text.
pub(crate) fn of_text(text: &str) -> u64 {
    (text.len() as u64).div_ceil(4)
}
