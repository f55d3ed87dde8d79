//! What the environment says about this service.

use service_kit::config::{Environment, Error};
use std::time::Duration;

/// Settings of the engine and the files.
#[derive(Debug, Clone)]
pub struct Settings {
    /// WORKFLOW_CONCURRENCY: executions that run at once in this process (8).
    pub concurrency: usize,
    /// WORKFLOW_LEASE_SECONDS: after how long without a sign of life an execution is taken over (30).
    pub lease: Duration,
    /// WORKFLOW_POLL_SECONDS: how often due times, and executions made elsewhere, are looked for (1).
    pub poll: Duration,
    /// WORKFLOW_TIMEOUT_SECONDS: how long one execution may take, delays included (86,400).
    pub execution_timeout: Duration,
    /// WORKFLOW_ATTEMPTS_MAX: how often an execution is taken up before it counts as failed (5).
    pub attempts_max: i64,
    /// EXTRACTION_CONCURRENCY: files whose text is extracted at once (2: one may take 300 MB).
    pub extractions: usize,
    /// FILE_BYTES_MAX: the largest upload (104,857,600).
    pub file_bytes_max: usize,
    /// AIRTABLE_BASE_ID: the base of Airtable steps that name none.
    pub base_id: Option<String>,
}

/// Executions at once by default: steps wait for others, so more than there are cores; each may hold a file's text in memory.
const CONCURRENCY: usize = 8;

/// The largest upload of the contract: 100 MB.
const FILE_BYTES_MAX: usize = 100 << 20;

impl Settings {
    /// Reads the variables named above.
    pub fn read(environment: &Environment) -> Result<Self, Error> {
        Ok(Self {
            concurrency: environment.within("WORKFLOW_CONCURRENCY", CONCURRENCY, 1..=256)?,
            lease: environment.seconds("WORKFLOW_LEASE_SECONDS", Duration::from_secs(30))?,
            poll: environment.seconds("WORKFLOW_POLL_SECONDS", Duration::from_secs(1))?,
            execution_timeout: environment.seconds("WORKFLOW_TIMEOUT_SECONDS", Duration::from_secs(86_400))?,
            attempts_max: environment.within("WORKFLOW_ATTEMPTS_MAX", 5, 1..=100)?,
            extractions: environment.within("EXTRACTION_CONCURRENCY", 2, 1..=64)?,
            file_bytes_max: environment.within("FILE_BYTES_MAX", FILE_BYTES_MAX, 1..=1 << 30)?,
            base_id: environment.text("AIRTABLE_BASE_ID")?,
        })
    }
}
