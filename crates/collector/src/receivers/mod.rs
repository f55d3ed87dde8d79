//! The doors: one router for each protocol, all handing protobuf bytes to the [`Pipeline`](crate::Pipeline).
//!
//! | module | paths | port |
//! |---|---|---|
//! | [`otlp`] | `/v1/{traces,metrics,logs}` and the three gRPC services | 4317 and 4318, each serves both |
//! | [`otlp::single`] | Mimir's `/otlp/v1/metrics`, Loki's `/otlp/v1/logs` | 9009, 3100 |
//! | [`remote_write`] | `/api/v1/push`, `/api/v1/write` | 9009 |
//! | [`loki_push`] | `/loki/api/v1/push`, `/api/prom/push` | 3100 |

pub mod intake;
pub mod loki_push;
pub mod otlp;
pub mod remote_write;

pub use intake::{Intake, ReceiverSettings};
