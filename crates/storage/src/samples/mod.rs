//! Metrics: series of samples.

mod naming;
