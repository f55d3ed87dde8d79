//! Files, their text, and workflows on demand or by cron.

fn main() {}
