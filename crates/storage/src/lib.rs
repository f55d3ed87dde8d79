//! Placeholder.

mod engine;
mod table;
