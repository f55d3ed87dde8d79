//! What a call of a language model costs: price book, usage dialects, integer arithmetic.
//!
//! Pure: no clock, no network, no files but the bundled book. A provider's usage object becomes [`Usage`] (disjoint token
//! [`Bucket`]s, service tier, fee counts) in a dialect module such as [`gemini`]; [`Book::price`] turns it into [`Priced`].
//!
//! Limits: US dollars only; a call is rounded once, half up, to whole [`NanoUsd`]; a model that the book does not know is
//! [`Priced::Unpriced`], never zero. Not here: where calls come from, the ledger, budgets.

mod book;
mod bucket;
mod day;
mod error;
pub mod gemini;
mod money;
mod price;
mod usage;

pub use book::Book;
pub use bucket::{Bucket, Buckets};
pub use day::Day;
pub use error::{BookError, NumberError, UsageError};
pub use money::{FemtoUsd, NanoUsd, Ratio};
pub use price::{Bill, Call, FeeLine, Flag, PriceRef, Priced, Status, TokenLine, Unpriced};
pub use usage::{Fee, Tier, Usage};
