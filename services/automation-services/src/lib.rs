//! Files, their text, and workflows on demand or by cron.
//!
//! | module | what |
//! |---|---|
//! | `routes` | the HTTP interface |
//! | `store` | everything in the database |
//! | `engine` | runs executions: schedule, claim, steps |
//! | `steps`, `condition`, `template`, `variables`, `triggers`, `cron` | the pure parts of a workflow |
//! | `extract`, `file_store` | text of files, their bytes |
//! | `upstream` | calls to airtable-gateway and llm-orchestrator |
//! | `trace` | one run, one trace |
//! | `clock`, `settings`, `names`, `error` | time, variables, words, errors |

pub mod clock;
pub mod condition;
pub mod cron;
pub mod engine;
pub mod error;
pub mod extract;
pub mod file_store;
pub mod names;
pub mod routes;
pub mod settings;
pub mod steps;
pub mod store;
pub mod template;
#[cfg(test)]
mod tests;
pub mod trace;
pub mod triggers;
pub mod upstream;
pub mod variables;

use clock::Clock;
use engine::{Engine, Parts};
use file_store::FileStore;
use service_kit::{App, Boot, Service};
use settings::Settings;
use std::time::Duration;
use store::Store;
use upstream::Upstream;

/// The facts of this service.
pub const SERVICE: Service = Service {
    name: "automation-services",
    version: env!("CARGO_PKG_VERSION"),
    description: "Files, their text, and workflows on demand or by cron",
    port: 8006,
    kind: "automation",
    layer: "workflow-processing",
    tier: "automation",
    features: &["file-processing", "workflows", "cron-scheduling", "airtable-steps", "llm-steps"],
};

/// How long an upload may take: 100 MB at 1.4 Mbit/s.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(600);

/// What a multipart form adds to its file, at most.
const FORM_BYTES: usize = 1 << 20;

/// Builds the service with the machine's clock.
///
/// # Errors
/// A bad variable, or a database or folder that cannot be opened.
pub async fn build(boot: Boot) -> Result<App, Box<dyn std::error::Error + Send + Sync>> {
    build_with(boot, Clock::system()).await
}

/// As [`build`], with another clock.
///
/// # Errors
/// As [`build`].
pub async fn build_with(boot: Boot, clock: Clock) -> Result<App, Box<dyn std::error::Error + Send + Sync>> {
    let settings = Settings::read(boot.environment())?;
    let database = boot.database(store::MIGRATIONS).await?;
    let cache = boot.cache().await?;
    let gateway = boot.peer("AIRTABLE_GATEWAY_URL", "http://127.0.0.1:8002")?;
    let orchestrator = boot.peer("LLM_ORCHESTRATOR_URL", "http://127.0.0.1:8003")?;
    let checks =
        [database.check(), cache.check(), gateway.check("airtable-gateway"), orchestrator.check("llm-orchestrator")];
    let file_bytes_max = settings.file_bytes_max;
    let engine = Engine::start(Parts {
        store: Store::new(database),
        cache,
        upstream: Upstream::new(gateway, orchestrator, settings.base_id.clone()),
        files: FileStore::open(boot.data_dir()?.join("files")).await?,
        clock,
        settings,
        tasks: boot.tasks().clone(),
    });
    let app = App::new(routes::router(routes::State { engine }))
        .body_limit("/files/upload", file_bytes_max + FORM_BYTES)
        .timeout("/files/upload", UPLOAD_TIMEOUT);
    Ok(checks.into_iter().fold(app, App::check))
}
