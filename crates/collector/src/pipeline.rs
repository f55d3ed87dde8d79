//! From a receiver to the store: one awaited call, counted.

use std::sync::Arc;

use model::TenantId;
use store_api::{Appended, Appender, Payload, WireFormat};

use crate::count;
use crate::error::ReceiveError;
use crate::telemetry::Telemetry;

/// What a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Data points or samples.
    Metrics,
    /// Log records.
    Logs,
}

impl Signal {
    /// All of them, in the order of [`Signal::index`].
    pub const ALL: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];

    /// The signal of a message.
    pub fn of(format: WireFormat) -> Self {
        match format {
            WireFormat::OtlpTraces => Self::Traces,
            WireFormat::OtlpLogs | WireFormat::LokiPush => Self::Logs,
            WireFormat::OtlpMetrics | WireFormat::RemoteWriteV1 | WireFormat::RemoteWriteV2 => Self::Metrics,
        }
    }

    /// `traces`, `metrics` or `logs`: the collector's `data_type`.
    pub fn name(self) -> &'static str {
        ["traces", "metrics", "logs"][self.index()]
    }

    /// What the collector's metric names call the records.
    pub fn records(self) -> &'static str {
        ["spans", "metric_points", "log_records"][self.index()]
    }

    /// Position in [`Signal::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}

/// Which door a request came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// OTLP over gRPC.
    OtlpGrpc,
    /// OTLP over HTTP.
    OtlpHttp,
    /// Mimir's OTLP path.
    MimirOtlp,
    /// Loki's OTLP path.
    LokiOtlp,
    /// Prometheus remote write.
    RemoteWrite,
    /// Loki push.
    LokiPush,
}

impl Source {
    /// All of them, in the order of [`Source::index`].
    pub const ALL: [Self; 6] =
        [Self::OtlpGrpc, Self::OtlpHttp, Self::MimirOtlp, Self::LokiOtlp, Self::RemoteWrite, Self::LokiPush];

    /// The `receiver` label: a collector component id.
    pub fn receiver(self) -> &'static str {
        match self {
            Self::OtlpGrpc | Self::OtlpHttp => "otlp",
            Self::MimirOtlp => "otlp/mimir",
            Self::LokiOtlp => "otlp/loki",
            Self::RemoteWrite => "prometheusremotewrite",
            Self::LokiPush => "loki",
        }
    }

    /// The `transport` label.
    pub fn transport(self) -> &'static str {
        if self == Self::OtlpGrpc { "grpc" } else { "http" }
    }

    /// Signals that can come through.
    pub fn signals(self) -> &'static [Signal] {
        match self {
            Self::OtlpGrpc | Self::OtlpHttp => &Signal::ALL,
            Self::MimirOtlp | Self::RemoteWrite => &[Signal::Metrics],
            Self::LokiOtlp | Self::LokiPush => &[Signal::Logs],
        }
    }

    /// Position in [`Source::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}

/// The way from receivers to the store.
#[derive(Clone)]
pub struct Pipeline {
    appender: Arc<dyn Appender>,
    telemetry: Arc<Telemetry>,
}

impl Pipeline {
    /// A pipeline into `appender` that counts in `telemetry`.
    pub fn new(appender: Arc<dyn Appender>, telemetry: Arc<Telemetry>) -> Self {
        Self { appender, telemetry }
    }

    /// Where it counts.
    pub fn telemetry(&self) -> &Arc<Telemetry> {
        &self.telemetry
    }

    /// Stores one request; when this ends with `Ok`, the request is durable and visible.
    pub async fn append(&self, source: Source, tenant: &TenantId, payload: Payload) -> Result<Appended, ReceiveError> {
        let format = payload.format;
        let signal = Signal::of(format);
        let body = payload.body.clone();
        let under_way = self.telemetry.append_begins(signal);
        let outcome = self.appender.append(tenant, payload).await;
        drop(under_way);
        match outcome {
            Ok(appended) => {
                self.telemetry.appended(source, signal, body.len(), &appended);
                Ok(appended)
            }
            Err(error) => {
                let error = ReceiveError::from(error);
                self.telemetry.append_failed(source, signal, count::records(format, &body), &error);
                Err(error)
            }
        }
    }
}
