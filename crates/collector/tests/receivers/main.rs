//! The receivers over real sockets on loopback, in front of a store that remembers what it was given.
//!
//! What these tests cannot prove: that the real store keeps what it acknowledged (`tests/` of the workspace does), and that
//! SDKs of other languages agree with our reading of the specifications (the end-to-end tests do).

mod fake;
mod loki_push;
mod otlp_grpc;
mod otlp_http;
mod remote_write;
mod serving;
