//! A service as its callers see it.
