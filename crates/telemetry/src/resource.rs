//! What the process says about itself: `service.*`, `deployment.*`, `platform.*`, `host.*`, `os.*`, `process.*`, `telemetry.sdk.*`.
//!
//! Later sources win: detection, the builder, `SERVICE_*`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_SERVICE_NAME`.

use std::fs;

use opentelemetry::{Key, KeyValue, Value};
use opentelemetry_proto::tonic::resource::v1::Resource as OtlpResource;
use opentelemetry_proto::transform::common::tonic::Attributes as OtlpAttributes;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;

use crate::config::TelemetryConfig;

/// The family of services that share one dashboard, by the contract.
const PLATFORM: &str = "pyairtable";
/// Where no `OTEL_RESOURCE_ATTRIBUTES=platform.cluster=…` says otherwise.
const CLUSTER: &str = "local";

/// What a service says in code.
#[derive(Clone, Debug, Default)]
pub(crate) struct Declared {
    pub(crate) service: String,
    pub(crate) attributes: Vec<(String, Value)>,
}

/// The resource of this process.
pub(crate) fn detect(config: &TelemetryConfig, declared: &Declared) -> Resource {
    let environment = config.environment.name();
    let mut attributes = Attributes::default();
    attributes.set("service.namespace", PLATFORM);
    attributes.set("service.instance.id", instance_id());
    attributes.set("service.version", "unknown");
    attributes.set("deployment.environment", environment);
    attributes.set("deployment.environment.name", environment);
    attributes.set("platform.name", PLATFORM);
    attributes.set("platform.cluster", CLUSTER);
    host(&mut attributes);
    process(&mut attributes);
    attributes.set("service.name", declared.service.clone());
    for (key, value) in &declared.attributes {
        attributes.set(key.clone(), value.clone());
    }
    let variables = [("service.version", &config.service_version), ("service.tier", &config.service_tier)];
    for (key, value) in variables {
        if let Some(value) = value {
            attributes.set(key, value.clone());
        }
    }
    for (key, value) in &config.resource {
        attributes.set(key.clone(), value.clone());
    }
    if let Some(name) = &config.service_name {
        attributes.set("service.name", name.clone());
    }
    Resource::builder_empty().with_detector(Box::new(TelemetryResourceDetector)).with_attributes(attributes.0).build()
}

/// As OTLP sends it.
pub(crate) fn otlp(resource: &Resource) -> OtlpResource {
    let pairs = resource.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    OtlpResource { attributes: OtlpAttributes::from(pairs.collect::<Vec<_>>()).0, ..OtlpResource::default() }
}

/// The value of `key` as text.
pub(crate) fn text(resource: &Resource, key: &'static str) -> String {
    resource.get(&Key::from_static_str(key)).map(|value| value.as_str().into_owned()).unwrap_or_default()
}

#[derive(Default)]
struct Attributes(Vec<KeyValue>);

impl Attributes {
    fn set(&mut self, key: impl Into<Key>, value: impl Into<Value>) {
        let pair = KeyValue::new(key, value);
        match self.0.iter_mut().find(|known| known.key == pair.key) {
            Some(known) => *known = pair,
            None => self.0.push(pair),
        }
    }

    fn set_some(&mut self, key: &'static str, value: Option<String>) {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            self.set(key, value);
        }
    }
}

fn host(attributes: &mut Attributes) {
    let read = |path: &str| fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
    attributes.set_some("host.name", read("/proc/sys/kernel/hostname"));
    attributes.set_some("host.id", read("/etc/machine-id"));
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    attributes.set("host.arch", arch);
    attributes.set("os.type", std::env::consts::OS);
    attributes.set_some("os.version", read("/proc/sys/kernel/osrelease"));
}

/// Without the arguments of the command: they are where people put passwords.
fn process(attributes: &mut Attributes) {
    attributes.set("process.pid", i64::from(std::process::id()));
    if let Ok(path) = std::env::current_exe() {
        attributes
            .set_some("process.executable.name", path.file_name().map(|name| name.to_string_lossy().into_owned()));
        attributes.set("process.executable.path", path.to_string_lossy().into_owned());
    }
    attributes.set_some("process.command", std::env::args_os().next().map(|name| name.to_string_lossy().into_owned()));
    attributes.set("process.runtime.name", "rust");
}

/// A random UUID (version 4): the specification's advice for programs without an identity of their own.
fn instance_id() -> String {
    let bits = rand::random::<u128>();
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_the_contract_lists_and_the_environment_wins() {
        let variables = |name: &str| match name {
            "OTEL_RESOURCE_ATTRIBUTES" => Some("platform.cluster=east,service.name=loses,k=v%20w".to_owned()),
            "OTEL_SERVICE_NAME" => Some("wins".to_owned()),
            "SERVICE_TIER" => Some("gold".to_owned()),
            "ENVIRONMENT" => Some("staging".to_owned()),
            _ => None,
        };
        let config = TelemetryConfig::from_lookup(&variables).unwrap();
        let attributes =
            vec![("service.tier".to_owned(), Value::from("declared")), ("service.port".to_owned(), 8003.into())];
        let resource = detect(&config, &Declared { service: "declared".to_owned(), attributes });
        let value = |key: &'static str| text(&resource, key);
        let expected = [
            ("service.name", "wins"),
            ("service.tier", "gold"),
            ("service.port", "8003"),
            ("service.namespace", "pyairtable"),
            ("deployment.environment", "staging"),
            ("deployment.environment.name", "staging"),
            ("platform.name", "pyairtable"),
            ("platform.cluster", "east"),
            ("k", "v w"),
            ("telemetry.sdk.language", "rust"),
        ];
        for (key, expected) in expected {
            assert_eq!(value(key), expected, "{key}");
        }
        for key in ["host.name", "host.arch", "process.pid", "process.executable.name", "telemetry.sdk.version"] {
            assert!(!value(key).is_empty(), "{key}");
        }
        let id = value("service.instance.id");
        assert_eq!((id.len(), &id[14..15]), (36, "4"));
        assert!("89ab".contains(&id[19..20]));
    }
}
