//! The Rust OTel SDK (placeholder until its packages are chosen).
