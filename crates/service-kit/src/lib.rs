//! What the four services share: start-up, the fixed routes, problems, validated input, cache, database, HTTP client.
//!
//! | module | what |
//! |---|---|
//! | [`config`] | typed values from the environment, errors that name the variable |
//! | [`service`] | [`Service`], [`Boot`], [`App`]: what a service says about itself and hands over |
//! | [`server`] | [`run`] for binaries, [`start`] for tests: listener, layers, drain |
//! | [`ready`] | [`Check`]s behind `/ready` |
//! | [`problem`] | RFC 9457 answers |
//! | [`extract`] | [`ValidJson`], [`ValidQuery`], [`ValidPath`] |
//! | [`cache`] | in this process, or Redis |
//! | [`database`] | SQLite, or PostgreSQL |
//! | [`http`] | HTTP client with time-outs and retries |
//! | [`tasks`] | background tasks that are owned and joined |
//!
//! Deliberately not here: anything that only one service needs, prices, prompts, workflows.

pub mod cache;
pub mod config;
pub mod database;
pub mod error;
pub mod extract;
pub mod http;
pub mod problem;
pub mod ready;
pub mod server;
pub mod service;
pub mod tasks;

pub use error::Error;
pub use extract::{ValidJson, ValidPath, ValidQuery};
pub use problem::Problem;
pub use ready::Check;
pub use server::{Running, run, start};
pub use service::{App, Boot, Service};
