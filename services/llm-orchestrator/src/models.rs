//! Counting tokens, and vectors of texts.

#![expect(unused_qualifications, reason = "utoipa writes the types of parameters so")]

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{self, RawQuery};
use futures::TryFutureExt;
use garde::Validate;
use opentelemetry::trace::FutureExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service_kit::problem::ProblemDocument;
use service_kit::{Problem, ValidJson};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::chat::translate::Prompt;
use crate::chat::wire::{UsageView, is_model};
use crate::error;
use crate::metering::{Call, Facts, Totals};
use crate::state::State;

/// Texts of one request: Gemini's own limit for a batch.
const TEXTS_MAX: usize = 100;
/// Bytes of one text; far above the largest model's window.
const TEXT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The routes of this module.
pub(crate) fn router() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::new().routes(routes!(count_tokens)).routes(routes!(embeddings))
}

/// A text whose tokens are to be counted.
#[derive(Debug, Deserialize, IntoParams, ToSchema, Validate)]
struct CountRequest {
    /// The text.
    #[garde(length(bytes, min = 1, max = TEXT_BYTES_MAX))]
    text: String,
    /// Default: GEMINI_MODEL.
    #[garde(inner(custom(is_model)))]
    model: Option<String>,
}

/// The count.
#[derive(Debug, Serialize, ToSchema)]
struct CountResponse {
    /// The model whose tokens they are.
    model: String,
    /// How many.
    token_count: u64,
    /// The same.
    total_tokens: u64,
}

/// Texts whose vectors are wanted.
#[derive(Debug, Deserialize, ToSchema, Validate)]
struct EmbeddingsRequest {
    /// A text or a list of texts.
    #[garde(custom(texts_are_good))]
    #[serde(alias = "text", alias = "texts")]
    input: Texts,
    /// Default: GEMINI_EMBEDDING_MODEL.
    #[garde(inner(custom(is_model)))]
    model: Option<String>,
    /// Length of the vectors, where the model allows to choose.
    #[garde(range(min = 1, max = 65_536))]
    dimensions: Option<u32>,
}

/// One or many.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
enum Texts {
    /// One.
    One(String),
    /// Many.
    Many(Vec<String>),
}

/// Vectors, in the order of the texts.
#[derive(Debug, Serialize, ToSchema)]
struct EmbeddingsResponse {
    /// `list`
    #[schema(value_type = String)]
    object: &'static str,
    /// One for each text.
    data: Vec<Embedding>,
    /// The model.
    model: String,
    /// What it used.
    usage: UsageView,
}

/// The vector of a text.
#[derive(Debug, Serialize, ToSchema)]
struct Embedding {
    /// `embedding`
    #[schema(value_type = String)]
    object: &'static str,
    /// Position of the text.
    index: usize,
    /// The vector.
    #[schema(value_type = Vec<f64>)]
    embedding: Value,
}

/// Counts the tokens of a text. Parameters may come in the query or in a JSON body.
#[utoipa::path(post, path = "/api/v1/models/count-tokens", tag = "models", params(CountRequest), request_body = Option<CountRequest>, responses(
    (status = 200, description = "The count", body = CountResponse),
    (status = 422, description = "A parameter is wrong", body = ProblemDocument, content_type = "application/problem+json"),
    (status = "5XX", description = "The provider failed", body = ProblemDocument, content_type = "application/problem+json"),
))]
async fn count_tokens(
    extract::State(state): extract::State<Arc<State>>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<Json<CountResponse>, Problem> {
    let request: CountRequest = if body.is_empty() {
        service_kit::extract::query(query.as_deref().unwrap_or_default())?
    } else {
        service_kit::extract::json(&body)?
    };
    let model = request.model.unwrap_or_else(|| state.config.model.clone());
    let contents = Prompt::of_text(&request.text).contents;
    let total_tokens = state.gemini.count_tokens(&model, &contents).await.map_err(error::problem)?;
    Ok(Json(CountResponse { model, token_count: total_tokens, total_tokens }))
}

/// Gives the vectors of texts.
#[utoipa::path(post, path = "/api/v1/embeddings", tag = "models", request_body = EmbeddingsRequest, responses(
    (status = 200, description = "The vectors", body = EmbeddingsResponse),
    (status = 422, description = "A field is wrong", body = ProblemDocument, content_type = "application/problem+json"),
    (status = "4XX", description = "As for chat completions", body = ProblemDocument, content_type = "application/problem+json"),
    (status = "5XX", description = "As for chat completions", body = ProblemDocument, content_type = "application/problem+json"),
))]
async fn embeddings(
    extract::State(state): extract::State<Arc<State>>,
    ValidJson(request): ValidJson<EmbeddingsRequest>,
) -> Result<Json<EmbeddingsResponse>, Problem> {
    let texts = match request.input {
        Texts::One(text) => vec![text],
        Texts::Many(texts) => texts,
    };
    let model = request.model.unwrap_or_else(|| state.config.embedding_model.clone());
    let facts = Facts {
        operation: "embeddings",
        purpose: "embeddings",
        model: model.clone(),
        body: json!({}),
        ..Facts::default()
    };
    let mut call = Call::begin(&state.metering, facts);
    let context = call.context();
    let outcome = state.gemini.embed(&model, &texts, request.dimensions).with_context(context.clone()).await;
    let (vectors, answer) = match outcome {
        Ok(answered) => answered,
        Err(failure) => {
            call.fail(&failure);
            return Err(error::problem(failure));
        }
    };
    call.push_embeddings(&answer, None);
    if !call.usage_is_known() {
        // Not every model says what it used. Counting is free, and the count is what is billed.
        let contents: Vec<Value> = texts.iter().flat_map(|text| Prompt::of_text(text).contents).collect();
        let counted = state.gemini.count_tokens(&model, &contents).inspect_err(|failure| {
            tracing::warn!(error = %failure, "tokens of embeddings are not known");
        });
        let counted = counted.with_context(context).await.ok();
        call.push_embeddings(&json!({}), counted);
    }
    let (_, charge) = call.finish();
    let mut totals = Totals::default();
    totals.add(&charge);
    let data = vectors.into_iter().enumerate();
    let data = data.map(|(index, embedding)| Embedding { object: "embedding", index, embedding }).collect();
    Ok(Json(EmbeddingsResponse { object: "list", data, model, usage: totals.view() }))
}

fn texts_are_good(texts: &Texts, _: &()) -> garde::Result {
    let texts = match texts {
        Texts::One(text) => std::slice::from_ref(text),
        Texts::Many(texts) => texts,
    };
    if texts.is_empty() || texts.len() > TEXTS_MAX {
        return Err(garde::Error::new(format!("must be 1 to {TEXTS_MAX} texts")));
    }
    let good = |text: &String| !text.is_empty() && text.len() <= TEXT_BYTES_MAX;
    if texts.iter().all(good) {
        Ok(())
    } else {
        Err(garde::Error::new(format!("each text must have 1 to {TEXT_BYTES_MAX} bytes")))
    }
}
