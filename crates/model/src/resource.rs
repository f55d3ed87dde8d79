//! Who sent a record: the resource (OTLP `resource.v1`) and the instrumentation scope.

use crate::value::{KeyValue, Value, find};

/// The entity that produced telemetry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource {
    /// Attributes such as `service.name`.
    pub attributes: Vec<KeyValue>,
    /// How many attributes the sender dropped.
    pub dropped_attributes_count: u32,
    /// `schema_url` of the ResourceSpans / ResourceLogs / ResourceMetrics that carried it.
    pub schema_url: String,
}

impl Resource {
    /// `service.name` as text, when present and a string.
    pub fn service_name(&self) -> Option<&str> {
        match find(&self.attributes, "service.name") {
            Some(Value::Str(name)) => Some(name),
            _ => None,
        }
    }
}

/// The instrumentation library that produced a record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    /// Library name; empty when unknown.
    pub name: String,
    /// Library version; empty when unknown.
    pub version: String,
    /// Attributes of the scope.
    pub attributes: Vec<KeyValue>,
    /// How many attributes the sender dropped.
    pub dropped_attributes_count: u32,
    /// `schema_url` of the ScopeSpans / ScopeLogs / ScopeMetrics that carried it.
    pub schema_url: String,
}
