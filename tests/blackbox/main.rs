//! The black-box tests: one binary, so that they are linked once.

mod bad_input;
mod bombs;
mod canaries;
mod concurrency;
mod conformance;
mod crash;
mod damage;
mod disk_full;
mod ledger;
mod open_format;
mod real_clients;
mod redaction;
mod rust_sdk;
mod smoke;
mod whole;
