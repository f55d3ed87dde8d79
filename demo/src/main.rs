//! Starts everything and plays a working day in fast motion.

fn main() {}
