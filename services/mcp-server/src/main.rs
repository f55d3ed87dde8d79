//! The Model Context Protocol over Streamable HTTP and stdio, with tools for Airtable, arithmetic, search and read-only SQL.

fn main() {}
