//! The API as a client sees it, over HTTP.

#![expect(clippy::unwrap_used, reason = "a test ends there; clippy spares only functions marked as tests")]

mod client;
mod lists;
mod writes;
