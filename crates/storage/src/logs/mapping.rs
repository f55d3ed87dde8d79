//! How OTLP logs and Loki pushes become Loki streams: index labels of a resource, structured metadata of a record. Pure.
//!
//! Index labels of OTLP logs are Loki's 18 default resource attributes, `service_name`, and three of our own that dashboards and
//! the old integration test look for: `service` (the same as `service_name`), `environment` and `level`. Everything else of a
//! resource, scope and record is structured metadata. A pushed stream keeps its own labels; only `service_name` is added.

use model::{KeyValue, Labels, LogRecord, Resource, Scope, Value};

use super::level::Level;
use super::text;

/// Resource attributes that become index labels (Loki's `default_resource_attributes_as_index_labels`).
const INDEX_ATTRIBUTES: [&str; 18] = [
    "service.name",
    "service.namespace",
    "service.instance.id",
    "deployment.environment",
    "deployment.environment.name",
    "cloud.region",
    "cloud.availability_zone",
    "k8s.cluster.name",
    "k8s.namespace.name",
    "k8s.pod.name",
    "k8s.container.name",
    "container.name",
    "k8s.replicaset.name",
    "k8s.deployment.name",
    "k8s.statefulset.name",
    "k8s.daemonset.name",
    "k8s.cronjob.name",
    "k8s.job.name",
];

/// Labels that give a stream its `service_name` when it has none, the first present one wins (Loki's `discover_service_name`).
const SERVICE_LABELS: [&str; 13] = [
    "service",
    "app",
    "application",
    "app_name",
    "name",
    "app_kubernetes_io_name",
    "container",
    "container_name",
    "k8s_container_name",
    "component",
    "workload",
    "job",
    "k8s_job_name",
];

/// `service_name` of streams that nothing names.
const UNKNOWN_SERVICE: &str = "unknown_service";

/// Metadata name of the normalised level.
pub(crate) const DETECTED_LEVEL: &str = "detected_level";

/// A label name made of `name`: characters outside `[A-Za-z0-9_]` become `_`, runs of `_` become one, a leading digit gets
/// `key_` in front.
pub(crate) fn sanitize(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    if name.starts_with(|first: char| first.is_ascii_digit()) {
        out.push_str("key_");
    }
    for character in name.chars() {
        let kept = if character.is_ascii_alphanumeric() { character } else { '_' };
        if kept != '_' || !out.ends_with('_') {
            out.push(kept);
        }
    }
    out
}

/// Index labels of an OTLP resource, `level` left out.
pub(crate) fn resource_labels(resource: &Resource) -> Labels {
    let mut labels = Vec::new();
    for pair in resource.attributes.iter().filter(|pair| INDEX_ATTRIBUTES.contains(&pair.key.as_str())) {
        flatten(&pair.key, &pair.value, "", &mut labels);
    }
    let mut labels = Labels::from_pairs(labels);
    discover_service(&mut labels);
    let service = labels.get("service_name").unwrap_or(UNKNOWN_SERVICE).to_owned();
    labels.set("service", &service);
    let environment = labels.get("deployment_environment_name").or_else(|| labels.get("deployment_environment"));
    if let Some(environment) = environment.map(str::to_owned) {
        labels.set("environment", &environment);
    }
    labels
}

/// Index labels of the records of one level, from those of their resource.
pub(crate) fn labels_with_level(resource: &Labels, level: Level) -> Labels {
    let mut labels = resource.clone();
    labels.set("level", level.as_str());
    labels
}

/// Adds `service_name` to labels that lack it.
pub(crate) fn discover_service(labels: &mut Labels) {
    if labels.get("service_name").is_some() {
        return;
    }
    let found = SERVICE_LABELS.iter().find_map(|name| labels.get(name)).unwrap_or(UNKNOWN_SERVICE).to_owned();
    labels.set("service_name", &found);
}

/// Structured metadata that all records of a resource and scope share. Later pairs win over earlier ones of the same name.
pub(crate) fn shared_metadata(resource: &Resource, scope: &Scope) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for pair in resource.attributes.iter().filter(|pair| !INDEX_ATTRIBUTES.contains(&pair.key.as_str())) {
        flatten(&pair.key, &pair.value, "", &mut pairs);
    }
    for pair in &scope.attributes {
        flatten(&pair.key, &pair.value, "", &mut pairs);
    }
    push_text(&mut pairs, "scope_name", &scope.name);
    push_text(&mut pairs, "scope_version", &scope.version);
    push_number(&mut pairs, "scope_dropped_attributes_count", u64::from(scope.dropped_attributes_count));
    pairs
}

/// Structured metadata of one OTLP record: `shared` of its resource and scope, then its own.
pub(crate) fn record_metadata(record: &LogRecord, level: Level, shared: &[(String, String)]) -> Labels {
    let mut pairs = shared.to_vec();
    for pair in &record.attributes {
        flatten(&pair.key, &pair.value, "", &mut pairs);
    }
    if record.time.0 != 0 {
        push_number(&mut pairs, "observed_timestamp", record.observed_time.0);
    }
    push_number(&mut pairs, "severity_number", record.severity_number.max(0) as u64);
    push_text(&mut pairs, "severity_text", &record.severity_text);
    push_number(&mut pairs, "dropped_attributes_count", u64::from(record.dropped_attributes_count));
    push_number(&mut pairs, "flags", u64::from(record.flags));
    if !record.trace_id.is_zero() {
        pairs.push(("trace_id".to_owned(), record.trace_id.to_string()));
    }
    if !record.span_id.is_zero() {
        pairs.push(("span_id".to_owned(), record.span_id.to_string()));
    }
    push_text(&mut pairs, "event_name", &record.event_name);
    pairs.push((DETECTED_LEVEL.to_owned(), level.as_str().to_owned()));
    Labels::from_pairs(pairs)
}

/// Structured metadata of a pushed entry: what the pusher sent, and `detected_level` unless it sent that too.
pub(crate) fn pushed_metadata(attributes: &[KeyValue], level: Level) -> Labels {
    let mut pairs = vec![(DETECTED_LEVEL.to_owned(), level.as_str().to_owned())];
    pairs.extend(attributes.iter().map(|pair| (pair.key.clone(), text::of_value(&pair.value).into_owned())));
    Labels::from_pairs(pairs)
}

/// Adds a pair with its name sanitised; a map adds one for each of its leaves, names joined by `_`.
fn flatten(key: &str, value: &Value, prefix: &str, out: &mut Vec<(String, String)>) {
    let name = if prefix.is_empty() { sanitize(key) } else { sanitize(&format!("{prefix}_{key}")) };
    match value {
        Value::KvList(pairs) => pairs.iter().for_each(|pair| flatten(&pair.key, &pair.value, &name, out)),
        other => out.push((name, text::of_value(other).into_owned())),
    }
}

fn push_text(out: &mut Vec<(String, String)>, name: &str, text: &str) {
    if !text.is_empty() {
        out.push((name.to_owned(), text.to_owned()));
    }
}

fn push_number(out: &mut Vec<(String, String)>, name: &str, number: u64) {
    if number != 0 {
        out.push((name.to_owned(), number.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{SpanId, TraceId, UnixNanos};

    use super::*;

    fn resource(pairs: &[(&str, &str)]) -> Resource {
        Resource { attributes: pairs.iter().map(|(k, v)| KeyValue::new(*k, *v)).collect(), ..Resource::default() }
    }

    #[test]
    fn names_are_sanitised() {
        let cases = [
            ("a.b", "a_b"),
            ("1st", "key_1st"),
            ("a..b--c", "a_b_c"),
            ("a__b", "a_b"),
            ("é", "_"),
            ("", ""),
            ("_x", "_x"),
        ];
        for (name, expected) in cases {
            assert_eq!(sanitize(name), expected, "{name}");
        }
    }

    #[test]
    fn index_labels_of_a_resource() {
        let cases: [(&[(&str, &str)], &str); 4] = [
            (
                &[("service.name", "cart"), ("deployment.environment", "prod"), ("host.name", "h")],
                r#"{deployment_environment="prod", environment="prod", service="cart", service_name="cart"}"#,
            ),
            (&[], r#"{service="unknown_service", service_name="unknown_service"}"#),
            (
                &[("k8s.job.name", "j"), ("k8s.container.name", "c")],
                r#"{k8s_container_name="c", k8s_job_name="j", service="c", service_name="c"}"#,
            ),
            (
                &[("service.name", "a"), ("deployment.environment", "old"), ("deployment.environment.name", "new")],
                r#"{deployment_environment="old", deployment_environment_name="new", environment="new", service="a", service_name="a"}"#,
            ),
        ];
        for (pairs, expected) in cases {
            assert_eq!(resource_labels(&resource(pairs)).to_string(), expected);
        }
        let with_level = labels_with_level(&resource_labels(&resource(&[("service.name", "a")])), Level::Warn);
        assert_eq!(with_level.get("level"), Some("warn"));
    }

    #[test]
    fn a_pushed_stream_gets_its_service_name() {
        let mut labels = Labels::from_pairs(vec![("job".into(), "j".into()), ("app".into(), "a".into())]);
        discover_service(&mut labels);
        assert_eq!(labels.to_string(), r#"{app="a", job="j", service_name="a"}"#);
    }

    #[test]
    fn everything_else_is_metadata() {
        let nested = Value::KvList(vec![KeyValue::new("x.y", 1), KeyValue::new("z", Value::Array(vec![true.into()]))]);
        let scope = Scope { name: "lib".into(), version: "1".into(), ..Scope::default() };
        let resource = resource(&[("service.name", "cart"), ("host.name", "h"), ("shared", "resource")]);
        let record = LogRecord {
            time: UnixNanos(5),
            observed_time: UnixNanos(7),
            severity_number: 9,
            severity_text: "INFO".into(),
            attributes: vec![KeyValue::new("m", nested), KeyValue::new("shared", "record")],
            flags: 1,
            trace_id: TraceId([1; 16]),
            span_id: SpanId([2; 8]),
            event_name: "e".into(),
            resource: Arc::new(resource.clone()),
            scope: Arc::new(scope.clone()),
            ..LogRecord::default()
        };
        let metadata = record_metadata(&record, Level::Info, &shared_metadata(&resource, &scope));
        let expected = concat!(
            r#"{detected_level="info", event_name="e", flags="1", host_name="h", m_x_y="1", m_z="[true]", "#,
            r#"observed_timestamp="7", scope_name="lib", scope_version="1", severity_number="9", severity_text="INFO", "#,
            r#"shared="record", span_id="0202020202020202", trace_id="01010101010101010101010101010101"}"#
        );
        assert_eq!(metadata.to_string(), expected);
    }

    #[test]
    fn a_pusher_may_set_the_level_itself() {
        let own = [KeyValue::new("detected_level", "odd"), KeyValue::new("k", "v")];
        assert_eq!(pushed_metadata(&own, Level::Info).to_string(), r#"{detected_level="odd", k="v"}"#);
        assert_eq!(pushed_metadata(&own[1..], Level::Info).to_string(), r#"{detected_level="info", k="v"}"#);
    }
}
