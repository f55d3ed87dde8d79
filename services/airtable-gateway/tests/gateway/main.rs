//! The gateway against a stand-in of Airtable, both in this process, over HTTP.
//!
//! Layers below: keys, marks and turns have their own tests with a clock moved by hand; what these here cannot prove is timing.

#![expect(clippy::unwrap_used, reason = "a test ends there; clippy spares only functions marked as tests")]

mod failures;
mod reads;
mod setup;
mod traces;
mod writes;
