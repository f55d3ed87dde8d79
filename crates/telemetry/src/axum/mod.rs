//! The server layer for axum: a SERVER span and the HTTP metrics per request.
//!
//! ```no_run
//! let app: axum::Router = axum::Router::new()
//!     .route("/orders/{id}", axum::routing::get(|| async { "an order" }))
//!     .layer(telemetry::axum::layer());
//! ```
//!
//! Put it on the router after the routes (it reads the route template) and outside of other layers: a time-out or a panic inside is
//! then seen as an answer, and only a client that goes away ends a request without one.
//!
//! | file | what it does |
//! |---|---|
//! | `layer.rs` | the tower layer and its settings; walks one request from head to answer |
//! | `facts.rs` | what a request's head says, as attributes |
//! | `identity.rs` | correlation id and business headers |
//! | `exchange.rs` | the running request: span, clock, metrics; ends once, whatever happens |
//! | `body.rs` | bodies that count, and end the exchange with their last byte |
//! | `metrics.rs` | the instruments |
//!
//! Deliberately not here: bodies and headers as attributes, access logs.

mod body;
mod exchange;
mod facts;
mod identity;
mod layer;
mod metrics;
#[cfg(test)]
mod tests;

pub use layer::{Server, ServerLayer, layer};
