//! The models that the stand-in knows: a table, one row a model. Any other name is a 404, as upstream.
//!
//! Names and limits: the Gemini rows of the price book (`shared/data/model_prices.json`).

use serde::Serialize;

/// Method names as `supportedGenerationMethods` spells them.
const CHAT: &[&str] = &["generateContent", "countTokens", "createCachedContent", "batchGenerateContent"];
const EMBED: &[&str] = &["embedContent", "countTextTokens", "countTokens", "asyncBatchEmbedContent"];

/// One model.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) id: &'static str,
    /// What `modelVersion` says: differs from `id` for the names that move (`…-latest`).
    pub(crate) version: &'static str,
    pub(crate) methods: &'static [&'static str],
    input_limit: u32,
    output_limit: u32,
    /// Thinks before it answers, unless the budget is 0.
    pub(crate) thinks: bool,
    /// Values of an embedding; 0 for chat models.
    pub(crate) dimensions: u32,
}

impl Model {
    const fn chat(id: &'static str, version: &'static str, output_limit: u32, thinks: bool) -> Self {
        Self { id, version, methods: CHAT, input_limit: 1_048_576, output_limit, thinks, dimensions: 0 }
    }

    const fn embedding(id: &'static str, input_limit: u32, dimensions: u32) -> Self {
        Self { id, version: id, methods: EMBED, input_limit, output_limit: 1, thinks: false, dimensions }
    }

    /// Tool calls carry an id and a thought signature since the third generation.
    pub(crate) fn third_generation(&self) -> bool {
        self.version.starts_with("gemini-3")
    }

    /// Repeated prefixes of at least this many tokens are served from the implicit cache; none before 2.5.
    pub(crate) fn implicit_cache_tokens_min(&self) -> Option<u64> {
        if !self.thinks {
            return None;
        }
        Some(if self.version.contains("pro") { 2_048 } else { 1_024 })
    }

    pub(crate) fn supports(&self, method: &str) -> bool {
        match method {
            "generateContent" | "streamGenerateContent" => self.dimensions == 0,
            "embedContent" | "batchEmbedContents" => self.dimensions > 0,
            _ => true,
        }
    }
}

/// Every known model, in the order in which they are listed.
pub(crate) const MODELS: &[Model] = &[
    Model::chat("gemini-2.0-flash", "gemini-2.0-flash", 8_192, false),
    Model::chat("gemini-2.0-flash-001", "gemini-2.0-flash-001", 8_192, false),
    Model::chat("gemini-2.0-flash-exp", "gemini-2.0-flash-exp", 8_192, false),
    Model::chat("gemini-2.0-flash-lite", "gemini-2.0-flash-lite", 8_192, false),
    Model::chat("gemini-1.5-flash", "gemini-1.5-flash-002", 8_192, false),
    Model::chat("gemini-1.5-pro", "gemini-1.5-pro-002", 8_192, false),
    Model::chat("gemini-2.5-flash", "gemini-2.5-flash", 65_536, true),
    Model::chat("gemini-2.5-flash-lite", "gemini-2.5-flash-lite", 65_536, true),
    Model::chat("gemini-2.5-pro", "gemini-2.5-pro", 65_536, true),
    Model::chat("gemini-3-flash-preview", "gemini-3-flash-preview", 65_536, true),
    Model::chat("gemini-3-pro-preview", "gemini-3-pro-preview", 65_536, true),
    Model::chat("gemini-3.1-pro-preview", "gemini-3.1-pro-preview", 65_536, true),
    Model::chat("gemini-3.1-flash-lite", "gemini-3.1-flash-lite", 65_536, true),
    Model::chat("gemini-3.5-flash", "gemini-3.5-flash", 65_536, true),
    Model::chat("gemini-3.5-flash-lite", "gemini-3.5-flash-lite", 65_536, true),
    Model::chat("gemini-3.6-flash", "gemini-3.6-flash", 65_536, true),
    Model::chat("gemini-3.7-flash", "gemini-3.7-flash", 65_536, true),
    Model::chat("gemini-3.8-flash", "gemini-3.8-flash", 65_536, true),
    Model::chat("gemini-flash-latest", "gemini-3.8-flash", 65_536, true),
    Model::chat("gemini-flash-lite-latest", "gemini-3.5-flash-lite", 65_536, true),
    Model::chat("gemini-pro-latest", "gemini-3.1-pro-preview", 65_536, true),
    Model::embedding("text-embedding-004", 2_048, 768),
    Model::embedding("gemini-embedding-001", 2_048, 3_072),
    Model::embedding("gemini-embedding-2", 8_192, 3_072),
];

/// The model of that id (without `models/`).
pub(crate) fn find(id: &str) -> Option<&'static Model> {
    MODELS.iter().find(|model| model.id == id)
}

/// A model as `GET /v1beta/models` shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Card {
    name: String,
    version: &'static str,
    display_name: String,
    description: &'static str,
    input_token_limit: u32,
    output_token_limit: u32,
    supported_generation_methods: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<bool>,
}

impl From<&Model> for Card {
    fn from(model: &Model) -> Self {
        let chat = model.dimensions == 0;
        Self {
            name: format!("models/{}", model.id),
            version: model.version,
            display_name: title(model.id),
            description: if chat { "Chat model of the stand-in" } else { "Embedding model of the stand-in" },
            input_token_limit: model.input_limit,
            output_token_limit: model.output_limit,
            supported_generation_methods: model.methods,
            temperature: chat.then_some(1.0),
            top_p: chat.then_some(0.95),
            top_k: chat.then_some(64),
            max_temperature: chat.then_some(2.0),
            thinking: model.thinks.then_some(true),
        }
    }
}

fn title(id: &str) -> String {
    let words = id.split('-').map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    });
    words.collect::<Vec<_>>().join(" ")
}
