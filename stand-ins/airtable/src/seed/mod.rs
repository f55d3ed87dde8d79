//! The bases that a fresh server holds: a CRM and a content calendar. The same seed gives the same records and ids.
//!
//! Ids of bases, tables and fields do not depend on the seed, so that examples can name them.

mod build;
mod content;
mod crm;
mod words;

use chrono::{DateTime, Utc};

use crate::Options;
use crate::data::World;
use crate::data::ids::Ids;
use crate::data::list::Iterators;

/// When the seed data's story begins: a Monday, 2026-01-05T08:00:00Z.
const BEGINNING: i64 = 1_767_600_000;

/// The moment `minutes` after the beginning.
fn at(minutes: usize) -> DateTime<Utc> {
    let seconds = i64::try_from(minutes).unwrap_or(0) * 60;
    DateTime::from_timestamp(BEGINNING + seconds, 0).expect("some years after 2026 is a valid time")
}

/// A fresh world.
pub(crate) fn world(options: &Options) -> World {
    let mut ids = Ids::new(options.seed);
    let bases = vec![crm::base(&mut ids), content::base(&mut ids)];
    World { bases, ids, iterators: Iterators::new(options.offset_lifetime), fixed_now: options.now }
}
