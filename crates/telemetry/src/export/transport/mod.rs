//! One OTLP request to the collector and what became of it. Retrying is the worker's business.

mod grpc;
mod http;

use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;

use crate::Error;
use crate::config::{ExporterConfig, Protocol, Signal};
use crate::span::with_causes;

/// The name and version that collectors see. OpenTelemetry asks for `OTel-OTLP-Exporter-<language>/<version>`.
const USER_AGENT: &str = concat!("OTel-OTLP-Exporter-Rust/", env!("CARGO_PKG_VERSION"), " (quartet telemetry)");

/// A request's body and how many records it holds.
#[derive(Clone, Debug)]
pub(crate) struct Encoded {
    pub(crate) body: Bytes,
    pub(crate) records: u64,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The collector took all records but `rejected`.
    Delivered { rejected: u64, reason: String },
    /// Not now: try again, not before `after` if the collector says so.
    Retry { after: Option<Duration>, reason: String },
    /// Trying again would not help.
    Refused { reason: String },
}

impl Outcome {
    fn delivered() -> Self {
        Self::Delivered { rejected: 0, reason: String::new() }
    }

    fn retry(reason: impl Into<String>) -> Self {
        Self::Retry { after: None, reason: reason.into() }
    }
}

/// A connection to the collector for one signal. Connects at the first request.
#[derive(Debug)]
pub(crate) enum Transport {
    Grpc(grpc::GrpcTransport),
    Http(http::HttpTransport),
}

impl Transport {
    /// Must be called inside the runtime that will send.
    pub(crate) fn new(signal: Signal, config: &ExporterConfig) -> Result<Self, Error> {
        match config.protocol {
            Protocol::Grpc => grpc::GrpcTransport::new(signal, config).map(Self::Grpc),
            Protocol::HttpProtobuf | Protocol::HttpJson => http::HttpTransport::new(signal, config).map(Self::Http),
        }
    }

    /// One attempt, bounded by the configured time-out.
    pub(crate) async fn send(&mut self, message: &Encoded) -> Outcome {
        match self {
            Self::Grpc(grpc) => grpc.send(message).await,
            Self::Http(http) => http.send(message).await,
        }
    }
}

/// Reads the partial success of any signal's answer: the three messages have the same fields.
fn partial_success(body: &[u8]) -> Outcome {
    let Ok(response) = ExportTraceServiceResponse::decode(body) else { return Outcome::delivered() };
    match response.partial_success {
        Some(partial) => Outcome::Delivered {
            rejected: u64::try_from(partial.rejected_spans).unwrap_or(0),
            reason: partial.error_message,
        },
        None => Outcome::delivered(),
    }
}

fn build_error(signal: Signal, reason: impl std::fmt::Display) -> Error {
    Error::Exporter { signal: signal.name(), reason: reason.to_string() }
}
