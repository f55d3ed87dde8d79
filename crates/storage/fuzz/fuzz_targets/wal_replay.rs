//! Replay of a segment of arbitrary bytes: it never panics, never reads more requests than fit, and what whole frames hold comes back.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| storage::fuzzing::replay_segment(bytes));
