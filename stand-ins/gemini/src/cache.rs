//! Prompt caches: explicit ones by name, and the implicit one that serves a prefix which was sent before.
//!
//! Cached tokens are part of the prompt's tokens, as upstream counts them. Limits: [`PREFIXES_MAX`] prefixes are remembered, then
//! all are forgotten; content that is not text counts as text here.

use std::collections::HashSet;

use crate::catalogue::Model;
use crate::fault::ApiError;
use crate::random::hash;
use crate::request::Generate;
use crate::tokens::Tokens;

/// Bounds the memory of a long demo: 8 bytes each.
const PREFIXES_MAX: usize = 65_536;

/// The implicit cache: hashes of what was sent.
#[derive(Debug, Default)]
pub(crate) struct Prefixes(HashSet<u64>);

impl Prefixes {
    /// Tokens of the longest known prefix that is long enough; remembers all prefixes of this request.
    pub(crate) fn visit(&mut self, model: &Model, request: &Generate) -> u64 {
        let Some(tokens_min) = model.implicit_cache_tokens_min() else { return 0 };
        if self.0.len() >= PREFIXES_MAX {
            self.0.clear();
        }
        let mut tokens = Tokens::default();
        tokens.add_preamble(request);
        let mut state =
            hash(&[model.id.as_bytes(), format!("{:?}{:?}", request.system_instruction, request.tools).as_bytes()]);
        let mut cached = if self.0.insert(state) { 0 } else { tokens.total() };
        for content in &request.contents {
            state = hash(&[&state.to_le_bytes(), format!("{content:?}").as_bytes()]);
            tokens.add_content(content);
            if !self.0.insert(state) {
                cached = tokens.total();
            }
        }
        if cached >= tokens_min { cached } else { 0 }
    }
}

/// Tokens of an explicit cache: the number at the end of its name (`cachedContents/report-4096`), else one derived from it.
pub(crate) fn explicit(name: &str) -> Result<u64, ApiError> {
    let Some(id) = name.strip_prefix("cachedContents/").filter(|id| !id.is_empty()) else {
        return Err(ApiError::invalid("* GenerateContentRequest.cached_content: invalid cached content name\n"));
    };
    let digits = id.rsplit('-').next().and_then(|last| last.parse().ok()).filter(|tokens| *tokens <= 2_000_000);
    Ok(digits.unwrap_or_else(|| 2_048 + hash(&[id.as_bytes()]) % 2_048))
}
