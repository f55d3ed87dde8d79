//! Chat, sessions, embeddings and table analysis on Gemini, each call priced.
//!
//! | module | owns |
//! |---|---|
//! | `chat` | chat completions, whole and streamed, and their rounds of functions |
//! | `sessions` | conversations in the cache |
//! | `models` | counting tokens, embeddings |
//! | `analysis` | table analysis, at once and as batch jobs in the database |
//! | `gemini` | the client of the Gemini API |
//! | `tools` | functions at mcp-server |
//! | `metering` | price, span, metrics and log line of each call |
//! | `config`, `state`, `error` | variables, what handlers share, statuses of upstream |

mod analysis;
mod chat;
mod config;
mod error;
mod gemini;
mod metering;
mod models;
mod sessions;
mod state;
mod tools;

use std::time::Duration;

use service_kit::{App, Boot, Check, Service};
use utoipa_axum::router::OpenApiRouter;

/// What the service says about itself.
pub const SERVICE: Service = Service {
    name: "llm-orchestrator",
    version: env!("CARGO_PKG_VERSION"),
    description: "Chat, sessions, embeddings and table analysis on Gemini, each call priced",
    port: 8003,
    kind: "ai-ml",
    layer: "ai-processing",
    tier: "ai-ml",
    features: &[
        "chat",
        "streaming",
        "tools",
        "sessions",
        "count-tokens",
        "embeddings",
        "table-analysis",
        "batch-analysis",
        "cost-tracking",
    ],
};

/// A session is short work; one answer may take several rounds of functions and retries.
const CHAT_TIMEOUT: Duration = Duration::from_secs(300);
/// Up to eight categories of a large table.
const ANALYSIS_TIMEOUT: Duration = Duration::from_secs(600);

/// Puts the service together.
///
/// # Errors
/// A bad variable, a price book that cannot be used, a database that cannot be opened.
pub async fn app(boot: Boot) -> anyhow::Result<App> {
    let state = state::State::open(&boot).await?;
    if state.config.gemini.key.is_none() {
        // No error: a proxy at GEMINI_BASE_URL may add the key itself.
        tracing::warn!("GEMINI_API_KEY is not set: calls go to the model's provider without a key");
    }
    analysis::start_workers(&state);
    let router = OpenApiRouter::new()
        .merge(chat::router())
        .merge(sessions::router())
        .merge(models::router())
        .merge(analysis::router())
        .with_state(state.clone());
    let gemini = state.gemini.clone();
    let mcp = boot.peer("MCP_SERVER_URL", "http://127.0.0.1:8001")?;
    Ok(App::new(router)
        .check(Check::new("gemini", move || {
            let gemini = gemini.clone();
            async move { gemini.check().await }
        }))
        .check(state.cache.check())
        .check(state.database.check())
        .check(mcp.check("mcp-server"))
        .timeout("/api/v1/chat/completions", CHAT_TIMEOUT)
        .timeout("/api/v1/chat/completions/stream", CHAT_TIMEOUT)
        .timeout("/api/v1/analysis/table", ANALYSIS_TIMEOUT))
}
