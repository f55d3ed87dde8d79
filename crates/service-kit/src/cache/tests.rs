//! The same tests on both stores.
