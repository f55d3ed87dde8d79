//! What all points below a resource, a scope or a metric have in common.

use std::sync::Arc;

use model::{MetricMetadata, MetricType};
use otlp::view::{MetricData, MetricView, ResourceView, ScopeView, Temporality};

use super::TranslateSettings;
use super::labels::LabelBuilder;
use crate::samples::cache::CacheReader;
use crate::samples::key::{Attributes, Key, combine, key_of};
use crate::samples::naming::NamedType;
use crate::samples::series::{Family, SeriesMaker, SeriesRef};

/// A resource.
#[derive(Debug, Default)]
pub(super) struct ResourceContext {
    pub key: Key,
    /// Promoted attributes; a point's own attribute of that name wins.
    pub promoted: Vec<(String, String)>,
    /// `job` and `instance`, which nothing overrides.
    pub identity: Vec<(String, String)>,
    /// `target_info`, when the resource has attributes that tell more than who it is.
    pub info: Option<SeriesRef>,
}

/// An instrumentation scope.
#[derive(Debug, Default)]
pub(super) struct ScopeContext {
    pub key: Key,
    pub labels: Vec<(String, String)>,
}

/// A metric.
#[derive(Debug, Default)]
pub(super) struct MetricContext {
    key: Key,
    /// Prometheus name without `_bucket` and the like.
    pub name: String,
    pub family: Option<Arc<Family>>,
    /// Values are what was added since the last point.
    pub delta: bool,
    /// Values began at the point's start time.
    pub has_start: bool,
    /// Why no point of it can be taken.
    pub refusal: Option<String>,
}

impl MetricContext {
    /// The key of the metric as this resource and scope sent it.
    pub(super) fn key_with(&self, resource: Key, scope: Key) -> Key {
        combine(combine(self.key, resource), scope)
    }
}

/// The context of a resource.
pub(super) fn resource(
    settings: &TranslateSettings,
    maker: &SeriesMaker,
    known: &mut CacheReader<'_, Arc<ResourceContext>>,
    view: &ResourceView<'_, '_>,
) -> Arc<ResourceContext> {
    let key = key_of(&Attributes(view.attributes));
    known.get(key).unwrap_or_else(|| {
        let context = Arc::new(resource_context(settings, maker, view, key));
        known.put(key, context.clone());
        context
    })
}

/// The context of a scope.
pub(super) fn scope(settings: &TranslateSettings, view: &ScopeView<'_, '_>) -> ScopeContext {
    if !settings.scope_labels {
        return ScopeContext::default();
    }
    let labels = [
        ("otel_scope_name", view.name),
        ("otel_scope_version", view.version),
        ("otel_scope_schema_url", view.schema_url),
    ];
    let labels = labels.into_iter().filter(|label| !label.1.is_empty());
    ScopeContext {
        key: key_of(&(view.name, view.version, view.schema_url)),
        labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
    }
}

/// The context of a metric.
pub(super) fn metric(
    settings: &TranslateSettings,
    known: &mut CacheReader<'_, Arc<MetricContext>>,
    view: &MetricView<'_>,
) -> Arc<MetricContext> {
    let (kind, temporality, monotonic) = parts(view.data);
    let key = key_of(&(view.name, view.unit, view.description, kind, temporality as u8, monotonic));
    known.get(key).unwrap_or_else(|| {
        let context = Arc::new(metric_context(settings, view, key));
        known.put(key, context.clone());
        context
    })
}

fn resource_context(
    settings: &TranslateSettings,
    maker: &SeriesMaker,
    view: &ResourceView<'_, '_>,
    key: Key,
) -> ResourceContext {
    let mut attributes = LabelBuilder::new(settings.labels);
    // A resource with a bad attribute name still has its other attributes.
    view.attributes.iter().for_each(|pair| drop(attributes.add(pair)));
    let text = |name: &str| attributes.text(name).unwrap_or_default();
    let (service, namespace) = (text("service.name"), text("service.namespace"));
    let job = if namespace.is_empty() || service.is_empty() { service } else { format!("{namespace}/{service}") };
    let identity: Vec<(String, String)> = [("job", job), ("instance", text("service.instance.id"))]
        .into_iter()
        .filter(|label| !label.1.is_empty())
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let mut promoted = LabelBuilder::new(settings.labels);
    for pair in view.attributes.iter().filter(|pair| settings.promoted.iter().any(|name| name == pair.key)) {
        drop(promoted.add(pair));
    }
    let mut info = LabelBuilder::new(settings.labels);
    let identifying = ["service.name", "service.namespace", "service.instance.id"];
    for pair in view.attributes.iter().filter(|pair| !identifying.contains(&pair.key)) {
        drop(info.add(pair));
    }
    let info = (!info.is_empty() && !identity.is_empty()).then(|| {
        let family = Family {
            name: "target_info".into(),
            metadata: MetricMetadata {
                metric_type: MetricType::Gauge,
                help: "Target metadata".into(),
                unit: String::new(),
            },
        };
        let labels = info.finish(&[], &identity, &[("__name__", "target_info")]);
        maker.make(labels, Some(Arc::new(family)))
    });
    ResourceContext { key, promoted: promoted.into_pairs(), identity, info }
}

/// Kind as a number, temporality, monotonicity.
fn parts(data: MetricData) -> (u8, Temporality, bool) {
    match data {
        MetricData::None => (0, Temporality::Cumulative, false),
        MetricData::Gauge => (1, Temporality::Cumulative, false),
        MetricData::Sum { temporality, monotonic } => (2, temporality, monotonic),
        MetricData::Histogram(temporality) => (3, temporality, true),
        MetricData::ExponentialHistogram(temporality) => (4, temporality, true),
        MetricData::Summary => (5, Temporality::Cumulative, true),
    }
}

fn metric_context(settings: &TranslateSettings, view: &MetricView<'_>, key: Key) -> MetricContext {
    let (kind, temporality, monotonic) = parts(view.data);
    let (named, metric_type) = match (kind, monotonic) {
        (2, true) => (NamedType::Counter, MetricType::Counter),
        (1, _) => (NamedType::Gauge, MetricType::Gauge),
        (3 | 4, _) => (NamedType::Other, MetricType::Histogram),
        (5, _) => (NamedType::Other, MetricType::Summary),
        (2, false) => (NamedType::Other, MetricType::Gauge),
        _ => (NamedType::Other, MetricType::Unknown),
    };
    let mut context = MetricContext { key, ..MetricContext::default() };
    if temporality == Temporality::Unspecified {
        context.refusal = Some(format!("metric {:?} has no aggregation temporality", view.name));
    }
    match settings.metrics.name(view.name, view.unit, named) {
        Ok(name) => context.name = name,
        Err(_) if view.name.is_empty() => context.refusal = Some("metric without a name".into()),
        Err(error) => context.refusal = Some(error.to_string()),
    }
    context.delta = temporality == Temporality::Delta;
    context.has_start = kind >= 2 && (monotonic || context.delta);
    let metadata =
        MetricMetadata { metric_type, help: view.description.to_owned(), unit: settings.metrics.unit(view.unit) };
    context.family = Some(Arc::new(Family { name: context.name.clone(), metadata }));
    context
}
