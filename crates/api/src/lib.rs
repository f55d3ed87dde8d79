//! The HTTP faces of the store: Tempo, Loki and Prometheus/Mimir, as far as they need no query language.
//!
//! | module | owns |
//! |---|---|
//! | [`face`] | [`face::FaceSettings`]: what the three faces share: version, readiness, deadlines, own metrics |
//! | [`tempo`] | the Tempo API (port 3200): traces by id, tag names and values, status |
//! | [`loki`] | the Loki API (port 3100): labels, series, log queries with line filters, status |
//! | [`prometheus`] | the Prometheus API as Mimir serves it (port 9009) |
//!
//! Parameters, wire shapes, statuses and error texts live here; reading goes through the traits of `store-api`, on the
//! blocking pool. Deliberately not here: receiving (crate `collector`), query languages, storage.

mod constant;
mod error;
pub mod face;
mod json;
mod lexer;
pub mod loki;
mod number;
mod params;
pub mod prometheus;
mod selector;
pub mod tempo;
pub mod tenant;
mod time;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod robustness;
