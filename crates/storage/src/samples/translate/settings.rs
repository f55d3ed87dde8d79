//! What the translation may be told.

use crate::samples::naming::{LabelNamer, MetricNamer};

/// Resource attributes that become labels of every series, so that dashboards can group by them. The list is Mimir's and Grafana
/// Cloud's usual one.
pub(crate) const PROMOTED: &[&str] = &[
    "service.name",
    "service.namespace",
    "service.instance.id",
    "service.version",
    "deployment.environment",
    "deployment.environment.name",
    "cloud.availability_zone",
    "cloud.region",
    "container.name",
    "k8s.cluster.name",
    "k8s.container.name",
    "k8s.cronjob.name",
    "k8s.daemonset.name",
    "k8s.deployment.name",
    "k8s.job.name",
    "k8s.namespace.name",
    "k8s.pod.name",
    "k8s.replicaset.name",
    "k8s.statefulset.name",
];

/// How OTLP becomes Prometheus.
#[derive(Clone, Debug)]
pub(crate) struct TranslateSettings {
    /// Names of metrics.
    pub metrics: MetricNamer,
    /// Names of labels.
    pub labels: LabelNamer,
    /// Resource attributes that become labels.
    pub promoted: Vec<String>,
    /// Adds `otel_scope_name`, `otel_scope_version` and `otel_scope_schema_url` to every series; off, as in Prometheus.
    pub scope_labels: bool,
}

impl Default for TranslateSettings {
    fn default() -> Self {
        Self {
            metrics: MetricNamer::default(),
            labels: LabelNamer::default(),
            promoted: PROMOTED.iter().map(|name| (*name).to_owned()).collect(),
            scope_labels: false,
        }
    }
}
