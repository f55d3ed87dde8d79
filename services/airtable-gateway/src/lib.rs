//! Airtable behind a read-through cache and a rate limit for each base.
//!
//! | module | what |
//! |---|---|
//! | `config` | the variables AIRTABLE_* and CACHE_TTL |
//! | `error` | what can go wrong with Airtable, and the problem that a caller sees |
//! | `upstream` | the Airtable Web API: one call with its tries, the limit of each base, error bodies in all their forms |
//! | `cache` | read-through, with marks that make what a write changed unreachable |
//! | `gateway` | what the routes do: lists, schemas, writes in batches of ten |
//! | `model` | what goes over the wire |
//! | `routes` | HTTP in, HTTP out |
//! | `measures` | names of metrics |
//!
//! Deliberately not here: made-up answers. What Airtable refuses is refused, with its status and its error type.

mod cache;
mod config;
mod error;
mod gateway;
mod measures;
mod model;
mod routes;
mod upstream;

use service_kit::{App, Boot, Check, Service};

use config::Config;
use gateway::Gateway;

/// The facts of this service.
pub const SERVICE: Service = Service {
    name: "airtable-gateway",
    version: env!("CARGO_PKG_VERSION"),
    description: "Airtable behind a read-through cache and a rate limit for each base.",
    port: 8002,
    kind: "integration",
    layer: "api-integration",
    tier: "platform",
    features: &["bases", "schema", "records", "batches", "cache", "rate-limit", "retries"],
};

/// Puts the service together.
///
/// # Errors
/// A variable that is missing or wrong; the message names it.
pub async fn build(boot: Boot) -> anyhow::Result<App> {
    let config = Config::read(boot.environment())?;
    let cache = boot.cache().await?;
    let checks = [cache.check()];
    let gateway = Gateway::new(config, cache, boot.tasks().clone())?;
    let airtable = {
        let gateway = gateway.clone();
        Check::new("airtable", move || {
            let gateway = gateway.clone();
            async move { gateway.reachable().await }
        })
    };
    let app = App::new(routes::router(gateway)).check(airtable);
    Ok(checks.into_iter().fold(app, App::check))
}
