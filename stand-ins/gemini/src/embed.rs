//! Embeddings: texts that share words get vectors that point in similar directions.

use serde_json::{Value, json};

use crate::catalogue::Model;
use crate::fault::ApiError;
use crate::random::{Random, hash};
use crate::request::{Content, Embed, EmbedBatch, read, shape};
use crate::tokens::Tokens;

/// Requests in one batch, as upstream.
const BATCH_MAX: usize = 100;

/// Answers `embedContent`.
pub(crate) fn one(model: &Model, body: &[u8]) -> Result<Value, ApiError> {
    let request: Embed = read(&shape::EMBED, body)?;
    Ok(json!({"embedding": {"values": values(model, &request)?}}))
}

/// Answers `batchEmbedContents`.
pub(crate) fn batch(model: &Model, body: &[u8]) -> Result<Value, ApiError> {
    let batch: EmbedBatch = read(&shape::EMBED_BATCH, body)?;
    if batch.requests.len() > BATCH_MAX {
        let text = format!("* BatchEmbedContentsRequest.requests: at most {BATCH_MAX} requests can be in one batch\n");
        return Err(ApiError::invalid(text));
    }
    let mut tokens = Tokens::default();
    let mut embeddings = Vec::with_capacity(batch.requests.len());
    for request in &batch.requests {
        tokens.add_content(&request.content);
        embeddings.push(json!({"values": values(model, request)?}));
    }
    // Upstream spells this list without the `s` of the other answers.
    let usage = json!({"promptTokenCount": tokens.total(), "promptTokenDetails": tokens.details()});
    Ok(json!({"embeddings": embeddings, "usageMetadata": usage}))
}

fn values(model: &Model, request: &Embed) -> Result<Vec<f32>, ApiError> {
    if request.content.parts.is_empty() {
        return Err(ApiError::invalid("* EmbedContentRequest.content: content is not specified\n"));
    }
    let most = i64::from(model.dimensions);
    let dimensions = request.output_dimensionality.unwrap_or(most);
    if !(1..=most).contains(&dimensions) {
        let text = format!("* EmbedContentRequest.output_dimensionality: must be in the range [1, {most}].\n");
        return Err(ApiError::invalid(text));
    }
    Ok(unit_vector(model, &request.content, dimensions as usize))
}

/// The sum of one pseudo-random direction for each word, scaled to length 1.
fn unit_vector(model: &Model, content: &Content, dimensions: usize) -> Vec<f32> {
    let text = content.text().to_lowercase();
    let mut sums = vec![0.0_f64; dimensions];
    let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    for word in words.chain(text.is_empty().then_some("")) {
        let mut random = Random::new(hash(&[model.id.as_bytes(), word.as_bytes()]));
        for sum in &mut sums {
            *sum += random.signed();
        }
    }
    let length = sums.iter().map(|sum| sum * sum).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
    sums.into_iter().map(|sum| (sum / length) as f32).collect()
}
