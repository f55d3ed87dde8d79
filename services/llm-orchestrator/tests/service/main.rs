//! The service as its callers see it, before stand-ins. One binary: linking it is what costs.

mod analysis;
mod chat;
mod support;
mod telemetry;
mod tools;
