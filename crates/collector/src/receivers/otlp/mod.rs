//! OTLP over gRPC and HTTP, both on both ports: a client on the wrong port is simply served.
//!
//! | file | owns |
//! |---|---|
//! | `grpc.rs` | unary gRPC calls: framing, compression, trailers, status details |
//! | `http.rs` | `POST /v1/*`: content types, statuses, CORS |
//! | `single.rs` | the OTLP paths of Mimir and Loki |
//! | `answer.rs` | `Export*ServiceResponse` and `google.rpc.Status` in protobuf and JSON |
//!
//! Source of the rules: the OTLP specification (`opentelemetry-proto/docs/specification.md`).

mod answer;
mod grpc;
mod http;
pub mod single;

use axum::Router;
use store_api::WireFormat;

use super::Intake;

/// What one OTLP listener needs; cheap to clone.
#[derive(Clone)]
struct Otlp {
    intake: Intake,
    /// Name of the listener, for the list of refused requests.
    listener: &'static str,
}

/// One exported signal: its paths in both protocols.
struct Export {
    format: WireFormat,
    path: &'static str,
    method: &'static str,
}

const EXPORTS: [Export; 3] = [
    Export {
        format: WireFormat::OtlpTraces,
        path: "/v1/traces",
        method: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    },
    Export {
        format: WireFormat::OtlpMetrics,
        path: "/v1/metrics",
        method: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    },
    Export {
        format: WireFormat::OtlpLogs,
        path: "/v1/logs",
        method: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    },
];

/// All routes of an OTLP listener, unknown ones included. `cors_origins` as in [`super::ReceiverSettings`].
pub fn router(intake: Intake, listener: &'static str, cors_origins: &[String]) -> Router {
    let otlp = Otlp { intake, listener };
    http::router(otlp.clone(), cors_origins)
        .merge(grpc::router(otlp.clone()))
        .fallback(http::not_served)
        .with_state(otlp)
}
