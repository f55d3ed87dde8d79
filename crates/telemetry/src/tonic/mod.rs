//! gRPC by `tonic`: layers for servers and clients, with a span and the RPC metrics per call.
//!
//! ```no_run
//! # async fn example(channel: tonic::transport::Channel) {
//! use tower::Layer;
//! let server = tonic::transport::Server::builder().layer(telemetry::tonic::ServerLayer::default());
//! let client = telemetry::tonic::ClientLayer::to("ledger", 50051).layer(channel); // give this to the generated client
//! # drop((server, client));
//! # }
//! ```
//!
//! A span is named by the full method (`ledger.v1.Ledger/Append`) and ends with the trailers. Messages and metadata are never recorded.
//! Baggage goes to hosts of the deployment alone, as with [`crate::reqwest`].
//!
//! | file | what it does |
//! |---|---|
//! | `server.rs`, `client.rs` | the layers |
//! | `call.rs` | span and metrics of one call |
//! | `body.rs` | ends the call with its trailers |

mod body;
mod call;
mod client;
mod server;
#[cfg(test)]
mod tests;

pub use client::{Client, ClientLayer};
pub use server::{Server, ServerLayer};
