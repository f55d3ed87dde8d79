//! The storage engine: spans, logs and samples durable in a write-ahead log, queryable from memory at once, kept as plain Parquet.
//!
//! | module | owns |
//! |---|---|
//! | [`store`] | [`Store`]: one engine a signal, the traits of `store-api` |
//! | [`settings`] | [`StoreSettings`] |
//! | `engine` | what all signals share: WAL, heads, flush, catalogue, compaction, retention |
//! | `spans`, `logs`, `samples` | each signal's columns: decode, head, flush, read |
//! | `attributes` | attribute columns that spans and logs share |
//! | `table` | Parquet files of typed columns |
//!
//! Write path: [`Store::append`](store_api::Appender::append) → `engine` → `spans::builder` (decode) → `engine::wal` (durable) →
//! `spans::head` (visible) → later `engine::maintenance` → `spans::flush` → `table` → a block. Read path: `store` →
//! `engine::Engine::snapshot` → `spans::read` over heads and blocks. Formats are in `docs/formats/`.

mod attributes;
mod engine;
#[doc(hidden)]
pub mod fuzzing;
mod logs;
mod samples;
pub mod settings;
mod spans;

pub mod store;
mod table;

pub use settings::{BucketSettings, Durability, StoreSettings};

pub use store::Store;
