//! The usage dialect of the Gemini API and of Gemini on Vertex AI.
//!
//! `promptTokenCount` includes cached tokens; `candidatesTokenCount` excludes thoughts; `toolUsePromptTokenCount` is input on top.
//! The modality details may add up to less than their total: text is the total minus what is named as something else.
//! Every chunk of a stream carries the usage so far, so the last one counts and nothing is added up.

use serde_json::Value;

use crate::bucket::Bucket;
use crate::error::UsageError;
use crate::usage::{Fee, Tier, Usage};

/// Modalities that have buckets of their own: name in the API, fresh input, cached input, output.
const MODALITIES: [(&str, Bucket, Bucket, Bucket); 3] = [
    ("AUDIO", Bucket::InputAudio, Bucket::CacheReadAudio, Bucket::OutputAudio),
    ("IMAGE", Bucket::InputImage, Bucket::CacheReadImage, Bucket::OutputImage),
    ("VIDEO", Bucket::InputVideo, Bucket::CacheReadVideo, Bucket::OutputVideo),
];

/// What a `generateContent` answer used: tokens, tier and searches. `response` is the whole body.
///
/// # Errors
/// No `usageMetadata`, or a counter in it that is not a count.
pub fn usage_of_response(response: &Value) -> Result<Usage, UsageError> {
    let metadata = response.get("usageMetadata").filter(|metadata| !metadata.is_null()).ok_or(UsageError::Missing)?;
    let mut usage = usage_of_metadata(metadata)?;
    count_searches(response, &mut usage);
    Ok(usage)
}

/// What a `usageMetadata` object says, without searches, which are told elsewhere.
///
/// # Errors
/// A counter that is not a count.
pub fn usage_of_metadata(metadata: &Value) -> Result<Usage, UsageError> {
    let mut usage = Usage { tier: tier(metadata), ..Usage::default() };
    let tokens = &mut usage.tokens;

    let prompt = count(metadata, "promptTokenCount")?;
    // More cached than prompt tokens cannot be; then all of the prompt was cached.
    let cached = count(metadata, "cachedContentTokenCount")?.min(prompt);
    let mut fresh_text = prompt - cached;
    let mut cached_text = cached;
    let candidates = count(metadata, "candidatesTokenCount")?;
    let mut output_text = candidates;
    for (modality, fresh_bucket, cached_bucket, output_bucket) in MODALITIES {
        // Embeddings spell the details without the first s.
        let all = named(metadata, "promptTokensDetails", modality)? + named(metadata, "promptTokenDetails", modality)?;
        let from_cache = named(metadata, "cacheTokensDetails", modality)?.min(cached_text);
        let fresh = all.saturating_sub(from_cache).min(fresh_text);
        let output = named(metadata, "candidatesTokensDetails", modality)?.min(output_text);
        tokens.set(fresh_bucket, fresh);
        tokens.set(cached_bucket, from_cache);
        tokens.set(output_bucket, output);
        fresh_text -= fresh;
        cached_text -= from_cache;
        output_text -= output;
    }
    tokens.set(Bucket::Input, fresh_text);
    tokens.set(Bucket::CacheRead, cached_text);
    tokens.set(Bucket::Output, output_text);
    tokens.set(Bucket::OutputReasoning, count(metadata, "thoughtsTokenCount")?);
    tokens.set(Bucket::InputToolUse, count(metadata, "toolUsePromptTokenCount")?);
    Ok(usage)
}

/// The usage of a `streamGenerateContent` answer, chunk by chunk.
#[derive(Clone, Debug, Default)]
pub struct StreamUsage {
    latest: Option<Usage>,
    finished: bool,
}

impl StreamUsage {
    /// Takes the next chunk.
    ///
    /// # Errors
    /// A counter that is not a count. What was known before is kept.
    pub fn push(&mut self, chunk: &Value) -> Result<(), UsageError> {
        let candidates = chunk.get("candidates").and_then(Value::as_array);
        self.finished |= candidates.is_some_and(|all| all.iter().any(|one| one.get("finishReason").is_some()));
        self.finished |= chunk.pointer("/promptFeedback/blockReason").is_some();
        let mut usage = match usage_of_response(chunk) {
            Ok(usage) => usage,
            Err(UsageError::Missing) => {
                let mut usage = self.latest.clone().unwrap_or_default();
                count_searches(chunk, &mut usage);
                if self.latest.is_some() || !usage.is_empty() {
                    self.latest = Some(usage);
                }
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        // Searches are told once, in any chunk; tokens and tier replace what came before.
        for (fee, quantity) in self.latest.take().map(|before| before.fees).unwrap_or_default() {
            let known = usage.fees.entry(fee).or_default();
            *known = quantity.max(*known);
        }
        self.latest = Some(usage);
        Ok(())
    }

    /// The usage so far; `None` when no chunk had any.
    pub fn usage(&self) -> Option<&Usage> {
        self.latest.as_ref()
    }

    /// Whether the provider has said that the answer is complete. If not, the usage is a lower bound.
    pub fn finished(&self) -> bool {
        self.finished
    }
}

fn count(metadata: &Value, field: &'static str) -> Result<u64, UsageError> {
    match metadata.get(field) {
        None | Some(Value::Null) => Ok(0),
        Some(value) => as_count(value).ok_or(UsageError::NotACount(field)),
    }
}

/// Protobuf's JSON writes 64-bit numbers as text.
fn as_count(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// Tokens of one modality in a list of details.
fn named(metadata: &Value, field: &'static str, modality: &str) -> Result<u64, UsageError> {
    let details = metadata.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let matching = details.iter().filter(|detail| detail.get("modality").and_then(Value::as_str) == Some(modality));
    let mut sum = 0_u64;
    for detail in matching {
        let tokens = match detail.get("tokenCount") {
            None | Some(Value::Null) => 0,
            Some(value) => as_count(value).ok_or(UsageError::NotACount(field))?,
        };
        sum = sum.saturating_add(tokens);
    }
    Ok(sum)
}

/// The tier that served the call: `serviceTier` on the Gemini API, `trafficType` on Vertex AI.
fn tier(metadata: &Value) -> Tier {
    let text = |field| metadata.get(field).and_then(Value::as_str).unwrap_or_default();
    match (text("serviceTier").to_ascii_lowercase().as_str(), text("trafficType")) {
        ("flex", _) | (_, "ON_DEMAND_FLEX") => Tier::Flex,
        ("priority", _) | (_, "ON_DEMAND_PRIORITY") => Tier::Priority,
        ("batch", _) => Tier::Batch,
        (_, "PROVISIONED_THROUGHPUT") => Tier::Provisioned,
        _ => Tier::Standard,
    }
}

/// Google searches are billed by query or by prompt, depending on the model: both are counted, the price row has one of them.
fn count_searches(response: &Value, usage: &mut Usage) {
    let candidates = response.get("candidates").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let queries = |candidate: &Value| {
        let queries = candidate.pointer("/groundingMetadata/webSearchQueries").and_then(Value::as_array);
        queries.map_or(0, |queries| queries.iter().filter(|query| query.as_str() != Some("")).count())
    };
    let queries: usize = candidates.iter().map(queries).sum();
    if queries > 0 {
        let known = usage.fees.entry(Fee::GoogleSearchQuery).or_default();
        *known = (*known).max(u64::try_from(queries).unwrap_or(u64::MAX));
        usage.fees.insert(Fee::GoogleSearchPrompt, 1);
    }
}
