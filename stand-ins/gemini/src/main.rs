//! A local server that answers like the Gemini API.

fn main() {}
