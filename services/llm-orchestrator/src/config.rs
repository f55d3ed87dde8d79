//! What the service reads from the environment.

use std::time::Duration;

use service_kit::config::{Environment, Error};

use crate::gemini;

/// Settings of the service, beside those of the kit and of telemetry.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// How Gemini is reached: GEMINI_BASE_URL, GEMINI_API_KEY, GEMINI_TIMEOUT, GEMINI_STREAM_TIMEOUT, GEMINI_RETRIES, GEMINI_RETRY_WAIT_MAX.
    pub(crate) gemini: gemini::Settings,
    /// GEMINI_MODEL: for requests that name none.
    pub(crate) model: String,
    /// GEMINI_EMBEDDING_MODEL: for embeddings that name none.
    pub(crate) embedding_model: String,
    /// SESSION_TTL, seconds: how long a session lives after its last use.
    pub(crate) session_ttl: Duration,
    /// MAX_TOOL_ROUNDS: how often the model may call functions for one answer.
    pub(crate) tool_rounds_max: usize,
    /// TOOL_TIMEOUT, seconds: for one function.
    pub(crate) tool_timeout: Duration,
    /// ENABLE_LLM_COST_TRACKING: whether costs go into spans, logs and metrics. Answers hold them always.
    pub(crate) cost_tracking: bool,
    /// PRICE_BOOK: a file with prices of one's own, which win over the bundled ones.
    pub(crate) price_book: Option<String>,
    /// ANALYSIS_WORKERS: tables of batch jobs that are analysed at the same time.
    pub(crate) analysis_workers: usize,
}

impl Config {
    /// Reads and checks all variables.
    ///
    /// # Errors
    /// The first that is wrong, by name.
    pub(crate) fn read(environment: &Environment) -> Result<Self, Error> {
        let seconds = |name, default| environment.seconds(name, Duration::from_secs(default));
        let model = |name: &str, default: &str| {
            let model: String = environment.get(name, default.to_owned())?;
            let model = model.trim_start_matches("models/").to_owned();
            crate::chat::wire::is_model(&model, &()).map_err(|error| Error::new(name, error))?;
            Ok::<_, Error>(model)
        };
        Ok(Self {
            gemini: gemini::Settings {
                base_url: environment.base_url("GEMINI_BASE_URL", "https://generativelanguage.googleapis.com")?,
                key: environment.secret("GEMINI_API_KEY")?,
                timeout: seconds("GEMINI_TIMEOUT", 60)?,
                stream_timeout: seconds("GEMINI_STREAM_TIMEOUT", 120)?,
                retries: environment.within("GEMINI_RETRIES", 2, 0..=10)?,
                pause_max: seconds("GEMINI_RETRY_WAIT_MAX", 10)?,
            },
            model: model("GEMINI_MODEL", "gemini-2.0-flash-exp")?,
            embedding_model: model("GEMINI_EMBEDDING_MODEL", "gemini-embedding-001")?,
            session_ttl: seconds("SESSION_TTL", 3600)?,
            tool_rounds_max: environment.within("MAX_TOOL_ROUNDS", 5, 1..=50)?,
            tool_timeout: seconds("TOOL_TIMEOUT", 30)?,
            cost_tracking: environment.flag("ENABLE_LLM_COST_TRACKING", true)?,
            price_book: environment.text("PRICE_BOOK")?,
            analysis_workers: environment.within("ANALYSIS_WORKERS", 2, 1..=64)?,
        })
    }
}
