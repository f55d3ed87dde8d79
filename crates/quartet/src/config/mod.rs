//! What a user writes in YAML. A configuration is never needed: every key has a default, and flags win over keys.
//!
//! | file | owns |
//! |---|---|
//! | `address.rs` | `host:port` or `none` |
//! | `units.rs` | sizes (`16MiB`) and durations (`14d`) |
//! | `environment.rs` | `${env:X}` and `${env:X:-default}` |
//! | `problem.rs` | errors with file, line and "did you mean" |
//! | `testdata/` | `default.yaml`, `full.yaml`, and `bad_*.yaml` whose first line is the expected message |
//!
//! ```yaml
//! listeners:
//!   otlp_grpc: 0.0.0.0:4317
//! storage:
//!   data_dir: ${env:QUARTET_DATA:-/var/lib/quartet}
//!   retention: 30d
//! ```

mod address;
mod environment;
mod problem;
mod units;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use collector::ReceiverSettings;
use collector::redaction::RedactionSettings;
use serde::{Deserialize, Serialize};
use storage::{BucketSettings, StoreSettings};

pub(crate) use address::ListenAddress;
pub(crate) use problem::Problem;
pub(crate) use units::{ByteSize, Period};

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Where we listen.
    pub(crate) listeners: ListenersConfig,
    /// Where and how long data is kept.
    pub(crate) storage: StorageConfig,
    /// Limits of what is taken in.
    pub(crate) receivers: ReceiversConfig,
    /// Secrets.
    pub(crate) redaction: RedactionConfig,
    /// Limits of what is answered.
    pub(crate) queries: QueriesConfig,
    /// Threads.
    pub(crate) runtime: RuntimeConfig,
}

/// Address of each listener: `host:port` (port 0 picks a free one) or `none`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ListenersConfig {
    /// OTLP/gRPC; serves OTLP/HTTP too.
    pub(crate) otlp_grpc: ListenAddress,
    /// OTLP/HTTP; serves OTLP/gRPC too.
    pub(crate) otlp_http: ListenAddress,
    /// Tempo API.
    pub(crate) tempo: ListenAddress,
    /// Loki API and push.
    pub(crate) loki: ListenAddress,
    /// Mimir API and remote write.
    pub(crate) mimir: ListenAddress,
    /// Status page.
    pub(crate) console: ListenAddress,
    /// Health page.
    pub(crate) health: ListenAddress,
    /// Our own metrics.
    pub(crate) telemetry: ListenAddress,
}

impl Default for ListenersConfig {
    /// The ports of the products, on loopback.
    fn default() -> Self {
        let at = ListenAddress::loopback;
        Self {
            otlp_grpc: at(4317),
            otlp_http: at(4318),
            tempo: at(3200),
            loki: at(3100),
            mimir: at(9009),
            console: at(3000),
            health: at(13133),
            telemetry: at(8888),
        }
    }
}

/// When an acknowledged record is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Durability {
    /// Before the answer it is on the disk: survives power loss.
    Fsync,
    /// Before the answer it is with the kernel: survives kill -9.
    Buffered,
}

/// Where and how long data is kept.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StorageConfig {
    /// Folder of the write-ahead log and, without a bucket, of the blocks. Default `./quartet-data`.
    pub(crate) data_dir: PathBuf,
    /// `fsync` (default) or `buffered`.
    pub(crate) durability: Durability,
    /// How long rows are kept; `none` for ever. Default `14d`.
    pub(crate) retention: Period,
    /// Memory of rows that are in no block yet; writers are refused above it. Default `112MiB`.
    pub(crate) head_bytes_max: ByteSize,
    /// Rows are written to a block at the latest after this time. Default `5m`.
    pub(crate) flush_age: Period,
    /// Share of the file system (0 to 1) above which the oldest blocks are deleted; 1 switches that off. Default `0.9`.
    pub(crate) disk_used_max: f64,
    /// Where blocks live instead of `data_dir`.
    pub(crate) bucket: Option<BucketConfig>,
}

/// An object store for blocks.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BucketConfig {
    /// `s3://bucket/prefix` or `file:///folder`.
    pub(crate) url: String,
    /// Options such as `aws_endpoint`, `aws_region`, `aws_access_key_id`, `aws_secret_access_key`, `aws_allow_http`.
    #[serde(default)]
    pub(crate) options: BTreeMap<String, String>,
}

impl Default for StorageConfig {
    fn default() -> Self {
        let settings = StoreSettings::default();
        Self {
            data_dir: PathBuf::from("quartet-data"),
            durability: Durability::Fsync,
            retention: Period(settings.retention),
            head_bytes_max: ByteSize(settings.head_bytes_max),
            flush_age: Period(Some(settings.flush_age)),
            disk_used_max: settings.disk_used_max,
            bucket: None,
        }
    }
}

/// Limits of what is taken in.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ReceiversConfig {
    /// Largest request, as received and once decompressed. Default `16MiB`.
    pub(crate) message_bytes_max: ByteSize,
    /// Memory that requests under way may hold together. Default `64MiB`.
    pub(crate) in_flight_bytes_max: ByteSize,
    /// Origins of web pages that may send OTLP/HTTP; `*` stands for any text. Default: pages of this machine.
    pub(crate) cors_origins: Vec<String>,
}

impl Default for ReceiversConfig {
    fn default() -> Self {
        let settings = ReceiverSettings::default();
        Self {
            message_bytes_max: ByteSize(settings.message_bytes_max as u64),
            in_flight_bytes_max: ByteSize(settings.in_flight_bytes_max as u64),
            cors_origins: settings.cors_origins,
        }
    }
}

/// What is masked in requests before anything is kept of them.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RedactionConfig {
    /// API keys, tokens, passwords, credentials of URLs. Default `true`; `false` switches the rest off too.
    pub(crate) enabled: bool,
    /// E-mail addresses. Default `false`.
    pub(crate) emails: bool,
    /// Card numbers. Default `false`.
    pub(crate) cards: bool,
}

impl Default for RedactionConfig {
    fn default() -> Self {
        let RedactionSettings { enabled, emails, cards } = RedactionSettings::default();
        Self { enabled, emails, cards }
    }
}

/// Limits of what is answered.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct QueriesConfig {
    /// Longest query. Default `1m`.
    pub(crate) timeout: Period,
}

impl Default for QueriesConfig {
    fn default() -> Self {
        Self { timeout: Period(Some(api::face::FaceSettings::QUERY_TIMEOUT)) }
    }
}

/// Threads.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RuntimeConfig {
    /// Threads that serve connections; 0 (default) for one a core.
    pub(crate) worker_threads: usize,
}

impl Config {
    /// Reads `path`, or gives the defaults without one.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self, Problem> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path)
            .map_err(|error| Problem::whole(path, format!("cannot read the configuration: {error}")))?;
        Self::parse(path, &text, |name| std::env::var(name).ok())
    }

    /// Reads `text`; `path` is for messages, `variable` looks up the environment.
    pub(crate) fn parse(path: &Path, text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Self, Problem> {
        let expanded =
            environment::expand(text, variable).map_err(|(line, message)| Problem::at(path, line, message))?;
        // An empty file, or one of comments alone, is YAML's null.
        let config: Option<Self> =
            serde_norway::from_str(&expanded).map_err(|error| Problem::from_yaml(path, &error))?;
        let config = config.unwrap_or_default();
        config.validate().map_err(|message| Problem::whole(path, message))?;
        Ok(config)
    }

    /// Checks what types cannot say.
    pub(crate) fn validate(&self) -> Result<(), String> {
        let (message, in_flight) = (self.receivers.message_bytes_max.0, self.receivers.in_flight_bytes_max.0);
        let used = self.storage.disk_used_max;
        if message == 0 || message > u64::from(u32::MAX) {
            return Err("receivers.message_bytes_max must lie between 1 B and 4 GiB".to_owned());
        }
        if in_flight < message.saturating_mul(2) {
            return Err(format!(
                "receivers.in_flight_bytes_max is {in_flight} bytes: it must hold a request and its decompressed form, \
                 at least twice receivers.message_bytes_max ({message} bytes)"
            ));
        }
        if !(used > 0.0 && used <= 1.0) {
            return Err(format!("storage.disk_used_max is {used}: it is a share, above 0 and at most 1"));
        }
        if self.storage.flush_age.0.is_none_or(|age| age.is_zero()) {
            return Err("storage.flush_age must be a time above zero".to_owned());
        }
        if self.storage.retention.0.is_some_and(|kept| kept < Duration::from_secs(3600)) {
            return Err("storage.retention must be at least 1h, or none".to_owned());
        }
        if self.queries.timeout.0.is_none_or(|timeout| timeout.is_zero()) {
            return Err("queries.timeout must be a time above zero".to_owned());
        }
        Ok(())
    }

    /// What the store is told.
    pub(crate) fn store_settings(&self) -> StoreSettings {
        let storage = &self.storage;
        StoreSettings {
            data_dir: storage.data_dir.clone(),
            durability: match storage.durability {
                Durability::Fsync => storage::Durability::Fsync,
                Durability::Buffered => storage::Durability::Buffered,
            },
            head_bytes_max: storage.head_bytes_max.0,
            flush_age: storage.flush_age.0.unwrap_or(Duration::MAX),
            retention: storage.retention.0,
            disk_used_max: storage.disk_used_max,
            bucket: storage.bucket.as_ref().map(|bucket| BucketSettings {
                url: bucket.url.clone(),
                options: bucket.options.clone().into_iter().collect(),
            }),
        }
    }

    /// What the receivers are told.
    pub(crate) fn receiver_settings(&self) -> ReceiverSettings {
        let bytes = |size: ByteSize| usize::try_from(size.0).unwrap_or(usize::MAX);
        ReceiverSettings {
            message_bytes_max: bytes(self.receivers.message_bytes_max),
            in_flight_bytes_max: bytes(self.receivers.in_flight_bytes_max),
            cors_origins: self.receivers.cors_origins.clone(),
            redaction: RedactionSettings {
                enabled: self.redaction.enabled,
                emails: self.redaction.emails,
                cards: self.redaction.cards,
            },
        }
    }

    /// The effective configuration with secrets masked.
    pub(crate) fn to_yaml(&self) -> String {
        let mut shown = self.clone();
        if let Some(bucket) = &mut shown.storage.bucket {
            for (name, value) in &mut bucket.options {
                let name = name.to_ascii_lowercase();
                if ["key", "secret", "token", "password", "credential"].iter().any(|word| name.contains(word)) {
                    *value = "<secret>".to_owned();
                }
            }
        }
        serde_norway::to_string(&shown).unwrap_or_else(|error| format!("# cannot be shown: {error}\n"))
    }
}

#[cfg(test)]
mod tests;
