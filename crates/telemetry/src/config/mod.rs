//! Every variable of the telemetry contract, read once into one typed value.
//!
//! [`TelemetryConfig::from_env`] fails on the first value that means nothing. Nothing else in this crate reads the environment.

mod exporter;
mod read;
mod sampling;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use exporter::{ExporterConfig, Protocol, Signal, TlsConfig};
pub(crate) use read::percent_decode;
use read::{Variables, invalid, one_of, pairs};
pub use sampling::SamplerConfig;

use crate::Error;

const DAY_MS: u64 = 86_400_000;
/// Records of a signal that may wait: OpenTelemetry's default for spans and logs.
const QUEUE: u64 = 2048;
const BATCH: u64 = 512;
/// OpenTelemetry's default delay for spans; development shortens it so that a span is seen at once.
const DELAY: Duration = Duration::from_secs(5);
const DELAY_DEVELOPMENT: Duration = Duration::from_millis(200);
/// How long the end of the process may take when `OTEL_BSP_EXPORT_TIMEOUT` is unset: half of what `docker stop` waits before it kills.
const EXIT_DEADLINE: Duration = Duration::from_secs(5);
const METRIC_INTERVAL: Duration = Duration::from_secs(60);
const METRIC_INTERVAL_DEVELOPMENT: Duration = Duration::from_secs(5);

/// Where the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// A developer's machine: everything sampled, spans visible in less than a second.
    Development,
    /// Half of the traces.
    Staging,
    /// A tenth of the traces; no statement texts.
    Production,
}

impl Environment {
    /// `development`, `staging` or `production`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }
}

/// A format of trace context in headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagator {
    /// `traceparent`, `tracestate`
    TraceContext,
    /// `baggage`
    Baggage,
    /// `b3`
    B3Single,
    /// `x-b3-traceid`, …
    B3Multi,
    /// `uber-trace-id`, `uberctx-…`
    Jaeger,
}

const PROPAGATORS: &[(&str, Propagator)] = &[
    ("tracecontext", Propagator::TraceContext),
    ("baggage", Propagator::Baggage),
    ("b3", Propagator::B3Single),
    ("b3multi", Propagator::B3Multi),
    ("jaeger", Propagator::Jaeger),
];

/// The queue of spans or logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueConfig {
    /// Records that may wait; more are dropped and counted.
    pub records_max: usize,
    /// Records of one request.
    pub batch_max: usize,
    /// How long a record waits for company.
    pub delay: Duration,
}

/// The addresses of the stack's parts, for programs that link to them. Nothing is sent there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StackConfig {
    /// `LOKI_ENDPOINT`
    pub loki: Option<String>,
    /// `GRAFANA_URL`
    pub grafana: Option<String>,
    /// `TEMPO_URL`
    pub tempo: Option<String>,
    /// `MIMIR_URL`
    pub mimir: Option<String>,
    /// `JAEGER_ENDPOINT`: kept for old environments; Jaeger takes OTLP.
    pub jaeger: Option<String>,
}

/// How log lines are written to stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For eyes.
    Text,
}

/// The contract's variables.
#[derive(Clone, Debug, PartialEq)]
pub struct TelemetryConfig {
    /// `OTEL_SDK_DISABLED`: log lines are written to stdout, nothing else happens.
    pub disabled: bool,
    /// `OTEL_DEBUG`: health paths are traced, and the exporter says on stderr what it does.
    pub debug: bool,
    /// `ENVIRONMENT`
    pub environment: Environment,
    /// `OTEL_SERVICE_NAME`
    pub service_name: Option<String>,
    /// `SERVICE_VERSION`
    pub service_version: Option<String>,
    /// `SERVICE_TIER`
    pub service_tier: Option<String>,
    /// `OTEL_RESOURCE_ATTRIBUTES`, then `COST_CENTER`, `BUSINESS_UNIT` and `TEAM` under their attribute names.
    pub resource: Vec<(String, String)>,
    /// Where spans go; `None` with `OTEL_TRACES_EXPORTER=none`.
    pub traces: Option<ExporterConfig>,
    /// Where metrics go.
    pub metrics: Option<ExporterConfig>,
    /// Where logs go.
    pub logs: Option<ExporterConfig>,
    /// `OTEL_PROPAGATORS`; empty with `none`.
    pub propagators: Vec<Propagator>,
    /// `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG`, `OTEL_SAMPLING_RATIO`
    pub sampler: SamplerConfig,
    /// `OTEL_BSP_*`
    pub span_queue: QueueConfig,
    /// `OTEL_BLRP_*`
    pub log_queue: QueueConfig,
    /// How long flush and exit may take: `OTEL_BSP_EXPORT_TIMEOUT`, 5 s when unset.
    pub exit_deadline: Duration,
    /// `OTEL_METRIC_EXPORT_INTERVAL`
    pub metric_interval: Duration,
    /// `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=delta`
    pub delta_temporality: bool,
    /// `OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT`, else `OTEL_ATTRIBUTE_COUNT_LIMIT`
    pub span_attributes_max: u32,
    /// `OTEL_SPAN_EVENT_COUNT_LIMIT`
    pub span_events_max: u32,
    /// `OTEL_SPAN_LINK_COUNT_LIMIT`
    pub span_links_max: u32,
    /// `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT` in characters; `None` is no limit.
    pub attribute_length_max: Option<usize>,
    /// `LOG_LEVEL`, else `RUST_LOG`, as directives of `tracing`.
    pub log_filter: String,
    /// `LOG_FORMAT`
    pub log_format: LogFormat,
    /// `PERFORMANCE_THRESHOLD_{FAST,NORMAL,SLOW,VERY_SLOW}`
    pub thresholds: [Duration; 4],
    /// `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`, refined by `TELEMETRY_CAPTURE_CONTENT`
    pub capture_content: redact::Content,
    /// `TELEMETRY_REDACT_EMAILS`, `TELEMETRY_REDACT_CARDS`
    pub redaction: redact::Options,
    /// `TELEMETRY_KEY_SALT`: the key of [`crate::hash_api_key`]
    pub key_salt: Option<String>,
    /// `TELEMETRY_QUERY_TEXT`: statement texts (without literals) on spans; default all but production.
    pub query_text: bool,
    /// `ENABLE_LLM_COST_TRACKING`
    pub cost_tracking: bool,
    /// `COST_CENTER`: for callers that name none.
    pub cost_center: Option<String>,
    /// `LOKI_ENDPOINT`, …
    pub stack: StackConfig,
}

impl TelemetryConfig {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// The first variable whose value means nothing, and files that cannot be read.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_lookup(&|name| std::env::var(name).ok())
    }

    /// As [`Self::from_env`], for any source of variables.
    ///
    /// # Errors
    /// As [`Self::from_env`].
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let variables = &Variables::new(lookup);
        let environment = environment(variables)?;
        let development = environment == Environment::Development;
        let delay = if development { DELAY_DEVELOPMENT } else { DELAY };
        let interval = if development { METRIC_INTERVAL_DEVELOPMENT } else { METRIC_INTERVAL };
        let count = |name: &str| variables.number(name, 0..=u64::from(u32::MAX));
        let attributes_max = count("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT")?.or(count("OTEL_ATTRIBUTE_COUNT_LIMIT")?);
        Ok(Self {
            disabled: variables.flag("OTEL_SDK_DISABLED")?.unwrap_or(false),
            debug: variables.flag("OTEL_DEBUG")?.unwrap_or(false),
            environment,
            service_name: variables.text("OTEL_SERVICE_NAME"),
            service_version: variables.text("SERVICE_VERSION"),
            service_tier: variables.text("SERVICE_TIER"),
            resource: resource(variables)?,
            traces: exporter::read(variables, Signal::Traces)?,
            metrics: exporter::read(variables, Signal::Metrics)?,
            logs: exporter::read(variables, Signal::Logs)?,
            propagators: propagators(variables)?,
            sampler: sampling::read(variables, environment)?,
            span_queue: queue(variables, "OTEL_BSP", delay)?,
            log_queue: queue(variables, "OTEL_BLRP", delay.min(Duration::from_secs(1)))?,
            exit_deadline: variables.millis("OTEL_BSP_EXPORT_TIMEOUT", 1..=DAY_MS)?.unwrap_or(EXIT_DEADLINE),
            metric_interval: variables.millis("OTEL_METRIC_EXPORT_INTERVAL", 1..=DAY_MS)?.unwrap_or(interval),
            delta_temporality: delta(variables)?,
            // OpenTelemetry's defaults: 128 each.
            span_attributes_max: attributes_max.map_or(128, narrowed),
            span_events_max: count("OTEL_SPAN_EVENT_COUNT_LIMIT")?.map_or(128, narrowed),
            span_links_max: count("OTEL_SPAN_LINK_COUNT_LIMIT")?.map_or(128, narrowed),
            attribute_length_max: count("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT")?.map(|max| max as usize),
            log_filter: log_filter(variables)?,
            log_format: variables
                .word("LOG_FORMAT", &[("json", LogFormat::Json), ("text", LogFormat::Text)])?
                .unwrap_or(LogFormat::Json),
            thresholds: thresholds(variables)?,
            capture_content: capture(variables)?,
            redaction: redact::Options {
                emails: variables.flag("TELEMETRY_REDACT_EMAILS")?.unwrap_or(false),
                cards: variables.flag("TELEMETRY_REDACT_CARDS")?.unwrap_or(false),
            },
            key_salt: variables.text("TELEMETRY_KEY_SALT"),
            query_text: variables.flag("TELEMETRY_QUERY_TEXT")?.unwrap_or(environment != Environment::Production),
            cost_tracking: variables.flag("ENABLE_LLM_COST_TRACKING")?.unwrap_or(true),
            cost_center: variables.text("COST_CENTER"),
            stack: stack(variables)?,
        })
    }
}

/// `number` was checked against `u32::MAX`.
fn narrowed(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn environment(variables: &Variables<'_>) -> Result<Environment, Error> {
    let all = [Environment::Development, Environment::Staging, Environment::Production];
    let table = all.map(|environment| (environment.name(), environment));
    Ok(variables.word("ENVIRONMENT", &table)?.unwrap_or(Environment::Development))
}

fn resource(variables: &Variables<'_>) -> Result<Vec<(String, String)>, Error> {
    const NAME: &str = "OTEL_RESOURCE_ATTRIBUTES";
    let mut resource = variables.text(NAME).map(|text| pairs(NAME, &text, false)).transpose()?.unwrap_or_default();
    for (name, key) in [("COST_CENTER", "cost.center"), ("BUSINESS_UNIT", "business.unit"), ("TEAM", "team")] {
        if let Some(value) = variables.text(name) {
            resource.push((key.to_owned(), value));
        }
    }
    Ok(resource)
}

fn propagators(variables: &Variables<'_>) -> Result<Vec<Propagator>, Error> {
    const NAME: &str = "OTEL_PROPAGATORS";
    use Propagator::{B3Multi, Baggage, Jaeger, TraceContext};
    let Some(text) = variables.text(NAME) else { return Ok(vec![TraceContext, Baggage, B3Multi, Jaeger]) };
    if text.eq_ignore_ascii_case("none") {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        let known = PROPAGATORS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
        let Some((_, propagator)) = known else {
            return Err(invalid(NAME, word, &format!("a list of {}", one_of(PROPAGATORS))));
        };
        if !found.contains(propagator) {
            found.push(*propagator);
        }
    }
    Ok(found)
}

fn queue(variables: &Variables<'_>, prefix: &str, delay: Duration) -> Result<QueueConfig, Error> {
    // A million records of a kilobyte are what a small machine can still hold.
    const RECORDS_MAX: u64 = 1_000_000;
    let records_name = format!("{prefix}_MAX_QUEUE_SIZE");
    let records = variables.number(&records_name, 1..=RECORDS_MAX)?.unwrap_or(QUEUE);
    let batch_name = format!("{prefix}_MAX_EXPORT_BATCH_SIZE");
    let batch = variables.number(&batch_name, 1..=RECORDS_MAX)?;
    if let Some(batch) = batch.filter(|batch| *batch > records) {
        let expected = format!("at most {records_name} ({records})");
        return Err(invalid(&batch_name, &batch.to_string(), &expected));
    }
    Ok(QueueConfig {
        records_max: records as usize,
        batch_max: batch.unwrap_or(BATCH.min(records)) as usize,
        delay: variables.millis(&format!("{prefix}_SCHEDULE_DELAY"), 1..=DAY_MS)?.unwrap_or(delay),
    })
}

fn delta(variables: &Variables<'_>) -> Result<bool, Error> {
    let table = [("cumulative", false), ("delta", true), ("lowmemory", false)];
    Ok(variables.word("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", &table)?.unwrap_or(false))
}

/// Python's level names are taken too; anything else must be directives such as `info,sqlx=warn`.
fn log_filter(variables: &Variables<'_>) -> Result<String, Error> {
    let Some((name, value)) = variables.first(&["LOG_LEVEL", "RUST_LOG"]) else { return Ok("info".to_owned()) };
    let filter = match value.to_ascii_lowercase().as_str() {
        "warning" => "warn".to_owned(),
        "critical" | "fatal" => "error".to_owned(),
        "notset" => "trace".to_owned(),
        level @ ("trace" | "debug" | "info" | "warn" | "error" | "off") => level.to_owned(),
        _ => value.clone(),
    };
    // A bare word that is no level would be read as the name of a target that is logged in full.
    let is_word =
        !filter.contains(['=', ',', ':']) && filter.parse::<tracing_subscriber::filter::LevelFilter>().is_err();
    let is_bad = filter.parse::<tracing_subscriber::filter::Targets>().is_err();
    if is_bad || is_word && name == "LOG_LEVEL" {
        return Err(invalid(name, &value, "TRACE, DEBUG, INFO, WARN, ERROR, OFF or target=level pairs"));
    }
    Ok(filter)
}

fn thresholds(variables: &Variables<'_>) -> Result<[Duration; 4], Error> {
    let names = ["FAST", "NORMAL", "SLOW", "VERY_SLOW"].map(|word| format!("PERFORMANCE_THRESHOLD_{word}"));
    let mut limits = [100, 500, 2000, 10_000].map(Duration::from_millis);
    for (limit, name) in limits.iter_mut().zip(&names) {
        *limit = variables.millis(name, 1..=DAY_MS)?.unwrap_or(*limit);
    }
    if let Some(at) = (1..limits.len()).find(|at| limits[*at] <= limits[at - 1]) {
        let expected = format!("more than {} ({} ms)", names[at - 1], limits[at - 1].as_millis());
        return Err(invalid(&names[at], &limits[at].as_millis().to_string(), &expected));
    }
    Ok(limits)
}

fn capture(variables: &Variables<'_>) -> Result<redact::Content, Error> {
    use redact::Content::{Full, Off, Redacted};
    let ours = variables.word("TELEMETRY_CAPTURE_CONTENT", &[("off", Off), ("redacted", Redacted), ("full", Full)])?;
    // The conventions' values say where content goes; `true` is how the variable began. All of them mean: capture, safely.
    let standard = variables.word(
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
        &[
            ("no_content", Off),
            ("span_only", Redacted),
            ("event_only", Redacted),
            ("span_and_event", Redacted),
            ("true", Redacted),
            ("false", Off),
            ("off", Off),
            ("redacted", Redacted),
            ("full", Full),
        ],
    )?;
    Ok(ours.or(standard).unwrap_or(Off))
}

fn stack(variables: &Variables<'_>) -> Result<StackConfig, Error> {
    Ok(StackConfig {
        loki: variables.address("LOKI_ENDPOINT")?,
        grafana: variables.address("GRAFANA_URL")?,
        tempo: variables.address("TEMPO_URL")?,
        mimir: variables.address("MIMIR_URL")?,
        jaeger: variables.address("JAEGER_ENDPOINT")?,
    })
}
