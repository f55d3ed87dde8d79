//! Airtable behind a read-through cache and a rate limit for each base.

fn main() {}
