//! A local server that answers like the Airtable Web API.

fn main() {}
