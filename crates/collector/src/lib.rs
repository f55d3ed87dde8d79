//! Receivers of telemetry: sockets to [`store_api::Appender`], plus the collector's own metrics and health.
//!
//! | module | owns |
//! |---|---|
//! | [`receivers`] | OTLP over gRPC and HTTP, Prometheus remote write, Loki push: routes and answers |
//! | [`body`] | reading and decompressing request bodies within limits |
//! | [`in_flight`] | the bound on bytes held by requests under way |
//! | [`redaction`] | masks secrets before anything is kept |
//! | [`offload`] | moves long work off the threads that serve connections |
//! | [`pipeline`] | hands one checked request to the `Appender` and counts what became of it |
//! | [`error`], [`status`] | why a request is refused, and the one table of statuses |
//! | [`telemetry`] | `otelcol_*` metrics and the list of refused requests |
//! | [`health`] | the health page (port 13133) |
//! | [`serve`] | runs a router on a listener: HTTP/1.1 and HTTP/2 on one port, graceful drain |
//!
//! A request is read, decompressed and (JSON) transcoded here; its protobuf bytes go on undecoded. Deliberately not here:
//! storage, queries, the meaning of a record.

pub mod body;
pub mod count;
pub mod error;
pub mod health;
pub mod in_flight;
pub mod offload;
pub mod pipeline;
pub mod receivers;
pub mod redaction;
pub mod serve;
pub mod status;
pub mod telemetry;

pub use error::ReceiveError;
pub use pipeline::{Pipeline, Source};
pub use receivers::ReceiverSettings;
