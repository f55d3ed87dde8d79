//! Placeholder.

mod attributes;
mod engine;
mod table;
