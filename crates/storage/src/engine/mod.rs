//! The engine that all signals share: WAL, heads, flush, catalogue, compaction, retention.

pub(crate) mod block;
pub(crate) mod meta;
pub(crate) mod signal;
